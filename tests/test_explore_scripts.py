"""Parts of the Explore component that need no page, run by the JavaScript engine itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parent.parent / "ui" / "explore"

MAPS = """
const shown = [];
const laid = { textContent: "" };
const panel = { state: { view: "map", epoch: 1 }, fail: (error) => shown.push(String(error)) };
panel.engine = { get: async () => ({ done: false, share: 0 }) };
const cloud = Object.assign(Object.create(Cloud.prototype), {
  panel, find: () => laid, tell() {}, draw() {}, show: async ({ kind }) => shown.push(kind),
});
cloud.load("tsne");
await new Promise((rest) => setTimeout(rest, 50));
let asked = 0;
panel.engine.get = async (_, { kind }) => ({ done: asked++ > 0, share: 1, places: "x", kind });
await cloud.load("pca");
console.log(JSON.stringify({ shown, words: laid.textContent, known: LAYOUTS.pca, wish: cloud.wish }));
"""

NAMES = """
globalThis.setTimeout = (next) => queueMicrotask(next);
let asked = 0;
const answers = [null, { done: false }, { done: true, names: ["slant"], words: ["2 degrees"] }];
const engine = { get: async () => answers[asked++] ?? Promise.reject(new Error("busy")) };
const names = new DirectionNames({ engine, root: { dataset: {} } });
await names.ask(3, () => {});
const [name, tries] = [names.full(0), asked];
await names.ask(4, () => {});
console.log(JSON.stringify({ name, tries, all: asked, other: names.full(0) }));
"""

CLASSES = """
const fitsARow = ({ classes }) => classes < 13;
const setAttributes = Object.assign;
class ConditionButton {}
const element = () => ({ setAttribute() {}, dataset: {} });
const told = [[10, "digit"], [100, "group"]].map(([classes, noun]) => {
  const list = { replaceChildren() {} };
  const find = (selector) => (selector === ".digit div" ? list : {});
  const data = { run: { classes, noun, names: [] } };
  Object.assign(Object.create(PanelView.prototype), { find, data }).buildDigits(classes);
  return [list.role, list["aria-label"]];
});
console.log(JSON.stringify(told));
"""

INK = """
const boxes = [[255, 0, 0], [0, 0, 255], [0, 200, 0], [20, 20, 20]].map((colour) => {
  const data = Array.from({ length: 4 * 4 }, (_, i) => (i === 6 ? [...colour, 255] : [0, 0, 0, 255])).flat();
  return inkBox({ width: 4, height: 4, getContext: () => ({ getImageData: () => ({ data }) }) });
});
console.log(JSON.stringify(boxes));
"""


def result_of(node: str, folder: Path, script: str, check: str) -> Any:
    """What `check` prints as JSON, run after the script of that name."""
    file = folder / "check.mjs"
    file.write_text((SCRIPTS / script).read_text(encoding="utf-8") + check, encoding="utf-8")
    done = subprocess.run([node, str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_another_map_is_laid_out_while_the_first_is_still_asked_for(node: str, tmp_path: Path) -> None:
    found = result_of(node, tmp_path, "cloud.js", MAPS)
    assert found["shown"] == ["pca", "pca"] and found["words"] == found["known"] and found["wish"] == "pca 1"


def test_names_are_asked_for_again_where_the_server_was_busy(node: str, tmp_path: Path) -> None:
    found = result_of(node, tmp_path, "names.js", NAMES)
    assert found == {"name": "slant (direction 1)", "tries": 3, "all": 9, "other": "direction 1"}


def test_classes_are_called_what_they_are(node: str, tmp_path: Path) -> None:
    told = result_of(node, tmp_path, "view.js", CLASSES)
    assert told == [["radiogroup", "The digit to draw"], ["group", "The group to draw"]]


def test_ink_of_any_colour_is_a_drawing(node: str, tmp_path: Path) -> None:
    *drawn, faint = result_of(node, tmp_path, "draw.js", INK)
    assert drawn == [{"left": 2, "top": 1, "width": 1, "height": 1, "x": 2, "y": 1}] * 3 and faint is None
