"""A 2-D convolution: the padded input with its window, the kernel, and the output, cell by cell or block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.figures.canvas import Canvas, Point, Spec
from shapelab.figures.grids import Plane, blocks_of, cells, crosses
from shapelab.figures.padding import padding
from shapelab.figures.theme import LIGHT
from shapelab.geometry import Window

Array = np.ndarray[Any, Any]
SHEETS = 3  # channels behind the first that are hinted at
SMALLEST_CROSSED = 6.0  # pixels of a cell


@dataclass(frozen=True)
class Convolution:
    """What the picture shows.

    Attributes:
      windows: of H and W.
      input_shape: (H, W, C).
      output_shape: (H, W, C).
      kernel_shape: (kh, kw, I, O).
      input: one channel of the values, thinned by ``pooling_factor`` of H and W, or None while they are computed.
      kernel: one pair of channels (kh, kw), or None.
      output: one channel, thinned likewise, or None.
      cell: the output cell whose window is drawn.
      channels: which input and output channel is shown.
    """

    windows: tuple[Window, Window]
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    input: Array | None
    kernel: Array | None
    output: Array | None
    cell: tuple[int, int]
    channels: tuple[int, int] = (0, 0)


def window_grid(shown: Convolution, *, narrow: bool = False) -> Spec:
    """The picture: input, kernel and output side by side, or one under the other where the page is narrow."""
    canvas = Canvas(420, 776) if narrow else Canvas(860, 500)
    padded, kernel, output = _narrow_planes(shown) if narrow else _wide_planes(shown)
    _draw_input(canvas, shown, padded)
    _draw_kernel(canvas, shown, kernel)
    _draw_output(canvas, shown, output)
    _draw_window(canvas, shown, padded, kernel, output, narrow)
    return canvas.spec(_words(shown), _meta(shown, padded, output))


def _padded_size(shown: Convolution) -> tuple[int, int]:
    h, w = (window.padded_size(n) for window, n in zip(shown.windows, shown.input_shape, strict=False))
    return h, w


def _kernel_size(shown: Convolution) -> tuple[int, int]:
    return shown.kernel_shape[0], shown.kernel_shape[1]


def _output_size(shown: Convolution) -> tuple[int, int]:
    return shown.output_shape[0], shown.output_shape[1]


def _wide_planes(shown: Convolution) -> tuple[Plane, Plane, Plane]:
    padded = Plane.fitted(_padded_size(shown), centre=(225, 250), room=(370, 360), most=40)
    side = min(padded.cell)
    kernel = Plane.fitted(_kernel_size(shown), centre=(515, 250), room=(120, 250), most=min(36.0, max(side, 14.0)))
    output = Plane.fitted(_output_size(shown), centre=(722, 250), room=(200, 250), most=max(side, 18.0))
    return padded, kernel, output


def _narrow_planes(shown: Convolution) -> tuple[Plane, Plane, Plane]:
    padded = Plane.fitted(_padded_size(shown), centre=(210, 235), room=(330, 350), most=36)
    kernel = Plane.fitted(_kernel_size(shown), centre=(105, 601), room=(130, 170), most=30)
    output = Plane.fitted(_output_size(shown), centre=(308, 601), room=(170, 190), most=max(min(padded.cell), 14.0))
    return padded, kernel, output


def _sheets(canvas: Canvas, plane: Plane, depth: int, colour: str) -> None:
    """Hint at the channels behind the one that is shown."""
    for k in range(min(depth - 1, SHEETS), 0, -1):
        x, y = plane.corner[0] + 5 * k, plane.corner[1] - 5 * k
        right, bottom = x + plane.width, y + plane.height
        canvas.open_line(
            [(x, y + 5), (x, y), (right, y), (right, bottom), (right - 5, bottom)], line=colour, opacity=0.75 - 0.18 * k
        )


def _draw_input(canvas: Canvas, shown: Convolution, plane: Plane) -> None:
    (top, bottom), (left, right) = ((w.padding.lo, w.padding.hi) for w in shown.windows)
    height, width, depth = shown.input_shape
    inner = plane.part((top, left), (height, width))
    _sheets(canvas, inner, depth, LIGHT.input)
    cells(canvas, inner, shown.input, role="input", name="input", says=f"input, channel {shown.channels[0]}")
    widened = padding(canvas, plane, (top, left), (height, width))
    unread = _draw_unread(canvas, shown, inner)
    x, y = plane.corner
    channel = f", channel {shown.channels[0]} of {depth}" if depth > 1 else ""
    title_y = y - (42 if top else 26) - 5 * min(depth - 1, SHEETS) * (not top)
    padded = f", padded to {plane.rows} × {plane.columns}" if top + bottom + left + right else ", no padding"
    canvas.text((x + plane.width / 2, title_y), f"input {height} × {width}{channel}{padded}")
    if top:
        _amount(canvas, (x + plane.width / 2, y - 14), f"{top} top")
    if bottom:
        _amount(canvas, (x + plane.width / 2, y + plane.height + 14), f"{bottom} bottom")
    if left:
        _amount(canvas, (x - 9, y + plane.height / 2), str(left), anchor="right")
    if right:
        _amount(canvas, (x + plane.width + 9, y + plane.height / 2), str(right), anchor="left")
    drawn = ", ".join(filter(None, [_thinned(inner), "padding drawn wider" if widened else ""]))
    below = y + plane.height + (34 if bottom else 17)
    for line, note in enumerate(filter(None, [drawn, unread])):
        canvas.text((x + plane.width / 2, below + 16 * line), note, size=12)


def _amount(canvas: Canvas, at: Point, text: str, anchor: str = "center") -> None:
    canvas.text(at, text, colour=LIGHT.padding_text, mono=True, anchor=anchor)


def _thinned(plane: Plane) -> str:
    """What a drawn cell is where it is not a cell; "" where it is."""
    down, across = (min(n, block) for n, block in zip((plane.rows, plane.columns), _blocks(plane), strict=True))
    return f"each cell the largest of {down} × {across}" if down * across > 1 else ""


def _blocks(plane: Plane) -> tuple[int, ...]:
    return blocks_of((plane.rows, plane.columns))


def _draw_unread(canvas: Canvas, shown: Convolution, inner: Plane) -> str:
    """Cross out the cells that no window reads; where they are too small for a cross, return words that count them."""
    rows, columns = (set(w.unread(n)) for w, n in zip(shown.windows, (inner.rows, inner.columns), strict=True))
    if not rows and not columns:
        return ""
    if min(inner.cell) < SMALLEST_CROSSED:
        lost = [f"{len(n)} {name}" for n, name in ((rows, "rows"), (columns, "columns")) if n]
        return f"no window reads {' and '.join(lost)}"
    centres = [
        inner.place(row + 0.5, column + 0.5)
        for row in range(inner.rows)
        for column in range(inner.columns)
        if row in rows or column in columns
    ]
    crosses(canvas, centres, min(inner.cell) * 0.32)
    return ""


def _draw_kernel(canvas: Canvas, shown: Convolution, plane: Plane) -> None:
    said = f"weight, channel {shown.channels[0]} to {shown.channels[1]}"
    cells(canvas, plane, shown.kernel, role="kernel", name="kernel", says=said)
    middle = plane.corner[0] + plane.width / 2
    canvas.text((middle, plane.corner[1] - 18), f"kernel {plane.rows} × {plane.columns}")
    shape = ", ".join(map(str, shown.kernel_shape))
    canvas.text((middle, plane.corner[1] + plane.height + 17), f"HWIO ({shape})", size=12, mono=True)


def _draw_output(canvas: Canvas, shown: Convolution, plane: Plane) -> None:
    depth = shown.output_shape[2]
    _sheets(canvas, plane, depth, LIGHT.output)
    cells(canvas, plane, shown.output, role="output", name="output", says=f"output, channel {shown.channels[1]}")
    middle = plane.corner[0] + plane.width / 2
    lift = 18 + 5 * min(depth - 1, SHEETS)
    canvas.text((middle, plane.corner[1] - lift), f"output {plane.rows} × {plane.columns}")
    notes = [f"channel {shown.channels[1]} of {depth}" if depth > 1 else "", _thinned(plane)]
    for line, note in enumerate(filter(None, notes)):
        canvas.text((middle, plane.corner[1] + plane.height + 17 + 16 * line), note, size=12)


def _draw_window(canvas: Canvas, shown: Convolution, padded: Plane, kernel: Plane, output: Plane, narrow: bool) -> None:
    rows, columns = shown.windows
    row, column = shown.cell
    corner = padded.place(row * rows.stride, column * columns.stride)
    size = (padded.cell[0] * columns.span, padded.cell[1] * rows.span)
    canvas.rectangle(corner, size, line=LIGHT.kernel, width=2.5)
    cell = output.place(row, column)
    canvas.rectangle(cell, output.cell, line=LIGHT.kernel, width=2.5)
    if narrow:
        return
    window_right = (corner[0] + size[0], corner[1] + size[1] / 2)
    canvas.link(window_right, (kernel.corner[0] - 6, kernel.corner[1] + kernel.height / 2), colour=LIGHT.kernel)
    canvas.link(
        (kernel.corner[0] + kernel.width + 6, kernel.corner[1] + kernel.height / 2),
        (cell[0], cell[1] + output.cell[1] / 2),
        colour=LIGHT.kernel,
    )


def _words(shown: Convolution) -> str:
    (top, bottom), (left, right) = ((w.padding.lo, w.padding.hi) for w in shown.windows)
    return (
        f"Convolution: input {shown.input_shape}, padded {top} top, {bottom} bottom, {left} left, {right} right; "
        f"kernel {shown.kernel_shape}, stride {shown.windows[0].stride} by {shown.windows[1].stride}; "
        f"output {shown.output_shape}."
    )


def _meta(shown: Convolution, padded: Plane, output: Plane) -> Spec:
    """Where the grids lie, for the view to light windows under the pointer without asking anyone."""
    rows, columns = shown.windows
    return {
        "kind": "window_grid",
        "padded": padded.meta(),
        "output": output.meta(),
        "stride": (rows.stride, columns.stride),
        "span": (rows.span, columns.span),
        "cell": shown.cell,
    }
