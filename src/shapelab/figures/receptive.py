"""What one cell depends on, drawn on the image that went in: first the windows' outline, then the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.grids import Plane, blocks_of, cells
from shapelab.figures.labels import LETTER
from shapelab.figures.theme import LIGHT, scale
from shapelab.geometry import ReceptiveField

Array = np.ndarray[Any, Any]
Interval = tuple[int, int]

DECADES = 5  # powers of ten from the palest heat to the fullest
PROPORTIONAL = 0.56 / LETTER  # of the widest letters, on the average


@dataclass(frozen=True)
class Heat:
    """The gradient of the pinned cell, as it has come.

    Attributes:
      values: absolute gradient, thinned like the image; H by W.
      cells: for each axis the first and last cell that it touches; None where it touches none.
      explanation: why every cell of the image has one; "" where that is not so.
    """

    values: Array
    cells: tuple[Interval | None, ...]
    explanation: str


@dataclass(frozen=True)
class Seen:
    """The image, and what the pinned cell sees of it.

    Attributes:
      name: of the input.
      shape: (…, H, W, C) of the input.
      values: (H, W, C), thinned by ``pooling_factor``; None while they are on their way.
      stage: the name of the stage that the cell is of.
      cell: the pinned cell, or None.
      fields: the theoretical field along both axes; None where there is none.
      heat: the gradient; None until it has come.
    """

    name: str
    shape: tuple[int, ...]
    values: Array | None
    stage: str
    cell: tuple[int, int] | None = None
    fields: tuple[ReceptiveField, ReceptiveField] | None = None
    heat: Heat | None = None

    @property
    def intervals(self) -> tuple[Interval, Interval] | None:
        """The first and last row, and column, that the pinned cell's windows cover; they may lie in the padding."""
        if self.cell is None or self.fields is None:
            return None
        rows, columns = (field.interval(at) for field, at in zip(self.fields, self.cell, strict=True))
        return None if rows is None or columns is None else (rows, columns)


def draw_seen(
    canvas: Canvas, seen: Seen, corner: tuple[float, float], side: float
) -> tuple[float, float, Spec, list[str]]:
    """Draw the image at a corner.

    Returns:
      How many pixels it is wide and high, what the view reads of it, and what is said of the pinned cell.
    """
    counts = (seen.shape[-3], seen.shape[-2])
    fitted = Plane.fitted(counts, centre=(0.0, 0.0), room=(side, side), most=side / 2)
    plane = Plane(corner, fitted.cell, *counts)
    channels = seen.shape[-1]
    grey = None if seen.values is None else seen.values[..., :3].astype(np.float32).mean(axis=-1)
    of = "" if channels == 1 else f", mean of {'its' if channels <= 3 else 'the first'} {min(channels, 3)} channels"
    cells(canvas, plane, grey, role="input", name="image", says=f"{seen.name}{of}", whole=True)
    canvas.tips.clear()  # the view tells the cells of this picture itself
    told: Spec = {"plane": plane.meta(), "blocks": blocks_of(counts), "says": f"{seen.name}{of}"}
    if grey is not None and np.isfinite(grey).any():
        told |= {"trace": len(canvas.data), "corner": (0, 0)}  # the maps come before it
    name = f"<b>{seen.name}</b>" + (f" mean of {min(channels, 3)}" if channels > 1 else "")
    canvas.text((corner[0], corner[1] - 13), name, colour=LIGHT.ink, size=13, anchor="left")
    if seen.heat is not None:
        told["heat"] = _draw_heat(canvas, plane, seen.heat)
    if (intervals := seen.intervals) is not None:
        _outline(canvas, plane, intervals)
    return plane.width, plane.height, told, _said(seen, counts)


