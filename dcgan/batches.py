"""Which images each step sees: all of them in every epoch, in an order shuffled anew, that a later process repeats."""

from __future__ import annotations

import torch
from torch import Tensor


class Batches:
    """Batches of `size` out of `count` images; `generator` shuffles, and what does not fill a batch is left out."""

    def __init__(self, count: int, size: int, generator: torch.Generator, device: torch.device) -> None:
        self._count = count
        self._size = size
        self._generator = generator
        self._device = device
        self.per_epoch = count // size

    def at(self, step: int) -> Tensor:
        """Places of the images of `step`, counted from 0, int64 [size]; steps are asked for one after the other."""
        position = step % self.per_epoch
        if position == 0:
            self._shuffle()
        return self._order[position * self._size : (position + 1) * self._size]

    def state(self, step: int) -> Tensor:
        """What `restore` needs to go on with `step`."""
        return self._before if step % self.per_epoch else self._generator.get_state()

    def restore(self, state: Tensor, step: int) -> None:
        """Go on with `step` as the batches went on that gave `state`."""
        self._generator.set_state(state.cpu())
        if step % self.per_epoch:
            self._shuffle()

    def _shuffle(self) -> None:
        self._before = self._generator.get_state()  # from it the same order can be drawn again in mid-epoch
        self._order = torch.randperm(self._count, generator=self._generator).to(self._device)
