"""How often a convolution reads each input cell, and how many input cells each output cell is made of."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from shapelab.geometry import Window

Array = np.ndarray[Any, Any]


@lru_cache(maxsize=64)
def reads(window: Window, input_size: int, output_size: int) -> tuple[Array, Array]:
    """Counted along one axis, from the taps of every window.

    A cell of a plane is read as often as its row times as often as its column.

    Returns:
      For each input cell the taps that meet it, (n_in,), and for each output cell its taps that meet an input cell
      rather than a constant, (n_out,).
    """
    read, met = np.zeros(input_size, np.int64), np.zeros(output_size, np.int64)
    for cell in range(output_size):
        taps = [tap for tap in window.taps(cell, input_size) if tap is not None]
        np.add.at(read, taps, 1)
        met[cell] = len(taps)
    return read, met
