"""A network as a row of blocks scaled by H, W and C, in the order in which they run, skips as arcs.

Blocks stand lower the smaller their image, so that a U-Net draws a U. Steps that change the size of the image
(pooling, transposed convolution) are arrows; where a skip lands on an addition there is a sign. A shortcut with
blocks of its own runs above the others.
"""

from __future__ import annotations

import math
from itertools import pairwise

from shapelab.figures import blocks as look
from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.folding import BROKEN, Folded, fold, size_of
from shapelab.figures.labels import Box, Room
from shapelab.figures.passing import STOREY, arc, arrow_words, beside, bracket, skip_words, storeys
from shapelab.figures.row import HEIGHT, Place, label, step_to
from shapelab.tracing.records import Trace

WIDTH = 780.0
MARGIN = 58.0
UNIT = 150.0  # how tall the tallest block stands
UNIT_BESIDE = 112.0  # where blocks run beside others
LEAST = 14.0


def pipeline(trace: Trace, *, selected: int | None = None) -> Spec:
    """The picture of a trace; ``selected`` is the stage whose block, or arrow, is drawn strong."""
    folded = fold(trace)
    canvas, room = Canvas(WIDTH, 0), Room(WIDTH)
    worn = look.colours(trace, folded)
    places = _places(trace, folded)
    chosen = None if selected is None else folded.block_of.get(selected)
    stepped = chosen if chosen is not None and selected in folded.steps.get(chosen, ()) else None
    for i, place in enumerate(places):
        room.take(place.box)
        _draw(canvas, place, folded.blocks[i].sign, worn[i], strong=i == chosen and stepped is None)
    row = [(before, after) for before, after in pairwise(folded.row)]
    points = {b: step_to(canvas, room, places[a], places[b], strong=b == stepped) for a, b in row}
    over = storeys(folded, [place.level for place in places])
    middles = [
        bracket(canvas, room, places, skip, over[skip]) if skip in over else arc(canvas, room, places, skip)
        for skip in folded.skips
    ]
    beside(canvas, room, folded, places)
    words = [label(canvas, room, folded, places, i) for i in range(len(places))]
    for skip, middle in zip(folded.skips, middles, strict=True):
        skip_words(canvas, room, skip, *middle)
    arrows: dict[int, Box] = {}
    for before, after in row:
        turn = places[after].level - places[before].level
        text = folded.arrows.get(after, "")
        box = arrow_words(canvas, room, text, points[after], turn, strong=after == stepped)
        if text:
            arrows[after] = box
    canvas.height = room.bottom + 10
    boxes = [_around(place.box, box) for place, box in zip(places, words, strict=True)]
    return canvas.spec(look.in_words(trace, folded), look.meta(trace, folded, boxes, arrows, selected))


def _draw(canvas: Canvas, at: Place, sign: str, worn: tuple[str, str], *, strong: bool) -> None:
    if sign:
        look.join(canvas, (at.x, at.y), sign, worn, strong=strong)
    else:
        look.solid(canvas, (at.left, at.top, at.width, at.height), at.depth, worn, strong=strong)


def _places(trace: Trace, folded: Folded) -> list[Place]:
    """Where each block stands: levels from the top by how often the image was halved."""
    sizes = [size_of(block.shape, block.layout) for block in folded.blocks]
    real = [size for size, block in zip(sizes, folded.blocks, strict=True) if block.sign != BROKEN]
    tallest, deepest = max(max(h, w) for h, w, _ in real), max(c for _, _, c in real)
    largest = max(h for h, _, _ in real)
    unit = UNIT_BESIDE if folded.lanes else UNIT
    levels = [max(0, round(math.log2(largest / h))) for h, _, _ in sizes]
    if trace.error is not None:  # a join that fails stands where what it was to join belongs
        sides = [size_of(shape, folded.blocks[0].layout)[0] for shape in trace.error.in_shapes[:1]]
        levels[-1] = round(math.log2(max(largest / max(sides), 1.0))) if sides else levels[folded.row[-2]]
    falls = len(folded.row) > 1 and levels[folded.row[1]] > levels[folded.row[0]]
    columns, gap = _columns(folded, 86.0 if falls else MARGIN)
    middles = _levels(folded, levels, [max(unit * h / tallest, LEAST) for h, _, _ in sizes])
    places = []
    for i, (h, w, c) in enumerate(sizes):
        if folded.blocks[i].sign:
            size = (2 * look.RADIUS, 2 * look.RADIUS, 0.0)
        else:
            depth = min(max(0.3 * unit * w / tallest, 5.0), gap * 0.24)
            size = (min(8.0 + 46.0 * math.sqrt(c / deepest), gap * 0.42), max(unit * h / tallest, LEAST), depth)
        places.append(Place(columns[i] - size[2] / 2, middles[i], *size, level=levels[i]))
    return places


def _columns(folded: Folded, margin: float) -> tuple[dict[int, float], float]:
    """The middle of each block from the left, and how far blocks are apart; joins need less room."""
    gaps = [0.8 if folded.blocks[a].sign or folded.blocks[b].sign else 1.0 for a, b in pairwise(folded.row)]
    gap = min((WIDTH - margin - MARGIN) / max(sum(gaps), 1.0), 190.0)
    start = (WIDTH - MARGIN + margin - gap * sum(gaps)) / 2
    columns = {block: start + gap * sum(gaps[:at]) for at, block in enumerate(folded.row)}
    for lane in folded.lanes:
        left, right = columns[lane.source], columns[lane.target]
        for at, block in enumerate(lane.blocks, 1):
            columns[block] = left + (right - left) * at / (len(lane.blocks) + 1)
    return columns, gap


def _levels(folded: Folded, levels: list[int], heights: list[float]) -> list[float]:
    """The middle of each block from the top."""
    tall = {level: max(heights[i] for i in folded.row if levels[i] == level) for level in {*levels}}
    gap = 46.0 if len(tall) < 4 else 36.0 if len(tall) < 5 else 28.0
    lid = max((0.3 * UNIT if len(tall) > 1 else 0.18 * UNIT) * look.RISE, 12.0)
    aside = [i for lane in folded.lanes for i in lane.blocks]
    above = max((heights[i] for i in aside), default=0.0)
    passing = storeys(folded, levels)
    over = [passing[skip] for skip in passing if min(levels[skip.source], levels[skip.target]) == 0]
    top = lid + (STOREY * max(over) + 46 if over else 46 if len(tall) > 1 else 8)
    if aside:
        top = max(top, HEIGHT + lid + above) + lid + 18
    middle: dict[int, float] = {}
    for level in sorted(tall):
        middle[level] = top + tall[level] / 2
        top += tall[level] + gap
    places = [middle[level] for level in levels]
    for i in aside:
        places[i] = HEIGHT + lid + 8 + above / 2
    return places


def _around(one: Box, other: Box | None) -> Box:
    if other is None:
        return one
    left, top = min(one[0], other[0]), min(one[1], other[1])
    right, bottom = max(one[0] + one[2], other[0] + other[2]), max(one[1] + one[3], other[1] + other[3])
    return left, top, right - left, bottom - top
