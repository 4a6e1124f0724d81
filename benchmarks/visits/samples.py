"""What was measured, by name, and how thoroughly to measure."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass, field


@dataclass
class Samples:
    """Measurements of one site.

    Attributes:
      found: by name, in the order taken: milliseconds, bytes or counts.
      lost: moves that the page never showed; each stands in ``found`` with the whole patience.
    """

    found: dict[str, list[float]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def add(self, name: str, value: float) -> None:
        """Note a measurement."""
        self.found.setdefault(name, []).append(value)

    def lose(self, what: str) -> None:
        """Note a move that the page never showed, and say so at once."""
        self.lost.append(what)
        print(f"lost: {what}", file=sys.stderr, flush=True)

    def of(self, *names: str) -> list[float]:
        """All measurements under these names."""
        return [value for name in names for value in self.found.get(name, [])]


@dataclass(frozen=True)
class Plan:
    """How thoroughly to measure.

    Attributes:
      rounds: of the dashboard.
      peer_rounds: of the peer, between them.
      moves: to unseen settings, each lesson and round.
      drag: seconds of dragging, each lesson and round.
      pause: milliseconds between one move's end and the next, as a hand needs.
      minutes: of further use before the memory of a kernel is read, in the last round.
    """

    rounds: int
    peer_rounds: int
    moves: int
    drag: float
    pause: int
    minutes: float = 0.0


def percentile(values: list[float], percent: int) -> float:
    """The value that ``percent`` of a hundred do not exceed, interpolated; the only one of one."""
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
