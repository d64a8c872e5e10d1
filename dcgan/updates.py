"""How a step changes weights: Adam, and a running mean. What changes from step to step stands in tensors, as recorded
steps need it (`dcgan.graphs`)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def adam(network: nn.Module, rate: float, betas: tuple[float, float], device: torch.device) -> torch.optim.Adam:
    """Adam on the weights of `network` on `device`, all in one kernel where there is one."""
    if device.type not in ("cpu", "cuda"):
        return torch.optim.Adam(network.parameters(), rate, betas)
    place = torch.tensor(rate, device=device)
    return torch.optim.Adam(network.parameters(), place, betas, fused=True, capturable=device.type == "cuda")


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Let `optimizer` go on with this learning rate."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


@torch.no_grad()
def move_towards(mean: nn.Module, network: nn.Module, share: Tensor) -> None:
    """mean <- (1 - share) * mean + share * network, for weights and batch norm statistics alike; share is a scalar."""
    kept = _floats(mean)
    changes = torch._foreach_sub(_floats(network), kept)
    torch._foreach_mul_(changes, share)
    torch._foreach_add_(kept, changes)


def _floats(network: nn.Module) -> list[Tensor]:
    return [value for value in network.state_dict().values() if value.is_floating_point()]
