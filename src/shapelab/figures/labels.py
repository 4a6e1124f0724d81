"""Words that find a place: of several in order of preference the first that touches nothing placed before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from shapelab.figures.canvas import Point

Box = tuple[float, float, float, float]
"""Left, top, width, height."""

LETTER = 0.62  # of its size that a letter is wide, on the wide side
AIR = 2.0  # pixels kept free around everything


class Room:
    """A sheet ``width`` pixels wide on which places are given away."""

    def __init__(self, width: float) -> None:
        self.width = width
        self.taken: list[Box] = []

    def take(self, *boxes: Box) -> None:
        """Boxes that are drawn on."""
        self.taken += boxes

    def take_line(self, points: Sequence[Point]) -> None:
        """A line through points."""
        for (x0, y0), (x1, y1) in pairwise(points):
            steps = max(int(max(abs(x1 - x0), abs(y1 - y0)) / 6), 1)
            self.taken += [
                (x0 + (x1 - x0) * i / steps - 2, y0 + (y1 - y0) * i / steps - 2, 4, 4) for i in range(steps + 1)
            ]

    def free(self, candidates: Iterable[Box]) -> Box | None:
        """The first candidate that is free, moved onto the sheet sideways where it hangs over; it is taken then."""
        for left, top, width, height in candidates:
            box = (min(max(left, 3.0), self.width - width - 3), top, width, height)
            if top >= 1 and not any(_touch(box, other) for other in self.taken):
                self.taken.append(box)
                return box
        return None

    @property
    def bottom(self) -> float:
        """The lowest pixel drawn on."""
        return max((top + height for _, top, _, height in self.taken), default=0.0)


def width_of(text: str, size: float) -> float:
    """How wide a line of text is at most."""
    return len(text) * size * LETTER


def _touch(one: Box, other: Box) -> bool:
    return (
        one[0] < other[0] + other[2] + AIR
        and other[0] < one[0] + one[2] + AIR
        and one[1] < other[1] + other[3] + AIR
        and other[1] < one[1] + one[3] + AIR
    )
