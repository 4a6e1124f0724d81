"""Following the axes of arrays through a program: what each is called, and which input cells it can see."""

from __future__ import annotations

from dataclasses import dataclass, field

from shapelab.geometry import ReceptiveField
from shapelab.tracing.records import SPATIAL, Shape


@dataclass(frozen=True)
class Dim:
    """One axis of one value.

    Attributes:
      axis: identity of the axis in ``AxisNames``: the same along a chain of elementwise steps and windows.
      origin: (input number, its axis) that the cells of this axis are an image of, or None.
      sees: the receptive field in cells of that origin, or None.
    """

    axis: int
    origin: tuple[int, int] | None = None
    sees: ReceptiveField | None = None

    def seeing(self, sees: ReceptiveField | None) -> Dim:
        """The same axis with another receptive field."""
        return Dim(self.axis, self.origin if sees else None, sees)


@dataclass(eq=False)
class Value:
    """A variable of the jaxpr, with what has been learnt of it. Compared by identity.

    Attributes:
      producer: stage (as in ``records.Edge.source``) that made it; None for parameters and constants.
      leaves: numbers of the state arrays that it was computed from, for parameters alone.
      reduced: axes that were summed over somewhere upstream.
      pending_flops: arithmetic done on parameters alone, charged to the first stage that reads the result.
    """

    shape: Shape
    dtype: str
    dims: tuple[Dim, ...]
    producer: int | None = None
    leaves: frozenset[int] = frozenset()
    reduced: frozenset[int] = frozenset()
    pending_flops: int = 0


@dataclass
class AxisNames:
    """Which axes are the same one (union-find), and the names that convolutions and poolings give them."""

    parents: list[int] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)

    def new(self, name: str = "") -> int:
        """An axis that no other is the same as, so far."""
        axis = len(self.parents)
        self.parents.append(axis)
        if name:
            self.names[axis] = name
        return axis

    def fresh(self, shape: Shape) -> tuple[Dim, ...]:
        """New axes for a shape of which nothing is known."""
        return tuple(Dim(self.new()) for _ in shape)

    def root(self, axis: int) -> int:
        """The representative of an axis."""
        while self.parents[axis] != axis:
            self.parents[axis] = self.parents[self.parents[axis]]
            axis = self.parents[axis]
        return axis

    def unify(self, one: int, other: int) -> None:
        """Say that two axes are the same one; the name given first stays."""
        one, other = self.root(one), self.root(other)
        if one == other:
            return
        self.parents[other] = one
        if other in self.names:
            self.names.setdefault(one, self.names.pop(other))

    def call(self, axis: int, name: str) -> None:
        """Name an axis, unless it has a name."""
        self.names.setdefault(self.root(axis), name)

    def name(self, axis: int) -> str:
        """The name of an axis, or ""."""
        return self.names.get(self.root(axis), "")

    def layout(self, dims: tuple[Dim, ...]) -> tuple[str, ...]:
        """The names of a value's axes."""
        return tuple(self.name(dim.axis) for dim in dims)

    def any_spatial(self, axes: frozenset[int]) -> bool:
        """Whether one of these axes is a spatial one."""
        return any(self.name(axis) in SPATIAL for axis in axes)

    def merge(self, images: list[Dim], constants: list[Dim]) -> Dim:
        """One axis of an elementwise result: the union of what the activations see; constants see nothing."""
        first, *others = images or constants
        for other in [*others, *(constants if images else [])]:
            self.unify(first.axis, other.axis)
        sees = first.sees
        for other in images[1:]:
            same_origin = sees is not None and other.sees is not None and first.origin == other.origin
            sees = sees.union(other.sees) if same_origin and sees and other.sees else None
        return first.seeing(sees)
