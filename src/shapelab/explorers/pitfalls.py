"""The gallery of classic mistakes: each one beside its right version, with what the installed JAX makes of both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as w

from shapelab.errors import EngineAwayError
from shapelab.explorers import pitfall_words as say
from shapelab.explorers.closing import close_parts, close_whole
from shapelab.explorers.pump import Later, Pump
from shapelab.explorers.words import heading, notice
from shapelab.pitfalls import GROUPS, PITFALLS, pitfall
from shapelab.pitfalls.outcome import Outcome
from shapelab.pitfalls.records import Pitfall

AGAIN = 0.5  # seconds after which an engine that is away is asked again
AWAY = "The engine is away. The code stays, and what it does comes by itself when the engine is back."


class Engine(Protocol):
    """What the gallery asks of an engine."""

    def pitfall(self, name: str) -> Outcome:
        """What a mistake does at each of its settings."""


class Pitfalls(w.Box):  # type: ignore[misc]
    """The widget: the list of mistakes, and the chosen one. Nothing is asked of the engine before ``begin``."""

    def __init__(
        self, *, engine: Callable[[], Engine], locked: bool = False, told: Callable[[], None] = lambda: None
    ) -> None:
        """Show the first mistake's words and code.

        Args:
          engine: gives the engine; called off the event loop, when first needed.
          locked: whether the visitor may choose no other.
          told: called when another one is shown, or another setting of it.
        """
        self._locked, self._told = locked, told
        self._pump = Pump(lambda name: engine().pitfall(name), self._answered)
        self._retrying = Later()
        self._outcomes: dict[str, Outcome] = {}
        self._begun = self._closed = self._following = False
        self._case = 0
        self._chosen = next(iter(PITFALLS))
        self._compose()
        super().__init__([self._columns])
        self.add_class("shapelab")
        self.add_class("sl-pitfalls")
        self.choose(self._chosen)

    @property
    def chosen(self) -> str:
        """The name of the mistake that is shown."""
        return self._chosen

    @property
    def case(self) -> int:
        """Which of its settings is shown, from 0."""
        return self._case

    def begin(self) -> None:
        """Begin to ask the engine; call it when the gallery comes into view."""
        self._begun = True
        self._ask()

    def choose(self, name: str, setting: int = 0) -> None:
        """Show a mistake at one of its settings.

        Raises:
          ShapeError: for one that is not in the gallery.
        """
        asked = pitfall(name)
        self._chosen = name
        options = [say.setting(each) for each in asked.settings]
        self._following = True  # the lists say what is shown; they do not choose it anew
        try:
            for group, names in zip(self._lists, GROUPS.values(), strict=True):
                group.index = names.index(asked) if asked in names else None
            if list(self._settings.options) != options:
                self._settings.options = options
            self._settings.index = self._case = setting
        finally:
            self._following = False
        self._settings.layout.display = None if len(options) > 1 else "none"
        self._say_trouble("")
        self._draw()
        self._ask()
        self._told()

    async def idle(self) -> None:
        """Wait until every question asked so far is answered; for scripts and tests."""
        while self._retrying.pending or self._pump.busy:
            await self._pump.idle()
            await asyncio.sleep(AGAIN / 20)

    def close(self) -> None:
        """Free the widget and all that belongs to it."""
        self._closed = True
        self._retrying.cancel()
        self._pump.forget()
        if hasattr(self, "_columns"):
            close_whole(self._columns)
        close_parts(self)
        super().close()

    # -- answers ------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        if self._begun and not self._closed and self._chosen not in self._outcomes:
            self._pump.ask(self._chosen)

    def _answered(self, name: str, answer: Outcome | Exception) -> None:
        self._retrying.cancel()
        if isinstance(answer, Outcome):
            self._outcomes[name] = answer
            self._say_trouble("")
            self._draw()
        elif isinstance(answer, EngineAwayError):
            self._say_trouble(AWAY)
            if not self._closed:
                self._retrying.call(AGAIN, self._ask)
        else:
            self._say_trouble(f"{type(answer).__name__}: {answer}")

    def _say_trouble(self, text: str) -> None:
        self._notice.value = notice(text) if text else ""

    # -- the widgets --------------------------------------------------------------------------------------------

    def _compose(self) -> None:
        self._lists = [w.RadioButtons(options=[each.title for each in group], index=None) for group in GROUPS.values()]
        for number, group in enumerate(self._lists):
            group.disabled = self._locked
            group.observe(lambda change, number=number: self._pick(number, change["new"]), "index")
        named = zip(GROUPS, self._lists, strict=True)
        self._left = w.VBox([part for name, group in named for part in (w.HTML(heading(name)), group)])
        self._head, self._both, self._foot, self._notice = (w.HTML() for _ in range(4))
        self._settings = w.RadioButtons(orientation="horizontal", disabled=self._locked)
        self._settings.observe(self._set, "index")
        self._main = w.VBox([self._head, self._settings, self._both, self._foot, self._notice])
        self._columns = w.Box([self._left, self._main])
        for widget, css in (
            (self._left, "sl-pitfall-list"),
            (self._main, "sl-pitfall"),
            (self._settings, "sl-pitfall-settings"),
            (self._notice, "sl-notice"),
            (self._columns, "sl-pitfall-columns"),
        ):
            widget.add_class(css)

    def _pick(self, group: int, index: int | None) -> None:
        if self._following or index is None:
            return
        if self._locked:
            self.choose(self._chosen, self._case)
        else:
            self.choose(list(GROUPS.values())[group][index].name)

    def _set(self, change: Any) -> None:
        if self._following or change["new"] is None:
            return
        if self._locked:
            self._settings.index = self._case
        else:
            self._case = change["new"]
            self._draw()
            self._told()

    def _draw(self) -> None:
        """The chosen mistake, as far as it is known; what did not change is not sent."""
        shown: Pitfall = PITFALLS[self._chosen]
        outcome = self._outcomes.get(self._chosen)
        case = outcome.cases[self._settings.index or 0] if outcome else None
        self._head.value = say.head(shown)
        self._both.value = say.both(shown, case)
        self._foot.value = say.foot(shown, outcome)
