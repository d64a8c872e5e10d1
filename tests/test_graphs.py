"""Steps that are captured once and replayed: with a capture of the test's own on a CPU, with CUDA graphs on a GPU."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from dcgan.config import TrainConfig
from dcgan.data import ImageData
from dcgan.devices import configure_torch
from dcgan.distributed import World
from dcgan.events import EpochEnd, Event, Progress, Samples, Stepped
from dcgan.graphs import WARM, Steps, capture_for
from dcgan.training import Trainer

READS_BACK = {"aten::_local_scalar_dense", "aten::item", "aten::nonzero", "aten::is_nonzero", "aten::equal"}
GAMES: dict[str, dict[str, object]] = {
    "labels, batch norm, R1 now and then": {"r1": 0.1, "penalty_every": 3},
    "R1, R2 and class loss without norm": {
        "objective": "rpgan", "discriminator_norm": "none", "r1": 0.5, "r2": 0.5, "penalty_every": 2, "class_loss": 0.1,
    },
    "wgan-gp": {"objective": "wgan-gp", "discriminator_norm": "none", "critic_steps": 2, "conditioning": "none"},
    "spectral norm, dropout, minibatch spread": {
        "objective": "hinge", "discriminator_norm": "spectral", "dropout": 0.3, "minibatch_std": True,
    },
    "fully connected": {"objective": "lsgan", "family": "mlp", "lr_decay": 0.5},
}  # fmt: skip


class Tape(TorchDispatchMode):
    """Like a CUDA graph, on any device: notes each operation with the very tensors it had, and does them again."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[tuple[Any, Sequence[Any], Mapping[str, Any], list[Any]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        assert func._schema.name not in READS_BACK, f"{func} reads a value back, which no graph can hold"
        self.notes.append((func, args, kwargs or {}, tree_flatten(out)[0]))
        return out

    def play(self) -> None:
        """Do all of it again; results land where they landed the first time."""
        with torch.no_grad():
            for func, args, kwargs, before in self.notes:
                for old, new in zip(before, tree_flatten(func(*args, **kwargs))[0], strict=True):
                    if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


class TapeCapture:
    """Captures with a `Tape`; unlike with CUDA the captured step is done at once, so the first replay is empty."""

    def __init__(self) -> None:
        self.replays = 0
        self.captured = 0

    def warm_up(self, step: Callable[[], None]) -> None:
        step()

    def capture(self, step: Callable[[], None]) -> Callable[[], None]:
        tape, self.captured = Tape(), self.captured + 1
        done = False
        with tape:
            step()

        def replay() -> None:
            nonlocal done
            if done:
                tape.play()
            done = True
            self.replays += 1

        return replay


def told(trainer: Trainer) -> list[Any]:
    def comparable(event: Event) -> Any:
        return (event.step, event.images.numpy().tobytes()) if isinstance(event, Samples) else event

    return [comparable(event) for event in trainer.events() if isinstance(event, Progress | Samples | EpochEnd)]


@pytest.mark.parametrize("game", GAMES)
def test_a_replayed_run_is_the_run_itself(small_config: TrainConfig, digits: ImageData, game: str) -> None:
    """All that differs from step to step stands in tensors, and nothing is read back in between: bit for bit."""
    config = small_config.with_changes(epochs=3, **GAMES[game])
    capture = TapeCapture()
    replayed, plain = Trainer(config, digits, capture=capture), Trainer(config, digits)
    assert told(replayed) == told(plain)
    kinds = {1, 2} if config.critic_steps == config.penalty_every == 1 else {2, 3, 4}
    assert capture.captured in kinds
    assert capture.replays == plain.total_steps - WARM * capture.captured
    for network, other in ((replayed.G, plain.G), (replayed.D, plain.D), (replayed.averaged, plain.averaged)):
        assert all(map(torch.equal, network.state_dict().values(), other.state_dict().values()))


def test_a_replayed_run_goes_on_from_a_saved_state(small_config: TrainConfig, digits: ImageData) -> None:
    whole = told(Trainer(small_config, digits, capture=TapeCapture()))
    first = Trainer(small_config, digits, capture=TapeCapture())
    for event in first.events():
        if event == Stepped(9):
            break
    second = Trainer(small_config, digits, capture=TapeCapture())
    second.load_state_dict(first.state_dict())
    rest = told(second)
    assert rest and rest == whole[-len(rest) :]


def test_the_tape_notices_a_value_that_is_read_back() -> None:
    with pytest.raises(AssertionError, match="reads a value back"), Tape():
        torch.ones(3).sum().item()


