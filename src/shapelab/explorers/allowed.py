"""What a visitor may change: everything, a few fields, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Allowed:
    """What controls are shown, and which of them act.

    Attributes:
      fields: the only fields whose controls are shown; None for all controls, presets and lessons.
      locked: whether the setting stays as it is, whatever is shown.
    """

    fields: tuple[str, ...] | None = None
    locked: bool = False

    def may(self, names: Iterable[str]) -> bool:
        """Whether all these fields may be changed."""
        return not self.locked and all(map(self.shows, names))

    def shows(self, name: str) -> bool:
        """Whether a field has a control."""
        return self.fields is None or name in self.fields

    @property
    def lessons(self) -> bool:
        """Whether another lesson may be chosen."""
        return self.fields is None and not self.locked


EVERYTHING = Allowed()
