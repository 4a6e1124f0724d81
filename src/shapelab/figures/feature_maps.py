"""The channels of one stage as small pictures, on one scale or each on its own, beside the image that went in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.grids import Plane, blocks_of, thinned
from shapelab.figures.map_sheet import Sheet, laid_out
from shapelab.figures.receptive import Seen, draw_seen, wrapped
from shapelab.figures.theme import LIGHT, scale
from shapelab.geometry.pooling import MOST_CHANNELS

Array = np.ndarray[Any, Any]
WIDE, NARROW = 780.0, 420.0  # of the sheet
UPRIGHT = 260.0  # pixels down for the maps of a narrow one
IMAGE = 168.0  # the most that the image covers each way
HEAD = 26.0  # for the names above
TYPE, LINE = 13.0, 19.0
ROWS = {False: 6, True: 8}  # lines of words below that are kept free: on a wide page, on a narrow one


@dataclass(frozen=True)
class Maps:
    """What is shown of one stage.

    Attributes:
      name: of the stage.
      values: (H, W, C), thinned by ``pooling_factor`` of H and W; None while they are on their way.
      shape: of the stage's output, (…, H, W, C).
      each: whether each map has a scale of its own.
      cell: the pinned cell (row, column), or None.
    """

    name: str
    values: Array | None
    shape: tuple[int, ...]
    each: bool = False
    cell: tuple[int, int] | None = None


def feature_maps(shown: Maps, *, seen: Seen | None = None, narrow: bool = False) -> Spec:
    """Up to sixteen channels, and at their left the image with what the pinned cell depends on.

    Maps of more than 64 cells a side (48 where there are many) show the largest value of each tile, and say so.
    """
    counts = (shown.shape[-3], shown.shape[-2])
    number = min(shown.shape[-1], MOST_CHANNELS)
    canvas = Canvas(NARROW if narrow else WIDE, 0)
    left, top = 4.0, HEAD
    told: Spec = {"kind": "maps", "pins": seen is not None}
    lines: list[str] = []
    room = (canvas.width - 8, UPRIGHT) if narrow else (canvas.width - 8, IMAGE)
    if seen is not None:
        across, _, told["image"], lines = draw_seen(canvas, seen, (left, top), IMAGE)
        if narrow:
            top += IMAGE + HEAD + 8
        else:
            left += max(across, 120.0) + 24
            room = (canvas.width - left - 4, IMAGE)
    sheet = laid_out(counts, number, (left, top), room, narrow)
    limits = _draw(canvas, sheet, shown, number)
    planes = [sheet.plane(channel) for channel in range(number)]
    told["maps"] = [
        {
            "plane": plane.meta(),
            "blocks": sheet.tile,
            "says": f"channel {channel}",
            **(sheet.read(channel, limits) if limits is not None else {}),
        }
        for channel, plane in enumerate(planes)
    ]
    if shown.cell is not None:
        told["cell"] = shown.cell
        for plane in planes:
            _mark(canvas, plane, shown.cell)
    canvas.text((left, top - HEAD / 2), f"<b>{shown.name}</b>", colour=LIGHT.ink, size=TYPE, anchor="left")
    bottom = top + (UPRIGHT if narrow else IMAGE)  # whatever the size: what follows stays where it is
    caption = _caption(shown, sheet, number, limits)
    below = wrapped([caption, *lines], canvas.width - 8, TYPE)
    for i, line in enumerate(below):
        canvas.text((4, bottom + 18 + LINE * i), line, anchor="left", size=TYPE)
    canvas.height = bottom + 18 + LINE * max(len(below), ROWS[narrow])
    return canvas.spec(f"Feature maps of {caption}. {' '.join(lines)}".strip(), told)


def _draw(canvas: Canvas, sheet: Sheet, shown: Maps, number: int) -> Array | None:
    """All maps as one image; gives the numbers that each is palest and fullest at, in units of what is drawn."""
    values = shown.values
    drawn = [-(-n // tile) for n, tile in zip(sheet.counts, sheet.tile, strict=True)]
    known = values is not None and bool(np.isfinite(values).any())
    if values is not None and known:
        blocks = blocks_of(sheet.counts)
        maps = thinned(values[..., :number], [tile // block for tile, block in zip(sheet.tile, blocks, strict=True)])
    else:
        maps = np.zeros((*drawn, number), np.float32)
    low, high = _range(maps) if known else (0.0, 1.0)
    limits = np.tile(np.array([0.0, 1.0]), (number, 1))
    if known and shown.each:
        limits = np.array([_range(maps[..., channel]) for channel in range(number)])
        spans = np.where(limits[:, 1] > limits[:, 0], limits[:, 1] - limits[:, 0], 1.0)
        maps, low, high = (maps - limits[:, 0]) / spans, 0.0, 1.0
        limits[:, 1] = limits[:, 0] + spans
    used = -(-number // sheet.columns), min(number, sheet.columns)
    z = np.full(
        [n * pitch - gap for n, pitch, gap in zip(used, sheet.pitch, sheet.gap, strict=True)], np.nan, np.float32
    )
    for channel in range(number):
        row, column = sheet.start(channel)
        part = maps[..., channel].repeat(sheet.repeat[0], 0).repeat(sheet.repeat[1], 1)
        z[row : row + part.shape[0], column : column + part.shape[1]] = part
    canvas.data.insert(0, image(z, sheet.corner, sheet.size, "output", (low, high), "maps"))
    _trim(canvas, sheet, used, drawn)
    return limits if known else None


def image(z: Array, corner: tuple[float, float], size: tuple[float, float], role: str, ends: Any, name: str) -> Spec:
    """A heatmap of even cells without gaps, which Plotly draws as one small image."""
    along = [
        (start + step * (np.arange(n) + 0.5 if n > 1 else np.arange(2))).astype(np.float32)
        for start, step, n in zip(corner, size, z.shape[::-1], strict=True)
    ]
    return {
        "type": "heatmap",
        "name": name,
        "x": along[0],
        "y": along[1],
        "z": np.asarray(z, np.float32),
        "zmin": ends[0],
        "zmax": ends[1] if ends[1] > ends[0] else ends[0] + 1.0,
        "colorscale": scale(role),
        "showscale": False,
        "hoverinfo": "skip",
    }


def _trim(canvas: Canvas, sheet: Sheet, used: tuple[int, int], drawn: list[int]) -> None:
    """Cover what the last tiles, drawn as large as the others, have too much."""
    last = sheet.plane(used[1] - 1), sheet.plane((used[0] - 1) * sheet.columns)
    whole = (last[0].corner[0] + last[0].width, last[1].corner[1] + last[1].height)
    over = (
        sheet.size[0] * sheet.repeat[1] * drawn[1] - last[0].width,
        sheet.size[1] * sheet.repeat[0] * drawn[0] - last[0].height,
    )
    for column in range(used[1] if over[0] > 0.01 else 0):
        plane = sheet.plane(column)
        high = whole[1] - plane.corner[1] + over[1]
        canvas.rectangle((plane.corner[0] + plane.width, plane.corner[1]), (over[0], high), fill=LIGHT.background)
    for row in range(used[0] if over[1] > 0.01 else 0):
        plane = sheet.plane(row * sheet.columns)
        wide = whole[0] - plane.corner[0] + over[0]
        canvas.rectangle((plane.corner[0], plane.corner[1] + plane.height), (wide, over[1]), fill=LIGHT.background)


def _mark(canvas: Canvas, plane: Plane, cell: tuple[int, int]) -> None:
    """The pinned cell in one map, at least so large that it can be seen."""
    row, column = (min(at, n - 1) for at, n in zip(cell, (plane.rows, plane.columns), strict=True))
    x, y = plane.place(row + 0.5, column + 0.5)
    wide, high = max(plane.cell[0], 5.0), max(plane.cell[1], 5.0)
    canvas.rectangle((x - wide / 2, y - high / 2), (wide, high), line=LIGHT.ink, width=1.6)


def _caption(shown: Maps, sheet: Sheet, number: int, limits: Array | None) -> str:
    channels = shown.shape[-1]
    few = f"the first {number} of {channels} channels" if number < channels else f"all {channels} channels"
    parts = [f"{shown.name}: {few}" if channels > 1 else f"{shown.name}: its one channel"]
    if shown.values is not None and limits is not None:
        low, high = _range(shown.values[..., :number])
        scales = "each on its own scale, " if shown.each and channels > 1 else "one scale, " if channels > 1 else ""
        parts.append(f"{scales}from {low:.3g}{'' if shown.each else ' (pale)'} to {high:.3g}")
    if max(sheet.tile) > 1:
        down, across = (min(tile, n) for tile, n in zip(sheet.tile, sheet.counts, strict=True))
        parts.append(f"the largest of each {down} × {across}")
    return ", ".join(parts)


def _range(maps: Array) -> tuple[float, float]:
    finite = maps[np.isfinite(maps)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
