"""A trace folded into the blocks of a picture: which there are, what colour each wears, and what passes over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapelab.figures.canvas import Spec
from shapelab.figures.theme import LIGHT
from shapelab.tracing.records import SPATIAL, Call, Shape, Stage, Trace

RESIZING = ("pool", "conv_transpose", "resize")
FEW_BLOCKS = 4  # fewer say too little
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
class Folded:
    """A trace folded into blocks."""

    blocks: tuple[Block, ...]
    arrows: dict[int, str]
    skips: tuple[Skip, ...]
    block_of: dict[int, int]


def fold(trace: Trace) -> Folded:
    """Fold the stages of a trace into blocks: a module call's run of stages is one, pools and joins are none.

    The traced module's own calls are the blocks; where they are few, theirs are.
    """
    folded = _fold(trace, 1)
    for depth in range(2, max((len(stage.calls) for stage in trace.stages), default=1) + 1):
        if len(folded.blocks) >= FEW_BLOCKS:
            break
        folded = _fold(trace, depth)
    return folded


def _fold(trace: Trace, depth: int) -> Folded:
    first = trace.inputs[trace.main]
    blocks = [Block(first.name, first.shape, first.layout, ())]
    arrows: dict[int, str] = {}
    block_of = {-1 - number: 0 for number in range(len(trace.inputs))}
    pending: list[str] = []
    previous: tuple[Call, ...] = ()
    for index, stage in enumerate(trace.stages):
        calls = stage.calls[:depth] if len(stage.calls) >= depth else ()
        label = _between(stage) if len(stage.calls) <= depth else None
        if label is not None:
            pending += [label] if label else []
            block_of[index] = len(blocks)  # what it gives arrives at the next block
            previous = ()
            continue
        if calls and calls == previous:
            last = blocks[-1]
            blocks[-1] = Block(last.label, stage.out_shape, stage.layout, (*last.stages, index))
        else:
            blocks.append(Block(calls[-1].path if calls else stage.op, stage.out_shape, stage.layout, (index,)))
            if pending:
                arrows[len(blocks) - 1] = ", ".join(pending)
            pending = []
        previous = calls
        block_of[index] = len(blocks) - 1
    if pending:
        final = trace.stages[-1]
        name = final.path.split(".")[-1] or final.op
        blocks.append(Block(name, final.out_shape, final.layout, (len(trace.stages) - 1,)))
        arrows[len(blocks) - 1] = ", ".join(pending)
    skips: dict[tuple[int, int], Skip] = {}
    for edge in trace.skips():
        source, target = block_of[edge.source], min(block_of[edge.target], len(blocks) - 1)
        stage = trace.stages[edge.target]
        over_a_block = target - source >= 2  # one around the inside of a block shows when the block is opened
        if over_a_block and edge.source in (-1 - trace.main, *range(len(trace.stages))):
            shape = ", ".join(map(str, stage.out_shape))
            skips.setdefault((source, target), Skip(source, target, f"{JOINS.get(stage.op, stage.op)} → ({shape})"))
    return Folded(tuple(blocks), arrows, (*skips.values(), *_broken(trace, block_of, len(blocks) - 1)), block_of)


def size_of(shape: Shape, layout: Sequence[str]) -> tuple[float, float, float]:
    """H, W and C of a block, at least 1; what the layout does not name is taken from the end of the shape."""
    named = dict(zip(layout, shape, strict=False))
    spatial = [n for n, name in zip(shape, layout, strict=False) if name in SPATIAL]
    height = spatial[0] if spatial else (shape[-2] if len(shape) > 1 else 1)
    width = spatial[1] if len(spatial) > 1 else 1
    channels = named.get("C", shape[-1] if shape else 1)
    return max(float(height), 1.0), max(float(width), 1.0), max(float(channels), 1.0)


def colours(trace: Trace, folded: Folded) -> list[tuple[str, str]]:
    """Input blue until the smallest image, that one magenta, output green from there on.

    Where no image shrinks, only blocks that hold a kernel are magenta, and the last is green.
    """
    blue, magenta = (LIGHT.input, LIGHT.input_tint), (LIGHT.kernel, LIGHT.kernel_tint)
    green, neutral = (LIGHT.output, LIGHT.output_tint), (LIGHT.muted, LIGHT.line)
    heights = [size_of(block.shape, block.layout)[0] for block in folded.blocks]
    smallest, last = min(heights), len(heights) - 1
    if smallest == heights[0]:
        kernels = [any(trace.stages[i].macs for i in block.stages) for block in folded.blocks]
        return [blue if i == 0 else green if i == last else magenta if kernels[i] else neutral for i in range(last + 1)]
    first, final = heights.index(smallest), last - heights[::-1].index(smallest)
    return [blue if i < first else green if i > final else magenta for i in range(last + 1)]


def shape_of(block: Block) -> str:
    """The shape as it is written below a block."""
    return "(" + ", ".join(map(str, block.shape)) + ")"


def clickable(folded: Folded, boxes: Sequence[tuple[float, float, float, float]]) -> Spec:
    """Where the blocks stand (left, right, top, bottom), and the stage that a click on each selects: its first."""
    blocks = [
        {"x0": x0, "x1": x1, "y0": y0, "y1": y1, "stage": block.stages[0] if block.stages else -1}
        for block, (x0, x1, y0, y1) in zip(folded.blocks, boxes, strict=True)
    ]
    return {"kind": "pipeline", "blocks": blocks}


def in_words(trace: Trace, folded: Folded) -> str:
    """What the picture shows, for who cannot see it."""
    parts = ", ".join(f"{block.label} {block.shape}" for block in folded.blocks)
    skips = "; ".join(
        f"skip from {folded.blocks[s.source].label} to {folded.blocks[s.target].label}" for s in folded.skips
    )
    return f"{trace.name}: {parts}" + (f"; {skips}" if skips else "")


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
