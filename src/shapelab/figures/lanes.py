"""Blocks that run beside others: a shortcut with a convolution of its own, next to the blocks that it passes."""

from __future__ import annotations

from collections.abc import Iterator

from shapelab.figures.folding import JOINS, Folded, Lane, operand_blocks
from shapelab.tracing.records import Trace

MOST_BESIDE = 3  # blocks; more are drawn in the row like all others


def lanes_of(trace: Trace, folded: Folded) -> tuple[Lane, ...]:
    """The shorter of two branches that meet in a join, where it holds whole blocks of its own."""
    found: list[Lane] = []
    taken: set[int] = set()
    for target, ends in _joins(trace, folded):
        lane = _beside(trace, folded, target, ends)
        if lane is not None and not taken & {*lane.blocks, lane.source, lane.target}:
            found.append(lane)
            taken.update(lane.blocks)
    return tuple(found)


def _joins(trace: Trace, folded: Folded) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Each block at which two tensors meet, and the stages that gave them."""
    for index, stage in enumerate(trace.stages):
        ends = tuple(dict.fromkeys(edge.source for edge in trace.edges if edge.target == index))
        if stage.op in JOINS and len(ends) == 2:
            yield folded.block_of[index], ends
    if trace.error is not None:
        operands = tuple(stage for stage in trace.error.operands if stage is not None)
        given = operand_blocks(trace, trace.error, folded.block_of)
        if len(operands) == len(given) == 2:
            yield len(folded.blocks) - 1, operands


def _beside(trace: Trace, folded: Folded, target: int, ends: tuple[int, ...]) -> Lane | None:
    first, second = (_ancestors(trace, end) for end in ends)
    own = sorted((first - second, second - first), key=len)
    if not own[0] or len(own[0]) == len(own[1]):
        return None  # a plain skip, or two branches of which none is the shortcut
    blocks = {folded.block_of[stage] for stage in own[0]}
    inside = {stage for block in blocks for stage in folded.blocks[block].stages}
    if target in blocks or not inside or not inside <= own[0] or len(blocks) > MOST_BESIDE:
        return None
    sources = {folded.block_of[e.source] for e in trace.edges if e.target in own[0] and e.source not in own[0]}
    source = max((block for block in sources if block < min(blocks)), default=None)
    return None if source is None else Lane(tuple(sorted(blocks)), source, target)


def _ancestors(trace: Trace, stage: int) -> set[int]:
    """A stage and all that it depends on; inputs are none."""
    sources: dict[int, list[int]] = {}
    for edge in trace.edges:
        sources.setdefault(edge.target, []).append(edge.source)
    found: set[int] = set()
    pending = [stage]
    while pending:
        at = pending.pop()
        if at >= 0 and at not in found:
            found.add(at)
            pending += sources.get(at, [])
    return found
