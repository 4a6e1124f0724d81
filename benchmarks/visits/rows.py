"""The table's rows: what each is made of, what it must reach, and whether it does."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from visits.samples import Samples, percentile

LESSONS = ("Conv1D", "Conv2D", "ResNet block", "U-Net")


@dataclass(frozen=True)
class Row:
    """One thing that was measured.

    Attributes:
      label: what it is.
      unit: "ms", "bytes", "a second" or "messages".
      target: what the dashboard must reach, in that unit.
      by: which figure must reach it: "median" or "p95".
      ours: names of the samples of the dashboard.
      peer: names of the peer's; empty where it has none.
    """

    label: str
    unit: str
    target: float
    by: str
    ours: tuple[str, ...]
    peer: tuple[str, ...] = ()

    @property
    def more_is_better(self) -> bool:
        """Whether the target is a floor."""
        return self.unit == "a second"


def _of(kind: str, lessons: tuple[str, ...] = LESSONS) -> tuple[str, ...]:
    return tuple(f"{kind} {lesson}" for lesson in lessons)


_PICTURE = "move → shapes, padding and picture, new setting"
_VALUES = "move → values, new setting"
_NEW = ("picture new",)
_BASE = "new base_features"

ROWS = (
    Row(f"{_PICTURE}: Conv1D", "ms", 100, "p95", ("picture new Conv1D",)),
    Row(f"{_PICTURE}: Conv2D", "ms", 100, "p95", ("picture new Conv2D",), _NEW),
    Row(f"{_PICTURE}: ResNet block", "ms", 100, "p95", ("picture new ResNet block",)),
    Row(f"{_PICTURE}: U-Net", "ms", 100, "p95", ("picture new U-Net",), _NEW),
    Row("dragging, 30 moves a second: paints", "a second", 10, "p95", _of("paints"), ("paints",)),
    Row("dragging: last move → page is right", "ms", 150, "p95", _of("after"), ("after",)),
    Row(f"{_VALUES}: convolutions, ResNet", "ms", 400, "p95", _of("values new", LESSONS[:3]), _NEW),
    Row(f"{_VALUES}: U-Net", "ms", 400, "p95", ("values new U-Net",), _NEW),
    Row(f"move → values, {_BASE}: U-Net", "ms", 800, "p95", (f"values {_BASE}",), (f"picture {_BASE}",)),
    Row("move → values, seen by another visitor", "ms", 100, "p95", _of("values seen"), ("picture seen",)),
    Row("page request → first picture, empty cache", "ms", 700, "median", ("first empty",), ("first empty",)),
    Row("page request → first picture, warm cache", "ms", 700, "median", ("first warm",), ("first warm",)),
    Row("page request → controls answer, empty cache", "ms", 3000, "median", ("live empty",), ("live empty",)),
    Row("page request → controls answer, warm cache", "ms", 2000, "median", ("live warm",), ("live warm",)),
    Row("bytes over the wire, first visit", "bytes", 3e6, "median", ("bytes first",), ("bytes first",)),
    Row("bytes over the wire, second visit", "bytes", 300e3, "median", ("bytes second",), ("bytes second",)),
    Row("unique memory of a visitor's kernel", "bytes", 60e6, "median", ("kernel",), ("kernel",)),
    Row("memory of the engine, for all visitors", "bytes", 1e9, "median", ("engine",)),
    Row("messages to the kernel while hovering", "messages", 0, "median", ("hover",)),
)


def result(row: Row, ours: Samples, peer: Samples) -> dict[str, Any]:
    """The figures of a row: of the dashboard, of its peer, and between them."""
    mine = _figures(row, ours.of(*row.ours))
    theirs = _figures(row, peer.of(*row.peer))
    found = {
        "label": row.label,
        "key": row.ours[0],
        "unit": row.unit,
        "target": row.target,
        "by": row.by,
        "dashboard": mine,
        "peer": theirs,
        "met": None,
        "ratio": None,
    }
    if mine:
        found["met"] = mine[row.by] >= row.target if row.more_is_better else mine[row.by] <= row.target
    if mine and theirs:
        large, small = (mine, theirs) if row.more_is_better else (theirs, mine)
        found["ratio"] = large["median"] / small["median"] if small["median"] else None
    return found


def _figures(row: Row, values: list[float]) -> dict[str, float] | None:
    """Median, and the value that 95 of 100 are at least as good as."""
    if not values:
        return None
    bad = 5 if row.more_is_better else 95
    return {"median": statistics.median(values), "p95": percentile(values, bad), "n": len(values)}
