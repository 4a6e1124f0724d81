"""What the service counts, for whoever watches: nothing of it tells one visitor from another."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Any

from shapelab.engine import wire

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)  # seconds
OTHER = "Error"


class Counts:
    """Hits and misses, refusals by reason, and how long answers took, by verb."""

    def __init__(self) -> None:
        self.hits = self.misses = 0
        self._refusals = Counter({kind: 0 for kind in (*wire.REFUSALS, OTHER)})
        self._seconds: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def refused(self, kind: str) -> None:
        """Count a refusal by the name of its error."""
        self._refusals[kind if kind in wire.REFUSALS else OTHER] += 1

    def answered(self, verb: str, seconds: float) -> None:
        """Count an answer, or a refusal, and how long it took."""
        self._seconds.setdefault(verb, [0] * (len(BOUNDS) + 1))[bisect_left(BOUNDS, seconds)] += 1
        self._sums[verb] = self._sums.get(verb, 0.0) + seconds

    def state(self) -> dict[str, Any]:
        """All of them; a bucket of ``seconds`` holds what took no longer than its name, as Prometheus counts."""
        return {
            "hits": self.hits,
            "misses": self.misses,
            "refusals": dict(self._refusals),
            "seconds": {verb: self._histogram(verb, counts) for verb, counts in self._seconds.items()},
        }

    def _histogram(self, verb: str, counts: list[int]) -> dict[str, Any]:
        buckets, total = {}, 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
            total += count
            buckets[bound] = total
        return {"count": total, "sum": self._sums[verb], "buckets": buckets}
