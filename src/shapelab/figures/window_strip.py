"""A 1-D convolution: the padded sequence, the kernel under its window, and the output, channels as rows.

A long sequence is drawn by blocks; its kernel stays large enough to be read, under the middle of its window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.grids import Plane, cells
from shapelab.figures.padding import padding
from shapelab.figures.theme import LIGHT
from shapelab.geometry import Window
from shapelab.geometry.pooling import MOST_CHANNELS, pooling_factor

Array = np.ndarray[Any, Any]
LEAST_WEIGHT = 10.0  # pixels across of a cell of the kernel
LEAST_HIGH = 8.0  # and down of every cell


@dataclass(frozen=True)
class Strip:
    """What the picture shows.

    Attributes:
      window: of the one axis.
      input_shape: (L, C).
      output_shape: (L, C).
      kernel_shape: (k, I, O).
      input: (L, C) values, thinned by ``pooling_factor`` of L and cut to ``MOST_CHANNELS``, or None while computed.
      kernel: (k, I) for one output channel, or None; I cut likewise.
      output: (L, C), thinned and cut likewise, or None.
      cell: the output cell whose window is drawn.
      channel: the output channel whose kernel is shown.
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


@dataclass(frozen=True)
class Rows:
    """Where the three grids lie, channels as rows: the padded input, the kernel under its window, the output."""

    padded: Plane
    kernel: Plane
    output: Plane


def window_strip(shown: Strip, *, narrow: bool = False) -> Spec:
    """The picture: sequence, kernel and output one under the other, each output under the cells it reads."""
    canvas = Canvas(420, 560) if narrow else Canvas(860, 500)
    rows = _rows(shown, canvas)
    _draw_input(canvas, shown, rows)
    _draw_kernel(canvas, shown, rows)
    _draw_output(canvas, shown, rows)
    lo, hi = shown.window.padding.lo, shown.window.padding.hi
    words = (
        f"1-D convolution: input {shown.input_shape}, padded {lo} left, {hi} right; kernel {shown.kernel_shape}; "
        f"output {shown.output_shape}."
    )
    return canvas.spec(words)


def _rows(shown: Strip, canvas: Canvas) -> Rows:
    padded, size = shown.window.padded_size(shown.input_shape[0]), shown.kernel_shape[0]
    counts = [min(n, MOST_CHANNELS) for n in (shown.input_shape[1], shown.kernel_shape[1], shown.output_shape[1])]
    wide = min(40.0, (canvas.width - 90) / max(padded, shown.output_shape[0]))
    weight = max(wide, min(LEAST_WEIGHT, (canvas.width - 90) / size))
    high = min(max(wide, LEAST_HIGH), 30.0, (canvas.height - 210) / sum(counts))
    left = (canvas.width - wide * padded) / 2
    free = canvas.height - high * sum(counts)
    gap = min(free / 4, 75.0)
    top = (free - 2 * gap) / 2
    under = left + wide * (shown.cell * shown.window.stride + shown.window.span / 2)  # the middle of the window
    at = min(
        max(under - weight * size / 2, min(left, 45.0)), max(canvas.width - 45.0, left + wide * padded) - weight * size
    )
    return Rows(
        padded=Plane((left, top), (wide, high), counts[0], padded),
        kernel=Plane((at, top + high * counts[0] + gap), (weight, high), counts[1], size),
        output=Plane(
            (left + wide * shown.window.padding.lo, top + high * (counts[0] + counts[1]) + 2 * gap),
            (wide, high),
            counts[2],
            shown.output_shape[0],
        ),
    )


