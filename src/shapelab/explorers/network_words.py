"""What is said of a network, its stages and its failures, as HTML. Every number is read from the trace."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from types import MappingProxyType

from shapelab.engine.answers import Statistics
from shapelab.explorers.source_view import line_of
from shapelab.explorers.statistics_words import statistics_table
from shapelab.explorers.words import axes_of, code, count, layout_text, padding_text, shape_text
from shapelab.figures.mismatch import droppings, mismatch
from shapelab.geometry import ReceptiveField, Window
from shapelab.tracing.records import Stage, Trace, numbered


def network_rule(trace: Trace) -> str:
    """One sentence on the size of a network, and the sizes that its image goes through."""
    chains = []
    for axis in ("L", "D", "H", "W"):
        sizes = _sizes_along(trace, axis)
        if sizes:
            kept = f"{sizes[0]} all the way" if len(sizes) == 1 else " → ".join(map(str, sizes))
            chains.append(f'<span class="sl-chain">{axis}: <b>{kept}</b></span>')
    facts = f"{len(trace.stages)} stages · <b>{trace.params:,}</b> parameters · <b>{count(trace.macs)}</b> MACs"
    return f'<div class="sl-rule">{facts}</div><div class="sl-rule">{" &nbsp; ".join(chains)}</div>'


def failure_rule(trace: Trace) -> str:
    """In the rule's place: what failed, with both shapes, and which stage dropped the cells."""
    error = trace.error
    if error is None:
        return ""
    where = f"{error.path}: " if error.path else ""
    shapes = " and ".join(f"<b>{shape_text(shape)}</b>" for shape in error.in_shapes[:2])
    head = f"{escape(where + error.op)} cannot join {shapes}." if shapes else escape(error.message)
    why = error.explanation or "; ".join(_facts_of(trace))
    cause = f'<div class="sl-rule">{escape(why)}.</div>' if why else ""
    return f'<div role="alert"><div class="sl-rule sl-failed">{head}</div>{cause}</div>'


def _facts_of(trace: Trace) -> list[str]:
    """What is known of a failure that no arithmetic explains: how sizes shrank on the way, or else what is too much."""
    found = mismatch(trace)
    return droppings(trace) or ([] if found is None else found.words())


def failure_said(trace: Trace, near: Mapping[str, tuple[int | str, ...]] | None = MappingProxyType({})) -> str:
    """Under the picture: which settings work, None while they are looked for, and what JAX itself said, folded."""
    error = trace.error
    if error is None:
        return ""
    said = f"<details><summary>What JAX said</summary><pre>{escape(error.message)}</pre></details>"
    sizes = "; ".join(f"{field} = {' or '.join(map(str, values))}" for field, values in (near or {}).items() if values)
    looking = '<span class="sl-quiet">Looking for the nearest settings that work …</span>'
    told = escape(error.remedy) if near is not None else looking
    ways = f"The nearest settings that work: <b>{sizes}</b>" if sizes else told
    return f'<div class="sl-failure">{ways}{said}</div>'


def unread_text(stage: Stage) -> str:
    """``H: 2 cells unread``, for the axes whose windows pass over cells; "" where every cell is read."""
    lost = [
        f"{axis}: {len(cells)} of {size} cells unread"
        for (axis, _, size, _), cells in zip(axes_of(stage), stage.unread or (), strict=False)
        if cells
    ]
    return ", ".join(lost)


def stage_details(stage: Stage, statistics: Statistics | None = None) -> str:
    """All of one stage: windows, padding, parameters, cost, receptive field, its line of code, and its statistics.

    Args:
      stage: of the trace.
      statistics: of a batch norm, once they have come; None while they are on their way.
    """
    parts = [f'<div class="sl-heading">{escape(stage.name)}</div>', _code_line(stage), _windows_table(stage)]
    given = ", ".join(shape_text(shape) for shape in stage.in_shapes)
    parts.append(
        f'<table class="sl-table"><tr><td>from</td><td class="sl-mono sl-input">{given}</td></tr>'
        f'<tr><td>to</td><td class="sl-mono sl-output">{shape_text(stage.out_shape)} '
        f'<span class="sl-quiet">{layout_text(stage.layout)}</span></td></tr>{_parameter_rows(stage)}'
        f"<tr><td class='sl-padding'>padding</td><td>{padding_text(stage)}</td></tr>{_cost_row(stage)}</table>"
    )
    parts.append(f'<div class="sl-facts">{lost}</div>' if (lost := unread_text(stage)) else "")
    parts.append(_field_words(stage))
    if stage.op == "batch_norm":
        parts.append(statistics_table(stage, statistics))
    return "".join(parts)


