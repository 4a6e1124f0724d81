"""Numbers in cells, where cells are large enough: two significant digits, readable on every shade of both themes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shapelab.figures.canvas import Canvas
from shapelab.figures.grids import Plane
from shapelab.figures.theme import DARK, LIGHT, Palette

Array = np.ndarray[Any, Any]

LEAST_WIDE = 30.0  # pixels of a cell that a number needs
LEAST_HIGH = 16.0
LONGEST = 5  # characters of a number
LETTER = 0.62  # width of a letter, in sizes of its type
LARGEST = 12.0  # size of type
EVEN = 0.179  # luminance on which black and white are equally easy to read; either reaches 4.5 to 1 there


def number(value: float) -> str:
    """A number in at most five characters: ``−0.34``, ``1.2``, ``.034``, ``3e−3``; whole ones as they are."""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "−inf" if value < 0 else "inf"
    size = abs(value)
    if float(value).is_integer() and size < 9999.5:
        text = f"{value:.0f}"
    elif size >= 9999.5 or size < 0.00995:
        text = f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    elif size < 0.0995:
        text = f"{value:.3f}".replace("0.", ".")
    else:
        text = f"{value:.{0 if size >= 9.95 else 1 if size >= 0.995 else 2}f}"
    return text.replace("-", "−")


def has_room(plane: Plane) -> bool:
    """Whether numbers fit into the cells of a plane."""
    return plane.cell[0] >= LEAST_WIDE and plane.cell[1] >= LEAST_HIGH


def type_size(plane: Plane) -> float:
    """The size of type of numbers in a plane's cells."""
    return min(LARGEST, (plane.cell[0] - 2) / (LONGEST * LETTER), plane.cell[1] - 6)


def numbers(canvas: Canvas, plane: Plane, values: Array, *, role: str, limits: tuple[float, float]) -> None:
    """Write each cell's number into it, if there is room.

    Args:
      canvas: the sheet.
      plane: where the cells lie.
      values: (rows, columns); a cell without a number (nan) stays empty.
      role: whose colours the cells wear.
      limits: the numbers that are drawn palest and fullest.
    """
    if not has_room(plane) or values.shape != (plane.rows, plane.columns):
        return
    low, high = limits
    shares = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
    inks = _inks(shares, role)
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            write(canvas, plane, row, column, number(float(value)), str(inks[row, column]))


def write_zeros(canvas: Canvas, plane: Plane, places: Array, *, ground: str) -> None:
    """Write 0 into hatched cells, (n, 2) rows and columns, each on a plate of the ground's colour."""
    if not len(places):
        return
    wide, high = 0.8 * type_size(plane), 1.15 * type_size(plane)
    middles = [plane.place(row + 0.5, column + 0.5) for row, column in places]
    plates = (f"M {x - wide / 2:.1f},{y - high / 2:.1f} h {wide:.1f} v {high:.1f} h {-wide:.1f} Z" for x, y in middles)
    canvas.path(" ".join(plates), line=ground, width=0.5, fill=ground)
    for row, column in places:
        write(canvas, plane, int(row), int(column), "0", LIGHT.padding_text)


def write(canvas: Canvas, plane: Plane, row: int, column: int, text: str, colour: str) -> None:
    """Write one number into one cell."""
    size = round(type_size(plane), 1)
    canvas.text(plane.place(row + 0.5, column + 0.5), text, colour=colour, size=size, mono=True, name="number")


def _inks(shares: Array, role: str) -> Array:
    """The colour of the number of each cell, by how full the cell's own colour is."""
    full_in_light, full_in_dark = (_luminance(shares, role, palette) < EVEN for palette in (LIGHT, DARK))
    inks = np.where(full_in_dark, LIGHT.number_pale, LIGHT.number_middle)
    found: Array = np.where(full_in_light, LIGHT.number_full, inks)
    return found


def _luminance(shares: Array, role: str, palette: Palette) -> Array:
    """WCAG 2's relative luminance of the colours at some shares of a role's scale."""
    tint, full = (np.array(_rgb(getattr(palette, f"{role}{end}"))) for end in ("_tint", ""))
    mixed = tint + (full - tint) * shares[..., None]
    linear = np.where(mixed <= 0.04045, mixed / 12.92, ((mixed + 0.055) / 1.055) ** 2.4)
    found: Array = linear @ np.array([0.2126, 0.7152, 0.0722])
    return found


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
