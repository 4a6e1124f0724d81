"""What a trace tells, as frozen values. Imports no jax, so that a picture can be drawn where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from shapelab.geometry import ReceptiveField, Window

Shape = tuple[int, ...]

SPATIAL = frozenset({"L", "D", "H", "W"})


@dataclass(frozen=True)
class Tensor:
    """A value that enters or leaves the traced call.

    Attributes:
      name: the argument's name, or ``"output"``.
      shape: sizes, first axis first.
      layout: the axes' names as far as the program tells them (``("H", "W", "C")``); ``""`` for an axis that no
        convolution or pooling names.
      dtype: as numpy spells it.
      bytes: of the dense array.
    """

    name: str
    shape: Shape
    layout: tuple[str, ...]
    dtype: str
    bytes: int


@dataclass(frozen=True)
class Parameter:
    """An array of the module's state that a stage reads.

    Attributes:
      path: attribute path, ``"enc1.conv.kernel"``.
      shape: sizes.
      layout: the axes' names where a convolution tells them (``("H", "W", "I", "O")``), else empty strings.
      dtype: as numpy spells it.
      trainable: True for ``nnx.Param`` and Linen's ``params``; False for running statistics, counters and keys.
      bytes: of the dense array.
    """

    path: str
    shape: Shape
    layout: tuple[str, ...]
    dtype: str
    trainable: bool
    bytes: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@dataclass(frozen=True)
class Source:
    """The line of the caller's code that made a stage."""

    file: str
    line: int


@dataclass(frozen=True)
class Call:
    """A call of a module.

    Attributes:
      path: attribute path of the module; ``""`` for the traced one.
      number: 1 for the first call of that module, 2 for the second.
      module_type: its class.
      source: the caller's line that called it, where known.
    """

    path: str
    number: int
    module_type: str
    source: Source | None


@dataclass(frozen=True)
class Branch:
    """One way through a ``lax.cond`` or ``lax.switch``.

    Attributes:
      cond: which conditional of the program, from 0.
      index: which of its branches, from 0.
      count: how many it has.
    """

    cond: int
    index: int
    count: int


@dataclass(frozen=True)
class Stage:
    """One step of the program: a call of a library layer, or one functional operation.

    Attributes:
      path: attribute path of the module that the step belongs to (``"enc1.conv"``); ``""`` for the traced module.
      op: what it does: ``conv``, ``conv_transpose``, ``max_pool``, ``batch_norm``, ``relu``, ``concatenate``, …
      module_type: class of the module at ``path``.
      in_shapes: shapes of the activations it reads, in order (parameters are in ``parameters``).
      out_shape: shape of what it gives; of several results the last one that a later stage reads.
      layout: names of the output's axes, as in ``Tensor.layout``.
      dtype: of the output.
      windows: one window per spatial axis, in the order of the layout; None where nothing slides. Never guessed. A
        padding that the stage makes before it slides (CIRCULAR, REFLECT, CAUSAL) is part of the window's.
      slides_over: for each window, the cells of the axis that it slides over, before any padding.
      declared: the padding as the layer was given it: ``"SAME"``, ``"CIRCULAR"``, …, or a pair a spatial axis; None for
        a functional operation, whose program keeps the resolved amounts alone.
      parameters: the arrays of the module's state that it reads.
      macs: multiply-accumulates, dense count (taps on padding included).
      flops: floating-point operations, dense count: two per MAC, one per element of any other arithmetic.
      flops_once: further ones on parameters alone, which run once however often the stage repeats.
      bytes: bytes of what it gives to later stages and to the caller.
      receptive_field: per spatial axis of the output, in cells of the trace's main input; through windows alone (see
        ``couples_all``). None where the axis is no longer an image of the input's.
      couples_all: True from the first stage on whose values depend on the whole input through a reduction over space,
        such as batch statistics or global pooling.
      source: the caller's line, where known.
      calls: the module calls that it lies in, outermost first; the traced module's own call is left out.
      layer: whether it is one call of a layer of flax, rather than a functional operation.
      repeats: how often the stage runs in one call: 12 in a scan over 12 layers; None in a ``while`` loop, whose number
        of turns only the run tells.
      branches: the conditionals that it lies in, outermost first.
    """

    path: str
    op: str
    module_type: str
    in_shapes: tuple[Shape, ...]
    out_shape: Shape
    layout: tuple[str, ...]
    dtype: str
    windows: tuple[Window, ...] | None
    slides_over: tuple[int, ...] | None
    declared: str | tuple[tuple[int, int], ...] | None
    parameters: tuple[Parameter, ...]
    macs: int
    flops: int
    flops_once: int
    bytes: int
    receptive_field: tuple[ReceptiveField, ...] | None
    couples_all: bool
    source: Source | None
    calls: tuple[Call, ...] = ()
    layer: bool = False
    repeats: int | None = 1
    branches: tuple[Branch, ...] = ()

    @property
    def name(self) -> str:
        """The path of a layer; for a functional step the operation, behind the path it belongs to: ``"enc1 relu"``."""
        if self.layer:
            return self.path or self.op
        return f"{self.path} {self.op}".strip()

    @property
    def params(self) -> int:
        """Trainable numbers that the stage reads."""
        return sum(parameter.size for parameter in self.parameters if parameter.trainable)

    @property
    def params_fixed(self) -> int:
        """Numbers of the module's state that it reads and that are not trained: statistics, counters."""
        return sum(parameter.size for parameter in self.parameters if not parameter.trainable)

    @property
    def parameter_bytes(self) -> int:
        """Bytes of all the state that it reads."""
        return sum(parameter.bytes for parameter in self.parameters)

    @property
    def unread(self) -> tuple[tuple[int, ...], ...] | None:
        """For each window, the cells of its axis that it never reads; None where nothing slides."""
        if self.windows is None or self.slides_over is None:
            return None
        return tuple(window.unread(size) for window, size in zip(self.windows, self.slides_over, strict=True))


