"""A trace as text, Markdown or JSON."""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

from shapelab.geometry import ReceptiveField, Window
from shapelab.geometry.padding import Fill
from shapelab.tracing.records import Stage, Trace, numbered

SCHEMA = "shapelab.trace/1"
HEADER = ("#", "stage", "op", "output", "layout", "window", "stride", "padding", "params", "MACs", "field", "reads")
WIDEST = 44  # of a name in the text table
MOST = 8  # stages that the text table lists as read by one


def text_table(trace: Trace, depth: int | None = None) -> str:
    """One line a stage in aligned columns, totals below; what failed at the end.

    ``padding`` is lo+hi, once where it is alike on all axes, behind the name it was given by; of a transposed
    convolution what it takes away from the full output (``crop``). ``field`` is the receptive field; ``reads`` the
    numbers of the stages it reads, ``in`` for the input, of several inputs its name. Long names lose their middle and
    long lists their end; the other forms have them whole.

    Args:
      trace: what to show.
      depth: folds module calls that lie so deep; the totals are of the whole trace.
    """
    rows = [HEADER, *(_narrow(row) for row in _rows(_at(trace, depth)))]
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


def markdown(trace: Trace, depth: int | None = None) -> str:
    """The same as a Markdown table, with all names whole."""
    rows = [tuple(cell.replace("|", r"\|") for cell in row) for row in _rows(_at(trace, depth))]
    lines = ["| " + " | ".join(row) + " |" for row in [HEADER, tuple("---" for _ in HEADER), *rows]]
    return "\n".join([f"**{_title(trace)}**", "", *lines, "", _totals(trace), *_failure(trace)])


def to_json(trace: Trace, depth: int | None = None) -> str:
    """The record as JSON that ``schema()`` describes; lists of plain values stand on one line.

    Args:
      trace: what to write.
      depth: folds module calls that lie so deep; the totals are of the whole trace.
    """
    shown = _at(trace, depth)
    record = {
        "schema": SCHEMA,
        "name": trace.name,
        "depth": depth,
        "totals": {
            "params": trace.params,
            "params_fixed": trace.params_fixed,
            "macs": trace.macs,
            "flops": trace.flops,
            "peak_activation_bytes": trace.peak_activation_bytes,
        },
        **{f.name: _plain(getattr(shown, f.name)) for f in fields(shown) if f.name not in ("name", "program")},
    }
    for stage, name in zip(record["stages"], numbered(shown.stages), strict=True):
        stage["name"] = name
    text = json.dumps(record, indent=2, ensure_ascii=False)
    return _FLAT_LIST.sub(lambda found: re.sub(r"\n\s*", " ", found[0]).replace("[ ", "[").replace(" ]", "]"), text)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``to_json``: every field, with what it means."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("trace.schema.json").read_text(encoding="utf-8"))
    return found


# Strings hold no newline in JSON, so each that is matched lies between two values.
_FLAT_LIST = re.compile(r"\[\n(?: *[^\s\[\]{}][^\[\]{}\n]*\n)+ *\]")


def _at(trace: Trace, depth: int | None) -> Trace:
    return trace if depth is None else trace.at(depth)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        found = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        if isinstance(value, Stage):
            found |= {name: _plain(getattr(value, name)) for name in ("params", "params_fixed", "parameter_bytes")}
            return {"name": value.name, **found, "unread": _plain(value.unread)}
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
        given = trace.inputs[-1 - edge.source].name if edge.source < 0 and len(trace.inputs) > 1 else "in"
        sources.setdefault(edge.target, []).append(given if edge.source < 0 else str(edge.source))
    return [
        (
            str(i),
            name + _times(stage),
            stage.op,
            _shape(stage.out_shape),
            "".join(axis or "." for axis in stage.layout),
            _each(stage, "size"),
            _each(stage, "stride"),
            padding_text(stage),
            f"{stage.params:,}" if stage.params else "",
            f"{stage.macs:,}" if stage.macs else "",
            "×".join(str(field.size) for field in stage.receptive_field or ()) + ("*" if stage.couples_all else ""),
            ", ".join(sources.get(i, [])),
        )
        for i, (name, stage) in enumerate(zip(numbered(trace.stages), trace.stages, strict=True))
    ]


def _times(stage: Stage) -> str:
    """How often a stage runs, and on which way of a conditional; "" for once and always."""
    times = " × ?" if stage.repeats is None else f" × {stage.repeats}" if stage.repeats != 1 else ""
    return times + "".join(f" (branch {branch.index + 1} of {branch.count})" for branch in stage.branches)


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
    return [*lines, *(line for line in (error.explanation, error.remedy) if line)]


def _shape(shape: tuple[int, ...]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def _each(stage: Stage, what: str) -> str:
    if stage.windows is None:
        return ""
    return "×".join(
        f"1/{window.base_dilation}" if what == "stride" and window.base_dilation > 1 else str(getattr(window, what))
        for window in stage.windows
    )


def padding_text(stage: Stage) -> str:
    """``SAME 0+1``, ``CIRCULAR 1+1, 2+2``, ``VALID``; ``SAME crop 0+1`` for a transposed convolution."""
    if not stage.windows:
        return ""
    transposed = stage.op == "conv_transpose" or any(window.base_dilation > 1 for window in stage.windows)
    each = [_cropped(window) if transposed else (window.padding.lo, window.padding.hi) for window in stage.windows]
    fills = {window.padding.fill for window in stage.windows if window.padding.total} - {Fill.CONSTANT}
    mode = stage.declared if isinstance(stage.declared, str) else fills.pop().name if len(fills) == 1 else ""
    if mode == "VALID" and not any(map(any, each)):
        return mode
    amounts = ", ".join(f"{lo}+{hi}" for lo, hi in (each[:1] if len(set(each)) == 1 else each))
    return " ".join(filter(None, (mode, "crop" if transposed else "", amounts)))


def _cropped(window: Window) -> tuple[int, int]:
    """What a transposed convolution takes away from its full output at either end: the padding as its users call it."""
    return window.span - 1 - window.padding.lo, window.span - 1 - window.padding.hi


def _narrow(row: tuple[str, ...]) -> tuple[str, ...]:
    """A row of the text table with a long name and a long list of sources cut."""
    cells = list(row)
    stage, reads = HEADER.index("stage"), HEADER.index("reads")
    cells[stage] = _without_middle(row[stage])
    sources = row[reads].split(", ")
    if len(sources) > MOST:
        cells[reads] = f"{', '.join(sources[: MOST - 1])}, … {len(sources) - MOST + 1} more"
    return tuple(cells)


def _without_middle(name: str) -> str:
    """``encoder.….self_attention.query``: the first part of a path and as many of the last as fit."""
    path, space, rest = name.partition(" ")
    parts = path.split(".")
    while len(parts) > 3 and len(".".join(parts)) + len(space + rest) > WIDEST:
        parts = [parts[0], "…", *parts[3 if parts[1] == "…" else 2 :]]
    return ".".join(parts) + space + rest
