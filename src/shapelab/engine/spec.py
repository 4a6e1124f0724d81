"""What can be asked of an engine: a lesson and a configuration, checked by one pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shapelab.errors import ShapeError
from shapelab.lessons import LESSONS, Config, Lesson


@dataclass(frozen=True)
class Spec:
    """A checked request; hashable, and so the key of every cache.

    Attributes:
      lesson_name: a name in ``LESSONS``, or that of a subject of the caller's own.
      config: values of its fields.
      own: the caller's own subject, or None for a lesson.
    """

    lesson_name: str
    config: Config
    own: Lesson | None = field(default=None, compare=False, repr=False)

    @property
    def lesson(self) -> Lesson:
        """The lesson."""
        return self.own or LESSONS[self.lesson_name]

    def changed(self, values: Mapping[str, Any]) -> Spec:
        """The specification with some fields changed.

        Raises:
          ShapeError: for an unknown field, or a value out of its bounds.
        """
        return replace(self, config=self.config.replace(**values))

    @property
    def structure(self) -> Spec:
        """The same with the seed at its default: what all shapes depend on, and nothing else."""
        if "seed" not in self.config.rules():
            return self
        return replace(self, config=self.config.replace(seed=type(self.config)().seed))  # type: ignore[attr-defined]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the input, channels last."""
        return self.lesson.input_shape(self.config)


def check(lesson: str, values: Mapping[str, Any]) -> Spec:
    """The specification for a lesson's name and the values of its fields; what is not named keeps its default.

    Raises:
      ShapeError: for an unknown lesson or field, or a value out of its bounds.
    """
    if not isinstance(lesson, str) or lesson not in LESSONS:
        raise ShapeError(f"there is no lesson {str(lesson)[:40]!r}: choose from {', '.join(LESSONS)}")
    return Spec(lesson, LESSONS[lesson].Config.of(values))
