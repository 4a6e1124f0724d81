"""The convolution written out in nnx and in Linen, side by side, as HTML: the sources themselves, read as text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from html import escape
from pathlib import Path

import shapelab

_MODULES = Path(shapelab.__file__).parent / "modules"


@lru_cache(maxsize=1)
def two_sources() -> str:
    """A ``<dialog>`` with both sources: equal lines at equal height, lines that differ marked."""
    left, right = class_source("conv2d", "MyConv2D"), class_source("conv2d_linen", "MyConv2D")
    rows = list(aligned(left, right))
    columns = {"nnx": [(a, differs) for a, _, differs in rows], "Linen": [(b, differs) for _, b, differs in rows]}
    shown = "".join(
        f'<figure><figcaption>{name}</figcaption><pre tabindex="0" role="region" aria-label="The source in {name}">'
        f"{''.join(_line(*line) for line in lines)}</pre></figure>"
        for name, lines in columns.items()
    )
    return (
        '<dialog class="sl-sources" aria-label="The same convolution in nnx and in Linen">'
        '<form method="dialog"><strong>The same convolution, twice</strong>'
        '<span class="sl-quiet">marked: lines that differ</span>'
        f'<button aria-label="Close">✕</button></form><div class="sl-two">{shown}</div></dialog>'
    )


def class_source(module: str, name: str) -> list[str]:
    """The lines of a class of ``shapelab.modules`` without its docstrings, read from the file: nothing is imported."""
    source = (_MODULES / f"{module}.py").read_text(encoding="utf-8")
    found = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == name)
    unwanted = {line for node in ast.walk(found) for line in _docstring(node)}
    wanted = [n for n in range(found.lineno, (found.end_lineno or found.lineno) + 1) if n not in unwanted]
    lines = source.splitlines()
    return _tidied([lines[n - 1] for n in wanted])


def aligned(left: list[str], right: list[str]) -> Iterator[tuple[str | None, str | None, bool]]:
    """Lines of both sides in rows: (left, right, whether they differ), None where a side has no line."""
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for i in range(max(b - a, d - c)):
            yield (left[a + i] if a + i < b else None, right[c + i] if c + i < d else None, kind != "equal")


def _docstring(node: ast.AST) -> range:
    """The numbers of the lines of a class's or function's docstring."""
    if not isinstance(node, ast.ClassDef | ast.FunctionDef) or ast.get_docstring(node) is None:
        return range(0)
    first = node.body[0]
    return range(first.lineno, (first.end_lineno or first.lineno) + 1)


def _tidied(lines: list[str]) -> list[str]:
    """Without the blank line that a docstring leaves under the head of a class."""
    return [line for i, line in enumerate(lines) if line.strip() or (i > 1 and lines[i - 1].strip())]


def _line(line: str | None, differs: bool) -> str:
    if line is None:
        return '<span class="sl-filler"> \n</span>'
    return f"<mark>{escape(line)}\n</mark>" if differs and line.strip() else f"<span>{escape(line)}\n</span>"
