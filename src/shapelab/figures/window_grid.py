"""A 2-D convolution: the padded input with its window, the kernel, and the output, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.figures.canvas import Canvas, Point, Spec
from shapelab.figures.theme import LIGHT
from shapelab.geometry import Window

Array = np.ndarray[Any, Any]
SHEETS = 3  # channels behind the first that are hinted at


@dataclass(frozen=True)
class Plane:
    """A grid of cells on the sheet, one channel of a tensor in front of hinted others."""

    corner: Point
    cell: float
    rows: int
    columns: int

    @property
    def width(self) -> float:
        """Pixels across."""
        return self.cell * self.columns

    @property
    def height(self) -> float:
        """Pixels down."""
        return self.cell * self.rows

    def place(self, row: float, column: float) -> Point:
        """The top left corner of a cell."""
        return self.corner[0] + self.cell * column, self.corner[1] + self.cell * row


@dataclass(frozen=True)
class Convolution:
    """What the picture shows.

    Attributes:
      windows: of H and W.
      input_shape: (H, W, C).
      output_shape: (H, W, C).
      kernel_shape: (kh, kw, I, O).
      input: one channel (H, W) of the values, or None while they are computed.
      kernel: one pair of channels (kh, kw), or None.
      output: one channel (H, W), or None.
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
    canvas = Canvas(420, 760) if narrow else Canvas(860, 500)
    padded, kernel, output = _narrow_planes(shown) if narrow else _wide_planes(shown)
    _draw_input(canvas, shown, padded)
    _draw_kernel(canvas, shown, kernel, narrow)
    _draw_output(canvas, shown, output, narrow)
    _draw_window(canvas, shown, padded, kernel, output, narrow)
    return canvas.spec(_words(shown), _meta(shown, padded, output))


def _padded_size(shown: Convolution) -> tuple[int, int]:
    h, w = (window.padded_size(n) for window, n in zip(shown.windows, shown.input_shape, strict=False))
    return h, w


def _wide_planes(shown: Convolution) -> tuple[Plane, Plane, Plane]:
    (ph, pw), (oh, ow), (kh, kw) = _padded_size(shown), shown.output_shape[:2], shown.kernel_shape[:2]
    cell = min(40.0, 360 / ph, 370 / pw)
    out_cell = min(max(cell, 18.0), 250 / oh, 200 / ow)
    kernel_cell = min(36.0, max(cell, 14.0), 120 / kw, 250 / kh)
    padded = Plane((225 - cell * pw / 2, 250 - cell * ph / 2), cell, ph, pw)
    kernel = Plane((515 - kernel_cell * kw / 2, 250 - kernel_cell * kh / 2), kernel_cell, kh, kw)
    output = Plane((722 - out_cell * ow / 2, 250 - out_cell * oh / 2), out_cell, oh, ow)
    return padded, kernel, output


def _narrow_planes(shown: Convolution) -> tuple[Plane, Plane, Plane]:
    (ph, pw), (oh, ow), (kh, kw) = _padded_size(shown), shown.output_shape[:2], shown.kernel_shape[:2]
    cell = min(36.0, 350 / ph, 330 / pw)
    padded = Plane((210 - cell * pw / 2, 235 - cell * ph / 2), cell, ph, pw)
    kernel_cell = min(30.0, 130 / kw, 170 / kh)
    kernel = Plane((105 - kernel_cell * kw / 2, 585 - kernel_cell * kh / 2), kernel_cell, kh, kw)
    out_cell = min(max(cell, 14.0), 170 / ow, 190 / oh)
    output = Plane((308 - out_cell * ow / 2, 585 - out_cell * oh / 2), out_cell, oh, ow)
    return padded, kernel, output


def _sheets(canvas: Canvas, corner: Point, size: Point, depth: int, colour: str) -> None:
    """Hint at the channels behind the one that is shown."""
    for k in range(min(depth - 1, SHEETS), 0, -1):
        x, y = corner[0] + 5 * k, corner[1] - 5 * k
        right, bottom = x + size[0], y + size[1]
        canvas.open_line(
            [(x, y + 5), (x, y), (right, y), (right, bottom), (right - 5, bottom)], line=colour, opacity=0.75 - 0.18 * k
        )


