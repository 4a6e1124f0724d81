"""What explorers bring to a page besides widgets: one ES module and one style sheet, each written as several files."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

_HERE = Path(__file__).parent
_MODULE = (
    "figure_plotly.js",
    "figure_drawing.js",
    "figure_pointing.js",
    "figure_stops.js",
    "figure_explorer.js",
    "figure_window.js",
    "figure_pinned.js",
    "figure_player.js",
    "figure_convolution.js",
    "figure_network.js",
    "figure_view.js",
    "upload.js",
    "address.js",
    "lesson_text.js",
)
_STYLES = ("explorer.css", "grid.css", "network.css", "shell.css", "text.css", "pitfalls.css")


@lru_cache(maxsize=1)
def module() -> str:
    """The module that draws pictures: its files in order, without the lines that are comments."""
    whole = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _MODULE)
    return re.sub(r"(?m)^\s*//.*\n", "", whole)


@lru_cache(maxsize=1)
def style() -> str:
    """The style sheet of all explorers: its files in order, without comments."""
    whole = "\n".join((_HERE / "styles" / name).read_text(encoding="utf-8") for name in _STYLES)
    return re.sub(r"(?s)/\*.*?\*/", "", whole)
