from pathlib import Path

import pytest
from safetensors import numpy as arrays

from dcgan.errors import UserError
from dcgan.real_digits import ASSET, FEW, MANY, real_digits, real_shares
from dcgan.references import SPLITS, load_references


@pytest.mark.parametrize("split", SPLITS)
def test_what_is_read_without_torch_is_what_the_judge_knows(split: str) -> None:
    references = load_references()
    for count in (FEW, 5_000, MANY):
        assert real_digits(split, count) == references.real_report(split, count)
    assert real_digits(split, FEW).fd_lenet == pytest.approx(references.few_fd[split])
    assert real_shares(split) == references.class_shares[split]
    assert sum(real_shares(split)) == pytest.approx(1)


def test_a_missing_or_foreign_file_is_one_sentence(tmp_path: Path) -> None:
    arrays.save_file({}, tmp_path / "foreign.safetensors")
    (tmp_path / "short.safetensors").write_bytes(ASSET.read_bytes()[:99])
    for name in ("gone", "short", "foreign"):
        with pytest.raises(UserError, match=r"cannot be read; restore the shipped file\.$"):
            real_digits("test", FEW, tmp_path / f"{name}.safetensors")
    with pytest.raises(UserError, match=r"are incomplete; restore the shipped file\.$"):
        real_digits("nonsense", FEW)
