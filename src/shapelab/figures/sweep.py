"""The staircase: the size of the output and its padding for each size of the input, the present one marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.theme import LIGHT

LEFT, BOTTOM, WIDTH, HEIGHT = 4.0, 112.0, 292.0, 92.0
BELOW, DEEP = 138.0, 34.0  # where the bars of padding begin, and how much room they have


@dataclass(frozen=True)
class Step:
    """What comes of one input size.

    Attributes:
      size: of the input.
      output: its output size; None where the window does not fit.
      lo: cells of padding before.
      hi: and after.
    """

    size: int
    output: int | None
    lo: int = 0
    hi: int = 0


def sweep(axis: str, steps: Sequence[Step], current: int, *, floors: int | None = None, more: str = "") -> Spec:
    """Bars of output size over input size along one axis, and below them the padding on both sides.

    Args:
      axis: the axis' name.
      steps: in the order of their sizes.
      current: the input size to mark; one of theirs.
      floors: the stride whose ``n // stride`` is marked where it is not the output size; None to mark none.
      more: further words for who cannot see it.
    """
    canvas = Canvas(300, 196)
    step, top = WIDTH / len(steps), max([each.output or 0 for each in steps] + [1])
    _draw_bars(canvas, steps, current, step, top)
    _draw_words(canvas, axis, steps, current, step, top)
    _draw_padding(canvas, steps, current, step)
    if floors is not None:
        _draw_floors(canvas, axis, steps, floors, step, top)
    _draw_tips(canvas, axis, steps, step)
    index = [each.size for each in steps].index(current)
    chosen, sizes = steps[index], f"{axis} from {steps[0].size} to {steps[-1].size}"
    gives = "gives none" if chosen.output is None else f"gives {chosen.output}"
    padded = f", padded {chosen.lo} before and {chosen.hi} after"
    return canvas.spec(f"Output size for {sizes}; {axis} = {current} {gives}{padded}.{more}")


def _draw_bars(canvas: Canvas, steps: Sequence[Step], current: int, step: float, top: int) -> None:
    for name, chosen in (("rest", False), ("current", True)):
        bars = [
            (i, each.size, each.output)
            for i, each in enumerate(steps)
            if (each.size == current) == chosen and each.output is not None
        ]
        canvas.data.append(
            {
                "type": "bar",
                "name": name,
                "x": [LEFT + step * (i + 0.5) for i, _, _ in bars],
                "y": [-HEIGHT * out / top for _, _, out in bars],
                "base": BOTTOM,
                "width": max(step - 1.5, 1.0),
                "marker": {"color": LIGHT.output if chosen else LIGHT.output_tint, "line": {"width": 0}},
                "customdata": [[n, out] for _, n, out in bars],
                "hoverinfo": "skip",
            }
        )


def _draw_padding(canvas: Canvas, steps: Sequence[Step], current: int, step: float) -> None:
    """How many cells go before, hanging from a line, and under them how many go after."""
    most = max([each.lo + each.hi for each in steps] + [4])
    unit, wide = DEEP / most, step - 1.5
    for i, each in enumerate(steps):
        x = LEFT + step * i + 0.75
        for cells, above, fill in ((each.lo, 0, LIGHT.padding), (each.hi, each.lo, LIGHT.padding_tint)):
            if cells and each.output is not None:
                corner, size = (x, BELOW + unit * above), (wide, unit * cells)
                canvas.rectangle(corner, size, fill=fill, line=LIGHT.padding, width=2 if each.size == current else 0.75)
    canvas.text((LEFT, BELOW + DEEP + 12), "padding:", size=11, anchor="left")
    for at, name, fill in ((58.0, "lo", LIGHT.padding), (88.0, "hi", LIGHT.padding_tint)):
        canvas.rectangle((LEFT + at, BELOW + DEEP + 7.5), (9, 9), fill=fill, line=LIGHT.padding, width=0.75)
        canvas.text((LEFT + at + 13, BELOW + DEEP + 12), name, size=11, anchor="left")


def _draw_floors(canvas: Canvas, axis: str, steps: Sequence[Step], stride: int, step: float, top: int) -> None:
    """Where ``n // stride`` is not the output size, what it would be."""
    differing = [
        (i, each.size // stride) for i, each in enumerate(steps) if each.output not in (None, each.size // stride)
    ]
    for i, floor in differing:
        x, y = LEFT + step * i + 0.75, BOTTOM - HEIGHT * min(floor / top, 1.0)
        canvas.path(f"M {x:.1f},{y:.1f} L {x + step - 1.5:.1f},{y:.1f}", line=LIGHT.ink, width=2)
    if differing:
        x, y = LEFT + 122, BELOW + DEEP + 12
        canvas.path(f"M {x:.1f},{y:.1f} L {x + 14:.1f},{y:.1f}", line=LIGHT.ink, width=2)
        canvas.text((x + 19, y), f"{axis} // {stride}, where it differs", size=11, anchor="left")


def _draw_tips(canvas: Canvas, axis: str, steps: Sequence[Step], step: float) -> None:
    texts = [
        f"{axis} = {each.size} is too small"
        if each.output is None
        else f"{axis} = {each.size} gives {each.output}, padded {each.lo} + {each.hi}"
        for each in steps
    ]
    corner = (LEFT, BOTTOM - HEIGHT)
    canvas.tips.append(
        {"corner": corner, "cell": (step, BELOW + DEEP - corner[1]), "counts": (1, len(steps)), "texts": texts}
    )


def _draw_words(canvas: Canvas, axis: str, steps: Sequence[Step], current: int, step: float, top: int) -> None:
    index = [each.size for each in steps].index(current)
    output = steps[index].output
    x, y = LEFT + step * (index + 0.5), BOTTOM - HEIGHT * (output or 0) / top
    said = "none" if output is None else str(output)
    half = canvas.width_of(said, 13, mono=True) / 2
    above = (min(max(x, LEFT + half), LEFT + WIDTH - half), y - 9)
    canvas.text(above, f"<b>{said}</b>", colour=LIGHT.output_text, mono=True)
    mark = f"{axis} = {current}"
    half = canvas.width_of(mark, 12, mono=True) / 2
    at = min(max(x, LEFT + half), LEFT + WIDTH - half)
    canvas.text((at, BOTTOM + 14), f"<b>{mark}</b>", size=12, mono=True, colour=LIGHT.input)
    for end, place, anchor in ((steps[0].size, LEFT, "left"), (steps[-1].size, LEFT + WIDTH, "right")):
        if abs(place - at) > half + canvas.width_of(str(end), 12, mono=True) + 4:
            canvas.text((place, BOTTOM + 14), str(end), anchor=anchor, size=12, mono=True)
