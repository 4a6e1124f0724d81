"""How many feature maps lie on one sheet, so that one image holds them all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.figures.canvas import Spec
from shapelab.figures.grids import Plane, blocks_of

Array = np.ndarray[Any, Any]
GAP = 10.0  # between maps, about
LEAST_MAP = 5.0  # pixels that a map covers each way
COARSE = 10.0  # larger cells are sent as several, so that the gap between maps need not be as large
MOST_PIXELS, MOST_OF_MANY = 64, 48  # cells of a map drawn one by one; of more than eight maps


@dataclass(frozen=True)
class Sheet:
    """How the maps lie: one grid of cells holds them all, with empty cells between.

    Attributes:
      counts: cells of a map down and across.
      tile: cells of a map that share one drawn.
      repeat: cells of the grid down and across for each one drawn.
      corner: the top left of all.
      size: pixels across and down of a cell of the grid.
      gap: cells of the grid between maps, down and across.
      columns: maps in a row.
    """

    counts: tuple[int, int]
    tile: tuple[int, int]
    repeat: tuple[int, int]
    corner: tuple[float, float]
    size: tuple[float, float]
    gap: tuple[int, int]
    columns: int

    @property
    def pitch(self) -> tuple[int, int]:
        """Cells of the grid from one map to the next, down and across."""
        return tuple(  # type: ignore[return-value]
            -(-n // tile) * repeat + gap
            for n, tile, repeat, gap in zip(self.counts, self.tile, self.repeat, self.gap, strict=True)
        )

    def start(self, channel: int) -> tuple[int, int]:
        """Where a map begins in the grid: row and column."""
        row, column = divmod(channel, self.columns)
        return row * self.pitch[0], column * self.pitch[1]

    def plane(self, channel: int) -> Plane:
        """Where a map lies on the page."""
        row, column = self.start(channel)
        corner = (self.corner[0] + column * self.size[0], self.corner[1] + row * self.size[1])
        cell = (self.size[0] * self.repeat[1] / self.tile[1], self.size[1] * self.repeat[0] / self.tile[0])
        return Plane(corner, cell, *self.counts)

    def read(self, channel: int, limits: Array) -> Spec:
        """How the view finds a number of a map; ``limits`` are what 0 and 1 stand for in each map's own scale."""
        low, high = (float(end) for end in limits[channel])
        return {"corner": self.start(channel), "repeat": self.repeat, "trace": 0, "low": low, "high": high}


def laid_out(
    counts: tuple[int, int], number: int, corner: tuple[float, float], room: tuple[float, float], narrow: bool
) -> Sheet:
    """As many maps in a row as makes them largest; four on a narrow page."""
    rows, columns = counts

    def side(across: int) -> float:
        down = -(-number // across)
        return min((room[0] / across - GAP) / columns, (room[1] / down - GAP) / rows)

    across = min(number, 4) if narrow else max(range(1, number + 1), key=lambda n: (round(side(n), 3), -n))
    cell = min(side(across), 150.0 / max(rows, columns))
    most = MOST_OF_MANY if number > 8 else MOST_PIXELS
    blocks = blocks_of(counts)
    further = -(-max(-(-rows // blocks[0]), -(-columns // blocks[1])) // most)  # of cells thinned already
    tile = (blocks[0] * further, blocks[1] * further)
    wide, high = max(cell, LEAST_MAP / columns) * tile[1], max(cell, LEAST_MAP / rows) * tile[0]
    repeat = (math.ceil(high / COARSE), math.ceil(wide / COARSE))
    size = (wide / repeat[1], high / repeat[0])
    gap = (max(int(GAP / size[1]), 1), max(int(GAP / size[0]), 1))  # no wider than was reckoned with
    return Sheet(counts, tile, repeat, corner, size, gap, across)
