"""A widget whose script is this package's one module: it comes to a page once, not with every widget."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import anywidget

from shapelab.explorers.front import module, style

Test = Callable[[Any, Any], bool]
"""Whether a value may be set: gets the widget and the value."""

_LOADER = Path(__file__).with_name("loader.js")


def digest() -> str:
    """The first 16 digits of the module's and the style sheet's SHA-256."""
    return hashlib.sha256(f"{module()}\0{style()}".encode()).hexdigest()[:16]


class Fronted(anywidget.AnyWidget):  # type: ignore[misc]
    """A widget drawn by one part of the module, which a page loads from its own server or is sent by the kernel.

    ``_part`` names what the module exports for it. A subclass hears the page in ``heard``.

    Attributes:
      hears: the traits that a page may set, each with what its values must be.
      always: those of them that it may set while the widget is hidden, too.
    """

    _part = ""
    hears: ClassVar[Mapping[str, Test]] = {}
    always: ClassVar[frozenset[str]] = frozenset()

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

    def serves(self, content: dict[str, Any]) -> str:
        """The name of what a page asks for to show the widget, hidden or not; "" for what a hand does."""
        return "module" if content.get("ask") == "module" else ""

    def _hear(self, _widget: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict):
            return
        if content.get("ask") == "module":
            self.send({"give": "module"}, buffers=[module().encode(), style().encode()])
        else:
            self.heard(content, list(buffers or ()))


def is_whole(_widget: Any, value: Any) -> bool:
    """Whether a value is a whole number of a sane size."""
    return type(value) is int and abs(value) < 2**31


def is_switch(_widget: Any, value: Any) -> bool:
    """Whether a value is true or false."""
    return type(value) is bool
