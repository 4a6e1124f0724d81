"""A 2-D convolution: the padded input with its window, the kernel, and the output, cell by cell or block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.coverage import reads
from shapelab.figures.grids import Plane, cells, crossed_out, thinned_note
from shapelab.figures.marks import PINNED
from shapelab.figures.numbers import numbers
from shapelab.figures.sliding import Axis, Planes, parts
from shapelab.figures.theme import LIGHT
from shapelab.figures.window_input import draw_input, sheets
from shapelab.geometry import Window

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Convolution:
    """What the picture shows.

    Attributes:
      windows: of H and W.
      input_shape: (H, W, C).
      output_shape: (H, W, C).
      kernel_shape: (kh, kw, I, O); I is C over the groups.
      input: one channel of the values, thinned by ``pooling_factor`` of H and W, or None while they are computed.
      kernel: one pair of channels (kh, kw), or None.
      output: one channel, thinned likewise, or None.
      cell: the output cell whose window is drawn.
      channels: which input and output channel is shown.
      coverage: instead of values, how often each input cell is read, and of how many each output cell is made.
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
    coverage: bool = False

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """H and W."""
        h, w = (Axis(*facts) for facts in zip("HW", self.windows, self.input_shape, self.output_shape, strict=False))
        return h, w

    @property
    def groups(self) -> int:
        """``feature_group_count``."""
        return self.input_shape[2] // self.kernel_shape[2]

    @property
    def reads_channel(self) -> bool:
        """Whether the output channel shown reads the input channel shown."""
        given, made = self.channels
        return given // self.kernel_shape[2] == made // (self.kernel_shape[3] // self.groups)


def window_grid(shown: Convolution, *, narrow: bool = False) -> Spec:
    """The picture: input, kernel and output side by side, or one under the other where the page is narrow."""
    canvas = Canvas(420, 776) if narrow else Canvas(860, 500)
    planes = _narrow_planes(shown) if narrow else _wide_planes(shown)
    draw_input(canvas, shown, planes.padded)
    _draw_kernel(canvas, shown, planes.kernel)
    _draw_output(canvas, shown, planes.output)
    _draw_window(canvas, shown, planes, narrow)
    meta = {
        "kind": "convolution",
        "axes": [axis.meta() for axis in shown.axes],
        "planes": planes.meta(),
        "cell": shown.cell,
        "channels": shown.channels,
        "weights": shown.kernel is not None and shown.reads_channel,
        "links": "none" if narrow else "level",
        "parts": parts(shown.axes, planes, shown.cell, shown.kernel_shape),
    }
    return canvas.spec(_words(shown), meta)


def _padded_size(shown: Convolution) -> tuple[int, int]:
    h, w = (axis.padded for axis in shown.axes)
    return h, w


def _kernel_size(shown: Convolution) -> tuple[int, int]:
    return shown.kernel_shape[0], shown.kernel_shape[1]


def _output_size(shown: Convolution) -> tuple[int, int]:
    return shown.output_shape[0], shown.output_shape[1]


def _wide_planes(shown: Convolution) -> Planes:
    padded = Plane.fitted(_padded_size(shown), centre=(225, 250), room=(370, 360), most=40)
    side = min(padded.cell)
    kernel = Plane.fitted(_kernel_size(shown), centre=(515, 250), room=(120, 250), most=min(36.0, max(side, 14.0)))
    output = Plane.fitted(_output_size(shown), centre=(722, 250), room=(200, 250), most=max(side, 18.0))
    return Planes(padded, kernel, output)


def _narrow_planes(shown: Convolution) -> Planes:
    padded = Plane.fitted(_padded_size(shown), centre=(210, 235), room=(330, 350), most=36)
    kernel = Plane.fitted(_kernel_size(shown), centre=(105, 601), room=(130, 170), most=30)
    output = Plane.fitted(_output_size(shown), centre=(308, 601), room=(170, 190), most=max(min(padded.cell), 14.0))
    return Planes(padded, kernel, output)