class Refuses(TapeCapture):
    def __init__(self, message: str, cause: str = "") -> None:
        super().__init__()
        self.message, self.cause = message, cause

    def capture(self, step: Callable[[], None]) -> Callable[[], None]:
        try:
            raise RuntimeError(self.cause or self.message)
        except RuntimeError:
            if self.cause:
                raise RuntimeError(self.message)  # noqa: B904
            raise


def test_steps_that_cannot_be_captured_are_taken_as_they_are() -> None:
    taken: list[str] = []
    capture = TapeCapture()
    steps = Steps(taken.append, capture)
    for kind in "ab" * WARM + "a":
        steps.take(kind)
    assert capture.captured == 1
    capture.capture = Refuses("operation not permitted\nmore of it").capture  # type: ignore[method-assign]
    with pytest.warns(UserWarning, match=r"no CUDA graph \(operation not permitted\)"):
        steps.take("b")
    for kind in "abc":
        steps.take(kind)
    assert "".join(taken) == "ab" * WARM + "ababc" and capture.replays == 1  # a failure ends all replaying


def test_a_full_memory_is_no_reason_to_go_on_otherwise() -> None:
    """Told from what led to the error that the end of a broken capture raises."""
    steps = Steps(lambda kind: None, Refuses("operation failed", "CUDA out of memory. Tried to allocate"))
    for _ in range(WARM):
        steps.take("a")
    with pytest.raises(RuntimeError, match="out of memory"):
        steps.take("a")


def test_processors_and_processes_that_talk_capture_nothing() -> None:
    noise = torch.Generator()
    assert capture_for(torch.device("cpu"), noise, World()) is None
    assert capture_for(torch.device("cuda"), noise, World(0, 2)) is None


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")


def distance(network: torch.nn.Module, other: torch.nn.Module) -> float:
    pairs = zip(network.parameters(), other.parameters(), strict=True)
    return sum((a - b).float().norm().item() for a, b in pairs)


@needs_gpu
@pytest.mark.parametrize("precision", ["float32", "auto"])
@pytest.mark.parametrize("game", GAMES)
def test_a_gpu_replays_what_it_would_do_step_by_step(
    small_config: TrainConfig, digits: ImageData, game: str, precision: str
) -> None:
    configure_torch(1)
    config = small_config.with_changes(device="cuda", epochs=3, precision=precision, **GAMES[game])
    replayed, plain, began = (Trainer(config, digits) for _ in range(3))
    plain._steps = Steps(plain._train_step, None)
    for trainer in (replayed, plain):
        assert [event.step for event in trainer.events() if isinstance(event, Stepped)][-1] == plain.total_steps
    assert replayed._steps._replays
    for name in ("G", "D"):  # the same arithmetic in another order: much nearer to each other than to the beginning
        way = distance(getattr(plain, name), getattr(began, name))
        assert 0 <= distance(getattr(replayed, name), getattr(plain, name)) < 0.1 * way


@needs_gpu
def test_a_gpu_goes_on_after_a_capture_that_failed(small_config: TrainConfig, digits: ImageData) -> None:
    trainer = Trainer(small_config.with_changes(device="cuda", epochs=3), digits)
    real, tried = trainer._steps._capture, []

    class ReadsBack:
        def warm_up(self, step: Callable[[], None]) -> None:
            real.warm_up(step)

        def capture(self, step: Callable[[], None]) -> Callable[[], None]:
            tried.append(step)
            return real.capture(lambda: (step(), trainer._sums.sum().item()))

    trainer._steps = Steps(trainer._train_step, ReadsBack())
    with pytest.warns(UserWarning, match="no CUDA graph"):
        steps = [event.step for event in trainer.events() if isinstance(event, Stepped)]
    assert steps[-1] == trainer.total_steps and len(tried) == 1 and trainer._steps._capture is None


@needs_gpu
def test_a_gpu_goes_on_from_a_saved_state(small_config: TrainConfig, digits: ImageData) -> None:
    config = small_config.with_changes(device="cuda", epochs=3)
    first, second, whole, began = (Trainer(config, digits) for _ in range(4))
    for event in first.events():
        if event == Stepped(9):
            break
    second.load_state_dict(first.state_dict())
    for trainer in (second, whole):
        assert [event for event in trainer.events() if isinstance(event, Stepped)]
    assert distance(second.G, whole.G) < 0.1 * distance(whole.G, began.G)


@needs_gpu
def test_a_gpu_draws_other_noise_in_every_replay(small_config: TrainConfig, digits: ImageData) -> None:
    trainer = Trainer(small_config.with_changes(device="cuda", epochs=3), digits)
    states = [trainer._noise.get_state() for event in trainer.events() if isinstance(event, Stepped)]
    assert len({tuple(state.tolist()) for state in states}) == len(states) == trainer.total_steps
