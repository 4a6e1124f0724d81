"""Blocks standing in a row: their places, their names and shapes, and the arrows from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shapelab.figures.blocks import RISE, shape_of
from shapelab.figures.canvas import Canvas, Point
from shapelab.figures.folding import Folded
from shapelab.figures.labels import Box, Room, width_of
from shapelab.figures.theme import LIGHT

NAME, SHAPE = 14.5, 13.0  # sizes of type
LINE = NAME * 1.25
HEIGHT = 2 * LINE


@dataclass(frozen=True)
class Place:
    """Where a block stands: the centre of its front face, that face's size, its depth, and how far down the U."""

    x: float
    y: float
    width: float
    height: float
    depth: float
    level: int = 0

    @property
    def left(self) -> float:
        """Where its face begins."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Where its face ends."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """The upper edge of its face."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """The lower edge of its face."""
        return self.y + self.height / 2

    @property
    def lid(self) -> Point:
        """The middle of the far edge of its lid."""
        return self.x + self.depth, self.top - self.depth * RISE

    @property
    def box(self) -> Box:
        """All that is drawn of it."""
        top = self.lid[1]
        return self.left, top, self.width + self.depth, self.bottom - top


def label(canvas: Canvas, room: Room, folded: Folded, places: Sequence[Place], index: int) -> Box | None:
    """The name and the shape of a block, where they are free; where nothing is, they are left to the pointer."""
    block = folded.blocks[index]
    shape = "" if block.sign else shape_of(block)  # of a join that of the block behind it
    lines = [(block.label, NAME), (shape, SHAPE)] if shape else [(block.label, NAME)]
    width = max(width_of(text, size) for text, size in lines)
    found = room.free(_around(folded, places, index, width, LINE * len(lines)))
    if found is None:
        return None
    middle = found[0] + width / 2
    colour = LIGHT.failed if not block.shape and block.sign else LIGHT.ink
    canvas.text((middle, found[1] + LINE / 2), f"<b>{block.label}</b>", colour=colour, size=NAME)
    if shape:
        canvas.text((middle, found[1] + LINE * 1.5), shape, size=SHAPE, mono=True)
    return found


def _around(folded: Folded, places: Sequence[Place], index: int, width: float, height: float) -> Iterator[Box]:
    """Places for the words of a block, the best first: below it, on the outer side of the U; then above, then lower."""
    at, row = places[index], folded.row
    below, above = at.bottom + 7, at.lid[1] - height - 5
    middle = at.x + at.depth / 2 - width / 2
    if index not in row:
        yield from ((middle, above, width, height), (middle, below, width, height))
        return
    here = row.index(index)
    before, after = places[row[max(here - 1, 0)]], places[row[min(here + 1, len(row) - 1)]]
    sides = [middle]
    if after.level > at.level and before.level <= at.level:
        sides = [at.right - width, middle]
        if here and before.level == at.level:  # the first of the U stands beside the image: over it is more room
            yield at.left, above, width, height
    elif before.level > at.level:
        sides = [at.left, middle]
    for left in sides:
        yield left, below, width, height
    for left in (at.left, *sides):
        if len({place.level for place in places}) > 1:
            yield left, above, width, height
    for further in (1, 2):
        for left in sides:
            yield left, below + further * (HEIGHT + 4), width, height


def step_to(canvas: Canvas, room: Room, before: Place, after: Place, *, strong: bool) -> Point:
    """The arrow from one block to the next; gives where its words belong."""
    colour, width = (LIGHT.ink, 3.0) if strong else (LIGHT.muted, 1.6)
    if abs(after.y - before.y) <= 20:
        start, end = (before.right + before.depth + 4, after.y), (after.left - 5, after.y)
        canvas.arrow(start, end, colour=colour, width=width)
        room.take_line([start, end])
        return (start[0] + end[0]) / 2, start[1]
    if after.y > before.y:
        start = (before.right + before.depth / 2 + 4, before.bottom - before.depth * RISE / 2 + 4)
        end = (after.left - 5, max(after.y - 4, after.top + 4))
    else:
        start = (before.right + before.depth + 5, before.y - before.depth * RISE / 2)
        end = (after.left - 5, after.bottom - min(after.height * 0.25, 12.0))
    dx, dy = end[0] - start[0], end[1] - start[1]
    down = dy > 0
    canvas.arrow(start, end, -dy / 6, lean=dx / 6 if down else -dx / 6, colour=colour, width=width)
    room.take_line([start, (start[0] + dx * (0.3 if down else 0.7), start[1] + dy * (0.7 if down else 0.3)), end])
    return (before.right + before.depth, start[1]) if down else (after.left, end[1])
