"""A trace folded into the blocks of a picture: which there are, and what passes over or beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shapelab.tracing.records import SPATIAL, Call, Failure, Shape, Stage, Trace

RESIZING = ("pool", "conv_transpose", "resize")
FEW_BLOCKS = 4  # fewer say too little
JOINS = {"concatenate": "concatenate", "add": "add", "mul": "multiply", "sub": "subtract"}
SIGNS = {"add": "+", "mul": "×", "sub": "−"}
BROKEN = "✕"


@dataclass(frozen=True)
class Block:
    """One block of the picture: the input (stages empty), or the stages of one module run one after the other.

    ``sign`` is set where it is no tensor of its own but the place at which two meet: "+", or ✕ for a join that fails.
    """

    label: str
    shape: Shape
    layout: tuple[str, ...]
    stages: tuple[int, ...]
    sign: str = ""


@dataclass(frozen=True)
class Skip:
    """A tensor that passes over blocks."""

    source: int
    target: int
    label: str
    fits: bool = True


@dataclass(frozen=True)
class Lane:
    """Blocks that run beside the others, from the block ``source`` to the join ``target``."""

    blocks: tuple[int, ...]
    source: int
    target: int


@dataclass(frozen=True)
class Folded:
    """A trace folded into blocks.

    Attributes:
      blocks: in the order in which they run.
      arrows: the words of the arrow to a block, by block.
      steps: the stages that are no blocks but that arrow, by block.
      skips: what passes over blocks.
      lanes: what runs beside others.
      block_of: the block of each stage; of a step that at which it arrives. Inputs are -1, -2, ….
    """

    blocks: tuple[Block, ...]
    arrows: dict[int, str]
    steps: dict[int, tuple[int, ...]]
    skips: tuple[Skip, ...]
    lanes: tuple[Lane, ...]
    block_of: dict[int, int]

    @property
    def row(self) -> tuple[int, ...]:
        """The blocks that run one after the other, without those beside them."""
        beside = {block for lane in self.lanes for block in lane.blocks}
        return tuple(i for i in range(len(self.blocks)) if i not in beside)


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
    steps: dict[int, tuple[int, ...]] = {}
    block_of = {-1 - number: 0 for number in range(len(trace.inputs))}
    previous: tuple[Call, ...] = ()
    for index, stage in enumerate(trace.stages):
        calls = stage.calls[:depth] if len(stage.calls) >= depth else ()
        label = _between(stage) if len(stage.calls) <= depth else None
        if label is not None:
            block_of[index] = at = len(blocks)  # what it gives arrives at the next block
            steps[at] = (*steps.get(at, ()), index)
            arrows[at] = ", ".join(filter(None, (arrows.get(at), label)))
            previous = ()
            continue
        if calls and calls == previous:
            last = blocks[-1]
            blocks[-1] = replace(last, shape=stage.out_shape, layout=stage.layout, stages=(*last.stages, index))
        else:
            label, sign = (calls[-1].path, "") if calls else (stage.op, SIGNS.get(stage.op, ""))
            blocks.append(Block(label, stage.out_shape, stage.layout, (index,), sign))
        previous = calls
        block_of[index] = len(blocks) - 1
    _end(trace, blocks, steps)
    return _joined(trace, Folded(tuple(blocks), arrows, steps, (), (), block_of))


def _end(trace: Trace, blocks: list[Block], steps: dict[int, tuple[int, ...]]) -> None:
    """Where the last arrow leads: to what failed, or to the tensor that the last step gives."""
    if trace.error is not None:
        error = trace.error
        name = error.op if not error.path else f"{error.path} {error.op}".replace(f"{error.op} {error.op}", error.op)
        blocks.append(Block(name.strip() or "fails", (), (), (), BROKEN))
    elif len(blocks) in steps:
        final = trace.stages[-1]
        blocks.append(Block(final.path.split(".")[-1] or final.op, final.out_shape, final.layout, ()))


def _joined(trace: Trace, folded: Folded) -> Folded:
    """With what passes over its blocks and beside them."""
    from shapelab.figures.lanes import lanes_of

    folded = replace(folded, lanes=lanes_of(trace, folded))
    place = {block: at for at, block in enumerate(folded.row)}
    ours = {-1 - trace.main, *range(len(trace.stages))}
    skips: dict[tuple[int, int], Skip] = {}
    for edge in trace.skips():
        source, target = folded.block_of[edge.source], folded.block_of[edge.target]
        stage = trace.stages[edge.target]
        if source not in place or target not in place or edge.source not in ours:
            continue
        if place[target] - place[source] >= 2:  # one around the inside of a block shows when the block is opened
            shape = ", ".join(map(str, stage.out_shape))
            skips.setdefault((source, target), Skip(source, target, f"{JOINS.get(stage.op, stage.op)} → ({shape})"))
    return replace(folded, skips=(*skips.values(), *_broken(trace, folded, place)))


def operand_blocks(trace: Trace, error: Failure, block_of: dict[int, int]) -> list[int | None]:
    """The block that gave each operand of what failed; an operand of an input's shape came from there."""
    given = {tensor.shape: -1 - number for number, tensor in reversed(list(enumerate(trace.inputs)))}
    stages = (
        given.get(shape) if stage is None else stage
        for stage, shape in zip(error.operands, error.in_shapes, strict=True)
    )
    return [None if stage is None else block_of[stage] for stage in stages]


def _broken(trace: Trace, folded: Folded, place: dict[int, int]) -> list[Skip]:
    """The skip that did not fit, from the block that gave its other end."""
    error = trace.error
    if error is None:
        return []
    last = len(folded.blocks) - 1
    origins = dict(zip(operand_blocks(trace, error, folded.block_of), error.in_shapes, strict=True))
    return [
        Skip(block, last, f"({', '.join(map(str, shape))}) does not fit", fits=False)
        for block, shape in origins.items()
        if block is not None and block in place and place[last] - place[block] >= 2
    ]


def _between(stage: Stage) -> str | None:
    """The words of a step that is an arrow or a join; None for a step that is a block."""
    if any(part in stage.op for part in RESIZING):
        size = "×".join(str(window.size) for window in stage.windows) if stage.windows else ""
        name = stage.path.split(".")[-1] if stage.layer and stage.path else stage.op.replace("_", " ")
        return f"{name} {size}".strip()
    return "" if stage.op == "concatenate" else None


def size_of(shape: Shape, layout: Sequence[str]) -> tuple[float, float, float]:
    """H, W and C of a block, at least 1; what the layout does not name is taken from the end of the shape."""
    named = dict(zip(layout, shape, strict=False))
    spatial = [n for n, name in zip(shape, layout, strict=False) if name in SPATIAL]
    height = spatial[0] if spatial else (shape[-2] if len(shape) > 1 else 1)
    width = spatial[1] if len(spatial) > 1 else 1
    channels = named.get("C", shape[-1] if shape else 1)
    return max(float(height), 1.0), max(float(width), 1.0), max(float(channels), 1.0)
