"""FID: clear sentences where it cannot be had; with the package, the right features of a network of known weights."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from dcgan.distances import Gaussian
from dcgan.errors import UserError
from dcgan.inception import fid, load_inception


class _Means(torch.nn.Module):
    """Stands for the network: colour means of each image."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
        assert images.dtype == torch.uint8 and images.shape[1] == 3
        return (images.float().flatten(2).std(2) + torch.arange(3),)


def test_fid_is_the_distance_of_features_of_all_images() -> None:
    generator = torch.Generator().manual_seed(0)
    real, fake = (
        torch.randint(0, top, (count, 1, 8, 8), dtype=torch.uint8, generator=generator)
        for top, count in ((256, 130), (128, 70))
    )
    heard: list[float] = []
    network = _Means()
    features = [network(images.expand(-1, 3, -1, -1))[0] for images in (real, fake)]
    expected = Gaussian.fit(features[0]).distance(Gaussian.fit(features[1]))
    assert fid(network, real, fake, heard.append) == pytest.approx(expected, rel=1e-6)
    assert heard == pytest.approx([0.25, 0.5, 0.65, 0.9, 1.0])


def test_without_the_package_the_sentence_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    with pytest.raises(UserError, match="pip install torch-fidelity"):
        load_inception()


@pytest.fixture
def with_package() -> None:
    pytest.importorskip("torch_fidelity", reason="the optional package torch-fidelity is not installed")


@pytest.mark.usefixtures("with_package")
def test_files_that_are_not_the_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no file"):
        load_inception(tmp_path / "absent.pth")
    (tmp_path / "text.pth").write_text("weights")
    with pytest.raises(UserError, match="is not a file of weights"):
        load_inception(tmp_path / "text.pth")
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="does not hold the Inception weights"):
        load_inception(tmp_path / "other.pth")


@pytest.mark.usefixtures("with_package")
def test_weights_that_cannot_be_downloaded_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("dcgan.inception.WEIGHTS_URL", "http://127.0.0.1:9/weights.pth")
    with pytest.raises(UserError, match=r"could not be downloaded .* or give a file with them"):
        load_inception()
    assert not list((tmp_path / "checkpoints").iterdir())
