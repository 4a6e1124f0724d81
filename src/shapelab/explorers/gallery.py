"""The dashboard: every lesson behind one picker, shown by one Explorer, and the gallery of mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from shapelab.engine.spec import Spec, check
from shapelab.explorers.asking import Served, shared_engine
from shapelab.explorers.closing import close_parts, close_whole
from shapelab.explorers.explorer import Explorer
from shapelab.lessons import LESSONS

if TYPE_CHECKING:
    from shapelab.explorers.pitfalls import Pitfalls

PITFALLS = "pitfalls"
TABS = (*((lesson.title, name) for name, lesson in LESSONS.items()), ("Pitfalls", PITFALLS))


class Gallery(w.Box):  # type: ignore[misc]
    """The dashboard's widget. Each lesson keeps its settings while another is shown."""

    def __init__(self, first: str = "conv2d", *, engine: Callable[[], Served] = shared_engine) -> None:
        """Show the lessons.

        Args:
          first: the lesson to begin with.
          engine: as for ``Explorer``.
        """
        self._left_at: dict[str, Spec] = {}
        self._engine = engine
        self._pitfalls: Pitfalls | None = None
        self.explorer = Explorer(check(first, {}), engine=engine, with_toolbar=False)
        self.picker = w.ToggleButtons(options=list(TABS), value=first)
        self.picker.add_class("shapelab-lessons")
        self.picker.observe(self._pick, "value")
        self.explorer.state.observe(self._follow, "spec")
        super().__init__([self.picker, self.explorer.toolbar, self.explorer])
        self.add_class("shapelab-gallery")

    def close(self) -> None:
        """Free the widget and all that belongs to it."""
        if hasattr(self, "picker"):
            for part in (self.explorer, self.picker, self._pitfalls):
                if part is not None:
                    close_whole(part)
        close_parts(self)
        super().close()

    def _pick(self, change: Any) -> None:
        chosen = change["new"]
        self._show(chosen == PITFALLS)
        if chosen == PITFALLS:
            return
        state = self.explorer.state
        if state.spec.lesson_name != chosen:
            state.refused = ""
            state.spec = self._left_at.get(chosen) or check(chosen, {})

    def _follow(self, change: Any) -> None:
        """Remember where a lesson was left, and show which one is: undo may lead back to another."""
        before, after = change["old"], change["new"]
        if before.lesson_name != after.lesson_name:
            self._left_at[before.lesson_name] = before
            self.picker.value = after.lesson_name

    def _show(self, pitfalls: bool) -> None:
        """The gallery of mistakes, made when it is first opened, or the explorer."""
        if pitfalls and self._pitfalls is None:
            from shapelab.explorers.pitfalls import Pitfalls  # its words are read when somebody wants them

            self._pitfalls = Pitfalls(engine=self._engine)
            shown: Any = self.children  # type: ignore[has-type]
            self.children = (*shown, self._pitfalls)
            self._pitfalls.begin()
        for widget in (self.explorer, self.explorer.toolbar):
            widget.layout.display = "none" if pitfalls else None
        if self._pitfalls is not None:
            self._pitfalls.layout.display = None if pitfalls else "none"
