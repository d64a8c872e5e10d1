"""What torchrun tells a process, and what others may have left in its environment."""

from __future__ import annotations

import pytest

from dcgan import torchrun
from dcgan.cli import main
from dcgan.errors import UserError


def told(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, text in values.items():
        monkeypatch.setenv(name, text)


def test_a_place_among_several(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, RANK="5", WORLD_SIZE="8", LOCAL_RANK="1", LOCAL_WORLD_SIZE="4")
    assert torchrun.place() == (5, 8, 1, 4) and torchrun.started_together() and not torchrun.speaks()
    told(monkeypatch, RANK="0", WORLD_SIZE="1", LOCAL_RANK="0", LOCAL_WORLD_SIZE="1")
    assert not torchrun.started_together() and torchrun.speaks()


@pytest.mark.parametrize("text", ["", "many", "-1", "9" * 5000])
def test_what_is_no_number_counts_as_alone(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    told(monkeypatch, WORLD_SIZE=text, RANK=text)
    assert not torchrun.started_together() and torchrun.speaks()


def test_a_size_that_torchrun_did_not_set_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told(monkeypatch, WORLD_SIZE="4")
    with pytest.raises(UserError, match="start them with torchrun, or unset WORLD_SIZE"):
        torchrun.place()
    assert main(["train", "--dataset", "digits"]) == 2 and "unset WORLD_SIZE" in capsys.readouterr().err


def test_a_process_started_by_one_of_the_group_is_none_of_it() -> None:
    environment = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "x", "TORCHELASTIC_RUN_ID": "y", "PATH": "/bin"}
    assert torchrun.without_group(environment) == {"PATH": "/bin"}