def _draw_heat(canvas: Canvas, plane: Plane, heat: Heat) -> Spec:
    """The gradient by powers of ten over the image; a cell without any shows the image."""
    size = np.nan_to_num(np.abs(np.asarray(heat.values, np.float64)))
    largest = float(size.max())
    with np.errstate(divide="ignore"):
        share = 1 + np.log10(size / largest) / DECADES if largest else np.full_like(size, -np.inf)
    z = np.where(size > 0, np.clip(share, 0.0, 1.0), np.nan).astype(np.float32)
    blocks = blocks_of((plane.rows, plane.columns))
    wide, high = plane.cell[0] * blocks[1], plane.cell[1] * blocks[0]
    canvas.data.append(
        {
            "type": "heatmap",
            "name": "heat",
            "x": (plane.corner[0] + wide * (np.arange(z.shape[1] + (z.shape[1] == 1)) + 0.5 * (z.shape[1] > 1))),
            "y": (plane.corner[1] + high * (np.arange(z.shape[0] + (z.shape[0] == 1)) + 0.5 * (z.shape[0] > 1))),
            "z": z,
            "zmin": 0.0,
            "zmax": 1.0,
            "colorscale": scale("kernel"),
            "opacity": 0.72,
            "showscale": False,
            "hoverinfo": "skip",
        }
    )
    return {"trace": len(canvas.data), "decades": DECADES, "largest": largest}


def _outline(canvas: Canvas, plane: Plane, intervals: tuple[Interval, Interval]) -> None:
    """The theoretical field as a frame, as far as it lies on the image."""
    (top, bottom), (left, right) = (
        (max(first, 0), min(last, n - 1))
        for (first, last), n in zip(intervals, (plane.rows, plane.columns), strict=True)
    )
    if top > bottom or left > right:
        return
    (x0, y0), (x1, y1) = plane.place(top, left), plane.place(bottom + 1, right + 1)
    grow = max(0.0, 5 - min(x1 - x0, y1 - y0)) / 2
    corner, size = (x0 - grow, y0 - grow), (x1 - x0 + 2 * grow, y1 - y0 + 2 * grow)
    canvas.rectangle(corner, size, line=LIGHT.background, width=4.5)
    canvas.rectangle(corner, size, line=LIGHT.ink, width=2)


def _said(seen: Seen, counts: tuple[int, int]) -> list[str]:
    """The sentences on the pinned cell."""
    if seen.cell is None:
        return [f"Click a cell of a map: what it depends on is then shown on {seen.name}."]
    said = f"cell {seen.cell} of {seen.stage}: "
    if seen.fields is None:
        said += "windows alone do not bound what it sees"
    elif (intervals := seen.intervals) is None:
        said += "its windows meet padding alone"
    else:
        size = " × ".join(str(last - first + 1) for first, last in intervals)
        said += f"theoretical field {size}, {_places(intervals)}{_beyond(intervals, counts)}"
    lines = [said + "."]
    heat = seen.heat
    if heat is not None:
        rows, columns = heat.cells[:2]
        whole = [(0, n - 1) for n in counts]
        if rows is None or columns is None:
            lines.append("Its gradient touches no cell of the image.")
        elif [rows, columns] == whole:
            lines.append(f"Its gradient touches the whole image{': ' + heat.explanation if heat.explanation else ''}.")
        else:
            lines.append(f"Its gradient touches {_places((rows, columns))}.")
        lines.append(f"Heat by powers of ten: the palest is 10^{DECADES} times below the largest, or less.")
    return lines


def _places(intervals: Sequence[Interval]) -> str:
    return ", ".join(
        f"{name} {first} to {last}" for name, (first, last) in zip(("rows", "columns"), intervals, strict=True)
    )


def _beyond(intervals: Sequence[Interval], counts: Sequence[int]) -> str:
    """Which rows and columns of a field lie in the padding."""
    sides = []
    for name, (first, last), n in zip(("row", "column"), intervals, counts, strict=True):
        outside = min(max(-first, 0), last - first + 1) + min(max(last - n + 1, 0), last - first + 1)
        sides += [f"{outside} {name}{'s' * (outside != 1)}"] if outside else []
    return f", of which {' and '.join(sides)} lie in the padding" if sides else ""


def wrapped(sentences: Sequence[str], width: float, size: float) -> list[str]:
    """Sentences as lines that fit a width."""
    most = int(width / (size * LETTER * PROPORTIONAL))
    lines: list[str] = []
    for sentence in sentences:
        lines.append("")
        for word in sentence.split(" "):
            if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
                lines.append(word)
            else:
                lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
