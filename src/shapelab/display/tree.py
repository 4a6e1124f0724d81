"""The stages of a trace under the module calls that they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from shapelab.tracing.records import Branch, Call, Stage, Trace


@dataclass(frozen=True)
class Node:
    """A stage, or a call of a module with what runs inside it.

    Attributes:
      label: its path as seen from the module it lies in; the operation, for a functional step.
      numbers: the trace's stages that it holds.
      inner: what it holds, in order; empty for a single stage.
      call: the call, where it is one.
    """

    label: str
    numbers: tuple[int, ...]
    inner: tuple[Node, ...]
    call: Call | None
    _folds: _Folds
    _depth: int

    @cached_property
    def stage(self) -> Stage:
        """The stage; of a module's call the one that ``Trace.at`` folds it into."""
        return self._folds.stage(self.numbers[0], self._depth if self.inner else None)


def rooted(trace: Trace) -> tuple[Node, ...]:
    """What the traced module itself runs, each call holding what it runs in turn."""
    return _under(_Folds(trace), range(len(trace.stages)), 0, "")


class _Folds:
    """The trace folded to each depth that is asked for, and no other: of a long trace few rows are shown."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.begun: dict[int, list[int]] = {}  # by depth, the first stage of each group that is folded no further out
        self.single: dict[int, list[int]] = {}  # of those, the groups of one stage: alone at each greater depth too
        self._folded: dict[int, dict[int, Stage]] = {}

    def stage(self, first: int, depth: int | None) -> Stage:
        """The group that begins with this stage, folded at a depth; None: the stage itself."""
        if depth is None:
            return self.trace.stages[first]
        if depth not in self._folded:
            outer = [number for d, numbers in self.single.items() if d < depth for number in numbers]
            firsts = sorted(self.begun[depth] + outer)  # the order that ``Trace.at`` keeps
            self._folded[depth] = dict(zip(firsts, self.trace.at(depth).stages, strict=True))
        return self._folded[depth][first]


def _under(folds: _Folds, numbers: Sequence[int], depth: int, path: str) -> tuple[Node, ...]:
    """The nodes of these stages, all of which lie in the same call ``depth`` deep."""
    stages = folds.trace.stages
    groups: dict[Call | int, list[int]] = {}
    for number in numbers:
        calls = stages[number].calls
        groups.setdefault(calls[depth] if len(calls) > depth else number, []).append(number)
    nodes = []
    for key, group in groups.items():
        folds.begun.setdefault(depth + 1, []).append(group[0])
        if len(group) > 1 and not isinstance(key, int):
            inner = _under(folds, group, depth + 1, key.path)
            nodes.append(Node(_relative(key.path, path), tuple(group), inner, key, folds, depth + 1))
            continue
        folds.single.setdefault(depth + 1, []).append(group[0])
        stage = stages[group[0]]
        call = key if not isinstance(key, int) and key.path == stage.path else None
        label = _relative(stage.path, path) if stage.layer and stage.path else stage.op
        nodes.append(Node(label, tuple(group), (), call, folds, depth + 1))
    return tuple(nodes)


def _relative(path: str, outer: str) -> str:
    """``blocks.0.conv1`` seen from ``blocks.0``: ``conv1``."""
    return path.removeprefix(f"{outer}.") if outer else path


def times(stage: Stage, outside: tuple[Branch, ...] = ()) -> str:
    """``× 12``, ``branch 1 of 2``: how often it runs, and on which ways of conditionals further in than ``outside``."""
    words = ["× ?"] if stage.repeats is None else [f"× {stage.repeats}"] if stage.repeats != 1 else []
    words += [f"branch {one.index + 1} of {one.count}" for one in stage.branches if one not in outside]
    return " ".join(words)
