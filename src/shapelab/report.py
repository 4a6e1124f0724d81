"""A trace as text, Markdown or JSON."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from shapelab.geometry import ReceptiveField
from shapelab.tracing.records import Stage, Trace, numbered

SCHEMA = "shapelab.trace/1"
HEADER = ("#", "stage", "op", "output", "layout", "window", "stride", "padding", "params", "MACs", "field", "reads")


def text_table(trace: Trace) -> str:
    """One line a stage in aligned columns, totals below; what failed at the end.

    ``padding`` is lo+hi per axis; ``field`` the receptive field; ``reads`` the numbers of the stages it reads, ``in``
    for the input.
    """
    rows = [HEADER, *_rows(trace)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    right = {0, HEADER.index("params"), HEADER.index("MACs")}
    lines = [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join([_title(trace), "", *lines, "", _totals(trace), *_failure(trace)])


def markdown(trace: Trace) -> str:
    """The same as a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in [HEADER, tuple("---" for _ in HEADER), *_rows(trace)]]
    return "\n".join([f"**{_title(trace)}**", "", *lines, "", _totals(trace), *_failure(trace)])


def to_json(trace: Trace) -> str:
    """The record itself, with ``"schema": "shapelab.trace/1"``; receptive fields as whole numbers or "p/q"."""
    totals = {"params": trace.params, "macs": trace.macs, "flops": trace.flops}
    return json.dumps({"schema": SCHEMA, **_plain(trace), "totals": totals}, indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        found = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        if isinstance(value, Stage):
            return {**found, "name": value.name, "params": value.params}
        if isinstance(value, ReceptiveField):
            return {"size": value.size, "stride": _plain(value.stride), "start": value.start, **found}
        return found
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else str(value)
    return value.value if isinstance(value, Enum) else value


def _rows(trace: Trace) -> list[tuple[str, ...]]:
    sources: dict[int, list[str]] = {}
    for edge in trace.edges:
        sources.setdefault(edge.target, []).append("in" if edge.source < 0 else str(edge.source))
    return [
        (
            str(i),
            name + (f" × {stage.repeats}" if stage.repeats > 1 else ""),
            stage.op,
            _shape(stage.out_shape),
            "".join(axis or "." for axis in stage.layout),
            _each(stage, "size"),
            _each(stage, "stride"),
            _paddings(stage),
            f"{stage.params:,}" if stage.params else "",
            f"{stage.macs:,}" if stage.macs else "",
            "×".join(str(field.size) for field in stage.receptive_field or ()) + ("*" if stage.couples_all else ""),
            ", ".join(sources.get(i, [])),
        )
        for i, (name, stage) in enumerate(zip(numbered(trace.stages), trace.stages, strict=True))
    ]


def _title(trace: Trace) -> str:
    given = ", ".join(f"{tensor.name} {_shape(tensor.shape)} {tensor.dtype}" for tensor in trace.inputs)
    made = ", ".join(_shape(tensor.shape) for tensor in trace.outputs) or "no output"
    return f"{trace.name}: {given} → {made}"


def _totals(trace: Trace) -> str:
    coupled = any(stage.couples_all for stage in trace.stages)
    note = "  * through batch or global statistics it also depends on the whole input" if coupled else ""
    return (
        f"{trace.params:,} trainable parameters, {trace.macs:,} MACs, {trace.flops:,} FLOPs "
        f"(dense count, taps on padding included){note}"
    )


def _failure(trace: Trace) -> list[str]:
    if trace.error is None:
        return []
    error = trace.error
    place = f" at {error.source.file}:{error.source.line}" if error.source else ""
    lines = ["", f"FAILED in {error.op or error.path or trace.name}{place}: {error.message}"]
    return [*lines, error.explanation] if error.explanation else lines


def _shape(shape: tuple[int, ...]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def _each(stage: Stage, what: str) -> str:
    if stage.windows is None:
        return ""
    return "×".join(
        f"1/{window.base_dilation}" if what == "stride" and window.base_dilation > 1 else str(getattr(window, what))
        for window in stage.windows
    )


def _paddings(stage: Stage) -> str:
    return ", ".join(f"{window.padding.lo}+{window.padding.hi}" for window in stage.windows or ())
