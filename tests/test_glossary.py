"""Whatever label the interface has, the glossary explains; and it is found by those who look."""

import ast
from pathlib import Path

import pytest

from dcgan.config import config_fields, field_info
from dcgan.real_digits import real_digits
from ui import charts
from ui.glossary import ENTRIES, explained, find, glossary_address

PROJECT = Path(__file__).resolve().parent.parent
CHOICES = [choice for name in ("conditioning", "family", "objective", "generator_norm", "discriminator_norm")
           for choice in field_info(name).choices]  # fmt: skip


@pytest.mark.parametrize("label", [info.label for _, _, info in config_fields()])
def test_every_setting_is_explained(label: str) -> None:
    """A new setting gets its words in `ui.glossary_words`: as a term, or among the labels of one."""
    assert label in explained()


@pytest.mark.parametrize("choice", sorted(set(CHOICES)))
def test_every_choice_of_the_networks_and_the_game_is_explained(choice: str) -> None:
    assert choice in explained()


@pytest.mark.parametrize("chart", [*charts.CHARTS, *charts.quality_charts(real_digits("held_out", 2000))], ids=str)
def test_every_curve_is_explained(chart: charts.Chart) -> None:
    assert {line.label for line in chart.lines} | {chart.unit} <= explained()


def test_every_row_of_the_comparison_is_explained() -> None:
    tree = ast.parse((PROJECT / "ui" / "compare_figures.py").read_text(encoding="utf-8"))
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Row", "_ranked")
    ]
    labels = {call.args[0].value for call in calls if call.args and isinstance(call.args[0], ast.Constant)}
    assert len(labels) >= 5 and labels <= explained()


def test_every_line_of_an_evaluation_is_explained() -> None:
    tree = ast.parse((PROJECT / "dcgan" / "reports.py").read_text(encoding="utf-8"))
    [table] = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "report_text"]
    rows = [node.elts[0] for node in ast.walk(table) if isinstance(node, ast.Tuple) and len(node.elts) == 3]
    labels = {row.value for row in rows if isinstance(row, ast.Constant)} - {""}
    assert len(labels) >= 8 and labels <= explained()


def test_the_words_of_the_field_are_there() -> None:
    terms = {"Density", "Coverage", "KL", "D(x)", "D(G(z))", "EMA", "Latent size", "Slerp", "Truncation", "FID", "FD"}
    terms |= {"PCA", "t-SNE", "Standard deviation", "Variance"}
    assert terms <= explained()


def test_entries_are_whole_and_told_apart() -> None:
    assert len({entry.slug for entry in ENTRIES}) == len(ENTRIES) and all(entry.slug for entry in ENTRIES)
    labels = [label for entry in ENTRIES for label in entry.labels]
    assert len(set(labels)) == len(labels)
    for entry in ENTRIES:
        assert entry.words.endswith((".", ")")) and entry.seen and len(entry.words) < 220, entry.term


def test_the_term_asked_for_comes_first() -> None:
    assert find("slerp")[0].term == "Slerp" and find(" SLERP ")[0].term == "Slerp"
    assert find("R1 penalty")[0].term == "R1 and R2"
    assert find("grad")[0].term.startswith("Gradient")
    assert find("fréchet")[0].term.startswith("F")
    assert find("no such word") == []
    assert find("") == list(ENTRIES) == sorted(ENTRIES, key=lambda entry: entry.term.lower())


def test_every_entry_is_found_by_its_own_address() -> None:
    assert glossary_address("D(G(z))") == "how-it-works?part=Glossary&word=D%28G%28z%29%29"
    assert [find(entry.term)[0] for entry in ENTRIES] == list(ENTRIES)
