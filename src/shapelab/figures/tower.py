"""A network as blocks one below the other, for a phone and for networks too long for a row.

A block lies on its side: as wide as its image is high, as thick as it has channels, as deep as its image is wide. Names
and shapes stand to the right, skips pass on the left.
"""

from __future__ import annotations

import math

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.folding import Block, clickable, colours, fold, in_words, shape_of, size_of
from shapelab.figures.theme import LIGHT
from shapelab.tracing.records import Trace

WIDTH = 420.0
CENTRE = 122.0  # of the blocks
WORDS = 214.0  # where names and shapes begin
WIDEST = 92.0
RISE = 0.62
ROW = 62.0
HEADROOM = 26.0


def tower(trace: Trace, *, selected: int | None = None) -> Spec:
    """The picture of a trace; ``selected`` is the stage whose block is drawn strong."""
    folded = fold(trace)
    canvas = Canvas(WIDTH, HEADROOM + ROW * len(folded.blocks))
    chosen = None if selected is None else folded.block_of.get(selected)
    sizes = [size_of(block.shape, block.layout) for block in folded.blocks]
    widest, deepest = max(max(h, w) for h, w, _ in sizes), max(c for _, _, c in sizes)
    middles = [HEADROOM + ROW * (i + 0.5) - 6 for i in range(len(sizes))]
    faces = [
        (max(WIDEST * h / widest, 10.0), 7.0 + 11.0 * math.sqrt(c / deepest), max(24.0 * w / widest, 4.0))
        for h, w, c in sizes
    ]
    for skip in folded.skips:
        start, end = middles[skip.source], middles[skip.target]
        lean = min(14.0 + (skip.target - skip.source) * 5.0, 34.0)
        colour = LIGHT.padding if skip.fits else LIGHT.kernel
        left = CENTRE - max(faces[skip.source][0], faces[skip.target][0]) / 2 - 6
        canvas.arrow((left, start), (left, end), lean=lean, colour=colour)
        colour = LIGHT.padding_text if skip.fits else LIGHT.kernel
        canvas.text((WORDS, end + 23), skip.label, size=11, colour=colour, anchor="left")
    worn = colours(trace, folded)
    for i, (block, y) in enumerate(zip(folded.blocks, middles, strict=True)):
        if i:
            below, above = middles[i - 1] + faces[i - 1][1] / 2, y - faces[i][1] / 2 - faces[i][2] * RISE
            canvas.arrow((CENTRE, below + 4), (CENTRE, above - 3), colour=LIGHT.muted)
            if folded.arrows.get(i):
                canvas.text((CENTRE + 9, (below + above) / 2), folded.arrows[i], size=11, anchor="left")
        _draw_block(canvas, block, y, faces[i], worn[i], strong=i == chosen)
    boxes = [(0.0, WIDTH, y - ROW / 2, y + ROW / 2) for y in middles]
    return canvas.spec(in_words(trace, folded), clickable(folded, boxes))


def _draw_block(
    canvas: Canvas,
    block: Block,
    y: float,
    face: tuple[float, float, float],
    colours: tuple[str, str],
    *,
    strong: bool,
) -> None:
    line, fill = colours
    width, height, depth = face
    left, right, top, bottom = CENTRE - width / 2, CENTRE + width / 2, y - height / 2, y + height / 2
    rise, weight = depth * RISE, 2.6 if strong else 1.3
    lid = [(left, top), (left + depth, top - rise), (right + depth, top - rise), (right, top)]
    side = [(right, top), (right + depth, top - rise), (right + depth, bottom - rise), (right, bottom)]
    for points in (lid, side, [(left, top), (right, top), (right, bottom), (left, bottom)]):
        canvas.polygon(points, line=line, width=weight, fill=fill)
    canvas.text((WORDS, y - 9), f"<b>{block.label}</b>", colour=LIGHT.ink, size=14, anchor="left")
    canvas.text((WORDS, y + 8), shape_of(block), size=12.5, mono=True, anchor="left")
