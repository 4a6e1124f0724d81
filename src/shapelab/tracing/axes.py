"""Following the axes of arrays through a program: what each is called, and which input cells it can see."""

from __future__ import annotations

from collections.abc import Sequence
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
      part: whether a reshape split it off another axis, behind what it left of that.
    """

    axis: int
    origin: tuple[int, int] | None = None
    sees: ReceptiveField | None = None
    inserted: bool = False
    part: bool = False

    def seeing(self, sees: ReceptiveField | None) -> Dim:
        """The same axis with another receptive field."""
        return Dim(self.axis, self.origin if sees else None, sees, part=self.part)

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

    @property
    def everything(self) -> bool:
        """Whether it shows the other value as it is."""
        return self.cells == tuple(range(self.of.shape[self.axis]))


@dataclass(eq=False)
class Value:
    """A variable of the jaxpr, with what has been learnt of it. Compared by identity.

    Attributes:
      producer: stage (as in ``records.Edge.source``) that made it; None for parameters and constants.
      leaves: numbers of the state arrays that it was computed from, for parameters alone.
      reduced: axes that were summed over somewhere upstream.
      shown: set where the value is a slice, a mirror image or a padding of another along one axis.
      pending: numbers of the costs (see ``draft.Ledger``) of arithmetic on parameters alone that led here.
      from_main: whether it depends on the input whose cells receptive fields count.
      carried: whether it is what a loop begins with: a constant that is none from the second turn on.
    """

    shape: Shape
    dtype: str
    dims: tuple[Dim, ...]
    producer: int | None = None
    leaves: frozenset[int] = frozenset()
    reduced: frozenset[int] = frozenset()
    shown: Shown | None = None
    pending: frozenset[int] = frozenset()
    from_main: bool = False
    carried: bool = False

    @property
    def constant(self) -> bool:
        """Whether no input of the call reaches it."""
        return self.producer is None and not self.carried


def view(value: Value, axis: int) -> Shown:
    """The value as a showing of itself along an axis, or of what it already shows along that axis."""
    while value.shown is not None and value.shown.everything:
        value = value.shown.of
    if value.shown is not None and value.shown.axis == axis:
        return value.shown
    return Shown(value, axis, tuple(range(value.shape[axis])))


def unpadded(value: Value, stage: int) -> tuple[Value, dict[int, Padding]]:
    """Undo paddings that the stage itself has made: the value before them, and the padding of each axis.

    Constant, circular and reflected paddings are told by the cells that they show; anything else is left alone.
    """
    paddings: dict[int, Padding] = {}
    while value.shown is not None and value.producer == stage:
        if not value.shown.everything:
            padding = as_padding(value.shown)
            if padding is None or value.shown.axis in paddings:
                break
            paddings[value.shown.axis] = padding
        value = value.shown.of
    return value, paddings


def as_padding(shown: Shown) -> Padding | None:
    """The padding that a showing amounts to, or None."""
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

    def spatial_among(self, axes: frozenset[int]) -> bool:
        """Whether one of these axes is a spatial one."""
        return any(self.name(axis) in SPATIAL for axis in axes)

    def merge(self, places: Sequence[tuple[Value, int]]) -> Dim:
        """One axis of a result of several operands, each given with its axis: the union of what they see there.

        Operands that do not depend on the main input see nothing of it, nor do axes put in to make shapes fit.
        """
        if len(places) == 1:
            value, axis = places[0]
            return value.dims[axis]
        images = [v.dims[axis] for v, axis in places if v.from_main and not v.dims[axis].inserted]
        others = [v.dims[axis] for v, axis in places if not v.from_main or v.dims[axis].inserted]
        first = (images or others)[0]
        for dim in (*images, *others):
            self.unify(first.axis, dim.axis)
        if len(images) <= 1:
            return first
        sees = first.sees
        for dim in images[1:]:
            same_origin = sees is not None and dim.sees is not None and first.origin == dim.origin
            sees = sees.union(dim.sees) if same_origin and sees and dim.sees else None
        return first.seeing(sees)
