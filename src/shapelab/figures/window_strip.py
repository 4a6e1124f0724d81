"""A 1-D convolution: the padded sequence, the kernel, and the output below one another, channels as rows.

A long sequence is drawn by blocks; the kernel, in the middle, stays large enough to be read. Its words stand beside it,
where no line comes from the window, wherever that is moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.coverage import reads
from shapelab.figures.grids import Plane, cells, crossed_out
from shapelab.figures.marks import PINNED
from shapelab.figures.numbers import numbers
from shapelab.figures.sliding import Axis, Planes, parts
from shapelab.figures.strip_input import channels_as_rows, draw_input
from shapelab.figures.theme import LIGHT
from shapelab.geometry import Window
from shapelab.geometry.pooling import MOST_CHANNELS, pooling_factor

Array = np.ndarray[Any, Any]
LEAST_WEIGHT = 10.0  # pixels across of a cell of the kernel
LEAST_HIGH = 8.0  # and down of every cell
MARGIN = 8.0  # pixels that stay free beside a kernel that makes room for its words
LINE = 17.0  # from one line of them to the next


@dataclass(frozen=True)
class Strip:
    """What the picture shows.

    Attributes:
      window: of the one axis.
      input_shape: (L, C).
      output_shape: (L, C).
      kernel_shape: (k, I, O); I is C over the groups.
      input: (L, C) values, thinned by ``pooling_factor`` of L and cut to ``MOST_CHANNELS``, or None while computed.
      kernel: (k, I) for one output channel, or None; I cut likewise.
      output: (L, C), thinned and cut likewise, or None.
      cell: the output cell whose window is drawn.
      channel: the output channel whose kernel is shown.
      coverage: instead of values, how often each input cell is read, and of how many each output cell is made.
    """

    window: Window
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    input: Array | None
    kernel: Array | None
    output: Array | None
    cell: int
    channel: int = 0
    coverage: bool = False

    @property
    def axis(self) -> Axis:
        """L."""
        return Axis("L", self.window, self.input_shape[0], self.output_shape[0])

    @property
    def groups(self) -> int:
        """``feature_group_count``."""
        return self.input_shape[1] // self.kernel_shape[1]

    @property
    def rows(self) -> tuple[int, int]:
        """The rows of the input that the output channel reads, as drawn: the first, and how many."""
        first = self.channel // (self.kernel_shape[2] // self.groups) * self.kernel_shape[1]
        drawn = min(self.input_shape[1], MOST_CHANNELS)
        return min(first, drawn), max(min(self.kernel_shape[1], drawn - first), 0)


def window_strip(shown: Strip, *, narrow: bool = False) -> Spec:
    """The picture: sequence, kernel and output one under the other."""
    canvas = Canvas(420, 560) if narrow else Canvas(860, 500)
    planes = _planes(shown, canvas)
    draw_input(canvas, shown, planes.padded)
    _draw_kernel(canvas, shown, planes.kernel)
    _draw_output(canvas, shown, planes.output)
    _draw_window(canvas, shown, planes)
    meta = {
        "kind": "convolution",
        "axes": [shown.axis.meta()],
        "planes": planes.meta(),
        "cell": (shown.cell,),
        "channels": (shown.rows[0], shown.channel),
        "group": (shown.kernel_shape[1], shown.kernel_shape[2] // shown.groups),
        "weights": shown.kernel is not None,
        "links": "plumb",
        "parts": parts([shown.axis], planes, (shown.cell,), shown.kernel_shape),
    }
    return canvas.spec(_words(shown), meta)


def _planes(shown: Strip, canvas: Canvas) -> Planes:
    axis, size = shown.axis, shown.kernel_shape[0]
    counts = [min(n, MOST_CHANNELS) for n in (shown.input_shape[1], shown.kernel_shape[1], shown.output_shape[1])]
    wide = min(40.0, (canvas.width - 90) / max(axis.padded, axis.n_out))
    weight = max(wide, min(LEAST_WEIGHT, (canvas.width - 90) / size))
    high = min(max(wide, LEAST_HIGH), 30.0, (canvas.height - 210) / sum(counts))
    free = canvas.height - high * sum(counts)
    gap = min(free / 4, 75.0)
    top = (free - 2 * gap) / 2
    left = (canvas.width - wide * axis.padded) / 2
    aligned = axis.n_in == axis.n_out and shown.window.base_dilation == 1  # each output under the cell of its number
    _, kernel = _beside(canvas, shown, weight * size)
    under = left + wide * shown.window.padding.lo if aligned else (canvas.width - wide * axis.n_out) / 2
    return Planes(
        padded=Plane((left, top), (wide, high), counts[0], axis.padded),
        kernel=Plane((kernel, top + high * counts[0] + gap), (weight, high), counts[1], size),
        output=Plane((under, top + high * (counts[0] + counts[1]) + 2 * gap), (wide, high), counts[2], axis.n_out),
    )


def _caption(canvas: Canvas, shown: Strip) -> tuple[str, tuple[str, str]]:
    """The kernel's words in one line, and in two."""
    size, channels, outputs = shown.kernel_shape
    name, shape, which = f"kernel {size}", f"WIO ({size}, {channels}, {outputs})", f"output channel {shown.channel}"
    if outputs > 1 and canvas.width > 500:
        return f"{name}, {shape}: {which}", (f"{name}, {shape}", which)
    return f"{name}, {shape}", (name, shape)


