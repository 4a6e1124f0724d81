"""The lines and words of a picture as SVG, which a browser paints at once.

Plotly makes, measures and places each shape and annotation anew at every change, a millisecond apiece; the cells it
draws well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from itertools import groupby
from typing import Any

Drawn = Mapping[str, Any]

ANCHORS = {"left": "start", "center": "middle", "right": "end"}
BASELINES = {"top": 0.85, "middle": 0.35, "bottom": -0.15}  # from the place of a text to its line, in sizes of its type
TAGS = {"b": 'font-weight="bold"', "i": 'font-style="italic"'}
PINNED = "pinned"
"""The name of shapes that the view draws by itself, and moves."""


def marks(layout: Drawn, *, pinned: bool = True) -> tuple[str, str]:
    """The shapes and annotations of a layout as two pieces of SVG, in the layout's own pixels.

    Args:
      layout: of a figure of this package.
      pinned: whether with the shapes that are named so.

    Returns:
      What lies behind the data, and what lies before it.
    """
    drawn = [shape for shape in layout.get("shapes", ()) if pinned or shape.get("name") != PINNED]
    shapes = [(shape["layer"] == "below", _shape(shape)) for shape in drawn]
    behind = "".join(shape for below, shape in shapes if below)
    before = "".join(shape for below, shape in shapes if not below)
    notes = groupby(layout.get("annotations", ()), key=_together)
    return behind, before + "".join(_numbers(run) if alike else "".join(map(_text, run)) for alike, run in notes)


def _together(note: Drawn) -> tuple[Any, ...]:
    """What numbers in cells share; nothing for any other text."""
    return (note["font"]["color"], note["font"]["size"]) if note.get("name") == "number" else ()


def _numbers(notes: Iterable[Drawn]) -> str:
    """Numbers in cells, of one colour and size: in a page there are hundreds, so that what they share is said once."""
    run = list(notes)
    font = run[0]["font"]
    lower = BASELINES["middle"] * font["size"]
    places = ((note, f'x="{note["x"]:.4g}" y="{note["y"] + lower:.4g}"') for note in run)
    texts = "".join(f"<text {place}>{escape(note['text'])}</text>" for note, place in places)
    return (
        f'<g class="shapelab-numbers" text-anchor="middle" fill="{font["color"]}" font-size="{font["size"]:g}" '
        f'font-family="{escape(font["family"])}">{texts}</g>'
    )


def _shape(shape: Drawn) -> str:
    line = shape["line"]
    style = f'fill="{shape["fillcolor"]}" stroke="{line["color"]}" stroke-width="{line["width"]:g}"'
    if shape.get("opacity", 1.0) != 1.0:
        style += f' opacity="{shape["opacity"]:g}"'
    if shape["type"] == "path":
        return f'<path d="{shape["path"]}" {style}/>'
    x, y, right, bottom = (float(shape[end]) for end in ("x0", "y0", "x1", "y1"))
    return f'<rect x="{x:.6g}" y="{y:.6g}" width="{right - x:.6g}" height="{bottom - y:.6g}" {style}/>'


def _text(note: Drawn) -> str:
    font = note["font"]
    x, y = float(note["x"]), float(note["y"]) + BASELINES[note["yanchor"]] * font["size"]
    turn = f' transform="rotate({note["textangle"]:g} {note["x"]:g} {note["y"]:g})"' if note["textangle"] else ""
    return (
        f'<text class="annotation-text" x="{x:.6g}" y="{y:.6g}" text-anchor="{ANCHORS[note["xanchor"]]}" '
        f'fill="{font["color"]}" font-size="{font["size"]:g}" font-family="{escape(font["family"])}"{turn}>'
        f"{_words(note['text'])}</text>"
    )


def _words(text: str) -> str:
    """A line of text; of its tags only <b> and <i> are taken as such."""

    def tag(found: re.Match[str]) -> str:
        return "</tspan>" if found[1] else f"<tspan {TAGS[found[2]]}>"

    return re.sub(r"&lt;(/?)([bi])&gt;", tag, escape(text))
