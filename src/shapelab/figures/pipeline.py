"""A network as blocks scaled by H, W and C, in the order in which they run, skips as arcs.

Blocks stand lower the smaller their image, so that a U-Net draws a U. Steps that change the size of the image
(pooling, transposed convolution) are arrows; joins (concatenation, addition) are where a skip lands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.theme import LIGHT
from shapelab.tracing.records import SPATIAL, Shape, Stage, Trace

RESIZING = ("pool", "conv_transpose", "resize")
HEADROOM = 78.0  # above the tallest block: its lid, the arc of a skip, and the words on it
RISE = 0.62  # how far the far side of a block stands above the near one, per pixel of depth
JOINS = {"concatenate": "concatenate", "add": "add", "mul": "multiply", "sub": "subtract"}


@dataclass(frozen=True)
class Block:
    """One block of the picture: the input (stages empty), or the stages of one module run one after the other."""

    label: str
    shape: Shape
    layout: tuple[str, ...]
    stages: tuple[int, ...]


@dataclass(frozen=True)
class Skip:
    """A tensor that passes over blocks."""

    source: int
    target: int
    label: str
    fits: bool = True


@dataclass(frozen=True)
class Pipeline:
    """A trace folded into blocks."""

    blocks: tuple[Block, ...]
    arrows: dict[int, str]
    skips: tuple[Skip, ...]
    block_of: dict[int, int]


def fold(trace: Trace) -> Pipeline:
    """Fold the stages of a trace into blocks: a module's run of stages is one, pools and joins are none."""
    first = trace.inputs[0]
    blocks = [Block(first.name, first.shape, first.layout, ())]
    arrows: dict[int, str] = {}
    block_of = {-1: 0}
    pending: list[str] = []
    previous = ""
    for index, stage in enumerate(trace.stages):
        top = stage.path.split(".")[0]
        label = _between(stage)
        if label is not None:
            pending += [label] if label else []
            block_of[index] = len(blocks)  # what it gives arrives at the next block
            previous = ""
            continue
        if top and top == previous:
            last = blocks[-1]
            blocks[-1] = Block(last.label, stage.out_shape, stage.layout, (*last.stages, index))
        else:
            blocks.append(Block(top or stage.op, stage.out_shape, stage.layout, (index,)))
            if pending:
                arrows[len(blocks) - 1] = ", ".join(pending)
            pending = []
        previous = top
        block_of[index] = len(blocks) - 1
    if pending:
        final = trace.stages[-1]
        name = final.path.split(".")[-1] or final.op
        blocks.append(Block(name, final.out_shape, final.layout, (len(trace.stages) - 1,)))
        arrows[len(blocks) - 1] = ", ".join(pending)
    skips = []
    for edge in trace.skips():
        source, target = _made_by(trace, edge.source, block_of), block_of[edge.target]
        stage = trace.stages[edge.target]
        if target - source >= 1:
            shape = ", ".join(map(str, stage.out_shape))
            skips.append(Skip(source, min(target, len(blocks) - 1), f"{JOINS.get(stage.op, stage.op)} → ({shape})"))
    skips += _broken(trace, block_of, len(blocks) - 1)
    return Pipeline(tuple(blocks), arrows, tuple(skips), block_of)


def pipeline(trace: Trace, *, selected: int | None = None, narrow: bool = False) -> Spec:
    """The picture of a trace; ``selected`` is the stage whose block is drawn strong."""
    folded = fold(trace)
    flat = len({_size(block.shape, block.layout)[0] for block in folded.blocks}) == 1
    width, height = (420, 330) if narrow else (860, 500)
    canvas = Canvas(width, height * (0.76 if narrow else 0.66) if flat else height)
    places = _places(folded, canvas, narrow)
    chosen = None if selected is None else folded.block_of.get(selected)
    for skip in folded.skips:
        _draw_skip(canvas, places[skip.source], places[skip.target], skip, narrow)
    for index in range(1, len(folded.blocks)):
        _draw_arrow(canvas, places[index - 1], places[index], folded.arrows.get(index, ""), narrow)
    colours = _colours(trace, folded)
    crowded = _crowded(folded, places, narrow)
    for index, (block, place) in enumerate(zip(folded.blocks, places, strict=True)):
        lowered = index % 2 == 1 and crowded
        _draw_block(canvas, block, place, colours[index], strong=index == chosen, narrow=narrow, lowered=lowered)
    return canvas.spec(_words(trace, folded), _meta(folded, places))


