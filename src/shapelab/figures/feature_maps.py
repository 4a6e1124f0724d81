"""The channels of one stage as small pictures in a row, on one scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.grids import Plane, blocks_of, cells, thinned

Array = np.ndarray[Any, Any]
MOST_PIXELS = 64
LEAST_MAP = 4.0  # pixels that a map covers each way


def feature_maps(name: str, values: Array | None, shape: tuple[int, ...], *, role: str, narrow: bool = False) -> Spec:
    """Up to eight channels of an (H, W, C) array (four where the page is narrow), all on the scale of those shown.

    ``values`` come thinned by ``pooling_factor`` of H and W. Maps of more than 64 cells a side show the largest value
    of each tile; the caption says so.
    """
    most = 4 if narrow else 8
    canvas = Canvas(420, 140) if narrow else Canvas(860, 130)
    height, width, channels = shape[-3:]
    shown = min(channels, most)
    slot = canvas.width / most
    blocks = blocks_of((height, width))
    further = -(-max(-(-height // blocks[0]), -(-width // blocks[1])) // MOST_PIXELS)  # of the thinned cells
    tile = (blocks[0] * further, blocks[1] * further)
    maps = None if values is None or not np.isfinite(values).any() else thinned(values[..., :shown], [further] * 2)
    low, high = _range(maps) if maps is not None else (0.0, 1.0)
    for channel in range(shown):
        plane = _plane((height, width), left=slot * channel + 4, side=min(slot - 12, 82.0))
        cells(
            canvas,
            plane,
            None if maps is None else maps[..., channel],
            role=role,
            name=f"channel {channel}",
            says=f"channel {channel}",
            blocks=tile,
            limits=(low, high),
            whole=True,
        )
    few = f"the first {shown} of {channels} channels" if shown < channels else f"all {channels} channels"
    caption = [f"{name}: {few}, one scale" if channels > 1 else f"{name}: its one channel"]
    if maps is not None:
        caption.append(f"from {low:.3g} (pale) to {high:.3g}")
    if max(tile) > 1:
        caption.append(f"the largest of each {min(tile[0], height)} × {min(tile[1], width)}")
    lines = [caption[0], ", ".join(caption[1:])] if narrow else [", ".join(caption)]
    for i, line in enumerate(reversed(lines)):
        canvas.text((4, canvas.height - 12 - 17 * i), line, anchor="left")
    return canvas.spec(f"Feature maps of {', '.join(caption)}.")


def _plane(counts: tuple[int, int], *, left: float, side: float) -> Plane:
    """A map to scale in its place at the left of its slot; a long thin one is stretched to be seen."""
    rows, columns = counts
    cell = side / max(rows, columns)
    wide, high = max(cell, LEAST_MAP / columns), max(cell, LEAST_MAP / rows)
    return Plane((left, 8 + (side - high * rows) / 2), (wide, high), rows, columns)


def _range(maps: Array) -> tuple[float, float]:
    finite = maps[np.isfinite(maps)]
    return float(finite.min()), float(finite.max())
