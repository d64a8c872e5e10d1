from dataclasses import replace
from pathlib import Path

import pytest
from sklearn.neighbors import KNeighborsClassifier

from dcgan.data import ImageData
from dcgan.errors import UserError
from dcgan.neighbours import nearest_neighbour_error, neighbour_test
from dcgan.runs import open_run

BUNDLED = Path(__file__).parents[1] / "checkpoints" / "bundled-mnist"


def test_error_is_that_of_scikit_learns_classifier(digits: ImageData) -> None:
    known, rest = slice(0, 300), slice(300, 500)
    error = nearest_neighbour_error(
        digits.images[rest], digits.labels[rest], digits.images[known], digits.labels[known]
    )
    reference = KNeighborsClassifier(1).fit(digits.images[known].flatten(1) / 255, digits.labels[known])
    assert error == pytest.approx(1 - reference.score(digits.images[rest].flatten(1) / 255, digits.labels[rest]))
    assert 0 < error < 0.2


def test_digits_are_their_own_nearest(digits: ImageData) -> None:
    assert nearest_neighbour_error(digits.images, digits.labels, digits.images, digits.labels) == 0
    wrong = (digits.labels + 1) % 10
    assert nearest_neighbour_error(digits.images, digits.labels, digits.images, wrong) == 1


def test_the_bundled_run_is_read_with_its_own_labels(mnist_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that is asked for the wrong digits teaches nothing."""
    test = neighbour_test(open_run(BUNDLED), 2_000, data_dir=mnist_dir)
    assert (test.num_images, test.num_test) == (2_000, 10_000)
    assert test.error < 0.15 and 0.05 < test.real_error < 0.15


def test_runs_without_labels_are_refused(runs_dir: Path) -> None:
    run = open_run(BUNDLED)
    plain = replace(run, config=run.config.with_changes(conditioning="none"))
    with pytest.raises(UserError, match="needs a run on mnist with conditioning labels"):
        neighbour_test(plain)
