"""What a visitor may change: everything, a few fields, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shapelab.engine.spec import Spec
from shapelab.explorers.history import differences


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

    def may_reach(self, here: Spec, there: Spec) -> bool:
        """Whether one setting can be made of another."""
        if self.fields is None or here.lesson_name != there.lesson_name:
            return self.lessons
        fed = ["pattern"] if here.image != there.image else []
        return self.may([*fed, *(self._moved_by(name, here, there) for name in differences(here, there))])

    def _moved_by(self, name: str, here: Spec, there: Spec) -> str:
        """The field whose control moves another: where its own is not shown, the first of those linked to it."""
        first = here.lesson.group_of(name)[0]
        together = all(getattr(each.config, first) == getattr(each.config, name) for each in (here, there))
        return first if together and not self.shows(name) else name

    @property
    def lessons(self) -> bool:
        """Whether another lesson may be chosen."""
        return self.fields is None and not self.locked


EVERYTHING = Allowed()
