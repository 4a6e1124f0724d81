"""Two tensors that do not fit, drawn to scale side by side, what one has too much marked, and who dropped it named."""

from __future__ import annotations

import math
from collections.abc import Sequence

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.grids import Plane, between
from shapelab.figures.labels import width_of
from shapelab.figures.mismatch import NAMES, Mismatch, Side, droppings, listed, mismatch
from shapelab.figures.receptive import wrapped
from shapelab.figures.theme import LIGHT
from shapelab.tracing.records import Trace

WIDE, NARROW = 780.0, 420.0
HEAD, FOOT = 46.0, 12.0
BESIDE = 110.0  # pixels kept free at the left of a tensor, for the names of its rows
SIDE = {False: 170.0, True: 132.0}  # of the larger tensor, on a wide page and on a narrow one
NAME, SMALL, LINE = 14.5, 13.0, 19.0


def failure(trace: Trace, *, narrow: bool = False) -> Spec | None:
    """The picture of what does not fit; None where the failure is not about two shapes."""
    found = mismatch(trace)
    if found is None or trace.error is None:
        return None
    canvas = Canvas(NARROW if narrow else WIDE, 0)
    planes = _planes(found, canvas.width, narrow)
    given = {tensor.name for tensor in trace.inputs}
    blue = next((place for place, side in enumerate(found.sides) if side.name in given), 1)  # else the later: the skip
    for side, plane, place in zip(found.sides, planes, (0, 1), strict=True):
        _draw_side(canvas, found, side, plane, place, place == blue)
    bottom = max(plane.corner[1] + plane.height for plane in planes)
    bottom = _draw_sign(canvas, planes, bottom)
    lines = [*found.words(), *droppings(trace)]
    for line in wrapped([f"▸ {line}" for line in lines], canvas.width - 16, SMALL):
        bottom += LINE
        canvas.text((8, bottom), line, colour=LIGHT.ink, size=SMALL, anchor="left")
    canvas.height = bottom + FOOT + 8
    shapes = " and ".join(f"{side.name} {side.shape}" for side in found.sides)
    alt = f"{trace.error.op} cannot join {shapes}. {'. '.join(lines)}."
    return canvas.spec(alt, {"kind": "failure", "alt": alt})


def _planes(found: Mismatch, width: float, narrow: bool) -> tuple[Plane, Plane]:
    """Both tensors on one scale, their first cells at one height; below one another where a bar would be too long."""
    side = SIDE[narrow]
    tallest, longest = (max(each.counts[axis] for each in found.sides) for axis in (0, 1))
    bars = tallest == 1
    across = (width - 60) * 0.8 if bars else min(side * 1.3, width / 2 - BESIDE - 18)
    cell = min(across / longest, (34.0 if bars else side) / tallest)
    wide, high = max(cell, 8.0 / longest), max(cell if not bars else min(cell, 34.0), 8.0 / tallest)
    high = max(high, 16.0) if bars else high
    first, second = found.sides
    if bars:
        left, step = 30.0, high + HEAD + 16
        places = ((left, HEAD), (left, HEAD + step))
    else:
        gap = width / 2
        places = tuple((gap * (i + 1) - 14 - wide * longest, HEAD) for i, each in enumerate(found.sides))  # type: ignore[assignment]
    return Plane(places[0], (wide, high), *first.counts), Plane(places[1], (wide, high), *second.counts)


def _draw_side(canvas: Canvas, found: Mismatch, side: Side, plane: Plane, place: int, blue: bool) -> None:
    line, fill = (LIGHT.input, LIGHT.input_tint) if blue else (LIGHT.output, LIGHT.output_tint)
    canvas.rectangle(plane.corner, (plane.width, plane.height), fill=fill)
    if min(plane.cell) >= 4:
        ends = (*plane.corner, *plane.place(plane.rows, plane.columns))
        canvas.path(between(plane.cell, ends), line=LIGHT.background, width=1)
    for axis, larger, extra in found.surplus:
        if larger == place:
            start = (extra[0], 0) if axis == 0 else (0, extra[0])
            size = (len(extra), plane.columns) if axis == 0 else (plane.rows, len(extra))
            _mark(canvas, plane.part(start, size), found.axes[axis], extra)
    canvas.rectangle(plane.corner, (plane.width, plane.height), line=line, width=2)
    middle = min(max(plane.corner[0] + plane.width / 2, width_of(side.name, NAME) / 2 + 4), canvas.width - 80)
    canvas.text((middle, plane.corner[1] - 32), f"<b>{side.name}</b>", colour=LIGHT.ink, size=NAME)
    canvas.text((middle, plane.corner[1] - 14), f"({', '.join(map(str, side.shape))})", size=SMALL, mono=True)


def _mark(canvas: Canvas, part: Plane, axis: str, extra: Sequence[int]) -> None:
    """Cells that the other tensor does not have: framed, struck through, and numbered."""
    grow = max(0.0, 4 - min(part.width, part.height)) / 2
    corner = (part.corner[0] - grow, part.corner[1] - grow)
    size = (part.width + 2 * grow, part.height + 2 * grow)
    canvas.rectangle(corner, size, line=LIGHT.failed, fill=LIGHT.background, width=2)
    canvas.path(_strokes(corner, size), line=LIGHT.failed, width=1.2)
    words = listed(NAMES.get(axis, "index"), extra)
    if axis in ("H", "D"):
        canvas.text((corner[0] - 6, corner[1] + size[1] / 2), words, colour=LIGHT.failed, size=SMALL, anchor="right")
    else:
        at = min(corner[0] + size[0] / 2, canvas.width - width_of(words, SMALL) / 2 - 3)
        canvas.text((at, corner[1] + size[1] + 12), words, colour=LIGHT.failed, size=SMALL)


def _strokes(corner: tuple[float, float], size: tuple[float, float], step: float = 9.0) -> str:
    """Slanting lines through a box."""
    (x, y), (wide, high) = corner, size
    lines = []
    for i in range(1, math.ceil((wide + high) / step)):
        reach = i * step
        right, low = min(reach, wide), min(reach, high)
        lines.append(f"M {x + right:.1f},{y + reach - right:.1f} L {x + reach - low:.1f},{y + low:.1f}")
    return " ".join(lines)


def _draw_sign(canvas: Canvas, planes: tuple[Plane, Plane], bottom: float) -> float:
    """≠ between the two."""
    first, second = planes
    at = (canvas.width / 2, HEAD + 16)
    if first.corner[0] == second.corner[0]:  # one below the other
        at = (12.0, (first.corner[1] + first.height + second.corner[1]) / 2)
    canvas.text(at, "<b>≠</b>", colour=LIGHT.failed, size=24)
    return bottom + 20
