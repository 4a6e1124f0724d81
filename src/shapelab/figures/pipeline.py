"""A network as a row of blocks scaled by H, W and C, in the order in which they run, skips as arcs.

Blocks stand lower the smaller their image, so that a U-Net draws a U. Steps that change the size of the image
(pooling, transposed convolution) are arrows; joins (concatenation, addition) are where a skip lands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.folding import Block, Folded, Skip, clickable, colours, fold, in_words, shape_of, size_of
from shapelab.figures.theme import LIGHT
from shapelab.tracing.records import Trace

HEADROOM = 78.0  # above the tallest block: its lid, the arc of a skip, and the words on it
RISE = 0.62  # how far the far side of a block stands above the near one, per pixel of depth
MARGIN = 60.0
UNIT = 150.0  # how tall the tallest block stands
NAME_SIZE = 13.0


def pipeline(trace: Trace, *, selected: int | None = None) -> Spec:
    """The picture of a trace; ``selected`` is the stage whose block is drawn strong."""
    folded = fold(trace)
    flat = len({size_of(block.shape, block.layout)[0] for block in folded.blocks}) == 1
    canvas = Canvas(860, 330 if flat else 500)
    places = _places(folded, canvas)
    chosen = None if selected is None else folded.block_of.get(selected)
    for skip in folded.skips:
        _draw_skip(canvas, places[skip.source], places[skip.target], skip)
    for index in range(1, len(folded.blocks)):
        _draw_arrow(canvas, places[index - 1], places[index], folded.arrows.get(index, ""))
    worn = colours(trace, folded)
    crowded = _crowded(folded, places)
    for index, (block, place) in enumerate(zip(folded.blocks, places, strict=True)):
        _draw_block(canvas, block, place, worn[index], strong=index == chosen, lowered=index % 2 == 1 and crowded)
    return canvas.spec(in_words(trace, folded), clickable(folded, [_box(place) for place in places]))


@dataclass(frozen=True)
class Place:
    """Where a block stands: the centre of its front face, that face's size, and its depth to the upper right."""

    x: float
    y: float
    width: float
    height: float
    depth: float


def _places(folded: Folded, canvas: Canvas) -> list[Place]:
    sizes = [size_of(block.shape, block.layout) for block in folded.blocks]
    tallest, deepest = max(max(h, w) for h, w, _ in sizes), max(c for _, _, c in sizes)
    largest = max(h for h, _, _ in sizes)
    levels = [round(math.log2(largest / h)) for h, _, _ in sizes]
    step = (canvas.width - 2 * MARGIN) / max(len(sizes) - 1, 1)
    drop = (canvas.height - HEADROOM - UNIT / 2 - 80) / max(max(levels), 1)
    places = []
    for i, (h, w, c) in enumerate(sizes):
        height = max(UNIT * h / tallest, 14.0)
        depth = min(max(0.3 * UNIT * w / tallest, 5.0), step * 0.24)
        width = min(8.0 + 46.0 * math.sqrt(c / deepest), step * 0.42)
        middle = HEADROOM + UNIT / 2 + drop * levels[i] - (UNIT - height) * 0.12
        places.append(Place(MARGIN + step * i - depth / 2, middle, width, height, depth))
    return places


def _draw_block(
    canvas: Canvas, block: Block, at: Place, colours: tuple[str, str], *, strong: bool, lowered: bool
) -> None:
    line, fill = colours
    left, right = at.x - at.width / 2, at.x + at.width / 2
    top, bottom = at.y - at.height / 2, at.y + at.height / 2
    d, rise = at.depth, at.depth * RISE
    width = 2.6 if strong else 1.3
    lid = [(left, top), (left + d, top - rise), (right + d, top - rise), (right, top)]
    side = [(right, top), (right + d, top - rise), (right + d, bottom - rise), (right, bottom)]
    face = [(left, top), (right, top), (right, bottom), (left, bottom)]
    for points in (lid, side, face):
        canvas.polygon(points, line=line, width=width, fill=fill)
    below = bottom + 15 + (NAME_SIZE * 2.9 if lowered else 0)
    canvas.text((at.x + d / 2, below), f"<b>{block.label}</b>", colour=LIGHT.ink, size=NAME_SIZE)
    canvas.text((at.x + d / 2, below + NAME_SIZE * 1.3), shape_of(block), size=NAME_SIZE - 1, mono=True)


def _crowded(folded: Folded, places: Sequence[Place]) -> bool:
    """Whether the shapes under neighbours at one height would touch, so that every other one stands lower."""
    widths = [Canvas.width_of(shape_of(block), NAME_SIZE - 1, mono=True) for block in folded.blocks]
    return any(
        after.x - before.x < (widths[i] + widths[i + 1]) / 2 + 4 and abs(after.y - before.y) < 30
        for i, (before, after) in enumerate(pairwise(places))
    )


def _draw_arrow(canvas: Canvas, before: Place, after: Place, label: str) -> None:
    """From the right of one block to the left of the next; its words stand on the inner side of the U."""
    start = (before.x + before.width / 2 + before.depth + 4, before.y - before.depth * 0.3)
    end = (after.x - after.width / 2 - 4, after.y)
    down, flat = after.y > before.y + 20, abs(after.y - before.y) <= 20
    if flat:
        start = (start[0], end[1])
    canvas.arrow(start, end, 0, colour=LIGHT.muted)
    if label:
        along = 0.5 if flat else 0.3 if down else 0.7  # nearer the upper block, where the inside of the U is wide
        middle = (start[0] + along * (end[0] - start[0]), start[1] + along * (end[1] - start[1]))
        at = (middle[0], middle[1] - 12) if flat else (middle[0] + (10 if down else -10), middle[1] - 4)
        canvas.text(at, label, size=12, anchor="center" if flat else "left" if down else "right")


def _draw_skip(canvas: Canvas, source: Place, target: Place, skip: Skip) -> None:
    start = (source.x + source.depth, source.y - source.height / 2 - source.depth * RISE - 5)
    end = (target.x, target.y - target.height / 2 - target.depth * RISE - 6)
    bend = min(max(14.0, (end[0] - start[0]) * 0.06), 30.0)
    canvas.arrow(start, end, bend, colour=LIGHT.padding if skip.fits else LIGHT.kernel)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - bend)
    colour = LIGHT.muted if skip.fits else LIGHT.kernel
    canvas.text((middle[0], max(middle[1] - 12, 12)), f"skip: {skip.label}", size=12, colour=colour)


def _box(place: Place) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of a block and the words below it."""
    left, top = place.x - place.width / 2, place.y - place.height / 2 - place.depth * RISE
    return left, place.x + place.width / 2 + place.depth, top, place.y + place.height / 2 + 38