def _draw_kernel(canvas: Canvas, shown: Convolution, plane: Plane) -> None:
    given, made = shown.channels
    limits = cells(canvas, plane, shown.kernel, role="kernel", name="kernel", says=f"weight, channel {given} to {made}")
    if shown.kernel is not None and limits is not None:
        numbers(canvas, plane, shown.kernel, role="kernel", limits=limits)
    middle, below = plane.corner[0] + plane.width / 2, plane.corner[1] + plane.height + 17
    canvas.text((middle, plane.corner[1] - 18), f"kernel {plane.rows} × {plane.columns}")
    shape = ", ".join(map(str, shown.kernel_shape))
    canvas.text((middle, below), f"HWIO ({shape})", size=12, mono=True)
    if not shown.reads_channel:
        canvas.text((middle, below + 16), f"output channel {made} does", size=12)
        canvas.text((middle, below + 31), f"not read channel {given}: groups", size=12)
    elif shown.kernel_shape[2] * shown.kernel_shape[3] > 1:
        canvas.text((middle, below + 16), f"channel {given} → {made}", size=12)


def _draw_output(canvas: Canvas, shown: Convolution, plane: Plane) -> None:
    depth, channel = shown.output_shape[2], shown.channels[1]
    sheets(canvas, plane, depth, LIGHT.output)
    values, says, lowest = shown.output, f"output, channel {channel}", None
    if shown.coverage:
        met = [reads(axis.window, axis.n_in, axis.n_out)[1] for axis in shown.axes]
        values, says = np.outer(*met), "input cells under this output's window"
        lowest = (0.0, float(max(values.max(), 1)))
    limits = cells(canvas, plane, values, role="output", name="output", says=says, limits=lowest)
    if values is not None and limits is not None:
        gaps = shown.coverage & (values == 0)  # crossed out instead
        numbers(canvas, plane, np.where(gaps, np.nan, values), role="output", limits=limits)
    if shown.coverage:
        crossed_out(canvas, plane, [np.flatnonzero(counts == 0) for counts in met])
    middle = plane.corner[0] + plane.width / 2
    lift = 18 + 5 * min(depth - 1, 3)
    canvas.text((middle, plane.corner[1] - lift), f"output {plane.rows} × {plane.columns}")
    which = "cells read by each" if shown.coverage else f"channel {channel} of {depth}" if depth > 1 else ""
    for line, note in enumerate(filter(None, [which, thinned_note(plane)])):
        canvas.text((middle, plane.corner[1] + plane.height + 17 + 16 * line), note, size=12)


def _draw_window(canvas: Canvas, shown: Convolution, planes: Planes, narrow: bool) -> None:
    """The window of the selected cell. In a browser the view draws it, and moves it."""
    padded, kernel, output = planes.padded, planes.kernel, planes.output
    rows, columns = shown.windows
    row, column = shown.cell
    corner = padded.place(row * rows.stride, column * columns.stride)
    size = (padded.cell[0] * columns.span, padded.cell[1] * rows.span)
    canvas.rectangle(corner, size, line=LIGHT.kernel, width=2.5, name=PINNED)
    cell = output.place(row, column)
    canvas.rectangle(cell, output.cell, line=LIGHT.kernel, width=2.5, name=PINNED)
    if narrow:
        return
    middle = kernel.corner[1] + kernel.height / 2
    window_right = (corner[0] + size[0], corner[1] + size[1] / 2)
    canvas.link(window_right, (kernel.corner[0] - 6, middle), colour=LIGHT.kernel, name=PINNED)
    kernel_right = (kernel.corner[0] + kernel.width + 6, middle)
    canvas.link(kernel_right, (cell[0], cell[1] + output.cell[1] / 2), colour=LIGHT.kernel, name=PINNED)


def _words(shown: Convolution) -> str:
    groups = f", {shown.groups} groups" if shown.groups > 1 else ""
    what = "Transposed convolution" if any(w.base_dilation > 1 for w in shown.windows) else "Convolution"
    seen = "; shown is how often each input cell is read" if shown.coverage else ""
    padded = "; ".join(axis.words() for axis in shown.axes)
    return (
        f"{what}: input {shown.input_shape}, padded {padded}; kernel {shown.kernel_shape}{groups}; "
        f"output {shown.output_shape}{seen}."
    )
