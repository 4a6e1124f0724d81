"""The dashboard: every lesson behind one picker, shown by one Explorer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from shapelab.engine.spec import Spec, check
from shapelab.explorers.closing import close_parts, close_whole
from shapelab.explorers.explorer import Engine, Explorer, shared_engine
from shapelab.lessons import LESSONS


class Gallery(w.Box):  # type: ignore[misc]
    """The dashboard's widget. Each lesson keeps its settings while another is shown."""

    def __init__(self, first: str = "conv2d", *, engine: Callable[[], Engine] = shared_engine) -> None:
        """Show the lessons.

        Args:
          first: the lesson to begin with.
          engine: as for ``Explorer``.
        """
        self._left_at: dict[str, Spec] = {}
        self.explorer = Explorer(check(first, {}), engine=engine)
        self.picker = w.ToggleButtons(options=[(lesson.title, name) for name, lesson in LESSONS.items()], value=first)
        self.picker.add_class("shapelab-lessons")
        self.picker.observe(self._pick, "value")
        super().__init__([self.picker, self.explorer])
        self.add_class("shapelab-gallery")

    def close(self) -> None:
        """Free the widget and all that belongs to it."""
        if hasattr(self, "picker"):
            close_whole(self.explorer)
            close_whole(self.picker)
        close_parts(self)
        super().close()

    def _pick(self, change: Any) -> None:
        state = self.explorer.state
        self._left_at[state.spec.lesson_name] = state.spec
        state.refused = ""
        state.spec = self._left_at.get(change["new"]) or check(change["new"], {})
