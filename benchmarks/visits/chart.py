"""The table as a picture: bars on logarithmic scales, drawn by the browser that measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from shapelab.figures.theme import LIGHT, SANS
from visits.telling import quantity

WIDTH = 1000
BARS = (330, 850)
"""Where bars begin and where the scale ends, in pixels."""
ROW, BAR = 48, 15


DRAWN = {
    "picture new Conv2D": "move → picture: Conv2D, new setting",
    "picture new U-Net": "move → picture: U-Net, new setting",
    "values new U-Net": "move → values: U-Net, new setting",
    "values new base_features": "move → values: U-Net, new base_features",
    "values seen Conv1D": "move → values, seen before",
    "first empty": "request → first picture",
    "live empty": "request → controls answer",
    "live warm": "request → controls answer, warm cache",
    "bytes first": "over the wire, first visit",
    "bytes second": "over the wire, second visit",
    "kernel": "memory of a visitor’s kernel",
}
"""The rows that are drawn, in few words."""


@dataclass(frozen=True)
class Panel:
    """Rows of one unit on one scale, whose ends are powers of ten."""

    title: str
    unit: str
    low: int
    high: int

    def x(self, value: float) -> float:
        """Where a value stands, in pixels; what is too small to show stands at the left end."""
        share = (math.log10(max(value, 10**self.low)) - self.low) / (self.high - self.low)
        return BARS[0] + (BARS[1] - BARS[0]) * min(share, 1.0)


PANELS = (Panel("time", "ms", 1, 5), Panel("bytes", "bytes", 4, 9))


def draw(browser: Browser, found: dict[str, Any], to: Path) -> None:
    """Draw the rows that both have, medians, as a PNG at twice its size in pixels."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 400}, device_scale_factor=2)
    page.set_content(f'<body style="margin:0">{_picture(found)}</body>')
    page.locator("svg").screenshot(path=to)
    page.close()


def _picture(found: dict[str, Any]) -> str:
    parts = [*_heading()]
    both = [row for row in found["rows"] if row["key"] in DRAWN and row["dashboard"] and row["peer"]]
    y = 104.0
    for panel in PANELS:
        rows = [row for row in both if row["unit"] == panel.unit]
        if rows:
            parts += _panel(panel, rows, y)
            y += 68 + ROW * len(rows)
    parts.append(_text(28, y + 4, found["machine"], size=11, colour=LIGHT.muted))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 28:.0f}" '
        f"font-family='{SANS}'><rect width='100%' height='100%' fill='{LIGHT.panel}'/>{''.join(parts)}</svg>"
    )


def _heading() -> Iterator[str]:
    yield _text(28, 42, "The dashboard beside a naive notebook", size=21, weight=650)
    yield _text(28, 66, "medians, logarithmic scales: shorter is better", size=13, colour=LIGHT.muted)
    x = 690.0
    for words, colour in (("shapelab", LIGHT.output), ("naive notebook", LIGHT.muted)):
        yield f'<rect x="{x}" y="31" width="14" height="14" rx="2" fill="{colour}"/>'
        yield _text(x + 21, 43, words, size=13)
        x += 50 + 8 * len(words)


def _panel(panel: Panel, rows: list[dict[str, Any]], top: float) -> Iterator[str]:
    bottom = top + 18 + ROW * len(rows)
    yield _text(28, top, panel.title, size=12, colour=LIGHT.muted, weight=600)
    for power in range(panel.low, panel.high + 1):
        x = panel.x(10**power)
        yield f'<path d="M{x:.1f} {top + 10}V{bottom}" stroke="{LIGHT.line}"/>'
        yield _text(x, bottom + 17, quantity(10**power, panel.unit), size=11, colour=LIGHT.muted, anchor="middle")
    for number, row in enumerate(rows):
        yield from _row(panel, row, top + 18 + ROW * number)


def _row(panel: Panel, row: dict[str, Any], y: float) -> Iterator[str]:
    yield _text(BARS[0] - 14, y + ROW / 2 + 4, DRAWN[row["key"]], size=13, anchor="end")
    bars = ((row["dashboard"], LIGHT.output, LIGHT.output_text), (row["peer"], LIGHT.muted, LIGHT.muted))
    for number, (figures, colour, ink) in enumerate(bars):
        top = y + 6 + number * (BAR + 2)
        end = panel.x(figures["median"])
        width = max(end - BARS[0], 2)
        yield f'<rect x="{BARS[0]}" y="{top}" width="{width:.1f}" height="{BAR}" rx="2" fill="{colour}"/>'
        yield _text(end + 7, top + BAR - 3, quantity(figures["median"], panel.unit), size=12, colour=ink, halo=True)
    if row["ratio"]:
        yield _text(WIDTH - 28, y + ROW / 2 + 5, f"{_rounded(row['ratio'])}×", size=16, anchor="end", weight=650)


def _rounded(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"


def _text(
    x: float,
    y: float,
    words: str,
    *,
    size: int,
    colour: str = LIGHT.ink,
    anchor: str = "start",
    weight: int = 400,
    halo: bool = False,
) -> str:
    around = f' stroke="{LIGHT.panel}" stroke-width="4" paint-order="stroke"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" '
        f'font-weight="{weight}"{around}>{escape(words)}</text>'
    )
