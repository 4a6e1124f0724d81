"""A network as blocks one below the other, for a phone and for networks too long for a row.

A block lies on its side: as wide as its image is high, as thick as it has channels, as deep as its image is wide. Names
and shapes stand to the right, skips pass on the left. A long network goes on in the next column.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shapelab.figures import blocks as look
from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.folding import BROKEN, Folded, Skip, fold, size_of
from shapelab.figures.labels import Box
from shapelab.figures.theme import LIGHT
from shapelab.tracing.records import Trace

WIDTH = 420.0  # of a column
CENTRE = 122.0  # of its blocks
WORDS = 206.0  # where its names and shapes begin
WIDEST = 92.0
ROW = 64.0
HEADROOM = 26.0
NAME, SHAPE, SMALL = 15.5, 13.5, 12.5
NAME_CHARACTERS = 22


@dataclass(frozen=True)
class Lying:
    """A block lying on its side: where its column begins, its middle, and the size of its face."""

    left: float
    y: float
    width: float
    height: float
    depth: float

    @property
    def x(self) -> float:
        """The middle of its face."""
        return self.left + CENTRE

    @property
    def top(self) -> float:
        """Where its lid ends."""
        return self.y - self.height / 2 - self.depth * look.RISE


def tower(trace: Trace, *, selected: int | None = None, columns: int = 1) -> Spec:
    """The picture of a trace; ``selected`` is the stage whose block, or arrow, is drawn strong."""
    folded = fold(trace)
    rows = -(-len(folded.blocks) // columns)
    canvas = Canvas(WIDTH * columns, HEADROOM + ROW * rows)
    chosen = None if selected is None else folded.block_of.get(selected)
    stepped = chosen if chosen is not None and selected in folded.steps.get(chosen, ()) else None
    places = _places(folded, rows)
    for skip in folded.skips:
        _draw_skip(canvas, folded, places, skip)
    parted = _draw_lanes(canvas, folded, places)
    worn = look.colours(trace, folded)
    arrows: dict[int, Box] = {}
    for i, place in enumerate(places):
        if i and i not in parted:
            label = folded.arrows.get(i, "")
            _draw_arrow(canvas, places[i - 1], place, label, strong=i == stepped)
            if label and places[i - 1].left == place.left:
                middle = (places[i - 1].y + places[i - 1].height / 2 + place.top) / 2
                arrows[i] = (place.x - 14, middle - 13, 200.0, 26.0)
        _draw_block(canvas, folded, i, place, worn[i], strong=i == chosen and stepped is None)
    boxes = [(p.left + 4, p.y - ROW / 2 + 8, WIDTH - 8, ROW - 8) for p in places]
    return canvas.spec(look.in_words(trace, folded), look.meta(trace, folded, boxes, arrows, selected))


def _places(folded: Folded, rows: int) -> list[Lying]:
    sizes = [size_of(block.shape, block.layout) for block in folded.blocks]
    widest, deepest = max(max(h, w) for h, w, _ in sizes), max(c for _, _, c in sizes)
    return [
        Lying(
            left=WIDTH * (i // rows),
            y=HEADROOM + ROW * (i % rows + 0.5) - 6,
            width=2 * look.RADIUS if block.sign else max(WIDEST * h / widest, 10.0),
            height=2 * look.RADIUS if block.sign else 7.0 + 11.0 * math.sqrt(c / deepest),
            depth=0.0 if block.sign else max(24.0 * w / widest, 4.0),
        )
        for i, ((h, w, c), block) in enumerate(zip(sizes, folded.blocks, strict=True))
    ]


def _draw_skip(canvas: Canvas, folded: Folded, places: Sequence[Lying], skip: Skip) -> None:
    """An arc on the left within a column; from another column a word says where it comes from."""
    start, end = places[skip.source], places[skip.target]
    line, ink = (LIGHT.padding, LIGHT.padding_text) if skip.fits else (LIGHT.failed, LIGHT.failed)
    words = skip.label
    if start.left == end.left:
        _arc(canvas, start, end, skip.target - skip.source, line)
    else:
        words = f"{words.partition(' →')[0]} ← {_short(folded.blocks[skip.source].label)}"
    shape = look.shape_of(folded.blocks[skip.target])
    canvas.text((end.left + WORDS, end.y + (25 if shape else 8)), words, size=SMALL, colour=ink, anchor="left")


def _arc(canvas: Canvas, start: Lying, end: Lying, over: int, line: str) -> None:
    lean = min(14.0 + over * 5.0, 34.0)
    left = start.x - max(start.width, end.width) / 2 - 6
    canvas.arrow((left, start.y), (left, end.y), lean=lean, colour=line, width=1.8)


def _draw_lanes(canvas: Canvas, folded: Folded, places: Sequence[Lying]) -> set[int]:
    """The lines around blocks that run beside others; gives the blocks that nothing leads to from the one above."""
    parted = set()
    for lane in folded.lanes:
        first, last = lane.blocks[0], lane.blocks[-1]
        before = folded.row[folded.row.index(lane.target) - 1]
        line = LIGHT.padding if folded.blocks[lane.target].sign != BROKEN else LIGHT.failed
        if first - 1 != lane.source:
            parted.add(first)
            _pass(canvas, places[lane.source], places[first], first - lane.source, line)
        if before != lane.target - 1:
            _pass(canvas, places[before], places[lane.target], lane.target - before, LIGHT.muted)
        if last + 1 != lane.target:
            parted.add(last + 1)
            _pass(canvas, places[last], places[lane.target], lane.target - last, line)
    return parted


def _pass(canvas: Canvas, start: Lying, end: Lying, over: int, line: str) -> None:
    if start.left == end.left:
        _arc(canvas, start, end, over, line)


def _draw_arrow(canvas: Canvas, before: Lying, after: Lying, label: str, *, strong: bool) -> None:
    colour, width = (LIGHT.ink, 3.0) if strong else (LIGHT.muted, 1.6)
    if before.left != after.left:  # the column begins with what the last one ended with
        canvas.arrow((after.x, after.top - 16), (after.x, after.top - 3), colour=colour, width=width)
        return
    below, above = before.y + before.height / 2, after.top
    canvas.arrow((after.x, below + 4), (after.x, above - 3), colour=colour, width=width)
    if label:
        canvas.text((after.x + 9, (below + above) / 2), label, size=SMALL, anchor="left", colour=colour)


def _draw_block(canvas: Canvas, folded: Folded, index: int, at: Lying, worn: tuple[str, str], *, strong: bool) -> None:
    block, words = folded.blocks[index], at.left + WORDS
    if block.sign:
        look.join(canvas, (at.x, at.y), block.sign, worn, strong=strong)
    else:
        face = (at.x - at.width / 2, at.y - at.height / 2, at.width, at.height)
        look.solid(canvas, face, at.depth, worn, strong=strong)
    shape = look.shape_of(block)
    colour = LIGHT.ink if shape else LIGHT.failed
    canvas.text((words, at.y - 9), f"<b>{_short(block.label)}</b>", colour=colour, size=NAME, anchor="left")
    if shape:
        canvas.text((words, at.y + 9), shape, size=SHAPE, mono=True, anchor="left")


def _short(label: str) -> str:
    """The end of a long path tells more than its beginning."""
    return label if len(label) <= NAME_CHARACTERS else "…" + label[1 - NAME_CHARACTERS :]