def _code_line(stage: Stage) -> str:
    """``unet.py:33`` and the text of that line."""
    if stage.source is None:
        return ""
    where = f"{Path(stage.source.file).name}:{stage.source.line}"
    text = line_of(stage)
    return f'<div class="sl-where">{escape(where)}</div>' + (code(text) if text else "")


def _windows_table(stage: Stage) -> str:
    rows = "".join(
        f'<tr><td class="sl-mono">{axis}</td><td class="sl-mono sl-input">{before}</td>'
        f'<td class="sl-mono sl-kernel">{window.size} / {_step(window)}</td>'
        f'<td class="sl-mono sl-padding">{window.padding.lo} + {window.padding.hi}</td>'
        f'<td class="sl-mono sl-output">{after}</td></tr>'
        for axis, window, before, after in axes_of(stage)
    )
    head = "<tr><th>axis</th><th>in</th><th>window / stride</th><th>padding</th><th>out</th></tr>"
    return f'<table class="sl-table sl-numbers">{head}{rows}</table>' if rows else ""


def _cost_row(stage: Stage) -> str:
    facts = [f"{stage.params:,} parameters"] if stage.params else []
    facts += [f"{stage.macs:,} MACs"] if stage.macs else []
    facts += [f"{stage.flops + stage.flops_once:,} FLOPs"] if stage.flops + stage.flops_once else []
    facts += [f"{stage.bytes:,} bytes out"]
    return f"<tr><td>cost</td><td>{'<br>'.join(facts)}</td></tr>"


def _field_words(stage: Stage) -> str:
    said = ""
    if stage.receptive_field:
        said = f'<div class="sl-facts">receptive field {_field_text(stage.receptive_field)}</div>'
    if stage.couples_all:
        said += (
            '<div class="sl-quiet">Behind a reduction over the whole image, such as batch statistics: through the mean '
            "and the variance every cell depends on every cell of the input. The receptive field counts windows "
            "alone.</div>"
        )
    return said


def stage_options(trace: Trace) -> Mapping[str, int]:
    """One line a stage for a list: name and shape in two columns, numbered where a name comes again."""
    names = numbered(trace.stages)
    width = max((len(name) for name in names), default=0) + 2
    return {
        f"{name:<{width}}{shape_text(stage.out_shape)}".replace(" ", "\u00a0"): i
        for i, (name, stage) in enumerate(zip(names, trace.stages, strict=True))
    }


def _sizes_along(trace: Trace, axis: str) -> list[int]:
    sizes: list[int] = []
    for shape, layout in [(trace.inputs[trace.main].shape, trace.inputs[trace.main].layout)] + [
        (stage.out_shape, stage.layout) for stage in trace.stages
    ]:
        if axis in layout and (not sizes or sizes[-1] != shape[layout.index(axis)]):
            sizes.append(shape[layout.index(axis)])
    return sizes


def _parameter_rows(stage: Stage) -> str:
    return "".join(
        f'<tr><td>{escape(p.path.split(".")[-1])}</td><td class="sl-mono sl-kernel">{shape_text(p.shape)} '
        f'<span class="sl-quiet">{layout_text(p.layout) if len(p.shape) > 1 else ""}'
        f"{'' if p.trainable else ' not trained'}</span></td></tr>"
        for p in stage.parameters
    )


def _step(window: Window) -> str:
    return f"{window.stride}" if window.base_dilation == 1 else f"1⁄{window.base_dilation}"


def _field_text(fields: tuple[ReceptiveField, ...]) -> str:
    return " × ".join(str(field.size) for field in fields)
