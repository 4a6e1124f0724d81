"""A figure as one SVG drawing that needs no script: for a page that shows it before Plotly is there.

Knows what this package's figures hold: heatmaps, bars, lines of scatter traces, and the marks around them. Colours are
named by the variables that ``variables`` sets, so that one drawing serves both themes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from html import escape
from typing import Any

import numpy as np

from shapelab.figures.marks import marks
from shapelab.figures.theme import LIGHT, Palette

Array = np.ndarray[Any, Any]
Drawn = Mapping[str, Any]

NAMES = {getattr(LIGHT, each.name): f"var(--sl-figure-{each.name.replace('_', '-')})" for each in fields(Palette)}


def svg(figure: Drawn) -> str:
    """A figure of this package as ``<svg>``, in the layout's own pixels, to be scaled to any size.

    Raises:
      KeyError: for a kind of trace that no figure of this package has.
    """
    layout = figure["layout"]
    behind, before = marks(layout)
    data = "".join(TRACES[trace["type"]](trace) for trace in figure["data"])
    return (
        f'<svg viewBox="0 0 {layout["width"]:g} {layout["height"]:g}" role="img" '
        f'aria-label="{escape(layout["meta"]["alt"])}">{_themed(behind)}{data}{_themed(before)}</svg>'
    )


def variables(palette: Palette) -> str:
    """The colours of a theme as CSS variables."""
    return "".join(
        f"--sl-figure-{each.name.replace('_', '-')}:{getattr(palette, each.name)};" for each in fields(Palette)
    )


def _themed(drawing: str) -> str:
    for colour, name in NAMES.items():
        drawing = drawing.replace(f'"{colour}"', f'"{name}"')
    return drawing


def _heatmap(trace: Drawn) -> str:
    """A rectangle a cell, its colour mixed as Plotly mixes it; a row of one colour is one rectangle."""
    z = np.asarray(trace["z"], float)
    full, tint = (NAMES[trace["colorscale"][end][1]] for end in (1, 0))
    shares = np.clip((z - trace["zmin"]) / (trace["zmax"] - trace["zmin"]), 0, 1)
    xs, ys = _edges(trace["x"], z.shape[1]), _edges(trace["y"], z.shape[0])
    gaps = trace.get("xgap") or 0, trace.get("ygap") or 0
    if np.ptp(shares) == 0 and gaps == (0, 0):
        shares, xs, ys = shares[:1, :1], xs[[0, -1]], ys[[0, -1]]
    cells = [
        f'<rect x="{xs[j] + gaps[0] / 2:.6g}" y="{ys[i] + gaps[1] / 2:.6g}" width="{xs[j + 1] - xs[j] - gaps[0]:.6g}" '
        f'height="{ys[i + 1] - ys[i] - gaps[1]:.6g}" fill="color-mix(in srgb,{full} {100 * share:.4g}%,{tint})"/>'
        for (i, j), share in np.ndenumerate(shares)
        if np.isfinite(share)
    ]
    return f'<g shape-rendering="crispEdges">{"".join(cells)}</g>'


def _edges(at: Any, count: int) -> Array:
    """Where cells begin and end along an axis, given their middles or, one more, their edges."""
    places: Array = np.asarray(at, float)
    if len(places) == count + 1:
        return places
    half = (places[1] - places[0]) / 2 if count > 1 else 0.5
    return np.append(places - half, places[-1] + half)


def _bars(trace: Drawn) -> str:
    width, base = trace["width"], trace["base"]
    return "".join(
        f'<rect x="{x - width / 2:.6g}" y="{base + min(y, 0):.6g}" width="{width:.6g}" height="{abs(y):.6g}" '
        f'fill="{NAMES[trace["marker"]["color"]]}"/>'
        for x, y in zip(trace["x"], trace["y"], strict=True)
    )


def _lines(trace: Drawn) -> str:
    """Lines; where there is no number the pen is lifted."""
    steps, down = [], False
    for x, y in zip(trace["x"], trace["y"], strict=True):
        known = bool(np.isfinite(x) and np.isfinite(y))
        if known:
            steps.append(f"{'L' if down else 'M'}{x:.6g},{y:.6g}")
        down = known
    line = trace["line"]
    return f'<path d="{"".join(steps)}" fill="none" stroke="{NAMES[line["color"]]}" stroke-width="{line["width"]:g}"/>'


TRACES: Mapping[str, Callable[[Drawn], str]] = {"heatmap": _heatmap, "bar": _bars, "scatter": _lines}
