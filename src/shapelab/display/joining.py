"""Few enough blocks for a picture: modules opened where there are too few, neighbours joined where too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from shapelab.display.blocks import Block, Drawing, Link, assembled
from shapelab.display.tree import Node
from shapelab.tracing.records import Trace

MOST = 14  # blocks that a picture as wide as a notebook's column has room for
ROOM = 9  # up to so many, blocks of the same shape stand for themselves
FEW = 3  # steps with a kernel: below that modules are opened, so that a wrapper does not hide what it wraps


def drawing(trace: Trace, nodes: Sequence[Node]) -> Drawing:
    """At most ``MOST`` blocks: few modules are opened, alike neighbours joined."""
    drawn = assembled(trace, nodes)
    while sum(node.stage.macs > 0 for node in nodes) < FEW:
        holders = [node for node in nodes if node.inner]
        if not holders:
            break
        largest = max(holders, key=lambda node: len(node.numbers)).stage.module_type
        nodes = [
            one
            for node in nodes
            for one in (node.inner if node.stage.module_type == largest and node.inner else [node])
        ]
        opened = assembled(trace, nodes)
        if len(_joined_runs(opened).blocks) > MOST:
            break
        drawn = opened
    if len(drawn.blocks) > ROOM:
        drawn = _joined_runs(drawn)
    while len(drawn.blocks) > MOST:
        drawn = _joined(drawn, _cheapest(drawn, len(drawn.blocks) - MOST))
    return drawn


def _joined_runs(drawn: Drawing) -> Drawing:
    """Neighbours of one type and one shape, each fed by the one before, as one block."""
    linked = {(link.source, link.target) for link in drawn.links}
    alike = {
        index
        for index, (one, other) in enumerate(pairwise(drawn.blocks))
        if (one.type, one.shape) == (other.type, other.shape)
        and not {one.kind, other.kind} & {"input", "failed"}
        and (index, index + 1) in linked
    }
    return _joined(drawn, alike)


def _cheapest(drawn: Drawing, count: int) -> set[int]:
    """The blocks, at most ``count``, whose joining with the next loses least; no two that are neighbours.

    Inputs and failures are joined last of all.
    """
    linked = {(link.source, link.target) for link in drawn.links}
    costs = []
    for index, (one, other) in enumerate(pairwise(drawn.blocks)):
        kept = sum(block.kind in ("input", "failed") for block in (one, other))
        runs = bool(one.last) + bool(other.last)
        costs.append((kept, (index, index + 1) not in linked, one.shape != other.shape, runs, index))
    chosen: set[int] = set()
    for *_, index in sorted(costs):
        if len(chosen) < count and not chosen & {index - 1, index + 1}:
            chosen.add(index)
    return chosen


def _joined(drawn: Drawing, joints: set[int]) -> Drawing:
    """The drawing with each of these blocks and the next as one, which has the last one's shape."""
    blocks: list[Block] = []
    place: list[int] = []
    for index, block in enumerate(drawn.blocks):
        if index - 1 in joints:
            one = blocks.pop()
            kinds = (one.kind, block.kind)
            kind = next((k for k in ("failed", "output", "kernel") if k in kinds), one.kind)
            block = replace(block, label=one.label, last=block.last or block.label, kind=kind)
        blocks.append(block)
        place.append(len(blocks) - 1)
    links: dict[tuple[int, int, bool], Link] = {}
    for link in drawn.links:
        source, target = place[link.source], place[link.target]
        if source != target:
            links.setdefault((source, target, link.fits), Link(source, target, link.words, link.fits))
    return Drawing(tuple(blocks), tuple(links.values()))
