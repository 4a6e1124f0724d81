"""The padded input of a 2-D convolution: its cells, zeros between them, padding and its amounts, cells left unread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shapelab.figures.canvas import Canvas, Point
from shapelab.figures.coverage import reads
from shapelab.figures.grids import OWN_EDGE, Plane, blocks_of, cells, crossed_out, thinned_note
from shapelab.figures.numbers import has_room, numbers, write_zeros
from shapelab.figures.padding import hatching, padding
from shapelab.figures.theme import LIGHT
from shapelab.geometry.padding import Fill

if TYPE_CHECKING:
    from shapelab.figures.window_grid import Convolution

Array = np.ndarray[Any, Any]
SHEETS = 3  # channels behind the first that are hinted at


def sheets(canvas: Canvas, plane: Plane, depth: int, colour: str) -> None:
    """Hint at the channels behind the one that is shown."""
    for k in range(min(depth - 1, SHEETS), 0, -1):
        x, y = plane.corner[0] + 5 * k, plane.corner[1] - 5 * k
        right, bottom = x + plane.width, y + plane.height
        canvas.open_line(
            [(x, y + 5), (x, y), (right, y), (right, bottom), (right - 5, bottom)], line=colour, opacity=0.75 - 0.18 * k
        )


def draw_input(canvas: Canvas, shown: Convolution, plane: Plane) -> None:
    """Everything that lies on and around the padded plane."""
    (top, _), (left, _) = ((w.padding.lo, w.padding.hi) for w in shown.windows)
    size = (shown.axes[0].spread, shown.axes[1].spread)
    inner = plane.part((top, left), size)
    sheets(canvas, inner, shown.input_shape[2], LIGHT.input)
    values, limits = _values(shown)
    repeated = _draw_repeated(canvas, shown, plane, values, limits)
    _draw_cells(canvas, shown, inner, values, limits)
    widened = padding(canvas, plane, (top, left), size, over=repeated)
    _draw_numbers(canvas, shown, plane, values, limits)
    unread = crossed_out(canvas, inner, [axis.window.unread(axis.n_in) for axis in shown.axes], steps=_steps(shown))
    _draw_words(canvas, shown, plane, unread, widened)


def _steps(shown: Convolution) -> tuple[int, int]:
    h, w = (window.base_dilation for window in shown.windows)
    return h, w


def _values(shown: Convolution) -> tuple[Array | None, tuple[float, float] | None]:
    """What the cells hold, thinned where there are many, and the numbers drawn palest and fullest."""
    if shown.coverage:
        counts = np.outer(*(reads(axis.window, axis.n_in, axis.n_out)[0] for axis in shown.axes)).astype(np.float32)
        return counts, (0.0, float(max(counts.max(), 1)))
    values = shown.input
    if values is None or not np.isfinite(values).any():
        return None, None
    finite = values[np.isfinite(values)]
    return values, (float(finite.min()), float(finite.max()))


def _draw_cells(
    canvas: Canvas, shown: Convolution, inner: Plane, values: Array | None, limits: tuple[float, float] | None
) -> None:
    """The input's own cells; where zeros stand between them and cells are large enough, those are hatched."""
    size, steps = shown.input_shape[:2], _steps(shown)
    says = "reads of input cell" if shown.coverage else f"input, channel {shown.channels[0]}"
    drawn = Plane(inner.corner, (inner.cell[0] * steps[1], inner.cell[1] * steps[0]), size[0], size[1])
    if max(steps) == 1:
        cells(canvas, inner, values, role="input", name="input", says=says, limits=limits)
    elif min(inner.cell) < OWN_EDGE or blocks_of(size) != (1, 1):
        cells(canvas, drawn, values, role="input", name="input", says=says, limits=limits, whole=True)
    else:
        right, bottom = inner.place(inner.rows, inner.columns)
        canvas.rectangle(inner.corner, (inner.width, inner.height), fill=LIGHT.panel, below=True)
        path = hatching((*inner.corner, right, bottom))
        canvas.path(path, line=LIGHT.padding, width=1, below=True, opacity=0.5)
        spread = np.full((inner.rows, inner.columns), np.nan, np.float32)
        spread[:: steps[0], :: steps[1]] = 0.0 if values is None else values
        cells(canvas, inner, spread, role="input", name="input", says=says, limits=limits or (0.0, 1.0))


