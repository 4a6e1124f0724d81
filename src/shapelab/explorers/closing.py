"""Freeing widgets whole: ipywidgets closes neither children nor the layout and style that each brings."""

from __future__ import annotations

import ipywidgets as w


def close_whole(widget: w.Widget) -> None:
    """Close a widget, all below it, and their layouts and styles."""
    for child in getattr(widget, "children", ()):
        close_whole(child)
    close_parts(widget)
    widget.close()


def close_parts(widget: w.Widget) -> None:
    """Close a widget's layout and style."""
    for name in ("layout", "style"):
        part = getattr(widget, name, None)
        if isinstance(part, w.Widget):
            part.close()
