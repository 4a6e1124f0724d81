"""What can be done with the whole setting: undo, redo, pin it to compare."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w


class Toolbar(w.HBox):  # type: ignore[misc]
    """Three buttons."""

    def __init__(self) -> None:
        self._undo = w.Button(description="Undo", tooltip="Take the last change back (Ctrl+Z)", disabled=True)
        self._redo = w.Button(description="Redo", tooltip="Make it again (Ctrl+Shift+Z)", disabled=True)
        self._pin = w.ToggleButton(
            description="Compare", tooltip="Keep this setting beside those that follow", disabled=True
        )
        super().__init__([self._undo, self._redo, self._pin])
        self.add_class("sl-toolbar")

    def on_undo(self, call: Callable[[], None]) -> None:
        """Call when the last change is to be taken back."""
        self._undo.on_click(lambda _: call())

    def on_redo(self, call: Callable[[], None]) -> None:
        """Call when it is to be made again."""
        self._redo.on_click(lambda _: call())

    def on_pin(self, call: Callable[[bool], None]) -> None:
        """Call with whether the present setting is to be kept for comparison."""
        self._pin.observe(lambda change: call(change["new"]), "value")

    def show(self, *, can_undo: bool, can_redo: bool, can_pin: bool, pinned: bool) -> None:
        """Show what can be done."""
        self._undo.disabled, self._redo.disabled = not can_undo, not can_redo
        self._pin.disabled = not can_pin
        self._pin.value = pinned
