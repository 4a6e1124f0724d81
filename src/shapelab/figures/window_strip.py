"""A 1-D convolution: the padded sequence, the kernel under its window, and the output, channels as rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.theme import LIGHT
from shapelab.geometry import Window

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Strip:
    """What the picture shows.

    Attributes:
      window: of the one axis.
      input_shape: (L, C).
      output_shape: (L, C).
      kernel_shape: (k, I, O).
      input: (L, C) values, or None while they are computed.
      kernel: (k, I) for one output channel, or None.
      output: (L, C), or None.
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
    """Where the three grids lie: their left ends, tops, and the size of a cell."""

    left: float
    cell: tuple[float, float]
    tops: tuple[float, float, float]


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
    columns = max(shown.window.padded_size(shown.input_shape[0]), shown.output_shape[0])
    counts = (shown.input_shape[1], shown.kernel_shape[1], shown.output_shape[1])
    wide = min(40.0, (canvas.width - 90) / columns)
    high = min(wide, 30.0, (canvas.height - 210) / sum(counts))
    left = (canvas.width - wide * shown.window.padded_size(shown.input_shape[0])) / 2
    free = canvas.height - high * sum(counts)
    gap = min(free / 4, 75.0)
    top = (free - 2 * gap) / 2
    tops = (top, top + high * counts[0] + gap, top + high * (counts[0] + counts[1]) + 2 * gap)
    return Rows(left, (wide, high), tops)


def _draw_input(canvas: Canvas, shown: Strip, rows: Rows) -> None:
    (length, channels), (wide, high) = shown.input_shape, rows.cell
    lo, hi = shown.window.padding.lo, shown.window.padding.hi
    top = rows.tops[0]
    values = None if shown.input is None else shown.input.T
    canvas.cells(
        (rows.left + wide * lo, top), rows.cell, values, (channels, length), role="input", name="input", hover="input"
    )
    columns = [*range(lo), *range(lo + length, lo + length + hi)]
    corners = [(rows.left + wide * c, top + high * r) for c in columns for r in range(channels)]
    canvas.hatched(corners, rows.cell, name="padding")
    middle = top + high * channels / 2
    if lo:
        canvas.text((rows.left - 9, middle), f"{lo}", colour=LIGHT.padding_text, mono=True, anchor="right")
    if hi:
        right = rows.left + wide * (lo + length + hi) + 9
        canvas.text((right, middle), f"{hi}", colour=LIGHT.padding_text, mono=True, anchor="left")
    padded = f", padded to {lo + length + hi}: {lo} left, {hi} right" if lo + hi else ", no padding"
    rows_of = f", {_channels(channels)}" if canvas.width > 500 else ""
    canvas.text((canvas.width / 2, top - 20), f"input {length}{rows_of}{padded}")
    canvas.rectangle(
        (rows.left + wide * shown.cell * shown.window.stride, top),
        (wide * shown.window.span, high * channels),
        line=LIGHT.kernel,
        width=2.5,
    )


def _draw_kernel(canvas: Canvas, shown: Strip, rows: Rows) -> None:
    (size, channels, outputs), (wide, high) = shown.kernel_shape, rows.cell
    left, top = rows.left + wide * shown.cell * shown.window.stride, rows.tops[1]
    values = None if shown.kernel is None else shown.kernel.T
    canvas.cells((left, top), rows.cell, values, (channels, size), role="kernel", name="kernel", hover="weight")
    middle, below = left + wide * size / 2, rows.tops[0] + high * shown.input_shape[1]
    for x in (left, left + wide * size):
        canvas.path(f"M {x:.1f},{below + 4:.1f} L {x:.1f},{top - 4:.1f}", line=LIGHT.kernel, width=1.2, opacity=0.5)
    caption = f"kernel {size}, WIO ({size}, {channels}, {outputs})"
    if outputs > 1 and canvas.width > 500:
        caption += f": the one of output channel {shown.channel}"
    needed, right = canvas.width_of(caption, 13) + 16, left + wide * size
    if canvas.width - right >= needed:
        canvas.text((right + 12, top + high * channels / 2), caption, anchor="left")
    elif left >= needed:
        canvas.text((left - 12, top + high * channels / 2), caption, anchor="right")
    else:  # the kernel is wide: there is room between the lines that come down to its ends
        half = needed / 2
        canvas.text((min(max(middle, half), canvas.width - half), top - 14), caption)


def _draw_output(canvas: Canvas, shown: Strip, rows: Rows) -> None:
    (length, channels), (wide, high) = shown.output_shape, rows.cell
    left, top = rows.left + wide * shown.window.padding.lo, rows.tops[2]
    values = None if shown.output is None else shown.output.T
    canvas.cells((left, top), rows.cell, values, (channels, length), role="output", name="output", hover="output")
    corner = (left + wide * shown.cell, top + high * shown.channel)
    canvas.rectangle(corner, rows.cell, line=LIGHT.kernel, width=2.5)
    start = rows.left + wide * (shown.cell * shown.window.stride + shown.window.span / 2)
    above = rows.tops[1] + high * shown.kernel_shape[1]
    x, y = corner[0] + wide / 2, corner[1]
    canvas.link((start, above + 4), (x, y), colour=LIGHT.kernel, upright=True)
    canvas.text((canvas.width / 2, top + high * channels + 22), f"output {length}, {_channels(channels)}")


def _channels(count: int) -> str:
    return f"{count} channels as rows" if count > 1 else "1 channel"
