"""Layers that compute what their torch namesakes do, in the order a processor likes.

Kernels of 3, 4 and 5 pixels, stride 2: each halves or doubles the side of a map exactly.

oneDNN is tens of times slower than its usual self where an image of one or three channels is the output: of G's last
layer and, backwards, of D's first. There the same sums are one matrix product and a fold.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

STRIDE = 2


def padding(kernel: int) -> int:
    """Pixels of padding with which a stride of 2 halves the side of a map."""
    return (kernel - 1) // 2


class FromImage(nn.Conv2d):
    """Convolution [N, C, H, W] -> [N, width, H/2, W/2] for few channels C: stride 2."""

    def __init__(self, channels: int, width: int, kernel: int = 4) -> None:
        super().__init__(channels, width, kernel, STRIDE, padding(kernel))
        self.kernel = kernel

    def forward(self, x: Tensor) -> Tensor:
        """Features [N, width, H/2, W/2]; where images need no gradient, torch's own convolution is the fastest."""
        if x.device.type != "cpu" or not x.requires_grad:
            return super().forward(x)
        patches = F.unfold(x, self.kernel, padding=padding(self.kernel), stride=STRIDE).transpose(1, 2)
        features = F.linear(patches, self.weight.flatten(1), self.bias)
        height, width = x.shape[2] // STRIDE, x.shape[3] // STRIDE
        return features.view(len(x), height, width, self.out_channels).permute(0, 3, 1, 2)


class ToImage(nn.ConvTranspose2d):
    """Transposed convolution [N, width, H, W] -> [N, C, 2H, 2W] for few channels C: stride 2, with bias."""

    def __init__(self, width: int, channels: int, kernel: int = 4) -> None:
        super().__init__(width, channels, kernel, STRIDE, padding(kernel), output_padding=kernel % 2)
        self.kernel = kernel

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Images [N, C, 2H, 2W]; the overlapping patches of a CPU are added up in float32."""
        if x.device.type != "cpu":
            return super().forward(x, output_size)
        patches = x.flatten(2).transpose(1, 2) @ self.weight.flatten(1)
        size = (x.shape[2] * STRIDE, x.shape[3] * STRIDE)
        edge = padding(self.kernel)
        images = F.fold(patches.transpose(1, 2).float(), size, self.kernel, padding=edge, stride=STRIDE)
        assert self.bias is not None
        return images + self.bias[:, None, None]


class FlattenChannelsLast(nn.Module):
    """Turns maps [N, C, H, W] into rows [N, H * W * C]: the order they have in memory, so nothing is copied."""

    def forward(self, x: Tensor) -> Tensor:
        """Rows [N, H * W * C], pixel by pixel; rows stay as they are."""
        return x.permute(0, 2, 3, 1).flatten(1) if x.dim() == 4 else x
