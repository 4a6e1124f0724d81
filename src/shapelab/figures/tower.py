"""A network as blocks one below the other, for a phone and for networks too long for a row.

A block lies on its side: as wide as its image is high, as thick as it has channels, as deep as its image is wide. Names
and shapes stand to the right, skips pass on the left. A long network goes on in the next column.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.folding import Block, Folded, Skip, clickable, colours, fold, in_words, shape_of, size_of
from shapelab.figures.theme import LIGHT
from shapelab.tracing.records import Trace

WIDTH = 420.0  # of a column
CENTRE = 122.0  # of its blocks
WORDS = 214.0  # where its names and shapes begin
WIDEST = 92.0
RISE = 0.62
ROW = 62.0
HEADROOM = 26.0
NAME_CHARACTERS = 24


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
        return self.y - self.height / 2 - self.depth * RISE


def tower(trace: Trace, *, selected: int | None = None, columns: int = 1) -> Spec:
    """The picture of a trace; ``selected`` is the stage whose block is drawn strong."""
    folded = fold(trace)
    rows = -(-len(folded.blocks) // columns)
    canvas = Canvas(WIDTH * columns, HEADROOM + ROW * rows)
    chosen = None if selected is None else folded.block_of.get(selected)
    places = _places(folded, rows)
    for skip in folded.skips:
        _draw_skip(canvas, folded, places, skip)
    worn = colours(trace, folded)
    for i, (block, place) in enumerate(zip(folded.blocks, places, strict=True)):
        if i:
            _draw_arrow(canvas, places[i - 1], place, folded.arrows.get(i, ""))
        _draw_block(canvas, block, place, worn[i], strong=i == chosen)
    boxes = [(p.left, p.left + WIDTH, p.y - ROW / 2, p.y + ROW / 2) for p in places]
    return canvas.spec(in_words(trace, folded), clickable(folded, boxes))


def _places(folded: Folded, rows: int) -> list[Lying]:
    sizes = [size_of(block.shape, block.layout) for block in folded.blocks]
    widest, deepest = max(max(h, w) for h, w, _ in sizes), max(c for _, _, c in sizes)
    return [
        Lying(
            left=WIDTH * (i // rows),
            y=HEADROOM + ROW * (i % rows + 0.5) - 6,
            width=max(WIDEST * h / widest, 10.0),
            height=7.0 + 11.0 * math.sqrt(c / deepest),
            depth=max(24.0 * w / widest, 4.0),
        )
        for i, (h, w, c) in enumerate(sizes)
    ]


def _draw_skip(canvas: Canvas, folded: Folded, places: Sequence[Lying], skip: Skip) -> None:
    """An arc on the left within a column; from another column a word says where it comes from."""
    start, end = places[skip.source], places[skip.target]
    line, ink = (LIGHT.padding, LIGHT.padding_text) if skip.fits else (LIGHT.kernel, LIGHT.kernel)
    words = skip.label
    if start.left == end.left:
        lean = min(14.0 + (skip.target - skip.source) * 5.0, 34.0)
        left = start.x - max(start.width, end.width) / 2 - 6
        canvas.arrow((left, start.y), (left, end.y), lean=lean, colour=line)
    else:
        words = f"{words.partition(' →')[0]} ← {_short(folded.blocks[skip.source].label)}"
    canvas.text((end.left + WORDS, end.y + 23), words, size=11, colour=ink, anchor="left")


def _draw_arrow(canvas: Canvas, before: Lying, after: Lying, label: str) -> None:
    if before.left != after.left:  # the column begins with what the last one ended with
        canvas.arrow((after.x, after.top - 16), (after.x, after.top - 3), colour=LIGHT.muted)
        return
    below, above = before.y + before.height / 2, after.top
    canvas.arrow((after.x, below + 4), (after.x, above - 3), colour=LIGHT.muted)
    if label:
        canvas.text((after.x + 9, (below + above) / 2), label, size=11, anchor="left")


def _draw_block(canvas: Canvas, block: Block, at: Lying, colours: tuple[str, str], *, strong: bool) -> None:
    line, fill = colours
    left, right = at.x - at.width / 2, at.x + at.width / 2
    top, bottom = at.y - at.height / 2, at.y + at.height / 2
    depth, rise, weight = at.depth, at.depth * RISE, 2.6 if strong else 1.3
    lid = [(left, top), (left + depth, top - rise), (right + depth, top - rise), (right, top)]
    side = [(right, top), (right + depth, top - rise), (right + depth, bottom - rise), (right, bottom)]
    for points in (lid, side, [(left, top), (right, top), (right, bottom), (left, bottom)]):
        canvas.polygon(points, line=line, width=weight, fill=fill)
    words = at.left + WORDS
    canvas.text((words, at.y - 9), f"<b>{_short(block.label)}</b>", colour=LIGHT.ink, size=14, anchor="left")
    canvas.text((words, at.y + 8), shape_of(block), size=12.5, mono=True, anchor="left")


def _short(label: str) -> str:
    """The end of a long path tells more than its beginning."""
    return label if len(label) <= NAME_CHARACTERS else "…" + label[1 - NAME_CHARACTERS :]
