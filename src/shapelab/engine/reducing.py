"""Values thinned to what a picture can show, before they are kept or sent."""

from __future__ import annotations

from typing import Any

import numpy as np

from shapelab.geometry.pooling import MOST_CHANNELS, pooling_factor
from shapelab.tracing.records import SPATIAL

Array = np.ndarray[Any, Any]


def reduced(array: Array, layout: tuple[str, ...]) -> Array:
    """An array with its spatial axes max-pooled by ``pooling_factor`` and its first channels alone.

    Args:
      array: any shape.
      layout: the names of its axes; those that have none are left whole.

    Returns:
      The array itself where nothing is to be thinned.
    """
    for axis, name in enumerate(layout):
        if name == "C" and array.shape[axis] > MOST_CHANNELS:
            array = np.take(array, range(MOST_CHANNELS), axis)
    for axis, name in enumerate(layout):
        factor = pooling_factor(array.shape[axis])
        if name in SPATIAL and factor > 1:
            array = np.maximum.reduceat(array, range(0, array.shape[axis], factor), axis)
    return array
