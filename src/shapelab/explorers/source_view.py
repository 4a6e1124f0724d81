"""The source of the modules that run, as HTML: a line that makes a stage selects it, the selected one is lit."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from shapelab.tracing.records import Source, Stage, Trace, numbered

Chain = tuple[Source, ...]
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
LONGEST = 400  # lines of one definition


@dataclass(frozen=True)
class Part:
    """A class or function: its file, and the numbers of its lines without docstrings."""

    file: str
    lines: tuple[int, ...]


def chain_of(stage: Stage) -> Chain:
    """The lines that led to a stage, outermost first: each module call on the way, and the line that made it."""
    sources = [call.source for call in stage.calls] + [stage.source]
    return tuple(dict.fromkeys(source for source in sources if source is not None))


def source_html(trace: Trace, selected: int | None) -> str:
    """The source of the classes and functions that ran, numbered; "" where no file can be read.

    Args:
      trace: what was traced.
      selected: the stage whose line is lit, and more softly the lines that called it.
    """
    chains = [chain_of(stage) for stage in trace.stages]
    failed = trace.error.source if trace.error is not None else None
    makers = _makers(chains)
    parts = _parts([*makers, *([failed] if failed is not None else [])])
    return "".join(_part(part, makers, trace, selected) for part in parts)


def line_of(stage: Stage) -> str:
    """The text of the line that made a stage, "" where it cannot be read."""
    return "" if stage.source is None else linecache.getline(stage.source.file, stage.source.line).strip()


def _makers(chains: Sequence[Chain]) -> dict[Source, list[int]]:
    """For each line the stages that it leads to."""
    found: dict[Source, list[int]] = {}
    for stage, chain in enumerate(chains):
        for source in chain:
            found.setdefault(source, []).append(stage)
    return found


def _parts(sources: Sequence[Source]) -> list[Part]:
    """The definitions that hold the lines, in the order in which they are first met."""
    found: dict[Part, None] = {}
    for source in sources:
        part = _around(source.file, "".join(linecache.getlines(source.file)), source.line)
        if part is not None:
            found.setdefault(part)
    return list(found)


@lru_cache(maxsize=256)
def _around(file: str, text: str, line: int) -> Part | None:
    """The outermost class or function around a line."""
    for node in _definitions(text):
        start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        if start <= line <= (node.end_lineno or node.lineno):
            hidden = _docstrings(node)
            lines = [n for n in range(start, (node.end_lineno or start) + 1) if n not in hidden]
            return Part(file, tuple(_without_gaps(lines, text.splitlines()))) if len(lines) <= LONGEST else None
    return None


@lru_cache(maxsize=16)
def _definitions(text: str) -> tuple[Definition, ...]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):  # a notebook's cell with magics
        return ()
    return tuple(node for node in tree.body if isinstance(node, Definition))


def _docstrings(node: Definition) -> set[int]:
    hidden: set[int] = set()
    for inner in ast.walk(node):
        if isinstance(inner, Definition) and ast.get_docstring(inner, clean=False) is not None:
            said = inner.body[0]
            hidden.update(range(said.lineno, (said.end_lineno or said.lineno) + 1))
    return hidden


def _without_gaps(lines: Sequence[int], text: Sequence[str]) -> list[int]:
    """Without the empty lines that a docstring leaves at the head of a body."""
    kept: list[int] = []
    for number in lines:
        empty = not text[number - 1].strip()
        after_head = bool(kept) and text[kept[-1] - 1].rstrip().endswith(":")
        if not (empty and after_head):
            kept.append(number)
    return kept


def _part(
    part: Part,
    makers: dict[Source, list[int]],
    trace: Trace,
    selected: int | None,
) -> str:
    rows = []
    names = numbered(trace.stages)
    chosen = chain_of(trace.stages[selected]) if selected is not None else ()
    failed = trace.error.source if trace.error is not None else None
    text = linecache.getlines(part.file)
    for number in part.lines:
        source = Source(part.file, number)
        words = f'<span class="sl-source-number">{number}</span>{_code(text[number - 1].rstrip())}'
        lit = _lit(source, chosen, failed)
        stages = makers.get(source)
        if not stages:
            rows.append(f'<span class="sl-source-line{lit}">{words}</span>')
            continue
        pick = _next(stages, source, selected, trace)
        made = ", ".join(names[stage] for stage in stages[:4]) + (" …" if len(stages) > 4 else "")
        rows.append(
            f'<button type="button" class="sl-source-line{lit}" data-pick="stage:{pick}" data-point="stage-{pick}" '
            f'data-makes="{" ".join(map(str, stages))}" title="{escape(made)}"'
            f"{' aria-current=true' if 'sl-source-lit' in lit else ''}>{words}</button>"
        )
    return f'<div class="sl-source" role="group" aria-label="Source">{"".join(rows)}</div>'


def _lit(source: Source, chosen: Chain, failed: Source | None) -> str:
    if source == failed:
        return " sl-source-failed"
    if chosen and source == chosen[-1]:
        return " sl-source-lit"
    return " sl-source-call" if source in chosen else ""


def _next(stages: Sequence[int], source: Source, selected: int | None, trace: Trace) -> int:
    """What a click on a line selects: the stage called most like the selected one, on whose own line the next.

    A line in a loop, or of a class that is used again, makes several.
    """
    if selected is None:
        return stages[0]
    if selected in stages and chain_of(trace.stages[selected])[-1] == source:
        return stages[(stages.index(selected) + 1) % len(stages)]
    calls = trace.stages[selected].calls

    def shared(stage: int) -> int:
        alike = [one == other for one, other in zip(trace.stages[stage].calls, calls, strict=False)]
        return alike.index(False) if False in alike else len(alike)

    return max(stages, key=lambda stage: (shared(stage), -stage))


def _code(line: str) -> str:
    """A line of code, its comment apart."""
    code, mark, comment = line.partition("  # ")
    return escape(code) + (f'<i class="sl-source-comment">{escape(mark + comment)}</i>' if mark else "")