@dataclass(frozen=True)
class Place:
    """Where a block stands: the centre of its front face, that face's size, and its depth to the upper right."""

    x: float
    y: float
    width: float
    height: float
    depth: float


def _between(stage: Stage) -> str | None:
    """The words of a step that is an arrow or a join; None for a step that is a block."""
    if any(part in stage.op for part in RESIZING):
        size = "×".join(str(window.size) for window in stage.windows) if stage.windows else ""
        name = stage.path.split(".")[-1] if stage.layer and stage.path else stage.op.replace("_", " ")
        return f"{name} {size}".strip()
    if stage.op == "concatenate":
        return ""
    return None


def _broken(trace: Trace, block_of: dict[int, int], last: int) -> list[Skip]:
    """The skip that did not fit, from the block that gave its other end."""
    error = trace.error
    if error is None:
        return []
    origins = {
        block_of.get(stage, last): shape
        for stage, shape in zip(error.operands, error.in_shapes, strict=True)
        if stage is not None
    }
    return [
        Skip(block, last, f"({', '.join(map(str, shape))}) does not fit", fits=False)
        for block, shape in origins.items()
        if block < last
    ]


def _made_by(trace: Trace, source: int, block_of: dict[int, int]) -> int:
    if source < 0:
        return 0
    return block_of[source]


def _size(shape: Shape, layout: Sequence[str]) -> tuple[float, float, float]:
    """H, W and C of a block; what the layout does not name is taken from the end of the shape."""
    named = dict(zip(layout, shape, strict=False))
    spatial = [n for n, name in zip(shape, layout, strict=False) if name in SPATIAL]
    height = spatial[0] if spatial else (shape[-2] if len(shape) > 1 else 1)
    width = spatial[1] if len(spatial) > 1 else 1
    return float(height), float(width), float(named.get("C", shape[-1] if shape else 1))


def _places(folded: Pipeline, canvas: Canvas, narrow: bool) -> list[Place]:
    sizes = [_size(block.shape, block.layout) for block in folded.blocks]
    tallest, deepest = max(max(h, w) for h, w, _ in sizes), max(c for _, _, c in sizes)
    largest = max(h for h, _, _ in sizes)
    levels = [round(math.log2(largest / h)) for h, _, _ in sizes]
    margin = 34.0 if narrow else 60.0
    step = (canvas.width - 2 * margin) / max(len(sizes) - 1, 1)
    unit = 84.0 if narrow else 150.0
    drop = (canvas.height - HEADROOM - unit / 2 - (50 if narrow else 80)) / max(max(levels), 1)
    places = []
    for i, (h, w, c) in enumerate(sizes):
        height = max(unit * h / tallest, 14.0)
        depth = min(max(0.3 * unit * w / tallest, 5.0), step * 0.24)
        width = min(8.0 + (18.0 if narrow else 46.0) * math.sqrt(c / deepest), step * 0.42)
        middle = HEADROOM + unit / 2 + drop * levels[i] - (unit - height) * 0.12
        places.append(Place(margin + step * i - depth / 2, middle, width, height, depth))
    return places


def _colours(trace: Trace, folded: Pipeline) -> list[tuple[str, str]]:
    """Input blue until the smallest image, that one magenta, output green from there on.

    Where no image shrinks, only blocks that hold a kernel are magenta, and the last is green.
    """
    blue, magenta = (LIGHT.input, LIGHT.input_tint), (LIGHT.kernel, LIGHT.kernel_tint)
    green, neutral = (LIGHT.output, LIGHT.output_tint), (LIGHT.muted, LIGHT.line)
    heights = [_size(block.shape, block.layout)[0] for block in folded.blocks]
    smallest, last = min(heights), len(heights) - 1
    if smallest == heights[0]:
        kernels = [any(trace.stages[i].macs for i in block.stages) for block in folded.blocks]
        return [blue if i == 0 else green if i == last else magenta if kernels[i] else neutral for i in range(last + 1)]
    first, final = heights.index(smallest), last - heights[::-1].index(smallest)
    return [blue if i < first else green if i > final else magenta for i in range(last + 1)]


