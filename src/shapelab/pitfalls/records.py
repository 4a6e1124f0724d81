"""A classic mistake as a record: its words, and the source of both its programs as text. Imports no jax."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

Setting = Mapping[str, int | float | str]

_PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Pitfall:
    """One mistake.

    Attributes:
      name: of the mistake.
      title: a few words.
      group: the file in ``programs`` that holds the programs.
      why: what goes wrong.
      see: how to notice it.
      given: the function that makes the arguments of both programs from a setting.
      wrong: the function with the mistake.
      right: the function without it.
      settings: what both are run at; the first is one where the mistake bites.
      hides: where it goes unnoticed; empty where it never does.
      layout: names of the axes of what the right version returns.
      reads: names of the axes of the main input; by default the same.
    """

    name: str
    title: str
    group: str
    why: str
    see: str
    given: str
    wrong: str
    right: str
    settings: tuple[Setting, ...]
    hides: str = ""
    layout: tuple[str, ...] = ("N", "H", "W", "C")
    reads: tuple[str, ...] = ("N", "H", "W", "C")

    def sources(self) -> tuple[Source, Source]:
        """The wrong program and the right one, as they stand in their file."""
        wrong, right = (source(self.group, name) for name in (self.wrong, self.right))
        return wrong.beside(right), right.beside(wrong)


@dataclass(frozen=True)
class Source:
    """A function's source.

    Attributes:
      lines: its lines.
      body: index of the first line behind signature and docstring.
      changed: indices of the lines of the body that the other version does not have.
    """

    lines: tuple[str, ...]
    body: int
    changed: frozenset[int] = frozenset()

    def beside(self, other: Source) -> Source:
        """The same, knowing which of its lines the other version lacks."""
        mine, theirs = ([_code(line) for line in each.lines[each.body :]] for each in (self, other))
        steps = SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes()
        changed = {self.body + i for kind, start, end, _, _ in steps if kind != "equal" for i in range(start, end)}
        return Source(self.lines, self.body, frozenset(changed))


def _code(line: str) -> str:
    """A line without the comment behind it: a shape that follows from another line is no difference."""
    return line.partition("  # ")[0]


@cache
def source(group: str, function: str) -> Source:
    """The source of a function in ``programs``, read from the file: importing it would import jax.

    Raises:
      KeyError: for a function that the file does not have.
    """
    text = (_PROGRAMS / f"{group}.py").read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            first, last = node.lineno, node.end_lineno
            body = node.body[1 if ast.get_docstring(node) else 0]
            return Source(tuple(text.splitlines()[first - 1 : last]), body.lineno - first)
    raise KeyError(f"{group}.py has no function {function}")
