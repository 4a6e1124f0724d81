"""Following the axes of arrays through a program: what each is called, and which input cells it can see."""

from __future__ import annotations

from dataclasses import dataclass, field

from shapelab.geometry import Fill, Padding, ReceptiveField
from shapelab.tracing.records import SPATIAL, Shape


@dataclass(frozen=True)
class Dim:
    """One axis of one value.

    Attributes:
      axis: identity of the axis in ``AxisNames``: the same along a chain of elementwise steps and windows.
      origin: (input number, its axis) that the cells of this axis are an image of, or None.
      sees: the receptive field in cells of that origin, or None.
      inserted: whether a reshape or broadcast put it there; it then sees nothing of its own.
    """

    axis: int
    origin: tuple[int, int] | None = None
    sees: ReceptiveField | None = None
    inserted: bool = False

    def seeing(self, sees: ReceptiveField | None) -> Dim:
        """The same axis with another receptive field."""
        return Dim(self.axis, self.origin if sees else None, sees)

    def put_in(self) -> Dim:
        """The same axis as one that was not there before."""
        return Dim(self.axis, inserted=True)


@dataclass(frozen=True)
class Shown:
    """One axis of a value that only shows cells of another value, moved about.

    Attributes:
      of: the other value.
      axis: which axis, the same in both; all others are unchanged.
      cells: for each cell, the cell of ``of`` that it shows; None for a constant.
    """

    of: Value
    axis: int
    cells: tuple[int | None, ...]


@dataclass(eq=False)
class Value:
    """A variable of the jaxpr, with what has been learnt of it. Compared by identity.

    Attributes:
      producer: stage (as in ``records.Edge.source``) that made it; None for parameters and constants.
      leaves: numbers of the state arrays that it was computed from, for parameters alone.
      reduced: axes that were summed over somewhere upstream.
      shown: set where the value is a slice, a mirror image or a padding of another along one axis.
      pending_flops: arithmetic done on parameters alone, charged to the first stage that reads the result.
    """

    shape: Shape
    dtype: str
    dims: tuple[Dim, ...]
    producer: int | None = None
    leaves: frozenset[int] = frozenset()
    reduced: frozenset[int] = frozenset()
    shown: Shown | None = None
    pending_flops: int = 0


def view(value: Value, axis: int) -> Shown:
    """The value as a showing of itself along an axis, or of what it already shows along that axis."""
    if value.shown is not None and value.shown.axis == axis:
        return value.shown
    return Shown(value, axis, tuple(range(value.shape[axis])))


def unpadded(value: Value, stage: int) -> tuple[Value, dict[int, Padding]]:
    """Undo paddings that the stage itself has made: the value before them, and the padding of each axis.

    Constant, circular and reflected paddings are told by the cells that they show; anything else is left alone.
    """
    paddings: dict[int, Padding] = {}
    while value.shown is not None and value.producer == stage:
        padding = _as_padding(value.shown)
        if padding is None or value.shown.axis in paddings:
            break
        paddings[value.shown.axis] = padding
        value = value.shown.of
    return value, paddings


def _as_padding(shown: Shown) -> Padding | None:
    size = shown.of.shape[shown.axis]
    extra = len(shown.cells) - size
    whole = tuple(range(size))
    # Of a circular padding longer than the input any copy may be the original; flax pads evenly, so the middle one.
    starts = sorted(range(extra + 1), key=lambda start: abs(start - extra // 2))
    for start in starts:
        if shown.cells[start : start + size] == whole:
            for fill in Fill:
                padding = Padding(start, extra - start, fill)
                if all(padding.source(i - start, size) == cell for i, cell in enumerate(shown.cells)):
                    return padding
            return None
    return None


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
        constants = [*constants, *(dim for dim in images if dim.inserted)]
        images = [dim for dim in images if not dim.inserted]
        first, *others = [*images, *constants]
        for other in others:
            self.unify(first.axis, other.axis)
        sees = first.sees
        for other in images[1:]:
            same_origin = sees is not None and other.sees is not None and first.origin == other.origin
            sees = sees.union(other.sees) if same_origin and sees and other.sees else None
        return first.seeing(sees) if images else first
