"""What is said of a lone convolution, as HTML: the formulas, with the numbers of the trace in place."""

from __future__ import annotations

import numpy as np

from shapelab.engine.answers import Activations
from shapelab.explorers.pictures import OneConvolution
from shapelab.explorers.words import SIDES, axes_of, layout_text, padding_text, shape_text
from shapelab.geometry.pooling import MOST
from shapelab.tracing.records import Stage, Trace


def convolution_rule(stage: Stage) -> str:
    """The rule for the output size of each axis, and for its padding, with the numbers of this stage in place."""
    lines = []
    for axis, window, before, after in axes_of(stage):
        lo, hi = window.padding.lo, window.padding.hi
        low, high = SIDES[axis]
        total = f"max(({after} − 1)·{window.stride} + {window.span} − {before}, 0) = {lo + hi}"
        lines.append(
            f'<div class="sl-rule"><b>{axis}_out = ceil({before} / {window.stride}) = '
            f'<span class="sl-output">{after}</span></b> &nbsp; total padding <b>{total}</b>'
            f' → <span class="sl-padding">{low} {lo}, {high} {hi}</span></div>'
        )
    return "".join(lines)


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


def arithmetic(lone: OneConvolution, values: Activations) -> str:
    """One output number taken apart: taps on padding, products, bias; beside what the module returned."""
    if any(values.input.shape[i] < before for i, (_, _, before, _) in enumerate(axes_of(lone.stage))):
        return f'<div class="sl-quiet">One output in numbers: for inputs of up to {MOST} cells a side.</div>'
    result = values.stages[max(values.stages)]
    kernel = np.asarray(values.parameters[lone.kernel_path], np.float64)[..., 0]
    bias = sum(float(array[0]) for path, array in values.parameters.items() if path.endswith("bias"))
    cells = [window.taps(at, before) for (_, window, before, _), at in zip(axes_of(lone.stage), lone.cell, strict=True)]
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


def _signed(number: float, digits: int = 2) -> str:
    return f"{number:.{digits}f}".replace("-", "−")