def _draw_block(
    canvas: Canvas, block: Block, at: Place, colours: tuple[str, str], *, strong: bool, narrow: bool, lowered: bool
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
    shape = _shape(block)
    size = _type_size(narrow)
    below = bottom + 15 + (size * 2.9 if lowered else 0)
    canvas.text((at.x + d / 2, below), f"<b>{block.label}</b>", colour=LIGHT.ink, size=size)
    canvas.text((at.x + d / 2, below + size * 1.3), shape, size=size - 1, mono=True)


def _shape(block: Block) -> str:
    return "(" + ", ".join(map(str, block.shape)) + ")"


def _type_size(narrow: bool) -> float:
    return 8.5 if narrow else 13.0


def _crowded(folded: Pipeline, places: Sequence[Place], narrow: bool) -> bool:
    """Whether the shapes under neighbours at one height would touch, so that every other one stands lower."""
    widths = [Canvas.width_of(_shape(block), _type_size(narrow) - 1, mono=True) for block in folded.blocks]
    return any(
        after.x - before.x < (widths[i] + widths[i + 1]) / 2 + 4 and abs(after.y - before.y) < 30
        for i, (before, after) in enumerate(pairwise(places))
    )


def _draw_arrow(canvas: Canvas, before: Place, after: Place, label: str, narrow: bool) -> None:
    """From the right of one block to the left of the next; its words stand on the inner side of the U."""
    start = (before.x + before.width / 2 + before.depth + 4, before.y - before.depth * 0.3)
    end = (after.x - after.width / 2 - 4, after.y)
    down, flat = after.y > before.y + 20, abs(after.y - before.y) <= 20
    if flat:
        start = (start[0], end[1])
    canvas.arrow(start, end, 0, colour=LIGHT.muted)
    if label and not narrow:
        along = 0.5 if flat else 0.3 if down else 0.7  # nearer the upper block, where the inside of the U is wide
        middle = (start[0] + along * (end[0] - start[0]), start[1] + along * (end[1] - start[1]))
        at = (middle[0], middle[1] - 12) if flat else (middle[0] + (10 if down else -10), middle[1] - 4)
        canvas.text(at, label, size=12, anchor="center" if flat else "left" if down else "right")


def _draw_skip(canvas: Canvas, source: Place, target: Place, skip: Skip, narrow: bool) -> None:
    start = (source.x + source.depth, source.y - source.height / 2 - source.depth * RISE - 5)
    end = (target.x, target.y - target.height / 2 - target.depth * RISE - 6)
    bend = min(max(14.0, (end[0] - start[0]) * 0.06), 30.0)
    canvas.arrow(start, end, bend, colour=LIGHT.padding if skip.fits else LIGHT.kernel)
    size = 9.0 if narrow else 12.0
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - bend)
    words = skip.label if narrow else f"skip: {skip.label}"
    colour = LIGHT.muted if skip.fits else LIGHT.kernel
    canvas.text((middle[0], max(middle[1] - size, size)), words, size=size, colour=colour)


def _meta(folded: Pipeline, places: Sequence[Place]) -> Spec:
    """Where the blocks stand and the stage that a click on each selects (its first; -1 for the input)."""
    boxes = [
        {
            "x0": place.x - place.width / 2,
            "x1": place.x + place.width / 2 + place.depth,
            "y0": place.y - place.height / 2 - place.depth * RISE,
            "y1": place.y + place.height / 2 + 38,
            "stage": block.stages[0] if block.stages else -1,
        }
        for block, place in zip(folded.blocks, places, strict=True)
    ]
    return {"kind": "pipeline", "blocks": boxes}


def _words(trace: Trace, folded: Pipeline) -> str:
    parts = ", ".join(f"{block.label} {block.shape}" for block in folded.blocks)
    skips = "; ".join(
        f"skip from {folded.blocks[s.source].label} to {folded.blocks[s.target].label}" for s in folded.skips
    )
    return f"{trace.name}: {parts}" + (f"; {skips}" if skips else "")
