"""Which input cells an output cell can depend on, one axis at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from shapelab.geometry.window import Window


@dataclass(frozen=True)
class ReceptiveField:
    """The theoretical receptive field of a stage along one axis.

    Output cell ``i`` depends on no input cell outside ``[start + stride·i, start + stride·i + size - 1]``, in
    coordinates of the input; ends that are not whole numbers (behind a transposed convolution) are rounded inwards.

    The composition rule is Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks",
    Distill 2019, extended to ``lhs_dilation`` by dividing by it.
    """

    size: Fraction
    stride: Fraction
    start: Fraction

    @classmethod
    def identity(cls) -> ReceptiveField:
        """The field of the input itself: each cell sees itself."""
        return cls(Fraction(1), Fraction(1), Fraction(0))

    @property
    def cells(self) -> int:
        """The most input cells that one output cell can see, padding included."""
        return math.floor(self.size)

    def then(self, window: Window) -> ReceptiveField:
        """The field behind a further window: ``start - r·lo/b``, ``stride r·s/b``, ``size + r·(k - 1)·d/b``."""
        per_cell = self.stride / window.base_dilation
        return ReceptiveField(
            size=self.size + per_cell * (window.span - 1),
            stride=per_cell * window.stride,
            start=self.start - per_cell * window.padding.lo,
        )

    def union(self, other: ReceptiveField) -> ReceptiveField | None:
        """The field of a cell fed by both branches, or None where they step differently and no one interval holds."""
        if self.stride != other.stride:
            return None
        start = min(self.start, other.start)
        end = max(self.start + self.size, other.start + other.size)
        return ReceptiveField(size=end - start, stride=self.stride, start=start)

    def interval(self, output_index: int) -> tuple[int, int]:
        """First and last input cell seen by an output cell; they lie outside the input where it sees padding."""
        first = self.start + self.stride * output_index
        return math.ceil(first), math.floor(first + self.size - 1)