def _beside(canvas: Canvas, shown: Strip, width: float) -> tuple[tuple[str, ...], float]:
    """The lines of words for which there is room to the right of the kernel, and where the kernel then begins.

    It stands in the middle, or as far to the left as its words need; where that is not enough, none stand beside it.
    """
    caption, halves = _caption(canvas, shown)
    middle = (canvas.width - width) / 2
    for lines, least in (((caption,), middle), (halves, MARGIN)):
        left = min(middle, canvas.width - width - 16 - max(canvas.width_of(line, 13) for line in lines))
        if left >= least:
            return lines, left
    return (), middle


def _draw_kernel(canvas: Canvas, shown: Strip, plane: Plane) -> None:
    (left, top), right = plane.corner, plane.corner[0] + plane.width
    values = None if shown.kernel is None else shown.kernel.T
    limits = cells(canvas, plane, values, role="kernel", name="kernel", says="weight", blocks=(1, 1))
    if values is not None and limits is not None:
        numbers(canvas, plane, values, role="kernel", limits=limits)
    lines, _ = _beside(canvas, shown, plane.width)
    first = top + max((plane.height - LINE * (len(lines) - 1)) / 2, 5)  # not above the kernel: lines come down there
    for number, line in enumerate(lines):
        canvas.text((right + 12, first + LINE * number), line, anchor="left")
    if not lines:  # so wide is a kernel only where the window hardly moves: there is room between the lines to its ends
        canvas.text(((left + right) / 2, top - 14), _caption(canvas, shown)[0])


def _draw_output(canvas: Canvas, shown: Strip, plane: Plane) -> None:
    (length, channels), axis = shown.output_shape, shown.axis
    blocks = (1, pooling_factor(length))
    values, says, lowest = None if shown.output is None else shown.output.T, "output", None
    if shown.coverage:
        met = reads(axis.window, axis.n_in, axis.n_out)[1]
        values, says = np.tile(met, (plane.rows, 1)), "input cells under this output's window"
        lowest = (0.0, float(max(met.max(), 1)))
    limits = cells(canvas, plane, values, role="output", name="output", says=says, blocks=blocks, limits=lowest)
    if values is not None and limits is not None:
        gaps = shown.coverage & (values == 0)  # crossed out instead
        numbers(canvas, plane, np.where(gaps, np.nan, values), role="output", limits=limits)
    if shown.coverage:
        crossed_out(canvas, plane, [(), np.flatnonzero(met == 0)])
    below = plane.corner[1] + plane.height + 22
    which = "cells read by each" if shown.coverage else channels_as_rows(channels)
    canvas.text((canvas.width / 2, below), f"output {length}, {which}")
    if blocks[1] > 1:
        canvas.text((canvas.width / 2, below + 17), f"each cell the largest of {blocks[1]}", size=12)


def _draw_window(canvas: Canvas, shown: Strip, planes: Planes) -> None:
    """The window of the selected cell. In a browser the view draws it, and moves it."""
    padded, kernel, (first, count) = planes.padded, planes.kernel, shown.rows
    corner = padded.place(first, shown.cell * shown.window.stride)
    size = (padded.cell[0] * shown.window.span, padded.cell[1] * count)
    canvas.rectangle(corner, size, line=LIGHT.kernel, width=2.5, name=PINNED)
    (left, top), right = kernel.corner, kernel.corner[0] + kernel.width
    below = padded.corner[1] + padded.height + 4
    for start, end in ((corner[0], left), (corner[0] + size[0], right)):
        path = f"M {start:.1f},{below:.1f} L {end:.1f},{top - 4:.1f}"
        canvas.path(path, line=LIGHT.kernel, width=1.2, opacity=0.5, name=PINNED)
    cell = planes.output.place(min(shown.channel, planes.output.rows - 1), shown.cell)
    canvas.rectangle(cell, planes.output.cell, line=LIGHT.kernel, width=2.5, name=PINNED)
    from_kernel = ((left + right) / 2, top + kernel.height + 4)
    to_output = (cell[0] + planes.output.cell[0] / 2, cell[1])
    canvas.link(from_kernel, to_output, colour=LIGHT.kernel, upright=True, name=PINNED)


def _words(shown: Strip) -> str:
    groups = f", {shown.groups} groups" if shown.groups > 1 else ""
    what = "Transposed 1-D convolution" if shown.window.base_dilation > 1 else "1-D convolution"
    seen = "; shown is how often each input cell is read" if shown.coverage else ""
    return (
        f"{what}: input {shown.input_shape}, padded {shown.axis.words()}; kernel {shown.kernel_shape}{groups}; "
        f"output {shown.output_shape}{seen}."
    )