def _draw_input(canvas: Canvas, shown: Strip, rows: Rows) -> None:
    (length, channels), plane = shown.input_shape, rows.padded
    lo, hi = shown.window.padding.lo, shown.window.padding.hi
    inner = plane.part((0, lo), (plane.rows, length))
    blocks = (1, pooling_factor(length))
    values = None if shown.input is None else shown.input.T
    cells(canvas, inner, values, role="input", name="input", says="input", blocks=blocks)
    widened = padding(canvas, plane, (0, lo), (plane.rows, length))
    middle, (left, top) = plane.corner[1] + plane.height / 2, plane.corner
    if lo:
        canvas.text((left - 9, middle), f"{lo}", colour=LIGHT.padding_text, mono=True, anchor="right")
    if hi:
        right = left + plane.width + 9
        canvas.text((right, middle), f"{hi}", colour=LIGHT.padding_text, mono=True, anchor="left")
    padded = f", padded to {lo + length + hi}: {lo} left, {hi} right" if lo + hi else ", no padding"
    rows_of = f", {_channels(channels)}" if canvas.width > 500 else ""
    notes = [f"each cell the largest of {blocks[1]}" if blocks[1] > 1 else "", "padding drawn wider" if widened else ""]
    note = ", ".join(filter(None, notes))
    canvas.text((canvas.width / 2, top - 20 - (16 if note else 0)), f"input {length}{rows_of}{padded}")
    if note:
        canvas.text((canvas.width / 2, top - 18), note, size=12)
    canvas.rectangle(
        plane.place(0, shown.cell * shown.window.stride),
        (plane.cell[0] * shown.window.span, plane.height),
        line=LIGHT.kernel,
        width=2.5,
    )


def _draw_kernel(canvas: Canvas, shown: Strip, rows: Rows) -> None:
    (size, channels, outputs), plane = shown.kernel_shape, rows.kernel
    (left, top), right = plane.corner, plane.corner[0] + plane.width
    values = None if shown.kernel is None else shown.kernel.T
    cells(canvas, plane, values, role="kernel", name="kernel", says="weight", blocks=(1, 1))
    first = rows.padded.place(rows.padded.rows, shown.cell * shown.window.stride)
    span = rows.padded.cell[0] * shown.window.span
    for start, end in ((first[0], left), (first[0] + span, right)):
        path = f"M {start:.1f},{first[1] + 4:.1f} L {end:.1f},{top - 4:.1f}"
        canvas.path(path, line=LIGHT.kernel, width=1.2, opacity=0.5)
    caption = f"kernel {size}, WIO ({size}, {channels}, {outputs})"
    if outputs > 1 and canvas.width > 500:
        caption += f": the one of output channel {shown.channel}"
    needed, middle = canvas.width_of(caption, 13) + 16, (left + right) / 2
    if canvas.width - right >= needed:
        canvas.text((right + 12, top + plane.height / 2), caption, anchor="left")
    elif left >= needed:
        canvas.text((left - 12, top + plane.height / 2), caption, anchor="right")
    else:  # the kernel is wide: there is room between the lines that come down to its ends
        half = needed / 2
        canvas.text((min(max(middle, half), canvas.width - half), top - 14), caption)


def _draw_output(canvas: Canvas, shown: Strip, rows: Rows) -> None:
    (length, channels), plane = shown.output_shape, rows.output
    blocks = (1, pooling_factor(length))
    values = None if shown.output is None else shown.output.T
    cells(canvas, plane, values, role="output", name="output", says="output", blocks=blocks)
    corner = plane.place(shown.channel, shown.cell)
    canvas.rectangle(corner, plane.cell, line=LIGHT.kernel, width=2.5)
    start = rows.kernel.corner[0] + rows.kernel.width / 2
    above = rows.kernel.corner[1] + rows.kernel.height
    x, y = corner[0] + plane.cell[0] / 2, corner[1]
    canvas.link((start, above + 4), (x, y), colour=LIGHT.kernel, upright=True)
    below = plane.corner[1] + plane.height + 22
    canvas.text((canvas.width / 2, below), f"output {length}, {_channels(channels)}")
    if blocks[1] > 1:
        canvas.text((canvas.width / 2, below + 17), f"each cell the largest of {blocks[1]}", size=12)


def _channels(count: int) -> str:
    if count > MOST_CHANNELS:
        return f"the first {MOST_CHANNELS} of {count} channels as rows"
    return f"{count} channels as rows" if count > 1 else "1 channel"
