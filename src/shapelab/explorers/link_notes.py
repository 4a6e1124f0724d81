"""What of a link was left out, and why: a notice that can be sent away."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as w


class LinkNotes(w.HBox):  # type: ignore[misc]
    """The notice; hidden while there is nothing to say. Its words may be a stranger's: they are text, never HTML."""

    def __init__(self, notes: Sequence[str] = ()) -> None:
        self._notes: list[str] = []
        self._text = w.HTML()
        self._away = w.Button(description="Dismiss", tooltip="Take this notice away")
        self._away.on_click(self._dismiss)
        super().__init__([self._text, self._away])
        self.add_class("sl-link-notes")
        self.layout.display = "none"
        for note in notes:
            self.add(note)

    def add(self, note: str) -> None:
        """Say one more thing."""
        self._notes.append(note)
        listed = "".join(f"<li>{escape(each)}</li>" for each in self._notes)
        self._text.value = f'<div role="status">Not all of this link could be used:<ul>{listed}</ul></div>'
        self.layout.display = None

    def _dismiss(self, _: Any) -> None:
        self.layout.display = "none"
