"""Lines of the project's own source, found by name each time they are shown, so that what is told cannot drift."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
_GAP: Final = "..."
_TOOL_REMARK: Final = re.compile(r"\s+# (type: ignore|noqa|fmt: )\S*.*$")


@dataclass(frozen=True)
class Anchor:
    """A place in the source: `function` is a dotted name in `file`, such as `Trainer.events`.

    With `mentions` only those of its statements are shown that contain one of these texts, and each text must be
    found. With `case` only its head and the branch of its `match` that this word takes. With neither, all of it but
    the docstring.
    """

    file: str
    function: str
    mentions: tuple[str, ...] = ()
    case: str = ""


@dataclass(frozen=True)
class Excerpt:
    """Some lines of a file; `place` says where they stand, `dcgan/losses.py, line 31`."""

    code: str
    place: str


def excerpt(anchor: Anchor) -> Excerpt:
    """The lines that `anchor` names, as they are in the file now.

    Raises:
        LookupError: the function, one of the texts or the branch is gone; the message says which.
    """
    text = (PROJECT / anchor.file).read_text(encoding="utf-8")
    return _excerpt(text, anchor)


@lru_cache(maxsize=64)
def _excerpt(text: str, anchor: Anchor) -> Excerpt:
    function = _function(ast.parse(text), anchor)
    lines = text.splitlines()
    if anchor.mentions:
        spans = _spans_with(function, lines, anchor)
        shown = _with_gaps([lines[first - 1 : last] for first, last in spans], spans)
        return Excerpt(shown, f"{anchor.file}, line {spans[0][0]}")
    if anchor.case:
        return Excerpt(_with_case(function, lines, anchor), f"{anchor.file}, line {function.lineno}")
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    head = lines[function.lineno - 1 : function.body[0].lineno - 1]
    rest = lines[_first_line(body[0]) - 1 : function.end_lineno]
    return Excerpt(_plain(head + rest), f"{anchor.file}, line {function.lineno}")


def _function(tree: ast.Module, anchor: Anchor) -> ast.FunctionDef:
    found: ast.AST = tree
    for name in anchor.function.split("."):
        inner = (node for node in ast.iter_child_nodes(found) if getattr(node, "name", None) == name)
        found = next(inner, ast.Pass())
    if not isinstance(found, ast.FunctionDef):
        raise LookupError(f"{anchor.file} has no function {anchor.function} any more; name its successor.")
    return found


def _spans_with(function: ast.FunctionDef, lines: list[str], anchor: Anchor) -> list[tuple[int, int]]:
    """First and last lines of the statements that contain one of the texts, in order."""
    spans: list[tuple[int, int]] = []
    missing = set(anchor.mentions)
    for statement in _simple(function):
        span = (_first_line(statement), statement.end_lineno or statement.lineno)
        source = "\n".join(lines[span[0] - 1 : span[1]])
        if hits := {text for text in anchor.mentions if text in source}:
            missing -= hits
            spans.append(span)
    if missing:
        raise LookupError(f"{anchor.file}, {anchor.function}: no statement contains {sorted(missing)} any more.")
    return spans


def _with_case(function: ast.FunctionDef, lines: list[str], anchor: Anchor) -> str:
    """The head of the function and the branch of its `match` that the word `anchor.case` takes."""
    head = lines[function.lineno - 1 : function.body[0].lineno - 1]
    choices = [node for node in ast.walk(function) if isinstance(node, ast.Match)]
    for choice, case in [(each, case) for each in choices for case in each.cases]:
        values = (each.value for each in ast.walk(case.pattern) if isinstance(each, ast.MatchValue))
        words = {value.value for value in values if isinstance(value, ast.Constant)}
        if anchor.case in words:
            branch = lines[case.pattern.lineno - 1 : case.body[-1].end_lineno]
            return _plain([*head, lines[choice.lineno - 1], *branch])
    raise LookupError(f"{anchor.file}, {anchor.function}: there is no case {anchor.case!r} any more.")


def _simple(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements inside of `node` that contain no others."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt) and not hasattr(child, "body"):
            yield child
        else:
            yield from _simple(child)


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", [])
    return int(min([statement.lineno, *(d.lineno for d in decorators)]))


def _with_gaps(parts: list[list[str]], spans: list[tuple[int, int]]) -> str:
    """The parts at one margin, with a mark where statements between them are left out."""
    shown = _plain(parts[0])
    for part, before, this in zip(parts[1:], spans, spans[1:], strict=False):
        gap = "\n" if this[0] == before[1] + 1 else f"\n{_GAP}\n"
        shown += gap + _plain(part)
    return shown


def _plain(lines: list[str]) -> str:
    """The lines at the margin, without the remarks that only tools read."""
    return textwrap.dedent("\n".join(_TOOL_REMARK.sub("", line) for line in lines))
