"""Padding around a grid: hatched in amber, cell by cell where cells are large, never too thin to be seen."""

from __future__ import annotations

import math

from shapelab.figures.canvas import Canvas
from shapelab.figures.grids import OWN_BOX, OWN_EDGE, Box, Plane, between
from shapelab.figures.theme import LIGHT

LEAST_PADDING = 3.0  # pixels of padding that can still be seen
CLEAR = 0.55  # opacity of a hatching that lets the values below be read
HATCH = 6.0 * 2**0.5  # pixels along an axis from one line of the hatching to the next


def padding(canvas: Canvas, plane: Plane, start: tuple[int, int], size: tuple[int, int], *, over: bool = False) -> bool:
    """Draw the padding of a plane, hatched in amber: all its cells but the ``size`` (rows, columns) from ``start``.

    Args:
      canvas: the sheet.
      plane: the padded one.
      start: row and column of the first cell that is none.
      size: rows and columns of such cells.
      over: over cells that hold values, which stay visible.

    Returns:
      Whether it is drawn wider than it is, so that it can be seen.
    """
    side = min(plane.cell)
    inset, edge = (1.0, 3.0) if side >= OWN_BOX else (0.5, 2.0) if side >= OWN_EDGE else (0.0, 0.0)
    for x, y, right, bottom in _strips_around(plane, start, size):
        box = (x + inset, y + inset, right - inset, bottom - inset)
        corner, extent = (box[0], box[1]), (box[2] - box[0], box[3] - box[1])
        canvas.rectangle(corner, extent, fill=LIGHT.padding_tint, opacity=0.12 if over else 1.0)
        canvas.path(hatching(box), line=LIGHT.padding, width=1.32, opacity=CLEAR if over else 1.0)
        if edge:
            canvas.rectangle(corner, extent, line=LIGHT.padding)
            edges = between(plane.cell, (x, y, right, bottom), inset=inset)
            canvas.path(edges, line=LIGHT.padding, width=edge)
            canvas.path(edges, line=LIGHT.background, width=edge - 2)
    amounts = _amounts(plane, start, size)
    return any(0 < n * plane.cell[axis // 2] < LEAST_PADDING for axis, n in enumerate(amounts))


def _amounts(plane: Plane, start: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Cells of padding left, right, top and bottom."""
    right, bottom = plane.columns - start[1] - size[1], plane.rows - start[0] - size[0]
    return start[1], right, start[0], bottom


def _strips_around(plane: Plane, start: tuple[int, int], size: tuple[int, int]) -> list[Box]:
    """The padding of each side as one box, grown outwards where it would be too thin to be seen."""
    inner = plane.part(start, size)
    (x, y), (x1, y1) = inner.corner, inner.place(*size)
    amounts = _amounts(plane, start, size)
    left, right, top, bottom = (
        max(n * plane.cell[axis // 2], LEAST_PADDING) if n else 0.0 for axis, n in enumerate(amounts)
    )
    boxes = [
        (x - left, y - top, x1 + right, y),
        (x - left, y1, x1 + right, y1 + bottom),
        (x - left, y, x, y1),
        (x1, y, x1 + right, y1),
    ]
    return [box for box in boxes if box[2] > box[0] and box[3] > box[1]]


def hatching(box: Box) -> str:
    """Lines that rise to the right across a box, in step with those of every other box of the sheet."""
    left, top, right, bottom = box
    lines = []
    for step in range(math.ceil((left + top) / HATCH), math.floor((right + bottom) / HATCH) + 1):
        reach = step * HATCH  # x + y along the line
        x, x1 = max(left, reach - bottom), min(right, reach - top)
        lines.append(f"M {x:.1f},{reach - x:.1f} L {x1:.1f},{reach - x1:.1f}")
    return " ".join(lines)
