"""Groups of look-alike images, found without labels, that take the place of classes in training.

Conditioning on clusters gives images without labels most of what labels would give (Liu et al., arXiv 2006.10728, who
cluster D's features; here the raw pixels do, and the groups are fixed before training).
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from dcgan.errors import UserError
from dcgan.files import write_bytes

_COMPONENTS = 50  # of the pixels, before k-means: what is left is mostly noise
_BLOCK_VALUES = 20_000_000  # pixels at a time as floating point numbers: 80 MB
_FITTED = 20_000  # images that the centres are found on; the others are assigned


def find_clusters(images: Tensor, count: int, seed: int) -> Tensor:
    """The cluster of each image, int64 [N] in [0, count): k-means on the principal components of uint8 [N, C, H, W].

    Raises:
        UserError: there are more clusters than images.
    """
    if count > len(images):
        raise UserError(f"clusters {count} is more than the {len(images):,} images there are.")
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    pixels = _small(images).flatten(1).div_(255).numpy()
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(seed)).numpy()
    fitted = pixels[order[: max(_FITTED, count)]]
    components = PCA(min(_COMPONENTS, *fitted.shape), svd_solver="covariance_eigh").fit(fitted)
    means = KMeans(count, n_init=1, max_iter=50, random_state=seed).fit(components.transform(fitted))
    return torch.from_numpy(means.predict(components.transform(pixels))).long()


def _small(images: Tensor) -> Tensor:
    """Float [N, C, H, W] with no more than outlines and colours need: 32x32 pixels in gray, 16x16 in colour."""
    side = 32 if images.shape[1] == 1 else 16
    if images.shape[-1] <= 32 and images.shape[1] == 1:
        return images.float()
    return torch.cat([adaptive_avg_pool2d(part.float(), side) for part in torch.split(images, _block(images))])


def _block(images: Tensor) -> int:
    return max(1, _BLOCK_VALUES // images[0].numel())


def cluster_means(images: Tensor, clusters: Tensor, count: int) -> Tensor:
    """The mean image of each cluster, uint8 [count, C, H, W]; black where a cluster is empty."""
    sums = torch.zeros(count, *images.shape[1:])
    block = _block(images)
    for part, places in zip(torch.split(images, block), torch.split(clusters, block), strict=True):
        sums.index_add_(0, places, part.float())
    sizes = clusters.bincount(minlength=count).clamp(min=1)
    return (sums / sizes.view(-1, *[1] * (images.dim() - 1))).round().to(torch.uint8)


def save_clusters(path: Path, clusters: Tensor, means: Tensor) -> None:
    """Keep the cluster of every training image, int64 [N], and the mean images, with a run."""
    write_bytes(path, save({"clusters": clusters.to(torch.int32), "means": means.contiguous()}))


def load_clusters(path: Path) -> tuple[Tensor, Tensor]:
    """What `save_clusters` kept: clusters int64 [N] and means uint8 [K, C, H, W].

    Raises:
        UserError: the file is gone or damaged.
    """
    try:
        tensors = load_file(path)
        return tensors["clusters"].long(), tensors["means"]
    except (OSError, SafetensorError, KeyError) as error:
        raise UserError(f"The clusters kept in {path.parent.name}/{path.name} are gone or damaged.") from error