def _draw_input(canvas: Canvas, shown: Convolution, plane: Plane) -> None:
    (top, bottom), (left, right) = ((w.padding.lo, w.padding.hi) for w in shown.windows)
    height, width, depth = shown.input_shape
    inner = plane.place(top, left)
    _sheets(canvas, inner, (plane.cell * width, plane.cell * height), depth, LIGHT.input)
    canvas.cells(
        inner,
        (plane.cell, plane.cell),
        shown.input,
        (height, width),
        role="input",
        name="input",
        hover=f"input, channel {shown.channels[0]}",
    )
    _draw_padding(canvas, plane, (top, left), (height, width))
    _draw_unread(canvas, shown, plane, (top, left))
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


def _amount(canvas: Canvas, at: Point, text: str, anchor: str = "center") -> None:
    canvas.text(at, text, colour=LIGHT.padding_text, mono=True, anchor=anchor)


def _draw_padding(canvas: Canvas, plane: Plane, start: tuple[int, int], size: tuple[int, int]) -> None:
    rows, columns = range(start[0], start[0] + size[0]), range(start[1], start[1] + size[1])
    corners = [
        plane.place(row, column)
        for row in range(plane.rows)
        for column in range(plane.columns)
        if row not in rows or column not in columns
    ]
    canvas.hatched(corners, (plane.cell, plane.cell), name="padding")


def _draw_unread(canvas: Canvas, shown: Convolution, plane: Plane, start: tuple[int, int]) -> None:
    height, width = shown.input_shape[:2]
    rows, columns = set(shown.windows[0].unread(height)), set(shown.windows[1].unread(width))
    centres = [
        plane.place(start[0] + row + 0.5, start[1] + column + 0.5)
        for row in range(height)
        for column in range(width)
        if row in rows or column in columns
    ]
    if centres and plane.cell >= 6:
        canvas.crosses(centres, plane.cell * 0.32)


def _draw_kernel(canvas: Canvas, shown: Convolution, plane: Plane, narrow: bool) -> None:
    kh, kw = shown.kernel_shape[:2]
    canvas.cells(
        plane.corner,
        (plane.cell, plane.cell),
        shown.kernel,
        (kh, kw),
        role="kernel",
        name="kernel",
        hover=f"weight, channel {shown.channels[0]} to {shown.channels[1]}",
    )
    middle = plane.corner[0] + plane.width / 2
    canvas.text((middle, plane.corner[1] - 18), f"kernel {kh} × {kw}")
    shape = ", ".join(map(str, shown.kernel_shape))
    canvas.text((middle, plane.corner[1] + plane.height + 17), f"HWIO ({shape})", size=12, mono=True)


def _draw_output(canvas: Canvas, shown: Convolution, plane: Plane, narrow: bool) -> None:
    height, width, depth = shown.output_shape
    _sheets(canvas, plane.corner, (plane.width, plane.height), depth, LIGHT.output)
    canvas.cells(
        plane.corner,
        (plane.cell, plane.cell),
        shown.output,
        (height, width),
        role="output",
        name="output",
        hover=f"output, channel {shown.channels[1]}",
    )
    middle = plane.corner[0] + plane.width / 2
    lift = 18 + 5 * min(depth - 1, SHEETS)
    canvas.text((middle, plane.corner[1] - lift), f"output {height} × {width}")
    if depth > 1:
        canvas.text((middle, plane.corner[1] + plane.height + 17), f"channel {shown.channels[1]} of {depth}", size=12)


def _draw_window(canvas: Canvas, shown: Convolution, padded: Plane, kernel: Plane, output: Plane, narrow: bool) -> None:
    rows, columns = shown.windows
    row, column = shown.cell
    corner = padded.place(row * rows.stride, column * columns.stride)
    size = (padded.cell * columns.span, padded.cell * rows.span)
    canvas.rectangle(corner, size, line=LIGHT.kernel, width=2.5)
    cell = output.place(row, column)
    canvas.rectangle(cell, (output.cell, output.cell), line=LIGHT.kernel, width=2.5)
    if narrow:
        return
    window_right = (corner[0] + size[0], corner[1] + size[1] / 2)
    canvas.link(window_right, (kernel.corner[0] - 6, kernel.corner[1] + kernel.height / 2), colour=LIGHT.kernel)
    canvas.link(
        (kernel.corner[0] + kernel.width + 6, kernel.corner[1] + kernel.height / 2),
        (cell[0], cell[1] + output.cell / 2),
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
        "padded": {"corner": padded.corner, "cell": padded.cell, "counts": (padded.rows, padded.columns)},
        "output": {"corner": output.corner, "cell": output.cell, "counts": (output.rows, output.columns)},
        "stride": (rows.stride, columns.stride),
        "span": (rows.span, columns.span),
        "cell": shown.cell,
    }
