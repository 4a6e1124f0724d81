"""Grids of cells on a sheet: values, and cells that nothing reads. Large grids are drawn by blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.figures.canvas import Canvas, Point, Spec
from shapelab.figures.theme import LIGHT, scale
from shapelab.geometry.pooling import pooling_factor

Array = np.ndarray[Any, Any]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

LEAST = 12.0  # pixels that a grid covers each way, however few its cells
OWN_BOX = 12.0  # cells of that many pixels are drawn apart; smaller ones share an edge
OWN_EDGE = 5.0  # below, edges would be all that is seen
SMALLEST_CROSSED = 6.0  # pixels of a cell


@dataclass(frozen=True)
class Plane:
    """Where the cells of a tensor lie on the sheet, drawn one by one or not.

    Attributes:
      corner: the top left one, in pixels.
      cell: width and height of a cell in pixels; less than 1 where there are many.
      rows: cells down.
      columns: cells across.
    """

    corner: Point
    cell: Point
    rows: int
    columns: int

    @classmethod
    def fitted(cls, counts: tuple[int, int], *, centre: Point, room: Point, most: float) -> Plane:
        """Square cells as large as ``room`` allows and ``most`` at most; a long thin grid is stretched to be seen."""
        rows, columns = counts
        side = min(most, room[0] / columns, room[1] / rows)
        wide, high = max(side, LEAST / columns), max(side, LEAST / rows)
        return cls((centre[0] - wide * columns / 2, centre[1] - high * rows / 2), (wide, high), rows, columns)

    @property
    def width(self) -> float:
        """Pixels across."""
        return self.cell[0] * self.columns

    @property
    def height(self) -> float:
        """Pixels down."""
        return self.cell[1] * self.rows

    def place(self, row: float, column: float) -> Point:
        """The top left corner of a cell."""
        return self.corner[0] + self.cell[0] * column, self.corner[1] + self.cell[1] * row

    def part(self, start: tuple[int, int], size: tuple[int, int]) -> Plane:
        """The plane of ``size`` (rows, columns) cells from a cell of this one."""
        return Plane(self.place(*start), self.cell, *size)

    def meta(self) -> Spec:
        """The plane as the view reads it."""
        return {"corner": self.corner, "cell": self.cell, "counts": (self.rows, self.columns)}


def blocks_of(counts: Sequence[int]) -> tuple[int, ...]:
    """How many cells of each axis share a drawn one."""
    return tuple(pooling_factor(count) for count in counts)


def thinned(values: Array, blocks: Sequence[int]) -> Array:
    """The largest value of each block along the first axes; a block at the end counts what it has."""
    for axis, block in enumerate(blocks):
        if block > 1:
            values = np.maximum.reduceat(values, range(0, values.shape[axis], block), axis)
    return values


def cells(
    canvas: Canvas,
    plane: Plane,
    values: Array | None,
    *,
    role: str,
    name: str,
    says: str,
    blocks: tuple[int, ...] | None = None,
    limits: tuple[float, float] | None = None,
    whole: bool = False,
) -> tuple[float, float] | None:
    """Draw a plane's cells by blocks; without values, all in the role's tint.

    Args:
      canvas: the sheet.
      plane: where, and how many cells.
      values: one number a block, (ceil(rows / block), ceil(columns / block)), or one a cell, or None.
      role: whose colours.
      name: of the trace.
      says: what a number is, under the pointer.
      blocks: cells of a block down and across; ``blocks_of`` the plane if None.
      limits: the numbers that are drawn palest and fullest; the smallest and largest if None.
      whole: as one image, without gaps between the cells.

    Returns:
      The numbers drawn palest and fullest; None without values.
    """
    blocks = blocks or blocks_of((plane.rows, plane.columns))
    known = values is not None and bool(np.isfinite(values).any())
    counts = tuple(-(-n // block) for n, block in zip((plane.rows, plane.columns), blocks, strict=True))
    z = np.asarray(values if known else np.zeros(counts), dtype=np.float32)
    if z.shape != counts:
        z = thinned(z, blocks)
    low, high = limits or (_range(z) if known else (0.0, 1.0))
    if known:
        canvas.tips.append({**plane.meta(), "blocks": blocks, "trace": len(canvas.data), "says": says})
    canvas.data.append(
        {
            "type": "heatmap",
            "name": name,
            "x": _along(plane.corner[0], plane.cell[0] * blocks[1], counts[1]),
            "y": _along(plane.corner[1], plane.cell[1] * blocks[0], counts[0]),
            "z": z,
            "zmin": low,
            "zmax": high if high > low else low + 1.0,
            "colorscale": scale(role),
            "showscale": False,
            "hoverinfo": "skip",
        }
    )
    _trim(canvas, plane, (plane.cell[0] * blocks[1] * counts[1], plane.cell[1] * blocks[0] * counts[0]))
    if max(blocks) == 1 and min(plane.cell) >= OWN_EDGE and not whole:
        edges = between(plane.cell, (*plane.corner, *plane.place(plane.rows, plane.columns)), outer=True)
        canvas.path(edges, line=LIGHT.background, width=2 if min(plane.cell) >= OWN_BOX else 1)
    return (low, high) if known else None


def _trim(canvas: Canvas, plane: Plane, drawn: Point) -> None:
    """Cover what the last blocks, drawn as large as the others, have too much. Padding comes on top."""
    (x, y), (right, bottom) = plane.corner, plane.place(plane.rows, plane.columns)
    over = (x + drawn[0] - right, y + drawn[1] - bottom)
    if over[0] > 0.01:
        canvas.rectangle((right, y - 1), (over[0] + 1, drawn[1] + 2), fill=LIGHT.background)
    if over[1] > 0.01:
        canvas.rectangle((x - 1, bottom), (drawn[0] + 2, over[1] + 1), fill=LIGHT.background)


def _along(start: float, size: float, count: int) -> Array:
    """Where blocks lie along an axis: their middles, evenly, which is quick to draw; the edges of a lone one."""
    at = np.arange(count) + 0.5 if count > 1 else np.arange(2)
    return (start + size * at).astype(np.float32)


def _range(values: Array) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return float(finite.min()), float(finite.max())


def between(cell: Point, box: Box, *, outer: bool = False, inset: float = 0.0) -> str:
    """The edges between the cells of a box, and around them where ``outer``, as a path; ``inset`` from its sides."""
    left, top, right, bottom = box
    across, down = round((right - left) / cell[0]), round((bottom - top) / cell[1])
    first, more = (0, 1) if outer else (1, 0)
    lines = []
    for x in (left + cell[0] * i for i in range(first, across + more)):
        lines.append(f"M {x:.1f},{top + inset:.1f} L {x:.1f},{bottom - inset:.1f}")
    for y in (top + cell[1] * i for i in range(first, down + more)):
        lines.append(f"M {left + inset:.1f},{y:.1f} L {right - inset:.1f},{y:.1f}")
    return " ".join(lines)


def thinned_note(plane: Plane) -> str:
    """What a drawn cell of a plane is where it is not a cell; "" where it is."""
    counts = (plane.rows, plane.columns)
    down, across = (min(n, block) for n, block in zip(counts, blocks_of(counts), strict=True))
    return f"each cell the largest of {down} × {across}" if down * across > 1 else ""


def crossed_out(canvas: Canvas, plane: Plane, lost: Sequence[Iterable[int]], steps: tuple[int, int] = (1, 1)) -> str:
    """Cross out the cells of some rows and columns; where they are too small for a cross, return words that count them.

    Args:
      canvas: the sheet.
      plane: of the cells.
      lost: the rows and the columns.
      steps: places of the plane from one cell to the next, down and across.
    """
    rows, columns = (set(each) for each in lost)
    if not rows and not columns:
        return ""
    if min(plane.cell) < SMALLEST_CROSSED:
        counted = [f"{len(n)} {name}" for n, name in ((rows, "rows"), (columns, "columns")) if n]
        return f"no window reads {' and '.join(counted)}"
    centres = [
        plane.place(row * steps[0] + 0.5, column * steps[1] + 0.5)
        for row in range(-(-plane.rows // steps[0]))
        for column in range(-(-plane.columns // steps[1]))
        if row in rows or column in columns
    ]
    crosses(canvas, centres, min(plane.cell) * 0.32)
    return ""


def crosses(canvas: Canvas, centres: Iterable[Point], size: float) -> None:
    """Cells that no window reads, crossed out."""
    half = size / 2
    strokes = [[(x - half, y - rise), (x + half, y + rise)] for x, y in centres for rise in (half, -half)]
    if strokes:
        canvas.data.append(
            {
                "type": "scatter",
                "name": "unread",
                "mode": "lines",
                **_outlines(strokes),
                "line": {"color": LIGHT.ink, "width": 1.5, "simplify": False},
                "hoverinfo": "skip",
                "showlegend": False,
            }
        )


def _outlines(lines: Sequence[Sequence[Point]]) -> Spec:
    """Lines one after the other, the pen lifted (no number) after each."""
    gap = (np.nan, np.nan)
    points = np.array([point for line in lines for point in (*line, gap)], np.float32)
    return {"x": points[:, 0], "y": points[:, 1]}
