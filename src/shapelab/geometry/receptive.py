"""Which input cells an output cell can depend on, one axis at a time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from shapelab.geometry.window import Window


@dataclass(frozen=True)
class ReceptiveField:
    """The theoretical receptive field of a stage along one axis, as if the axis had no ends.

    Output cell ``i`` depends on no input cell outside ``interval(i)``. Without transposed convolutions all intervals
    are alike and step by ``stride``; behind one they repeat every few cells, so a whole period of them is kept.

    The composition rule is Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks",
    Distill 2019, taken cell by cell over a period, which makes it exact for ``lhs_dilation`` too.

    Attributes:
      intervals: first and last input cell seen by output cells 0, 1, …, one period; None for a cell that meets only
        the zeros between the cells of a spread input.
      shift: how many input cells further the next period looks.
    """

    intervals: tuple[tuple[int, int] | None, ...]
    shift: int

    @classmethod
    def identity(cls) -> ReceptiveField:
        """The field of the input itself: each cell sees itself."""
        return cls(((0, 0),), 1)

    @property
    def size(self) -> int:
        """The most input cells that one output cell can see, padding included."""
        return max((last - first + 1 for first, last in filter(None, self.intervals)), default=0)

    @property
    def stride(self) -> Fraction:
        """Input cells from one output cell to the next, on average: 1/2 behind a transposed convolution of stride 2."""
        return Fraction(self.shift, len(self.intervals))

    @property
    def start(self) -> int:
        """The first input cell that the first output cell with a field sees; negative where that is padding."""
        return next((seen[0] for seen in self.intervals if seen is not None), 0)

    def interval(self, output_index: int) -> tuple[int, int] | None:
        """First and last input cell seen by an output cell; they lie outside the input where it sees padding."""
        periods, place = divmod(output_index, len(self.intervals))
        seen = self.intervals[place]
        return None if seen is None else (seen[0] + periods * self.shift, seen[1] + periods * self.shift)

    def then(self, window: Window) -> ReceptiveField:
        """The field behind a further window: the union of what the cells under its taps see."""
        repeat = lcm(window.stride, window.base_dilation * len(self.intervals))
        count = repeat // window.stride
        shift = repeat // (window.base_dilation * len(self.intervals)) * self.shift
        return ReceptiveField(tuple(self._through(window, i) for i in range(count)), shift)

    def repeated(self, times: int) -> ReceptiveField:
        """The field behind an upsampling that shows each cell ``times`` times in a row."""
        return ReceptiveField(tuple(seen for seen in self.intervals for _ in range(times)), self.shift)

    def union(self, other: ReceptiveField) -> ReceptiveField | None:
        """The field of a cell fed by both branches, or None where they step differently and no field repeats."""
        if self.stride != other.stride:
            return None
        count = lcm(len(self.intervals), len(other.intervals))
        joined = tuple(_hull([self.interval(i), other.interval(i)]) for i in range(count))
        return ReceptiveField(joined, count // len(self.intervals) * self.shift)

    def _through(self, window: Window, output_index: int) -> tuple[int, int] | None:
        """What one output cell sees; only the outermost taps that meet an input cell can widen it."""
        first = window.start(output_index)
        positions = [first + tap * window.dilation for tap in range(window.size)]
        cells = [position // window.base_dilation for position in positions if position % window.base_dilation == 0]
        return _hull([self.interval(cell) for cell in cells])


def _hull(seen: list[tuple[int, int] | None]) -> tuple[int, int] | None:
    found = [interval for interval in seen if interval is not None]
    return (min(first for first, _ in found), max(last for _, last in found)) if found else None
