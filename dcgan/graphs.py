"""Steps that a GPU takes as one launch.

A step of small networks is hundreds of short kernels, and a processor needs longer to launch each than the GPU to run
it. A CUDA graph records a step once and launches all of it together from then on (PyTorch's notes on CUDA semantics,
"CUDA graphs"). What is recorded reads and writes the same memory every time: all that differs from step to step must
stand in tensors that are changed in place, and nothing may be read back.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Hashable
from functools import partial
from typing import Protocol

import torch

from dcgan.distributed import World

WARM = 3  # steps of a kind that are taken as they are first: optimizers and libraries set themselves up in them
Replay = Callable[[], None]


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
        """The replay of a CUDA graph of `step`."""
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._noise)
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            step()
        return graph.replay


class Steps:
    """Takes steps of several kinds: as they are at first, from a recording as soon as one can be had."""

    def __init__(self, step: Callable[..., None], capture: Capture | None) -> None:
        """`step` takes the parts of a kind as its arguments; without a `capture` it is called every time."""
        self._step = step
        self._capture = capture
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
        else:
            self._replay_of(kind, step)()

    def _replay_of(self, kind: Hashable, step: Replay) -> Replay:
        if kind not in self._replays:
            assert self._capture is not None
            try:
                self._replays[kind] = self._capture.capture(step)
            except RuntimeError as error:
                if "out of memory" in str(error).lower():
                    raise
                reason = str(error).splitlines()[0]
                warnings.warn(f"Steps are launched one kernel at a time: no CUDA graph ({reason}).", stacklevel=2)
                self._replays[kind] = partial(self._capture.warm_up, step)
        return self._replays[kind]


def capture_for(device: torch.device, noise: torch.Generator, world: World) -> Capture | None:
    """What records steps on `device`; None on processors, and where processes talk to each other within a step."""
    return CudaCapture(device, noise) if device.type == "cuda" and world.size == 1 else None
