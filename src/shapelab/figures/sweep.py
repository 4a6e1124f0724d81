"""The staircase: the size of the output for each size of the input, the present one marked."""

from __future__ import annotations

from collections.abc import Sequence

from shapelab.figures.canvas import Canvas, Spec
from shapelab.figures.theme import LIGHT


def sweep(axis: str, sizes: Sequence[int], outputs: Sequence[int], current: int) -> Spec:
    """Bars of output size over input size along one axis.

    Args:
      axis: the axis' name.
      sizes: input sizes, in order.
      outputs: the output size for each.
      current: the input size to mark; one of ``sizes``.
    """
    canvas = Canvas(300, 140)
    left, bottom, width, height = 4.0, 112.0, 292.0, 92.0
    step, top = width / len(sizes), max(outputs)
    for role, chosen in (("rest", False), ("current", True)):
        bars = [(i, n, out) for i, (n, out) in enumerate(zip(sizes, outputs, strict=True)) if (n == current) == chosen]
        canvas.data.append(
            {
                "type": "bar",
                "name": role,
                "x": [left + step * (i + 0.5) for i, _, _ in bars],
                "y": [-height * out / top for _, _, out in bars],
                "base": bottom,
                "width": max(step - 1.5, 1.0),
                "marker": {"color": LIGHT.output if chosen else LIGHT.output_tint, "line": {"width": 0}},
                "customdata": [[n, out] for _, n, out in bars],
                "hoverinfo": "skip",
            }
        )
    canvas.tips.append(
        {
            "corner": (left, bottom - height),
            "cell": (step, height),
            "counts": (1, len(sizes)),
            "texts": [f"{axis} = {n} gives {out}" for n, out in zip(sizes, outputs, strict=True)],
        }
    )
    index = list(sizes).index(current)
    x, y = left + step * (index + 0.5), bottom - height * outputs[index] / top
    half = canvas.width_of(str(outputs[index]), 13, mono=True) / 2
    above = (min(max(x, left + half), left + width - half), y - 9)
    canvas.text(above, f"<b>{outputs[index]}</b>", colour=LIGHT.output_text, mono=True)
    mark = f"{axis} = {current}"
    half = canvas.width_of(mark, 12, mono=True) / 2
    at = min(max(x, left + half), left + width - half)
    canvas.text((at, bottom + 14), f"<b>{mark}</b>", size=12, mono=True, colour=LIGHT.input)
    for end, place, anchor in ((sizes[0], left, "left"), (sizes[-1], left + width, "right")):
        if abs(place - at) > half + canvas.width_of(str(end), 12, mono=True) + 4:
            canvas.text((place, bottom + 14), str(end), anchor=anchor, size=12, mono=True)
    words = f"Output size for {axis} from {sizes[0]} to {sizes[-1]}; {axis} = {current} gives {outputs[index]}."
    return canvas.spec(words)
