"""Steps that a GPU takes as one launch.

A step of small networks is hundreds of short kernels, and a processor needs longer to launch each than the GPU to run
it. A CUDA graph records a step once and launches all of it together from then on (PyTorch's notes on CUDA semantics,
"CUDA graphs"). What is recorded reads and writes the same memory every time: all that differs from step to step must
stand in tensors that are changed in place, and nothing may be read back.
"""

from __future__ import annotations

import gc
import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

import torch

from dcgan.distributed import World

WARM = 3  # steps of a kind that are taken as they are first: optimizers and libraries set themselves up in them
Replay = Callable[[], None]
_FINDS_GENERATORS = "2.14"  # the torch whose captures find by themselves which generators a step draws from


class Capture(Protocol):
    """What can record a step, to take it again and again."""

    def warm_up(self, step: Replay) -> None:
        """Take `step` now, where it will be recorded."""

    def capture(self, step: Replay) -> Replay:
        """What does the work of `step` each time it is called; recording does not do that work yet.

        Raises:
            RuntimeError: the step does what cannot be recorded.
        """


class CudaCapture:
    """Records on one GPU; `noise` is the generator that steps draw from, whose state goes on with every replay."""

    def __init__(self, device: torch.device, noise: torch.Generator) -> None:
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._noise = noise

    def warm_up(self, step: Replay) -> None:
        """Take `step` on the stream of captures, between what the current stream does before and after."""
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            step()
        current.wait_stream(self._stream)

    def capture(self, step: Replay) -> Replay:
        """The replay of a CUDA graph of `step`; after a failure all is as it was, and `step` can be taken as it is."""
        graph, current, before = torch.cuda.CUDAGraph(), torch.cuda.current_stream(), self._noise.clone_state()
        if torch.__version__ < _FINDS_GENERATORS:
            graph.register_generator_state(self._noise)
        try:
            with _no_garbage(), torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                step()
        except RuntimeError:
            torch.cuda.set_stream(current)
            self._noise.graphsafe_set_state(before)  # up to torch 2.12 the old one waits for the capture's end for ever
            raise
        return graph.replay


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Collect garbage before and not within: to destroy an older graph would break the capture of a new one."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Steps:
    """Takes steps of several kinds: as they are at first, from a recording as soon as one can be had."""

    def __init__(self, step: Callable[..., None], capture: Capture | None) -> None:
        """`step` takes the parts of a kind as its arguments; without a `capture` it is called every time."""
        self._step = step
        self._capture = capture  # None as soon as one failed
        self._taken: Counter[Hashable] = Counter()
        self._replays: dict[Hashable, Replay] = {}

    def take(self, *kind: Hashable) -> None:
        """Take one step of this kind."""
        step = partial(self._step, *kind)
        if self._capture is None:
            step()
        elif self._taken[kind] < WARM:
            self._taken[kind] += 1
            self._capture.warm_up(step)
        elif kind in self._replays:
            self._replays[kind]()
        else:
            self._replay_of(kind, step, self._capture)()

    def _replay_of(self, kind: Hashable, step: Replay, capture: Capture) -> Replay:
        try:
            self._replays[kind] = capture.capture(step)
        except RuntimeError as error:
            cause = _first(error)
            if "out of memory" in str(cause).lower():
                raise cause from None
            reason = (str(cause) or type(cause).__name__).splitlines()[0]
            warnings.warn(f"Steps are launched one kernel at a time: no CUDA graph ({reason}).", stacklevel=2)
            self._capture = None
            self._replays.clear()
            return step
        return self._replays[kind]


def _first(error: BaseException) -> BaseException:
    """The error that led to `error`: the end of a broken capture raises one of its own."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def capture_for(device: torch.device, noise: torch.Generator, world: World) -> Capture | None:
    """What records steps on `device`; None on processors, and where processes talk to each other within a step."""
    return CudaCapture(device, noise) if device.type == "cuda" and world.size == 1 else None
