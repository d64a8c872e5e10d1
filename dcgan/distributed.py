"""Several processes that train one pair of networks together, as if they were one process with the whole batch.

`torchrun` starts them and tells each its place through environment variables. Each computes an equal share of every
batch; gradients (DistributedDataParallel) and batch statistics agree, so the loss curve is that of one process, up to
the rounding of sums. Process 0 alone writes and decides; the others follow its words.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

import torch
import torch.distributed as dist
from torch import Tensor, nn

from dcgan.errors import RunFailed, UserError
from dcgan.torchrun import place, started_together

TIMEOUT = timedelta(minutes=10)  # for a process that hangs; one that dies is noticed at once
WAIT, GO_ON, STOP, MERGE = range(4)  # the words of process 0


@dataclass(frozen=True)
class World:
    """A process's place among those that train together: `rank` of `size`, `local_rank` of `local_size` here."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    def check_batch(self, batch_size: int) -> None:
        """Refuse a batch that the processes cannot share evenly.

        Raises:
            UserError: there is a remainder.
        """
        if batch_size % self.size:
            raise UserError(
                f"batch_size {batch_size} cannot be shared evenly by {self.size} processes; take a multiple of "
                f"{self.size}."
            )

    def share(self, batch: Tensor) -> Tensor:
        """This process's part of the rows of a whole batch."""
        rows = len(batch) // self.size
        return batch[self.rank * rows : (self.rank + 1) * rows]

    def gather(self, x: Tensor) -> Tensor:
        """[size, *x.shape]: the x of every process, by rank; gradients flow back to where they came from."""
        gathered: Tensor = x.unsqueeze(0) if self.size == 1 else _Gather.apply(x, self)
        return gathered

    def mean(self, x: Tensor) -> Tensor:
        """The mean of all processes' x, without gradient."""
        return self.gather(x.detach()).mean(0)

    def parallel(self, network: nn.Module) -> nn.Module:
        """`network`, with gradients that are means over all processes where there are several."""
        if self.size == 1:
            return network
        # Buffers are alike everywhere: they come from whole batches.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*broadcast_buffers", category=FutureWarning)
            return nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)

    def say(self, word: int) -> None:
        """Tell the other processes, which `hear`, what to do (process 0)."""
        if self.size > 1:
            dist.broadcast(torch.tensor(word), 0)

    def hear(self) -> int:
        """The next word of process 0."""
        word = torch.zeros((), dtype=torch.int64)
        dist.broadcast(word, 0)
        return int(word)

    def give(self, value: Any) -> None:
        """Send tensors, numbers and strings, in lists and dictionaries, to the other processes (process 0)."""
        if self.size == 1:
            return
        buffer = io.BytesIO()
        torch.save(value, buffer)
        content = torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)
        dist.broadcast(torch.tensor(len(content)), 0)
        dist.broadcast(content, 0)

    def take(self) -> Any:
        """What process 0 gives."""
        content = torch.zeros(self.hear(), dtype=torch.uint8)
        dist.broadcast(content, 0)
        return torch.load(io.BytesIO(content.numpy().tobytes()), map_location="cpu", weights_only=True)

    @contextmanager
    def first_here(self) -> Iterator[None]:
        """One process a machine runs the block before the others of that machine do."""
        if self.size > 1 and self.local_rank:
            dist.barrier()
        yield
        if self.size > 1 and not self.local_rank:
            dist.barrier()


ALONE = World()


def leave(status: int) -> NoReturn:
    """End this process at once: gloo's threads may abort one that takes itself apart."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


@contextmanager
def joined(timeout: timedelta = TIMEOUT) -> Iterator[World]:
    """Connect the processes that `torchrun` started, for as long as the block lasts.

    Raises:
        RunFailed: they do not find each other, or one of them is lost.
    """
    if not started_together():
        yield ALONE
        return
    world = World(*place())
    # A weight with one channel has two memory orders at once, of which DDP expects the other.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    on_gpus = torch.cuda.is_available() and torch.cuda.device_count() >= world.local_size
    if on_gpus:
        torch.cuda.set_device(world.local_rank)
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpus else "gloo", timeout=timeout)
        yield world
    except RuntimeError as error:
        raise RunFailed(lost(error, world) or str(error)) from error
    dist.destroy_process_group()


def lost(error: RuntimeError, world: World) -> str | None:
    """The sentence on a lost process where `error` comes from one, else None."""
    text = str(error).lower()
    if world.size == 1 or not any(word in text for word in ("gloo", "nccl", "peer", "connection", "timed out")):
        return None
    return (
        f"One of the {world.size} processes that train together ended or cannot be reached; continue from the last "
        "saved state."
    )


class _Gather(torch.autograd.Function):
    """Sums that go forward to every process and gradients that come back from every process."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, world: World) -> Tensor:
        """[size, *x.shape]: zeros but for one's own place, summed over all."""
        ctx.world = world
        places = x.new_zeros(world.size, *x.shape)
        places[world.rank] = x
        dist.all_reduce(places)
        return places

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The sum of what all processes made of this one's place."""
        (gradient,) = gradients
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(gradient)
        return gradient[ctx.world.rank], None


def batch_moments(x: Tensor, dims: list[int], world: World) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over `dims` and all processes' rows; x float32, every process has as many rows."""
    variance, mean = torch.var_mean(x, dims, correction=0)
    if world.size == 1:
        return mean, variance
    means, variances = world.gather(torch.stack([mean, variance])).unbind(1)
    mean = means.mean(0)
    return mean, variances.mean(0) + (means - mean).square().mean(0)


class _BatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the rows of all processes, on any device; torch's own of that kind needs a GPU."""

    world = ALONE

    def forward(self, x: Tensor) -> Tensor:
        """x, normalised with the moments of the whole batch in training, with the kept ones otherwise."""
        if not self.training or self.world.size == 1:
            return super().forward(x)
        dims = [0, *range(2, x.dim())]
        mean, variance = batch_moments(x.float(), dims, self.world)
        self._keep(mean.detach(), variance.detach(), self.world.size * x.numel() // x.shape[1])
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        shape = (-1, *[1] * (x.dim() - 2))
        return (x * scale.view(shape) + shift.view(shape)).to(x.dtype)

    @torch.no_grad()
    def _keep(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * count / (count - 1), self.momentum)


class BatchNorm2d(_BatchNorm, nn.BatchNorm2d):
    """Over maps [N, C, H, W]."""


class BatchNorm1d(_BatchNorm, nn.BatchNorm1d):
    """Over rows [N, C]."""


def spread(network: nn.Module, world: World) -> None:
    """Let the layers of `network` that look at a whole batch look at that of all processes."""
    for module in network.modules():
        if hasattr(module, "world"):
            module.world = world  # type: ignore[assignment]