def numbered(stages: Sequence[Stage]) -> list[str]:
    """The stages' names, with #2, #3, … behind one that comes again."""
    seen: dict[str, int] = {}
    names = []
    for stage in stages:
        seen[stage.name] = seen.get(stage.name, 0) + 1
        names.append(f"{stage.name} #{seen[stage.name]}" if seen[stage.name] > 1 else stage.name)
    return names


@dataclass(frozen=True)
class Edge:
    """A tensor that one stage gives and another reads.

    ``source`` counts stages from 0; -1 is the first input, -2 the second, and so on.
    """

    source: int
    target: int
    shape: Shape


@dataclass(frozen=True)
class Failure:
    """What stopped the forward.

    Attributes:
      path: the module that was running.
      op: the operation that refused its operands.
      message: what JAX said.
      in_shapes: shapes of the operands, as far as the failing call shows them.
      operands: the stages (as in ``Edge.source``) that gave those operands; None where none of that shape is known.
      axis: the axis on which the operands differ, or None.
      dropped_by: the stage whose windows left input cells unread on that axis, or None.
      explanation: the cause in a sentence with its numbers, or "" where it is not arithmetic.
      remedy: a change that would work, or ""; sizes that it names were traced and do.
      source: the caller's line.
    """

    path: str
    op: str
    message: str
    in_shapes: tuple[Shape, ...]
    operands: tuple[int | None, ...]
    axis: int | None
    dropped_by: int | None
    explanation: str
    remedy: str
    source: Source | None


@dataclass(frozen=True)
class Support:
    """The input cells that one output cell depends on, by gradient.

    Attributes:
      input: the traced call's first input that the gradient was taken of.
      cells: for each axis of that input, the first and last index with a gradient that is not 0; None where none has.
      mask: booleans of the input's shape: exactly which cells.
      weights: of the input's shape: the gradient at the call's own values, summed over the cell's channels; at random
        ones where the trace was abstract.
      coupled_by: the stage through which every cell depends on the whole image (batch statistics, global pooling), or
        None.
      explanation: what that means, in a sentence; "" where nothing couples.
    """

    input: str
    cells: tuple[tuple[int, int] | None, ...]
    mask: Any
    weights: Any
    coupled_by: int | None
    explanation: str


