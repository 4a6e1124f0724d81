"""A widget whose script is this package's one module: it comes to a page once, not with every widget."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import anywidget

from shapelab.explorers.front import module, style

_LOADER = Path(__file__).with_name("loader.js")


def digest() -> str:
    """The first 16 digits of the module's and the style sheet's SHA-256."""
    return hashlib.sha256(f"{module()}\0{style()}".encode()).hexdigest()[:16]


class Fronted(anywidget.AnyWidget):  # type: ignore[misc]
    """A widget drawn by one part of the module, which a page loads from its own server or is sent by the kernel.

    ``_part`` names what the module exports for it. A subclass hears the page in ``heard``.
    """

    _part = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_part" in vars(cls):  # not so in the class that anywidget makes of each widget's
            loader = _LOADER.read_text(encoding="utf-8")
            cls._esm = loader.replace("DIGEST", digest()).replace("PART", cls._part)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.on_msg(self._hear)

    def heard(self, content: dict[str, Any], buffers: list[Any]) -> None:
        """What the page says; a subclass's own."""

    def _hear(self, _widget: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict):
            return
        if content.get("ask") == "module":
            self.send({"give": "module"}, buffers=[module().encode(), style().encode()])
        else:
            self.heard(content, list(buffers or ()))
