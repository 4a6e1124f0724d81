"""A trace as the blocks of a picture, and what passes between them.

Modules and steps with a kernel are blocks. Poolings, upsamplings and reshapes are words on the way to the next block;
steps that keep a block's shape belong to it. What a block reads is told by the trace's edges, never by the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shapelab.display.tree import Node
from shapelab.tracing.records import Shape, Trace

RESIZING = ("pool", "resize")
JOINS = ("concatenate", "add", "stack")


@dataclass(frozen=True)
class Block:
    """A block: ``kind`` is "input", "kernel", "plain", "output" or "failed"; ``type`` that of its module."""

    label: str
    shape: Shape
    layout: tuple[str, ...]
    kind: str
    type: str = ""
    last: str = ""  # of a run of blocks drawn as one, the label of the last


@dataclass(frozen=True)
class Link:
    """A tensor on its way from one block to another, and the steps that it takes there."""

    source: int
    target: int
    words: tuple[str, ...] = ()
    fits: bool = True


@dataclass(frozen=True)
class Drawing:
    """The blocks in running order, and the links between them."""

    blocks: tuple[Block, ...]
    links: tuple[Link, ...]


def title_of(block: Block) -> str:
    """``blocks.0–2`` for a run of blocks, the label for a single one."""
    if not block.last:
        return block.label
    stem, dot, first = block.label.rpartition(".")
    other, _, last = block.last.rpartition(".")
    return (
        f"{stem}{dot}{first}–{last}" if stem == other and dot and first.isdecimal() else f"{block.label} … {block.last}"
    )


def assembled(trace: Trace, nodes: Sequence[Node]) -> Drawing:
    """Each node as a block, or as a step on the way to one."""
    return _Assembly(trace, nodes).drawing()


Reached = dict[int, tuple[str, ...]]  # the blocks that a step's values come from, and the words on the way


class _Assembly:
    def __init__(self, trace: Trace, nodes: Sequence[Node]) -> None:
        self._trace, self._nodes = trace, nodes
        self._blocks: list[Block] = []
        self._links: dict[tuple[int, int, bool], tuple[str, ...]] = {}
        self._reached: dict[int, Reached] = {}  # by node, or by input as in Edge.source
        self._node_of = {number: i for i, node in enumerate(nodes) for number in node.numbers}
        self._sources: dict[int, dict[int, Shape]] = {}
        self._readers: dict[int, set[int]] = {}
        for edge in trace.edges:
            target = self._node_of[edge.target]
            source = self._key(edge.source)
            if source != target:
                self._sources.setdefault(target, {})[source] = edge.shape
                self._readers.setdefault(source, set()).add(target)

    def drawing(self) -> Drawing:
        """The blocks and links of these nodes."""
        if self._trace.inputs:
            self._reach(-1 - self._trace.main)
        for index, node in enumerate(self._nodes):
            reached = self._from(self._sources.get(index, {}))
            home = self._home(node, reached)
            if home is not None:
                self._link(reached, home)
                self._reached[index] = {home: ()}
            elif self._is_block(index, node):
                kind = "kernel" if node.stage.macs or node.stage.params else "plain"
                self._reached[index] = {self._add(_label(node), node, kind, reached): ()}
            else:
                word = self._word(index, node)
                self._reached[index] = {block: (*words, *word) for block, words in reached.items()}
        self._end()
        links = (Link(source, target, words, fits) for (source, target, fits), words in self._links.items())
        return Drawing(tuple(self._blocks), tuple(links))

    def _home(self, node: Node, reached: Reached) -> int | None:
        """The block that a step belongs to because it keeps its shape and adds no kernel: the latest that it reads."""
        latest = max(reached, default=None)
        if latest is None or node.inner or node.stage.macs or reached[latest]:
            return None
        return latest if self._blocks[latest].shape == node.stage.out_shape else None

    def _is_block(self, index: int, node: Node) -> bool:
        stage = node.stage
        if node.inner:
            return True
        if any(part in stage.op for part in RESIZING):
            return False
        if stage.op == "conv_transpose":  # an arrow up to a join or a module; in a decoder it is the network itself
            readers = [self._nodes[reader] for reader in self._readers.get(index, ())]
            return not readers or not all(reader.inner or reader.stage.op in JOINS for reader in readers)
        return bool(stage.macs) or (stage.layer and stage.out_shape not in self._sources.get(index, {}).values())

    def _word(self, index: int, node: Node) -> tuple[str, ...]:
        """What is written on the way: "max pool 2×2"; nothing for a join, or a step that keeps its operand's shape."""
        stage = node.stage
        if stage.op in JOINS or stage.out_shape in self._sources.get(index, {}).values():
            return ()
        size = "×".join(str(window.size) for window in stage.windows or ())
        name = stage.path.split(".")[-1] if stage.layer and stage.path else stage.op.replace("_", " ")
        return (f"{name} {size}".strip(),)

    def _end(self) -> None:
        """Mark the blocks that give the outputs, add those that no block gives yet, and what failed."""
        for source in dict.fromkeys(self._trace.outputs_from):
            if source is None or source < 0:
                continue
            index = self._key(source)
            reached, stage = self._reached[index], self._trace.stages[source]
            if len(reached) == 1 and not any(reached.values()):
                block = next(iter(reached))
                if self._blocks[block].kind != "input":
                    self._blocks[block] = replace(self._blocks[block], kind="output")
            else:
                self._add(stage.op.replace("_", " "), self._nodes[index], "output", reached)
        error = self._trace.error
        if error is not None:
            failed = len(self._blocks)
            self._blocks.append(Block((error.op or error.path or "failed").replace("_", " "), (), (), "failed"))
            for operand, shape in zip(error.operands, error.in_shapes, strict=False):
                words = "(" + ", ".join(map(str, shape)) + ")"
                for block in self._reach(self._key(operand)) if operand is not None else ():
                    self._links[block, failed, False] = (words,)
            if not any(target == failed for _, target, _ in self._links) and failed:
                self._links[failed - 1, failed, False] = ()

    def _add(self, label: str, node: Node, kind: str, reached: Reached) -> int:
        stage = node.stage
        self._blocks.append(Block(label, stage.out_shape, stage.layout, kind, stage.module_type))
        self._link(reached, len(self._blocks) - 1)
        return len(self._blocks) - 1

    def _link(self, reached: Reached, target: int) -> None:
        for block, words in reached.items():
            if block != target:
                self._links.setdefault((block, target, True), words)

    def _from(self, sources: Iterable[int]) -> Reached:
        found: Reached = {}
        for source in sources:
            for block, words in self._reach(source).items():
                found[block] = min(found.get(block, words), words, key=len)
        return found

    def _reach(self, key: int) -> Reached:
        """An input is drawn when it is first read, just before who reads it."""
        if key < 0 and key not in self._reached:
            tensor = self._trace.inputs[-1 - key]
            self._blocks.append(Block(tensor.name, tensor.shape, tensor.layout, "input"))
            self._reached[key] = {len(self._blocks) - 1: ()}
        return self._reached.get(key, {})

    def _key(self, source: int) -> int:
        return source if source < 0 else self._node_of[source]


def _label(node: Node) -> str:
    path = node.call.path if node.call else node.stage.path if node.stage.layer else node.stage.op.replace("_", " ")
    again = f" #{node.call.number}" if node.call and node.call.number > 1 else ""
    times = "" if node.stage.repeats == 1 else f" × {node.stage.repeats or '?'}"
    return (path or node.stage.op) + again + times