@dataclass(frozen=True)
class Trace:
    """Everything that one call of a module does to the shape of its input.

    Attributes:
      name: the module's class, or the function's name.
      inputs: the arrays the call was given.
      main: the number of the input that receptive fields are of: the first of those with the most axes, floating point
        before others.
      outputs: what it returns; empty when it failed.
      stages: in the order in which they run.
      edges: who feeds whom; a skip is an edge like any other.
      outputs_from: for each output, the stage (as in ``Edge.source``) that made it; None where no input reaches it.
      parameters: the module's whole state, each array once, however many stages share it.
      error: None, or what stopped the forward; ``stages`` then holds those completed.
      program: what was traced, kept for ``receptive_field``; None in a copy that was pickled or folded.
    """

    name: str
    inputs: tuple[Tensor, ...]
    main: int
    outputs: tuple[Tensor, ...]
    stages: tuple[Stage, ...]
    edges: tuple[Edge, ...]
    outputs_from: tuple[int | None, ...]
    parameters: tuple[Parameter, ...]
    error: Failure | None
    program: Any = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """All but the program, which holds the module's arrays and cannot be pickled."""
        return {**vars(self), "program": None}

    def __repr__(self) -> str:
        """One line: a terminal and a failed assertion print it whole. ``shapelab.report`` writes all of it."""
        given = ", ".join(f"{tensor.name} {tensor.shape}" for tensor in self.inputs)
        made = ", ".join(str(tensor.shape) for tensor in self.outputs) or "no output"
        if self.error:
            made = f"fails in {self.error.op or self.error.path or self.name}"
        count = f"{len(self.stages):,} stage" + "s" * (len(self.stages) != 1)
        return f"<Trace {self.name}: {given} → {made}, {count}, {self.params:,} params>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: a picture and a table folded by module (``shapelab.display``)."""
        from shapelab.display import mimebundle

        return mimebundle(self)

    @property
    def params(self) -> int:
        """Trainable numbers of the module, shared ones once."""
        return sum(parameter.size for parameter in self.parameters if parameter.trainable)

    @property
    def params_fixed(self) -> int:
        """Numbers of the module's state that are not trained."""
        return sum(parameter.size for parameter in self.parameters if not parameter.trainable)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one call, dense count.

        Of a conditional its costliest branch counts, of a loop whose turns are not known one turn.
        """
        return total([(stage.branches, stage.macs * (stage.repeats or 1)) for stage in self.stages])

    @property
    def flops(self) -> int:
        """Floating-point operations of one call, counted like ``macs``."""
        return total([(stage.branches, stage.flops * (stage.repeats or 1) + stage.flops_once) for stage in self.stages])

    @property
    def peak_activation_bytes(self) -> int:
        """The most bytes of inputs and stage outputs that are alive at once.

        Stages run in order; what a stage gives lives until its last reader has run, what the call returns to its end.
        Parameters are not counted, nor what a stage holds only while it runs; XLA may need less by fusing stages.
        """
        last: dict[int, int] = {}
        for edge in self.edges:
            last[edge.source] = max(last.get(edge.source, -1), edge.target)
        last |= {source: len(self.stages) for source in self.outputs_from if source is not None}
        alive = {-1 - i: tensor.bytes for i, tensor in enumerate(self.inputs)}
        peak = sum(alive.values())
        for index, stage in enumerate(self.stages):
            alive[index] = stage.bytes
            peak = max(peak, sum(alive.values()))
            alive = {source: size for source, size in alive.items() if last.get(source, -1) > index}
        return peak

    def number_of(self, stage: int | str) -> int:
        """The number of a stage given by its number or by its name in tables (``"enc1.conv"``, ``"relu #2"``).

        Raises:
          ValueError: for one that there is not.
        """
        names = numbered(self.stages)
        if isinstance(stage, str):
            if stage in names:
                return names.index(stage)
            raise ValueError(f"there is no stage {stage!r}: the stages are {', '.join(names)}")
        if not 0 <= stage < len(names):
            raise ValueError(f"there is no stage {stage}: the trace has stages 0 to {len(names) - 1}")
        return stage

    def at(self, depth: int) -> Trace:
        """The trace folded to module calls at most ``depth`` deep: 0 is one stage, 1 the root's own calls and steps.

        Raises:
          ValueError: for a negative depth.
        """
        from shapelab.tracing.folding import fold

        return fold(self, depth)

    def receptive_field(self, stage: int | str, cell: tuple[int, ...], *, samples: int = 32) -> Support:
        """Which input cells one cell of a stage depends on, proved by gradient (``jax.vjp``).

        Args:
          stage: its number, or its name as tables show it (``"enc1.conv"``).
          cell: place in the stage's output: one index a spatial axis, or one for every axis.
          samples: at most so many further runs at random inputs and parameters, until the theoretical field is full:
            a ReLU or a max pool can hide a cell at one input, and what any of the runs depends on is counted.

        Raises:
          ValueError: for a stage or cell that there is not, or a trace that no longer has its program (a copy that was
            pickled, or folded by ``at``).
        """
        if self.program is None:
            raise ValueError("this trace has lost its program (it was pickled or folded): trace the module again")
        found: Support = self.program.support(stage, cell, samples)
        return found

    def skips(self) -> tuple[Edge, ...]:
        """The edges that pass over stages: those into a stage from any but the latest of its sources."""
        latest: dict[int, int] = {}
        for edge in self.edges:
            latest[edge.target] = max(latest.get(edge.target, edge.source), edge.source)
        return tuple(edge for edge in self.edges if edge.source != latest[edge.target])


def total(costs: Sequence[tuple[tuple[Branch, ...], int]], depth: int = 0) -> int:
    """The sum of all costs, each conditional counted by its costliest branch."""
    here = sum(cost for branches, cost in costs if len(branches) == depth)
    ways: dict[int, dict[int, list[tuple[tuple[Branch, ...], int]]]] = {}
    for branches, cost in costs:
        if len(branches) > depth:
            ways.setdefault(branches[depth].cond, {}).setdefault(branches[depth].index, []).append((branches, cost))
    return here + sum(max(total(way, depth + 1) for way in branch.values()) for branch in ways.values())