def _draw_repeated(
    canvas: Canvas, shown: Convolution, plane: Plane, values: Array | None, limits: tuple[float, float] | None
) -> bool:
    """Wrapped or mirrored padding: the values of the cells that it repeats, under the hatching to come."""
    fills = {window.padding.fill for window in shown.windows if window.padding.total}
    if values is None or shown.coverage or not fills - {Fill.CONSTANT} or values.shape != shown.input_shape[:2]:
        return False
    cells(canvas, plane, _padded(shown, values), role="input", name="padding", says="", limits=limits, whole=True)
    canvas.tips.pop()  # the view tells where a value comes from
    return True


def _padded(shown: Convolution, values: Array) -> Array:
    """The padded plane's values: nan where a cell holds a constant or a zero between cells."""
    rows, columns = (axis.sources().astype(int) for axis in shown.axes)
    found: Array = values[np.ix_(rows, columns)].astype(np.float32)
    found[rows < 0], found[:, columns < 0] = np.nan, np.nan
    return found


def _draw_numbers(
    canvas: Canvas, shown: Convolution, plane: Plane, values: Array | None, limits: tuple[float, float] | None
) -> None:
    if values is None or limits is None or not has_room(plane) or values.shape != shown.input_shape[:2]:
        return
    shows = _padded(shown, values)
    if shown.coverage:  # a repeated cell's reads are counted where it comes from
        (top, _), (left, _) = ((w.padding.lo, w.padding.hi) for w in shown.windows)
        inner = np.full_like(shows, np.nan)
        place = slice(top, top + shown.axes[0].spread), slice(left, left + shown.axes[1].spread)
        inner[place] = shows[place]
        shows = inner
    zeros = np.argwhere(np.isnan(shows))
    lost = [np.isin(axis.sources(), axis.window.unread(axis.n_in)) for axis in shown.axes]
    crossed = lost[0][:, None] | lost[1][None, :]
    numbers(canvas, plane, np.where(crossed, np.nan, shows), role="input", limits=limits)
    if not shown.coverage:
        between = _between(shown, zeros)
        write_zeros(canvas, plane, zeros[~between], ground=LIGHT.padding_tint)
        write_zeros(canvas, plane, zeros[between], ground=LIGHT.panel)


def _between(shown: Convolution, places: Array) -> Array:
    """Which padded places lie within the spread input."""
    starts = np.array([window.padding.lo for window in shown.windows])
    ends = starts + np.array([axis.spread for axis in shown.axes])
    found: Array = np.all((places >= starts) & (places < ends), axis=1)
    return found


def _draw_words(canvas: Canvas, shown: Convolution, plane: Plane, unread: str, widened: bool) -> None:
    (top, bottom), (left, right) = ((w.padding.lo, w.padding.hi) for w in shown.windows)
    height, width, depth = shown.input_shape
    h, w = shown.axes
    x, y = plane.corner
    room = 2 * min(x + plane.width / 2, canvas.width - x - plane.width / 2)
    channel = f"channel {shown.channels[0]} of {depth}" if depth > 1 and not shown.coverage else ""
    spread = f"spread to {h.spread} × {w.spread}" if max(_steps(shown)) > 1 else ""
    padded = f"padded to {plane.rows} × {plane.columns}" if top + bottom + left + right else "no padding"
    title = ", ".join(filter(None, [f"input {height} × {width}", spread or channel, padded]))
    fits = canvas.width_of(title, 13) <= room
    title_y = y - (42 if top else 26) - 5 * min(depth - 1, SHEETS) * (not top)
    canvas.text((x + plane.width / 2, title_y), title if fits else f"input {height} × {width}, {padded}")
    if top:
        _amount(canvas, (x + plane.width / 2, y - 14), f"{top} top")
    if bottom:
        _amount(canvas, (x + plane.width / 2, y + plane.height + 14), f"{bottom} bottom")
    if left:
        _amount(canvas, (x - 9, y + plane.height / 2), str(left), anchor="right")
    if right:
        _amount(canvas, (x + plane.width + 9, y + plane.height / 2), str(right), anchor="left")
    notes = [
        "" if fits or not spread else spread,
        "zeros between the cells" if spread else "",
        channel if spread or not fits else "",
        "how often each cell is read" if shown.coverage else "",
        thinned_note(plane.part((0, 0), (height, width))),
        "padding drawn wider" if widened else "",
        unread,
    ]
    below = y + plane.height + (33 if bottom else 17)
    for line, note in enumerate(canvas.flowed(notes, 12, room)):
        canvas.text((x + plane.width / 2, below + 15 * line), note, size=12)


def _amount(canvas: Canvas, at: Point, text: str, anchor: str = "center") -> None:
    canvas.text(at, text, colour=LIGHT.padding_text, mono=True, anchor=anchor)
