"""A result drawn to the scale of another: a stack of sheets for each example, a sheet a channel."""

from __future__ import annotations

from shapelab.explorers.words import layout_text, shape_text
from shapelab.figures.canvas import Canvas
from shapelab.figures.svg import svg
from shapelab.figures.theme import LIGHT

CELL = 15.0
SHEET = 8.0  # from one sheet of a stack to the next
GAP = 26.0  # between the examples of a batch
WIDTH = 420.0

Shape = tuple[int, ...]


def tensor(shape: Shape, other: Shape, layout: tuple[str, ...], *, right: bool) -> str:
    """The picture of one result as SVG, in a frame that has room for the other one as well.

    Args:
      shape: (N, H, W, C), or (H, W, C).
      other: what the other version gives; as many axes.
      layout: names of the axes.
      right: whether it is the right result.
    """
    canvas = Canvas(WIDTH, max(_height(each) for each in (shape, other)) + 4)
    line, fill = (LIGHT.output_text, LIGHT.output_tint) if right else (LIGHT.kernel, LIGHT.kernel_tint)
    _, height, width, channels = (1, *shape)[-4:]
    for example in range(shape[0] if len(shape) == 4 else 1):
        left = 2 + example * (width * CELL + (channels - 1) * SHEET + GAP)
        for channel in reversed(range(channels)):  # the first lies in front
            corner = left + channel * SHEET, 2 + (channels - 1 - channel) * SHEET
            canvas.rectangle(corner, (width * CELL, height * CELL), line=line, fill=fill, width=1.2)
        _cells(canvas, (left, 2 + (channels - 1) * SHEET), (height, width), line)
    axes = layout_text(layout)
    which = ("the right result", "the mistake's") if right else ("the mistake's result", "the right one")
    alt = f"{which[0]}, {shape_text(shape)}, axes {axes}, to the scale of {which[1]}, {shape_text(other)}"
    return svg(canvas.spec(alt[0].upper() + alt[1:]))


def _height(shape: Shape) -> float:
    return shape[-3] * CELL + (shape[-1] - 1) * SHEET


def _cells(canvas: Canvas, corner: tuple[float, float], count: tuple[int, int], colour: str) -> None:
    """The lines between the cells of a sheet."""
    (x, y), (height, width) = corner, count
    across = [(x, y + i * CELL, x + width * CELL, y + i * CELL) for i in range(1, height)]
    down = [(x + j * CELL, y, x + j * CELL, y + height * CELL) for j in range(1, width)]
    for x0, y0, x1, y1 in across + down:
        canvas.path(f"M {x0:.1f},{y0:.1f} L {x1:.1f},{y1:.1f}", line=colour, width=0.6, opacity=0.6)
