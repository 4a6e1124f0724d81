"""The live texts, as HTML. Every number in them is read from the trace; the formulas put those numbers in place."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from shapelab.engine.answers import Activations
from shapelab.explorers.pictures import OneConvolution
from shapelab.geometry import Fill, ReceptiveField, Window
from shapelab.geometry.pooling import MOST
from shapelab.tracing.records import SPATIAL, Stage, Trace, numbered

FILLS = {Fill.CONSTANT: "", Fill.CIRCULAR: "wrapped round", Fill.REFLECT: "mirrored"}
ROOM = 24  # characters of the two shapes that the headline has room for in full size
SIDES = {"H": ("top", "bottom"), "W": ("left", "right"), "L": ("left", "right"), "D": ("front", "back")}


def shape_text(shape: tuple[int, ...]) -> str:
    """``(7, 7, 3)``; a vector keeps its comma, as Python writes it."""
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def layout_text(layout: tuple[str, ...]) -> str:
    """``H, W, C``."""
    return ", ".join(name or "·" for name in layout)


def count(number: int) -> str:
    """``14,560`` below a million, ``10.3 M`` and ``1.2 G`` above."""
    for unit, size in (("G", 10**9), ("M", 10**6)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:,}"


def answer(trace: Trace) -> str:
    """The largest thing on the page: input shape, arrow, output shape."""
    first = trace.inputs[trace.main]
    left = _shape("sl-input", shape_text(first.shape), first.layout)
    if trace.error is not None or not trace.outputs:
        return (
            f'<div class="sl-answer">{left}<span class="sl-arrow">→</span>'
            '<span class="sl-shape"><span class="shapelab-output-shape sl-none">no output</span></span></div>'
        )
    last = trace.outputs[0]
    before, after = shape_text(first.shape), shape_text(last.shape)
    fit = min(1.0, ROOM / (len(before) + len(after)))
    right = _shape("shapelab-output-shape sl-output", after, last.layout)
    if len(trace.outputs) > 1:
        right += f'<span class="sl-quiet">+ {len(trace.outputs) - 1} more</span>'
    style = f' style="--sl-fit: {fit:.2f}"' if fit < 1 else ""
    return f'<div class="sl-answer"{style}>{left}<span class="sl-arrow">→</span>{right}</div>'


def _shape(classes: str, shape: str, layout: tuple[str, ...]) -> str:
    names = f'<span class="sl-layout">{escape(layout_text(layout))}</span>'
    return f'<span class="sl-shape"><span class="{classes}">{shape}</span>{names}</span>'


def convolution_rule(stage: Stage) -> str:
    """The rule for the output size of each axis, and for its padding, with the numbers of this stage in place."""
    lines = []
    for axis, window, before, after in _axes(stage):
        lo, hi = window.padding.lo, window.padding.hi
        low, high = SIDES[axis]
        total = f"max(({after} − 1)·{window.stride} + {window.span} − {before}, 0) = {lo + hi}"
        lines.append(
            f'<div class="sl-rule"><b>{axis}_out = ceil({before} / {window.stride}) = '
            f'<span class="sl-output">{after}</span></b> &nbsp; total padding <b>{total}</b>'
            f' → <span class="sl-padding">{low} {lo}, {high} {hi}</span></div>'
        )
    return "".join(lines)


def network_rule(trace: Trace) -> str:
    """One sentence on the size of a network, and the sizes that its image goes through."""
    chains = []
    for axis in ("L", "D", "H", "W"):
        sizes = _sizes_along(trace, axis)
        if sizes:
            kept = f"{sizes[0]} all the way" if len(sizes) == 1 else " → ".join(map(str, sizes))
            chains.append(f"{axis}: <b>{kept}</b>")
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
    cause = f'<div class="sl-rule">{escape(error.explanation)}.</div>' if error.explanation else ""
    return f'<div role="alert"><div class="sl-rule sl-failed">{head}</div>{cause}</div>'


def failure_said(trace: Trace, near: Mapping[str, tuple[int, ...]]) -> str:
    """Under the picture: which sizes work (the buttons follow), and what JAX itself said, folded."""
    error = trace.error
    if error is None:
        return ""
    said = f"<details><summary>What JAX said</summary><pre>{escape(error.message)}</pre></details>"
    sizes = "; ".join(f"{field} = {' or '.join(map(str, values))}" for field, values in near.items() if values)
    ways = f"The nearest sizes that work: <b>{sizes}</b>" if sizes else escape(error.remedy)
    return f'<div class="sl-failure">{ways}{said}</div>'


def shapes_table(trace: Trace, stage: Stage) -> str:
    """Input, kernel and output with their layouts, the padding of each side, parameters and MACs."""
    kernel = next((p for p in stage.parameters if len(p.shape) > 1), None)
    first = trace.inputs[trace.main]
    rows = [("input", "sl-input", shape_text(first.shape), layout_text(first.layout))]
    if kernel is not None:
        rows.append(("kernel", "sl-kernel", shape_text(kernel.shape), layout_text(kernel.layout)))
    if trace.outputs:
        last = trace.outputs[0]
        rows.append(("output", "sl-output", shape_text(last.shape), layout_text(last.layout)))
    body = "".join(
        f'<tr><td class="{role}">{name}</td><td class="{role} sl-mono">{shape}</td>'
        f'<td class="sl-quiet">{layout}</td></tr>'
        for name, role, shape, layout in rows
    )
    padding = f'<tr><td class="sl-padding">padding</td><td colspan="2">{padding_text(stage)}</td></tr>'
    costs = (
        f'<tr><td>parameters</td><td class="sl-mono" colspan="2">{trace.params:,}</td></tr>'
        f'<tr><td>MACs</td><td class="sl-mono" colspan="2" title="Multiply-accumulates, taps on padding included">'
        f"{trace.macs:,}</td></tr>"
    )
    return f'<table class="sl-table">{body}{padding}{costs}</table>'


def padding_text(stage: Stage) -> str:
    """``top 1, bottom 1, left 0, right 1``, or that nothing slides here."""
    if stage.windows is None:
        return '<span class="shapelab-padding sl-quiet">none: nothing slides here</span>'
    sides = []
    for axis, window, _, _ in _axes(stage):
        low, high = SIDES[axis]
        sides += [f"{low} {window.padding.lo}", f"{high} {window.padding.hi}"]
    fills = {FILLS[window.padding.fill] for window in stage.windows if window.padding.total} - {""}
    said = f' <span class="sl-quiet">{", ".join(sorted(fills))}</span>' if fills else ""
    return f'<span class="shapelab-padding sl-padding sl-mono">{", ".join(sides)}</span>{said}'


def unread_text(stage: Stage) -> str:
    """``H: 2 cells unread``, for the axes whose windows pass over cells; "" where every cell is read."""
    lost = [
        f"{axis}: {len(cells)} of {size} cells unread"
        for (axis, _, size, _), cells in zip(_axes(stage), stage.unread or (), strict=False)
        if cells
    ]
    return ", ".join(lost)


def stage_details(stage: Stage) -> str:
    """The windows of one stage as a table, its padding, cost and receptive field."""
    parts = [f'<div class="sl-heading">{escape(stage.name)}</div>']
    rows = "".join(
        f'<tr><td class="sl-mono">{axis}</td><td class="sl-mono sl-input">{before}</td>'
        f'<td class="sl-mono sl-kernel">{window.size} / {_step(window)}</td>'
        f'<td class="sl-mono sl-padding">{window.padding.lo} + {window.padding.hi}</td>'
        f'<td class="sl-mono sl-output">{after}</td></tr>'
        for axis, window, before, after in _axes(stage)
    )
    head = "<tr><th>axis</th><th>in</th><th>window / stride</th><th>padding</th><th>out</th></tr>"
    if rows:
        parts.append(f'<table class="sl-table sl-numbers">{head}{rows}</table>')
    given = ", ".join(shape_text(shape) for shape in stage.in_shapes)
    parts.append(
        f'<table class="sl-table"><tr><td>from</td><td class="sl-mono sl-input">{given}</td></tr>'
        f'<tr><td>to</td><td class="sl-mono sl-output">{shape_text(stage.out_shape)} '
        f'<span class="sl-quiet">{layout_text(stage.layout)}</span></td></tr>{_parameter_rows(stage)}'
        f"<tr><td class='sl-padding'>padding</td><td>{padding_text(stage)}</td></tr></table>"
    )
    parts.append(f'<div class="sl-facts">{lost}</div>' if (lost := unread_text(stage)) else "")
    facts = [f"{stage.params:,} parameters"] if stage.params else []
    facts += [f"{stage.macs:,} MACs"] if stage.macs else []
    if stage.receptive_field:
        facts.append(f"receptive field {_field_text(stage.receptive_field)}")
    parts.append(f'<div class="sl-facts">{" · ".join(facts)}</div>' if facts else "")
    if stage.couples_all:
        parts.append(
            '<div class="sl-quiet">Behind batch statistics: through the mean and variance every cell depends on the '
            "whole image; the receptive field counts windows alone.</div>"
        )
    return "".join(parts)


def code(text: str) -> str:
    """A call as code."""
    return f'<pre class="sl-code">{escape(text)}</pre>'


def heading(text: str) -> str:
    """A small heading."""
    return f'<div class="sl-heading">{escape(text)}</div>'


def notice(text: str) -> str:
    """Something that a person should know, without taking the page away."""
    return f'<div class="sl-notice-text" role="status">{escape(text)}</div>'


def waiting(shape: tuple[int, ...], layout: tuple[str, ...]) -> str:
    """The answer's place before the first trace has come."""
    left = _shape("sl-input", shape_text(shape), layout)
    return f'<div class="sl-answer">{left}<span class="sl-arrow">→</span><span class="sl-quiet">…</span></div>'


