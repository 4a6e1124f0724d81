"""The channels of one stage as small pictures in a row, on one scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from shapelab.figures.canvas import Canvas, Spec

Array = np.ndarray[Any, Any]
MOST_PIXELS = 48


def feature_maps(name: str, values: Array | None, shape: tuple[int, ...], *, role: str, narrow: bool = False) -> Spec:
    """Up to eight channels of an (H, W, C) array (four where the page is narrow), all on the scale of those shown.

    Maps of more than 48 cells a side show the largest value of each tile; the caption says so.
    """
    most = 4 if narrow else 8
    canvas = Canvas(420, 140) if narrow else Canvas(860, 130)
    height, width, channels = shape[-3:]
    shown = min(channels, most)
    slot = canvas.width / most
    side = min(slot - 12, 82.0)
    tile = -(-max(height, width) // MOST_PIXELS)
    maps = None if values is None or not np.isfinite(values).any() else _tiles(values[..., :shown], tile)
    rows, columns = -(-height // tile), -(-width // tile)
    cell = min(side / rows, side / columns)
    low, high = _range(maps) if maps is not None else (0.0, 1.0)
    for channel in range(shown):
        corner = (slot * channel + 4, 8 + (side - cell * rows) / 2)
        plane = None if maps is None else maps[..., channel]
        canvas.cells(
            corner,
            (cell, cell),
            plane,
            (rows, columns),
            role=role,
            name=f"channel {channel}",
            hover=f"channel {channel}",
        )
        canvas.data[-1].update({"zmin": low, "zmax": high if high > low else low + 1.0, "xgap": 0, "ygap": 0})
    few = f"the first {shown} of {channels} channels" if shown < channels else f"all {channels} channels"
    caption = [f"{name}: {few}, one scale" if channels > 1 else f"{name}: its one channel"]
    if maps is not None:
        caption.append(f"from {low:.3g} (pale) to {high:.3g}")
    if tile > 1:
        caption.append(f"the largest of each {tile} × {tile}")
    lines = [caption[0], ", ".join(caption[1:])] if narrow else [", ".join(caption)]
    for i, line in enumerate(reversed(lines)):
        canvas.text((4, canvas.height - 12 - 17 * i), line, anchor="left")
    return canvas.spec(f"Feature maps of {', '.join(caption)}.")


def _range(maps: Array) -> tuple[float, float]:
    finite = maps[np.isfinite(maps)]
    return float(finite.min()), float(finite.max())


def _tiles(values: Array, tile: int) -> Array:
    """The largest value of each tile of ``tile`` by ``tile`` cells; ragged tiles at the ends count what they have."""
    if tile == 1:
        return values
    height, width, channels = values.shape
    rows, columns = -(-height // tile), -(-width // tile)
    padded = np.full((rows * tile, columns * tile, channels), -np.inf, values.dtype)
    padded[:height, :width] = values
    largest: Array = padded.reshape(rows, tile, columns, tile, channels).max(axis=(1, 3))
    return largest
