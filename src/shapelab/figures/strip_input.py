"""The padded sequence of a 1-D convolution: its cells, zeros between them, padding, cells left unread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shapelab.figures.canvas import Canvas
from shapelab.figures.coverage import reads
from shapelab.figures.grids import OWN_EDGE, Plane, cells, crossed_out
from shapelab.figures.numbers import has_room, numbers, write_zeros
from shapelab.figures.padding import hatching, padding
from shapelab.figures.theme import LIGHT
from shapelab.geometry.padding import Fill
from shapelab.geometry.pooling import MOST_CHANNELS, pooling_factor

if TYPE_CHECKING:
    from shapelab.figures.window_strip import Strip

Array = np.ndarray[Any, Any]


def draw_input(canvas: Canvas, shown: Strip, plane: Plane) -> None:
    """Everything that lies on and around the padded plane."""
    axis, lo = shown.axis, shown.window.padding.lo
    inner = plane.part((0, lo), (plane.rows, axis.spread))
    values, limits = _values(shown, plane.rows)
    whole = values is not None and values.shape[1] == axis.n_in
    padded = _padded(shown, values) if values is not None and whole else None
    repeats = bool(shown.window.padding.total) and shown.window.padding.fill is not Fill.CONSTANT
    over = repeats and padded is not None and not shown.coverage
    if over:  # the values of the cells that the padding repeats, under the hatching to come
        cells(canvas, plane, padded, role="input", name="padding", says="", limits=limits, blocks=(1, 1), whole=True)
        canvas.tips.pop()  # the view tells where a value comes from
    _draw_cells(canvas, shown, inner, values, limits)
    widened = padding(canvas, plane, (0, lo), (plane.rows, axis.spread), over=over)
    if padded is not None and limits is not None and has_room(plane):
        _draw_numbers(canvas, shown, plane, padded, limits)
    unread = crossed_out(canvas, inner, [(), shown.window.unread(axis.n_in)], (1, shown.window.base_dilation))
    _draw_words(canvas, shown, plane, unread, widened)


def _values(shown: Strip, rows: int) -> tuple[Array | None, tuple[float, float] | None]:
    """What the cells hold, (C, L), thinned where there are many, and the numbers drawn palest and fullest."""
    if shown.coverage:
        counts = reads(shown.window, shown.axis.n_in, shown.axis.n_out)[0].astype(np.float32)
        return np.tile(counts, (rows, 1)), (0.0, float(max(counts.max(), 1)))
    values = shown.input
    if values is None or not np.isfinite(values).any():
        return None, None
    finite = values[np.isfinite(values)]
    return values.T, (float(finite.min()), float(finite.max()))


def _draw_cells(
    canvas: Canvas, shown: Strip, inner: Plane, values: Array | None, limits: tuple[float, float] | None
) -> None:
    """The sequence's own cells; where zeros stand between them and cells are large enough, those are hatched."""
    length, step = shown.axis.n_in, shown.window.base_dilation
    says = "reads of input cell" if shown.coverage else "input"
    blocks = (1, pooling_factor(length))
    named: dict[str, Any] = {"role": "input", "name": "input", "says": says}
    if step == 1:
        cells(canvas, inner, values, **named, limits=limits, blocks=blocks)
    elif inner.cell[0] < OWN_EDGE or blocks[1] > 1:
        drawn = Plane(inner.corner, (inner.cell[0] * step, inner.cell[1]), inner.rows, length)
        cells(canvas, drawn, values, **named, limits=limits, blocks=blocks, whole=True)
    else:
        right, bottom = inner.place(inner.rows, inner.columns)
        canvas.rectangle(inner.corner, (inner.width, inner.height), fill=LIGHT.panel, below=True)
        path = hatching((*inner.corner, right, bottom))
        canvas.path(path, line=LIGHT.padding, width=1, below=True, opacity=0.5)
        spread = np.full((inner.rows, inner.columns), np.nan, np.float32)
        spread[:, ::step] = 0.0 if values is None else values
        cells(canvas, inner, spread, **named, limits=limits or (0.0, 1.0), blocks=(1, 1))


def _padded(shown: Strip, values: Array) -> Array:
    """The padded plane's values: nan where a cell holds a constant or a zero between cells."""
    sources = shown.axis.sources().astype(int)
    found: Array = values[:, sources].astype(np.float32)
    found[:, sources < 0] = np.nan
    return found


def _draw_numbers(canvas: Canvas, shown: Strip, plane: Plane, padded: Array, limits: tuple[float, float]) -> None:
    lo, end = shown.window.padding.lo, shown.window.padding.lo + shown.axis.spread
    shows = padded
    if shown.coverage:  # a repeated cell's reads are counted where it comes from
        shows = np.full_like(padded, np.nan)
        shows[:, lo:end] = padded[:, lo:end]
    zeros = np.argwhere(np.isnan(shows))
    crossed = np.isin(shown.axis.sources(), shown.window.unread(shown.axis.n_in))
    numbers(canvas, plane, np.where(crossed, np.nan, shows), role="input", limits=limits)
    if not shown.coverage:
        between = (zeros[:, 1] >= lo) & (zeros[:, 1] < end)
        write_zeros(canvas, plane, zeros[~between], ground=LIGHT.padding_tint)
        write_zeros(canvas, plane, zeros[between], ground=LIGHT.panel)


def _draw_words(canvas: Canvas, shown: Strip, plane: Plane, unread: str, widened: bool) -> None:
    (length, channels), axis = shown.input_shape, shown.axis
    lo, hi = shown.window.padding.lo, shown.window.padding.hi
    middle, (left, top) = plane.corner[1] + plane.height / 2, plane.corner
    if lo:
        canvas.text((left - 9, middle), f"{lo}", colour=LIGHT.padding_text, mono=True, anchor="right")
    if hi:
        right = left + plane.width + 9
        canvas.text((right, middle), f"{hi}", colour=LIGHT.padding_text, mono=True, anchor="left")
    wide, spread = canvas.width > 500, axis.window.base_dilation > 1
    sides = f": {lo} left, {hi} right" if wide or not spread else ""
    title = [
        f"input {length}",
        channels_as_rows(channels) if wide and not shown.coverage else "",
        f"spread to {axis.spread} with zeros between"
        if spread and wide
        else f"spread to {axis.spread}"
        if spread
        else "",
        f"padded to {plane.columns}{sides}" if lo + hi else "no padding",
    ]
    block = pooling_factor(length)
    notes = [
        "how often each cell is read" if shown.coverage else "",
        f"each cell the largest of {block}" if block > 1 else "",
        "padding drawn wider" if widened else "",
        unread,
    ]
    lines = canvas.flowed(notes, 12, canvas.width)
    canvas.text((canvas.width / 2, top - 20 - 16 * len(lines)), ", ".join(filter(None, title)))
    for line, note in enumerate(reversed(lines)):
        canvas.text((canvas.width / 2, top - 18 - 16 * line), note, size=12)


def channels_as_rows(count: int) -> str:
    """How many channels are drawn as rows."""
    if count > MOST_CHANNELS:
        return f"the first {MOST_CHANNELS} of {count} channels as rows"
    return f"{count} channels as rows" if count > 1 else "1 channel"
