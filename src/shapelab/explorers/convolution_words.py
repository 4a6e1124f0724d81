"""What is said of a lone convolution, as HTML: the formulas, with the numbers of the trace in place.

Words of class ``sl-point`` light their part of the picture (``data-point``) while they are hovered or focused.
"""

from __future__ import annotations

from html import escape

from shapelab.explorers.cell_arithmetic import arithmetic
from shapelab.explorers.pictures import padding_mode
from shapelab.explorers.words import FILLS, SIDES, axes_of, shape_text
from shapelab.geometry import Window
from shapelab.tracing.records import Parameter, Stage, Trace

__all__ = ["arithmetic", "convolution_rule", "point", "shapes_table"]

ROLES = {"input": "sl-input", "output": "sl-output", "stride": "sl-kernel", "kernel": "sl-kernel"}


def point(part: str, text: str, role: str = "") -> str:
    """Words that point at a part of the picture."""
    css = " ".join(filter(None, ("sl-point", role)))
    return f'<span class="{css}" data-point="{escape(part)}" tabindex="0">{text}</span>'


def convolution_rule(stage: Stage) -> str:
    """The rule for the output size of each axis, and for its padding, with the numbers of this stage in place."""
    return "".join(
        f'<div class="sl-rule"><b>{axis}_out = {_size(stage, axis, window, before, after)}</b> &nbsp; '
        f"{_total(stage, axis, window, before, after)} → {_sides(axis, window)}</div>"
        for axis, window, before, after in axes_of(stage)
    )


def _size(stage: Stage, axis: str, window: Window, before: int, after: int) -> str:
    """How the output size comes about; each number points at what it counts."""
    n, out = point("input", str(before), "sl-input"), point("output", str(after), "sl-output")
    stride, span = point(f"stride-{axis}", str(window.stride)), _span(axis, window)
    lo, hi = (point(f"{end}-{axis}", str(getattr(window.padding, end)), "sl-padding") for end in ("lo", "hi"))
    if stage.op == "conv_transpose":
        spread = f"({n} − 1)·{window.base_dilation} + 1"
        return f"{spread} + {lo} + {hi} − {span} + 1 = {out}{_span_said(window)}"
    if padding_mode(stage) in ("SAME", "SAME_LOWER"):
        return f"ceil({n} / {stride}) = {out}"
    return f"floor(({n} + {lo} + {hi} − {span}) / {stride}) + 1 = {out}{_span_said(window)}"


def _span(axis: str, window: Window) -> str:
    return point(f"kernel-{axis}", str(window.span), "sl-kernel")


def _span_said(window: Window) -> str:
    """Where taps lie apart, how many cells they span."""
    if window.dilation == 1:
        return ""
    return f'<span class="sl-quiet">, span ({window.size} − 1)·{window.dilation} + 1 = {window.span}</span>'


def _total(stage: Stage, axis: str, window: Window, before: int, after: int) -> str:
    """Why there is as much padding as there is."""
    mode = padding_mode(stage)
    if stage.op == "conv_transpose":
        return f"{window.spread_size(before)} cells once spread, padding"
    if mode not in ("SAME", "SAME_LOWER"):
        return f"{mode} padding"
    total = f"max(({after} − 1)·{window.stride} + {_span(axis, window)} − {before}, 0) = {window.padding.total}"
    return f"total padding <b>{total}</b>{_span_said(window)}"


def _sides(axis: str, window: Window) -> str:
    low, high = SIDES[axis]
    before = point(f"lo-{axis}", f"{low} {window.padding.lo}", "sl-padding")
    after = point(f"hi-{axis}", f"{high} {window.padding.hi}", "sl-padding")
    return f'<span class="sl-padding">{before}, {after}</span>'


def shapes_table(trace: Trace, stage: Stage) -> str:
    """Input, kernel and output with their layouts, the padding of each side, parameters and MACs."""
    kernel = next((p for p in stage.parameters if len(p.shape) > 1), None)
    bias = next((p for p in trace.parameters if len(p.shape) == 1 and p.path.endswith("bias")), None)
    first = trace.inputs[trace.main]
    rows = [_row("input", shape_text(first.shape), ", ".join(name or "·" for name in first.layout))]
    if kernel is not None:
        rows.append(_row("kernel", shape_text(kernel.shape), _kernel_layout(kernel)))
        groups = first.shape[-1] // kernel.shape[-2] if kernel.layout[-2:] == ("I", "O") else 1
        if groups > 1:
            rows.append(f"<tr><td>groups</td>{_wide(f'{groups}: I = {first.shape[-1]} / {groups}')}</tr>")
        rows.append(_row("bias", shape_text(bias.shape), "O") if bias else f"<tr><td>bias</td>{_wide('none')}</tr>")
    if trace.outputs:
        last = trace.outputs[0]
        rows.append(_row("output", shape_text(last.shape), ", ".join(name or "·" for name in last.layout)))
    costs = (
        f'<tr><td class="sl-padding">padding</td><td colspan="2">{_padding(stage)}</td></tr>'
        f"<tr><td>parameters</td>{_wide(f'{trace.params:,}')}</tr>"
        f'<tr title="Multiply-accumulates, taps on padding included"><td>MACs</td>{_wide(f"{trace.macs:,}")}</tr>'
    )
    return f'<table class="sl-table">{"".join(rows)}{costs}</table>'


def _row(name: str, shape: str, layout: str) -> str:
    role = ROLES.get(name, "sl-kernel" if name == "bias" else "")
    said = point(name, name, role) if name in ROLES else name
    cells = f'<td class="{role}">{said}</td><td class="{role} sl-mono">{shape}</td><td class="sl-quiet">{layout}</td>'
    return f"<tr>{cells}</tr>"


def _wide(text: str) -> str:
    return f'<td class="sl-mono" colspan="2">{text}</td>'


def _kernel_layout(kernel: Parameter) -> str:
    """The kernel's axes, each of which points at its own."""
    return ", ".join(point(f"kernel-{name}", name) if name else "·" for name in kernel.layout)


def _padding(stage: Stage) -> str:
    """``top 1, bottom 1, left 0, right 1``, each side pointing at itself, and what the cells hold."""
    sides = []
    for axis, window, _, _ in axes_of(stage):
        low, high = SIDES[axis]
        sides.append(point(f"lo-{axis}", f"{low} {window.padding.lo}"))
        sides.append(point(f"hi-{axis}", f"{high} {window.padding.hi}"))
    fills = {FILLS[window.padding.fill] for _, window, _, _ in axes_of(stage) if window.padding.total} - {""}
    said = f' <span class="sl-quiet">{", ".join(sorted(fills))}</span>' if fills else ""
    return f'<span class="shapelab-padding sl-padding sl-mono">{", ".join(sides)}</span>{said}'
