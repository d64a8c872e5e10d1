"""Excerpts follow the source: they are found by name, and a name that is gone is told."""

from pathlib import Path

import pytest

from ui import how_source
from ui.how_source import Anchor, excerpt

SOURCE = '''
class Thing:
    def work(self, x):
        """What it does.

        More of it.
        """
        y = x + 1  # a remark
        if y:
            z = (
                y * 2
            )
            self.keep(z)  # type: ignore[no-untyped-call]
        return z


def small():
    return 1


def choose(kind):
    """One of them."""
    match kind:
        case "a" | "b":
            x = 1
            return x
        case "c":
            return 3
'''


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(how_source, "PROJECT", tmp_path)
    (tmp_path / "a.py").write_text(SOURCE)
    return tmp_path / "a.py"


def test_a_function_is_shown_without_its_docstring() -> None:
    found = excerpt(Anchor("a.py", "Thing.work"))
    assert found.code.splitlines()[:3] == ["def work(self, x):", "    y = x + 1  # a remark", "    if y:"]
    assert found.code.endswith("    return z") and "What it does" not in found.code
    assert found.place == "a.py, line 3"
    assert excerpt(Anchor("a.py", "small")).code == "def small():\n    return 1"


def test_statements_are_shown_where_they_mention_something() -> None:
    found = excerpt(Anchor("a.py", "Thing.work", ("x + 1", "y * 2", "keep")))
    assert found.code == "y = x + 1  # a remark\n...\nz = (\n    y * 2\n)\nself.keep(z)"
    assert found.place == "a.py, line 8"


def test_one_branch_of_a_choice() -> None:
    found = excerpt(Anchor("a.py", "choose", case="b"))
    assert (
        found.code
        == 'def choose(kind):\n    match kind:\n        case "a" | "b":\n            x = 1\n            return x'
    )
    with pytest.raises(LookupError, match="there is no case 'd' any more"):
        excerpt(Anchor("a.py", "choose", case="d"))


def test_it_follows_the_file(file: Path) -> None:
    file.write_text("\n\n" + SOURCE.replace("y * 2", "y * 3"))
    found = excerpt(Anchor("a.py", "Thing.work", ("z = (",)))
    assert "y * 3" in found.code and found.place == "a.py, line 12"


@pytest.mark.parametrize(
    ("anchor", "message"),
    [
        (Anchor("a.py", "Thing.play"), "has no function Thing.play any more"),
        (Anchor("a.py", "Other.work"), "has no function Other.work any more"),
        (Anchor("a.py", "Thing"), "has no function Thing any more"),
        (Anchor("a.py", "Thing.work", ("keep", "lose")), r"no statement contains \['lose'\] any more"),
    ],
)
def test_what_is_gone_is_told(anchor: Anchor, message: str) -> None:
    with pytest.raises(LookupError, match=message):
        excerpt(anchor)
