from pathlib import Path

import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from dcgan.clusters import cluster_means, find_clusters, load_clusters, save_clusters
from dcgan.config import TrainConfig
from dcgan.data import ImageData
from dcgan.errors import UserError
from dcgan.runs import create_run
from dcgan.sampling import draw_samples, load_generator
from dcgan.session import run_training
from dcgan.training import Trainer


def test_obvious_groups_are_found() -> None:
    noise = torch.Generator().manual_seed(0)
    truth = torch.arange(300) % 3
    images = (truth.view(-1, 1, 1, 1) * 100 + torch.randint(0, 20, (300, 1, 8, 8), generator=noise)).to(torch.uint8)
    assert adjusted_rand_score(truth, find_clusters(images, 3, 0)) == 1.0


def test_clusters_of_real_digits_hold_mostly_one_digit(digits: ImageData) -> None:
    clusters = find_clusters(digits.images, 40, 0)
    assert clusters.dtype == torch.int64 and clusters.unique().tolist() == list(range(40))
    majority = sum(digits.labels[clusters == k].bincount().max().item() for k in range(40))
    assert majority / len(digits) > 0.85


def test_same_seed_same_clusters(digits: ImageData) -> None:
    first, again = (find_clusters(digits.images[:500], 10, 3) for _ in range(2))
    assert torch.equal(first, again)


def test_more_clusters_than_images_are_refused(digits: ImageData) -> None:
    with pytest.raises(UserError, match="clusters 11 is more than the 10 images there are"):
        find_clusters(digits.images[:10], 11, 0)


def test_means_are_means() -> None:
    images = torch.tensor([0, 100, 7], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    means = cluster_means(images, torch.tensor([0, 0, 2]), 3)
    assert means[:, 0, 0, 0].tolist() == [50, 0, 7]


@pytest.mark.parametrize("content", [None, b"", b"torn"])
def test_damaged_file_is_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "clusters.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match="gone or damaged"):
        load_clusters(file)


def test_a_run_keeps_its_clusters_and_is_asked_for_them(
    runs_dir: Path, small_config: TrainConfig, digits: ImageData
) -> None:
    config = small_config.with_changes(conditioning="clusters", clusters=12)
    run = create_run(runs_dir / "r", config, "quick")
    run_training(run)
    clusters, means = load_clusters(run.path / "clusters.safetensors")
    assert torch.equal(clusters, find_clusters(digits.images, 12, config.seed)) and len(means) == 12
    trained = load_generator(run)
    assert (trained.num_conditions, run.num_conditions) == (12, 12)
    assert list(trained.class_counts) == clusters.bincount(minlength=12).tolist()
    labels = draw_samples(trained, 3, 0, 11)[1]
    assert labels is not None and labels.tolist() == [11, 11, 11]
    with pytest.raises(UserError, match="The cluster must be between 0 and 11, not 12"):
        draw_samples(trained, 3, 0, 12)
    save_clusters(run.path / "clusters.safetensors", clusters.flip(0), means)
    assert torch.equal(Trainer(config, digits, clusters.flip(0)).classes, clusters.flip(0))
