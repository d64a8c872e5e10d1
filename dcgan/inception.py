"""The FID proper, on Inception features, for comparison with the literature. It needs the package torch-fidelity and
95 MB of weights, and takes tens of minutes of two CPU cores for 10,000 images.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from dcgan.distances import Gaussian
from dcgan.errors import UserError

# Converted from the weights that Heusel et al. (arXiv 1706.08500) used; the name ends in the start of its SHA-256.
WEIGHTS_URL = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
)
FEATURES = "2048"
_HASH = "6726825d"
_BATCH = 50

Progress = Callable[[float], None]


def fid(network: nn.Module, real: Tensor, generated: Tensor, progress: Progress | None = None) -> float:
    """Fréchet inception distance of uint8 images [N, 1 or 3, H, W]; `progress` hears the share done, in [0, 1].

    `network` is what `load_inception` returned.
    """
    total = len(real) + len(generated)

    def gaussian(images: Tensor, before: int) -> Gaussian:
        """Mean and covariance of the features of `images`; `before` of them all were looked at earlier."""
        parts = []
        for start in range(0, len(images), _BATCH):
            parts.append(_features(network, images[start : start + _BATCH]))
            if progress:
                progress((before + start + len(parts[-1])) / total)
        return Gaussian.fit(torch.cat(parts))

    return gaussian(real, 0).distance(gaussian(generated, len(real)))


def load_inception(weights: Path | None = None) -> nn.Module:
    """The Inception network, on a GPU where there is one.

    `weights` is a file with its weights; without one they are downloaded once and kept.

    Raises:
        UserError: torch-fidelity is not installed, or the weights cannot be had or are not what they should be.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise UserError("FID needs the package torch-fidelity; get it with: pip install torch-fidelity") from error
    path = weights or _downloaded()
    _refuse_code(path)
    try:
        network: nn.Module = FeatureExtractorInceptionV3("inception", [FEATURES], str(path))
    except (RuntimeError, TypeError, AttributeError) as error:
        raise UserError(f"{path} does not hold the Inception weights; they are at {WEIGHTS_URL}") from error
    return network.to("cuda" if torch.cuda.is_available() else "cpu")


@torch.inference_mode()
def _features(network: nn.Module, images: Tensor) -> Tensor:
    colour = images.expand(-1, 3, -1, -1).to(next(network.parameters()).device)
    features: Tensor = network(colour)[0]
    return features.cpu()


def _downloaded() -> Path:
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(WEIGHTS_URL).name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(WEIGHTS_URL, str(path), hash_prefix=_HASH, progress=False)
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"The Inception weights that FID needs could not be downloaded ({_reason(error)}); connect to the "
                f"internet, or give a file with them, which is at {WEIGHTS_URL}"
            ) from error
    return path


def _refuse_code(path: Path) -> None:
    """The package unpickles whatever the file holds; so first make sure that it holds numbers only."""
    try:
        torch.load(path, map_location="meta", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}; the Inception weights are at {WEIGHTS_URL}") from error
    except Exception as error:  # torch.load raises whatever its parser stumbles over
        raise UserError(f"{path} is not a file of weights; the Inception weights are at {WEIGHTS_URL}") from error


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
