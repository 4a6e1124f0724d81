"""What passes over or beside the blocks of a row: skips as arcs or brackets, shortcuts with blocks of their own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from shapelab.figures.blocks import RADIUS
from shapelab.figures.canvas import Canvas, Point
from shapelab.figures.folding import BROKEN, Folded, Skip
from shapelab.figures.labels import Box, Room, width_of
from shapelab.figures.row import Place
from shapelab.figures.theme import LIGHT

SIZE = 13.0  # of its words
STOREY = 30.0  # from one bracket to that above it
CORNER = 10.0


def storeys(folded: Folded, levels: Sequence[int]) -> dict[Skip, int]:
    """The skips that must pass above blocks of their own level, and how many brackets lie below each."""
    row = folded.row
    place = {block: at for at, block in enumerate(row)}
    spans = []
    for skip in folded.skips:
        between = row[place[skip.source] + 1 : place[skip.target]]
        if any(levels[block] <= max(levels[skip.source], levels[skip.target]) for block in between):
            spans.append(skip)
    found: dict[Skip, int] = {}
    for skip in sorted(spans, key=lambda s: place[s.target] - place[s.source]):
        held = {n for other, n in found.items() if other.source < skip.target and skip.source < other.target}
        found[skip] = next(n for n in range(len(spans)) if n not in held)
    return found


def bracket(canvas: Canvas, room: Room, places: Sequence[Place], skip: Skip, storey: int) -> tuple[Point, float]:
    """A skip over the blocks between: up, across, down. Gives where its words belong, and the room for them."""
    source, target = places[skip.source], places[skip.target]
    y = min(place.lid[1] for place in places[skip.source : skip.target + 1]) - 16 - STOREY * storey
    start, end = (source.x + source.depth / 2, source.lid[1] - 4), (target.x + target.depth / 2, target.lid[1] - 5)
    colour = LIGHT.padding if skip.fits else LIGHT.failed
    elbow(canvas, [start, (start[0], y), (end[0], y), end], colour, room)
    return ((start[0] + end[0]) / 2, y - SIZE * 0.85), end[0] - start[0] - 2 * CORNER


def arc(canvas: Canvas, room: Room, places: Sequence[Place], skip: Skip) -> tuple[Point, float]:
    """A skip across the inside of the U, from side to side."""
    source, target = places[skip.source], places[skip.target]
    start = (source.right + source.depth + 4, source.top + 0.2 * source.height - source.depth * 0.3)
    end = (target.left - 6, target.top + 0.2 * target.height)
    bend = min(max(10.0, (end[0] - start[0]) * 0.05), 26.0)
    canvas.arrow(start, end, bend, colour=LIGHT.padding if skip.fits else LIGHT.failed)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - bend)
    room.take_line([start, ((start[0] + middle[0]) / 2, middle[1] + bend * 0.25), middle])
    room.take_line([middle, ((end[0] + middle[0]) / 2, middle[1] + bend * 0.25), end])
    return (middle[0], middle[1] - SIZE * 0.85), end[0] - start[0]


def beside(canvas: Canvas, room: Room, folded: Folded, places: Sequence[Place]) -> None:
    """The lines of shortcuts with blocks of their own: up, through the blocks, and down into the join."""
    for lane in folded.lanes:
        source, target = places[lane.source], places[lane.target]
        held = [places[i] for i in lane.blocks]
        y = held[0].y
        x = source.x + source.depth / 2
        fits = folded.blocks[lane.target].sign != BROKEN
        elbow(canvas, [(x, source.lid[1] - 4), (x, y), (held[0].left - 5, y)], LIGHT.padding, room)
        for before, after in pairwise(held):
            elbow(canvas, [(before.right + before.depth + 4, y), (after.left - 5, y)], LIGHT.padding, room)
        end = [(held[-1].right + held[-1].depth + 4, y), (target.x, y), (target.x, target.y - RADIUS - 5)]
        elbow(canvas, end, LIGHT.padding if fits else LIGHT.failed, room)


def skip_words(canvas: Canvas, room: Room, skip: Skip, at: Point, across: float) -> None:
    """The words of a skip over its middle: as many as there is room for."""
    colour = LIGHT.padding_text if skip.fits else LIGHT.failed
    join, arrow, shape = skip.label.partition(" → ")
    texts = [f"skip: {skip.label}", skip.label, f"skip{arrow}{shape}", arrow + shape, join]
    for text in filter(None, texts if skip.fits else [skip.label, "does not fit"]):
        width = width_of(text, SIZE)
        boxes = [(at[0] - width / 2, at[1] - SIZE / 2 - up, width, SIZE) for up in (0.0, 4.0)]
        found = room.free(boxes) if width <= max(across, 60.0) + 40 else None
        if found is not None:
            canvas.text((found[0] + width / 2, found[1] + SIZE / 2), text, size=SIZE, colour=colour)
            return


def arrow_words(canvas: Canvas, room: Room, text: str, at: Point, turn: int, *, strong: bool) -> Box:
    """The words of an arrow beside it: on the inner side of the U (``turn`` 1 down, -1 up), or above it (0)."""
    size = SIZE
    for words in (text, text.rpartition(" ")[2]):
        width = width_of(words, size)
        if turn:
            left = at[0] + 8 if turn > 0 else at[0] - width - 8
            places = [(left, at[1] - size - up, width, size) for up in (4, 14, 24, -4)]
        else:
            places = [(at[0] - width / 2, at[1] - size - up, width, size) for up in (6, -22, 20)]
        found = room.free(places) if words else None
        if found is not None:
            colour = LIGHT.ink if strong else LIGHT.muted
            canvas.text((found[0] + width / 2, found[1] + size / 2), words, size=size, colour=colour)
            return found[0] - 6, found[1] - 6, width + 12, size + 12
    return at[0] - 12, at[1] - 12, 24, 24


def elbow(canvas: Canvas, points: Sequence[Point], colour: str, room: Room) -> None:
    """An arrow along straight lines with round corners."""
    path = f"M {points[0][0]:.1f},{points[0][1]:.1f}"
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        ends = [_towards(at, other) for other in (before, after)]
        path += f" L {ends[0][0]:.1f},{ends[0][1]:.1f} Q {at[0]:.1f},{at[1]:.1f} {ends[1][0]:.1f},{ends[1][1]:.1f}"
    canvas.path(path + f" L {points[-1][0]:.1f},{points[-1][1]:.1f}", line=colour, width=1.8)
    canvas.arrow(_towards(points[-1], points[-2]), points[-1], colour=colour, width=1.8)
    room.take_line(points)


def _towards(at: Point, other: Point) -> Point:
    length = max(((other[0] - at[0]) ** 2 + (other[1] - at[1]) ** 2) ** 0.5, 1e-6)
    share = min(CORNER, length / 2) / length
    return at[0] + share * (other[0] - at[0]), at[1] + share * (other[1] - at[1])