def arithmetic(lone: OneConvolution, values: Activations) -> str:
    """One output number taken apart: taps on padding, products, bias; beside what the module returned."""
    if any(values.input.shape[i] < before for i, (_, _, before, _) in enumerate(_axes(lone.stage))):
        return f'<div class="sl-quiet">One output in numbers: for inputs of up to {MOST} cells a side.</div>'
    result = values.stages[max(values.stages)]
    kernel = np.asarray(values.parameters[lone.kernel_path], np.float64)[..., 0]
    bias = sum(float(array[0]) for path, array in values.parameters.items() if path.endswith("bias"))
    cells = [window.taps(at, before) for (_, window, before, _), at in zip(_axes(lone.stage), lone.cell, strict=True)]
    products: list[tuple[float, float]] = []
    padded = 0
    for tap in np.ndindex(*kernel.shape[:-1]):
        source = tuple(axis[t] for axis, t in zip(cells, tap, strict=True))
        if None in source:
            padded += kernel.shape[-1]
        else:
            products += zip(values.input[source].astype(np.float64), kernel[tap], strict=True)
    total = sum(x * weight for x, weight in products) + bias
    said = float(result[(*lone.cell, 0)])
    terms = [f'<span class="sl-padding">{padded} × 0 from padding</span>'] if padded else []
    terms += [
        f'<span class="sl-input">{_signed(x)}</span>·<span class="sl-kernel">{_signed(weight)}</span>'
        for x, weight in products[:2]
    ]
    if len(products) > 2:
        terms.append(f"… {len(products) - 2} more")
    agrees = abs(total - said) <= 1e-4 * max(1.0, abs(said))
    index = ", ".join(map(str, (*lone.cell, 0)))
    return (
        f'<div class="sl-arithmetic">y[{index}] = {" + ".join(terms)} + bias {_signed(bias)} = '
        f'<b class="sl-output">{_signed(total, 4)}</b> <span class="sl-quiet"> &nbsp;the module says '
        f"{_signed(said, 4)} {'✓' if agrees else '✗'}</span></div>"
    )


def stage_options(trace: Trace) -> Mapping[str, int]:
    """One line a stage for a list: name and shape in two columns, numbered where a name comes again."""
    names = numbered(trace.stages)
    width = max((len(name) for name in names), default=0) + 2
    return {
        f"{name:<{width}}{shape_text(stage.out_shape)}".replace(" ", "\u00a0"): i
        for i, (name, stage) in enumerate(zip(names, trace.stages, strict=True))
    }


def _axes(stage: Stage) -> list[tuple[str, Window, int, int]]:
    """For each spatial axis of a stage that slides: its name, window, input and output size."""
    if stage.windows is None or stage.slides_over is None:
        return []
    places = [axis for axis, name in enumerate(stage.layout) if name in SPATIAL]
    return [
        (stage.layout[place], window, before, stage.out_shape[place])
        for place, window, before in zip(places, stage.windows, stage.slides_over, strict=True)
    ]


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


def _signed(number: float, digits: int = 2) -> str:
    return f"{number:.{digits}f}".replace("-", "−")
