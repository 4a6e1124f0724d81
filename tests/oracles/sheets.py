"""Reading a figure back: its colours, its places, the boxes of its texts."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from shapelab.figures.theme import LIGHT

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

CLEAR = "rgba(0,0,0,0)"


def colours(value: Any, key: str = "") -> Iterator[str]:
    """Every colour anywhere in a specification."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from colours(item, name)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from colours(item, key)
    elif isinstance(value, str):
        written = re.fullmatch(r"#[0-9a-fA-F]{3,8}|rgba?\(.*\)|hsla?\(.*\)", value)
        if written or ("color" in key.lower() and key != "colorscale"):
            yield value


def plain(text: str) -> str:
    """A text without its tags."""
    return re.sub(r"<[^>]+>", "", text)


def text_box(note: dict[str, Any], proportional: float = 0.62) -> Box:
    """Where a text stands: 0.62 of its size a letter wide, one size high."""
    size = note["font"]["size"]
    letter = 0.62 if "ono" in note["font"]["family"].split(",")[0] else proportional
    width, height = letter * size * len(plain(note["text"])), size
    if note.get("textangle"):
        width, height = height, width
    left = note["x"] - {"left": 0.0, "center": 0.5, "right": 1.0}[note["xanchor"]] * width
    top = note["y"] - {"top": 0.0, "middle": 0.5, "bottom": 1.0}[note["yanchor"]] * height
    return left, top, left + width, top + height


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share more than a hair's breadth."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > 0.5 and down > 0.5


def overlapping_texts(spec: dict[str, Any]) -> list[tuple[str, str]]:
    """Pairs of texts that stand on each other."""
    notes = [note for note in spec["layout"]["annotations"] if plain(note["text"]).strip()]
    boxes = [text_box(note) for note in notes]
    return [
        (plain(notes[i]["text"]), plain(notes[j]["text"]))
        for i in range(len(notes))
        for j in range(i)
        if overlap(boxes[i], boxes[j])
    ]


def extents(spec: dict[str, Any]) -> Iterator[tuple[str, Box]]:
    """The place of everything drawn: shapes, grids, points and texts."""
    for shape in spec["layout"]["shapes"]:
        if shape["type"] == "path":
            x, y = _places(shape["path"])
            if "Q" in shape["path"] and len(x) == 3:  # the control point of a bend is not on it
                curve = [
                    tuple((1 - t) ** 2 * v[0] + 2 * t * (1 - t) * v[1] + t * t * v[2] for v in (x, y))
                    for t in np.linspace(0, 1, 21)
                ]
                x, y = [p[0] for p in curve], [p[1] for p in curve]
        else:
            x, y = [shape["x0"], shape["x1"]], [shape["y0"], shape["y1"]]
        yield f"{shape['type']} {shape.get('path', '')[:40]}", (min(x), min(y), max(x), max(y))
    for trace in spec["data"]:
        if trace["type"] == "bar":
            ends = [base + y for y in trace["y"] for base in [trace["base"]]] + [trace["base"]]
            half = trace["width"] / 2
            if trace["x"]:
                yield "bar", (min(trace["x"]) - half, min(ends), max(trace["x"]) + half, max(ends))
            continue
        ends = edges if trace["type"] == "heatmap" else points
        x, y = ends(trace, "x"), ends(trace, "y")
        if len(x):
            yield trace["type"], (min(x), min(y), max(x), max(y))
    for note in spec["layout"]["annotations"]:
        yield f"text {note['text']!r}", text_box(note, proportional=0.55)


def points(line: dict[str, Any], axis: str) -> Any:
    """Where a line goes; the pen is lifted where there is no number."""
    at = np.asarray(line[axis], float)
    return at[np.isfinite(at)]


def edges(grid: dict[str, Any], axis: str) -> Any:
    """Where the cells of a grid begin and end along "x" or "y", as Plotly places them."""
    at, count = np.asarray(grid[axis], float), np.shape(grid["z"])["yx".index(axis)]
    if len(at) == count + 1:
        return at
    half = np.diff(at).mean() / 2 if count > 1 else 0.5  # of a lone cell Plotly takes the size to be 1
    return np.append(at - half, at[-1] + half)


def hatched(spec: dict[str, Any]) -> list[Box]:
    """The boxes of padding; the small plates under its numbers, paths of the same colour, are none."""
    return [
        (shape["x0"], shape["y0"], shape["x1"], shape["y1"])
        for shape in spec["layout"]["shapes"]
        if shape["fillcolor"] == LIGHT.padding_tint and shape["type"] != "path"
    ]


def _places(path: str) -> tuple[list[float], list[float]]:
    """Where an SVG path goes: M, L, C and Q with places, h and v with steps, Z."""
    x: list[float] = []
    y: list[float] = []
    for command, given in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", given)]
        if command in "hv":
            x.append(x[-1] + numbers[0] * (command == "h"))
            y.append(y[-1] + numbers[0] * (command == "v"))
        else:
            assert command in "MLCQZ", path
            x += numbers[::2]
            y += numbers[1::2]
    return x, y


def crossed(spec: dict[str, Any]) -> list[tuple[float, float]]:
    """The middles of the strokes that cross out cells."""
    found = [trace for trace in spec["data"] if trace["name"] == "unread"]
    if not found:
        return []
    x, y = (np.asarray(found[0][axis], float).reshape(-1, 3)[:, :2].mean(axis=1) for axis in "xy")
    return list(zip(x.tolist(), y.tolist(), strict=True))


def outside(spec: dict[str, Any], slack: float = 0.75) -> list[tuple[str, Box]]:
    """What does not lie on the sheet."""
    width, height = spec["layout"]["width"], spec["layout"]["height"]
    return [
        (what, box)
        for what, box in extents(spec)
        if box[0] < -slack or box[1] < -slack or box[2] > width + slack or box[3] > height + slack
    ]


def heatmap(spec: dict[str, Any], name: str) -> dict[str, Any]:
    """The grid of a name."""
    (found,) = [trace for trace in spec["data"] if trace["type"] == "heatmap" and trace["name"] == name]
    return found


def all_text(spec: dict[str, Any]) -> str:
    """Every text, one a line."""
    return "\n".join(plain(note["text"]) for note in spec["layout"]["annotations"])
