"""Numbers that the README states of the tests and of recorded measurements are those of the files they come from."""

from __future__ import annotations

import ast
import json
import re
import statistics
from pathlib import Path
from typing import Any

from dcgan.presets import PRESETS

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text(encoding="utf-8")
RESULTS = PROJECT / "benchmarks" / "results"
USUAL = 100  # inputs of a property test that does not say


def inputs_tried() -> int:
    """What all property tests try together: their `max_examples`, or what they ask of `trying`."""
    tests = (path for path in (PROJECT / "tests").rglob("test_*.py"))
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in tests)
    functions = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return sum(_asked(function) for function in functions)


def _asked(function: ast.FunctionDef) -> int:
    calls = {ast.unparse(call.func): call for call in function.decorator_list if isinstance(call, ast.Call)}
    if "given" not in calls:
        return 0
    if "trying" in calls:
        return int(ast.literal_eval(calls["trying"].args[0]))
    told = (
        [word.value for word in calls["settings"].keywords if word.arg == "max_examples"] if "settings" in calls else []
    )
    return int(ast.literal_eval(told[0])) if told else USUAL


def stated(words: str) -> int:
    """The number in the README where `words` has `N`."""
    (found,) = re.findall(re.escape(words).replace("N", r"([\d,]+)"), re.sub(r"\s+", " ", README))
    return int(found.replace(",", ""))


def test_the_inputs_tried_are_counted() -> None:
    assert stated("property tests try N inputs") == inputs_tried() // 100 * 100


def test_the_faults_tried_are_those_on_record() -> None:
    record = json.loads((RESULTS / "faults-cpu2.json").read_text())
    assert stated("Of N faults tried") == record["tried"] and record["lost"] == record["differing"] == 0
    rows = re.findall(r"(?m)^\| (.+) \| (\d+)( each)? \|$", README[README.index("| fault | tries |") :])
    assert sum(int(number) * (len(name.split(", ")) if each else 1) for name, number, each in rows) == record["tried"]


def test_every_preset_has_its_row_and_its_epochs() -> None:
    section = README[README.index("## Presets") : README.index("## What 20 seconds give")]
    rows = re.findall(r"(?m)^\| `([\w-]+)` \| .+ \| (\d+) \|$", section)
    assert rows == [(name, str(preset.config.epochs)) for name, preset in PRESETS.items()]


def test_what_five_minutes_gave_is_on_record() -> None:
    lines = (RESULTS / "presets-5min-cpu1.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines[1:]]
    assert [record["preset"] for record in records] == list(PRESETS)
    for record in records:
        missing = ", ".join(map(str, record["missing_classes"])) or "none"
        row = (
            f"| `{record['preset']}` | {record['images_per_second']:,} | {record['parameters'] / 1e6:.1f} M | "
            f"{record['fd_lenet']:,.1f} | {100 * record['confident_share']:.0f} % | {missing} |"
        )
        assert row in README


def test_what_quick_gives_is_the_median_of_the_seeds_on_record() -> None:
    section = README[README.index("## What 20 seconds give") : README.index("## Several people, one server")]
    found = medians_of_the_seeds("quick-seeds-cpu1.jsonl")
    for key in (("labels", 20), ("labels", 60), ("clusters", 60), ("clusters", 180)):
        assert f"{100 * found[key]['confident_share']:.1f} %" in section, key
    for seconds in (20, 60):
        assert f"{100 * found['labels', seconds]['label_agreement']:.1f} %" in section, seconds
    assert f"`fd_lenet` {found['labels', 60]['fd_lenet']:.1f}" in section


def medians_of_the_seeds(file: str) -> dict[tuple[str, int], dict[str, float]]:
    """Medians of what `benchmarks.seeds` wrote, by conditioning and whole seconds of training."""
    looks: dict[tuple[str, int], list[dict[str, Any]]] = {}
    conditioning = ""
    for record in map(json.loads, (RESULTS / file).read_text().splitlines()):
        if "seed" in record:
            looks.setdefault((conditioning, round(record["seconds"])), []).append(record)
        else:
            conditioning = record["conditioning"] or "labels"
    assert all(len(records) >= 3 for records in looks.values())
    return {key: {name: statistics.median(record[name] for record in records) for name in records[0]
                  if isinstance(records[0][name], float)} for key, records in looks.items()}  # fmt: skip


def test_what_ten_seeds_of_best_gave_is_on_record() -> None:
    lines = (RESULTS / "best-seeds-cpu1.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines if '"seed"' in line]
    assert sorted(record["seed"] for record in records) == list(range(10))
    distances, sure = (sorted(record[key] for record in records) for key in ("fd_lenet", "confident_share"))
    words = re.sub(r"\s+", " ", README)
    assert f"`fd_lenet` {statistics.median(distances):.2f} ({distances[0]:.2f} to {distances[-1]:.2f})" in words
    assert f"sure of {100 * statistics.median(sure):.1f} % ({100 * sure[0]:.1f} to {100 * sure[-1]:.1f})" in words
    assert not any(record["missing_classes"] for record in records)


def test_what_a_class_costs_is_on_record() -> None:
    class_of = json.loads((RESULTS / "classroom-cpu2.json").read_text())
    memory = json.loads((RESULTS / "memory-cpu2.json").read_text())
    for label, value in rows_of_the_class(class_of, memory).items():
        assert f"| {label} | {value} |" in README, (label, value)


def rows_of_the_class(record: dict[str, Any], memory: dict[str, Any]) -> dict[str, str]:
    """The table of the README, out of the files that `benchmarks.classroom` and `benchmarks.memory` wrote."""
    watched = record["memory"]
    training = memory["training_mb"]
    return {
        "a page opens within (95 %)": f"{record['page_opened_s']['p95']:.1f} s",
        "a new value is seen within (95 %)": f"{record['refresh_latency_s']['p95']:.1f} s",
        "the server works": f"{record['server_cpu_cores']:.2f} of a core",
        "the server's memory with all of them": f"{watched['last_mb']} MB",
        f"its slope over {watched['minutes']:g} minutes": f"{watched['slope_mb_per_hour']:+.0f} MB an hour",
        "its memory once a browser has opened every page": f"{memory['server_mb']['after_all_pages']} MB",
        "a training process, `quick` and `best`": f"{training['quick']:,} and {training['best']:,} MB",
    }
