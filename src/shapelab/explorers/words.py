"""The live texts that all pictures share, as HTML. Every number in them is read from the trace."""

from __future__ import annotations

from html import escape

from shapelab.geometry import Fill, Window
from shapelab.tracing.records import SPATIAL, Stage, Trace

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


def padding_text(stage: Stage) -> str:
    """``top 1, bottom 1, left 0, right 1``, or that nothing slides here."""
    if stage.windows is None:
        return '<span class="shapelab-padding sl-quiet">none: nothing slides here</span>'
    sides = []
    for axis, window, _, _ in axes_of(stage):
        low, high = SIDES[axis]
        sides += [f"{low} {window.padding.lo}", f"{high} {window.padding.hi}"]
    fills = {FILLS[window.padding.fill] for window in stage.windows if window.padding.total} - {""}
    said = f' <span class="sl-quiet">{", ".join(sorted(fills))}</span>' if fills else ""
    return f'<span class="shapelab-padding sl-padding sl-mono">{", ".join(sides)}</span>{said}'


def axes_of(stage: Stage) -> list[tuple[str, Window, int, int]]:
    """For each spatial axis of a stage that slides: its name, window, input and output size."""
    if stage.windows is None or stage.slides_over is None:
        return []
    places = [axis for axis, name in enumerate(stage.layout) if name in SPATIAL]
    return [
        (stage.layout[place], window, before, stage.out_shape[place])
        for place, window, before in zip(places, stage.windows, stage.slides_over, strict=True)
    ]


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
