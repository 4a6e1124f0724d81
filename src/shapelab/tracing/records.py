"""What a trace tells, as frozen values. Imports no jax, so that a picture can be drawn where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

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
    """

    name: str
    shape: Shape
    layout: tuple[str, ...]
    dtype: str


@dataclass(frozen=True)
class Parameter:
    """An array of the module's state that a stage reads.

    Attributes:
      path: attribute path, ``"enc1.conv.kernel"``.
      shape: sizes.
      layout: the axes' names where a convolution tells them (``("H", "W", "I", "O")``), else empty strings.
      dtype: as numpy spells it.
      trainable: True for ``nnx.Param`` and Linen's ``params``; False for running statistics, counters and keys.
    """

    path: str
    shape: Shape
    layout: tuple[str, ...]
    dtype: str
    trainable: bool

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
class Stage:
    """One step of the program: a call of a library layer, or one functional operation.

    Attributes:
      path: attribute path of the module that the step belongs to (``"enc1.conv"``); ``""`` for the traced module.
      op: what it does: ``conv``, ``conv_transpose``, ``max_pool``, ``batch_norm``, ``relu``, ``concatenate``, …
      module_type: class of the module at ``path``.
      in_shapes: shapes of the activations it reads, in order (parameters are in ``parameters``).
      out_shape: shape of what it gives.
      layout: names of the output's axes, as in ``Tensor.layout``.
      dtype: of the output.
      windows: one window per spatial axis, in the order of the layout; None where nothing slides. Never guessed.
      parameters: the arrays of the module's state that it reads.
      macs: multiply-accumulates, dense count (taps on padding included).
      flops: floating-point operations, dense count: two per MAC, one per element of any other arithmetic.
      bytes: bytes of the output.
      receptive_field: per spatial axis of the output, in cells of the first input; through windows alone (see
        ``couples_all``). None where the axis is no longer an image of the input's.
      couples_all: True from the first stage on whose values depend on the whole input through a reduction over space,
        such as batch statistics or global pooling.
      source: the caller's line, where known.
      layer: whether it is one call of a layer of flax, rather than a functional operation.
      repeats: how often the stage runs in one call: 12 in a scan over 12 layers.
    """

    path: str
    op: str
    module_type: str
    in_shapes: tuple[Shape, ...]
    out_shape: Shape
    layout: tuple[str, ...]
    dtype: str
    windows: tuple[Window, ...] | None
    parameters: tuple[Parameter, ...]
    macs: int
    flops: int
    bytes: int
    receptive_field: tuple[ReceptiveField, ...] | None
    couples_all: bool
    source: Source | None
    layer: bool = False
    repeats: int = 1

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
    source: Source | None


@dataclass(frozen=True)
class Trace:
    """Everything that one call of a module does to the shape of its input.

    Attributes:
      name: the module's class, or the function's name.
      inputs: the arrays the call was given.
      outputs: what it returns; empty when it failed.
      stages: in the order in which they run.
      edges: who feeds whom; a skip is an edge like any other.
      outputs_from: for each output, the stage (as in ``Edge.source``) that made it; None where no input reaches it.
      parameters: the module's whole state, each array once, however many stages share it.
      error: None, or what stopped the forward; ``stages`` then holds those completed.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    stages: tuple[Stage, ...]
    edges: tuple[Edge, ...]
    outputs_from: tuple[int | None, ...]
    parameters: tuple[Parameter, ...]
    error: Failure | None

    @property
    def params(self) -> int:
        """Trainable numbers of the module, shared ones once."""
        return sum(parameter.size for parameter in self.parameters if parameter.trainable)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one call, dense count."""
        return sum(stage.macs * stage.repeats for stage in self.stages)

    @property
    def flops(self) -> int:
        """Floating-point operations of one call, dense count."""
        return sum(stage.flops * stage.repeats for stage in self.stages)

    def skips(self) -> tuple[Edge, ...]:
        """The edges that pass over stages: those into a stage from any but the latest of its sources."""
        latest: dict[int, int] = {}
        for edge in self.edges:
            latest[edge.target] = max(latest.get(edge.target, edge.source), edge.source)
        return tuple(edge for edge in self.edges if edge.source != latest[edge.target])
