"""What can be asked of an engine: a lesson and a configuration, checked by one pure function."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shapelab.errors import ShapeError
from shapelab.lessons import LESSONS, Config, Lesson

IMAGE_SIDE = 128  # cells of an uploaded picture, each way
IMAGE_BYTES = IMAGE_SIDE * IMAGE_SIDE * 3


@dataclass(frozen=True)
class Spec:
    """A checked request; hashable, and so the key of every cache.

    Attributes:
      lesson_name: a name in ``LESSONS``, or that of a subject of the caller's own.
      config: values of its fields.
      own: the caller's own subject, or None for a lesson.
      image: an uploaded picture, 128 x 128 x 3 bytes: rows of red, green and blue. Kept only where the pattern is
        "upload", which needs one.

    Raises:
      ShapeError: for the pattern "upload" without a picture of exactly that size.
    """

    lesson_name: str
    config: Config
    own: Lesson | None = field(default=None, compare=False, repr=False)
    image: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if getattr(self.config, "pattern", "") != "upload":
            object.__setattr__(self, "image", b"")
        elif len(self.image) != IMAGE_BYTES:
            raise ShapeError(
                f"pattern = upload with a picture of {len(self.image):,} bytes: {IMAGE_BYTES:,} are needed, 128 x 128 "
                "cells of red, green and blue; choose a picture first, or pattern = photo"
            )

    @property
    def lesson(self) -> Lesson:
        """The lesson."""
        return self.own or LESSONS[self.lesson_name]

    def changed(self, values: Mapping[str, Any], image: bytes | None = None) -> Spec:
        """The specification with some fields changed, and another uploaded picture where one is given.

        Raises:
          ShapeError: for an unknown field, a value out of its bounds, or values that exclude each other.
        """
        return replace(self, config=self.config.replace(**values), image=self.image if image is None else image)

    @property
    def structure(self) -> Spec:
        """The same with all that changes no shape at its default: seed and input, and what means nothing just now."""
        plain, rules = type(self.config), self.config.rules()  # a class holds its fields' defaults
        free = [name for name, rule in rules.items() if rule.group == "Values" or not self.config.counts(name)]
        away = {name: getattr(plain, name) for name in free if getattr(plain, name) != getattr(self.config, name)}
        return replace(self, config=self.config.replace(**away), image=b"") if away else self

    @property
    def identity(self) -> Hashable:
        """What tells the specification from every other, without holding its picture: the key of a large cache."""
        return (
            self.lesson_name,
            self.config,
            hashlib.blake2b(self.image, digest_size=16).digest() if self.image else b"",
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the input, channels last."""
        return self.lesson.input_shape(self.config)


def check(lesson: str, values: Mapping[str, Any], image: bytes = b"") -> Spec:
    """The specification for a lesson's name and the values of its fields; what is not named keeps its default.

    Args:
      lesson: a name in ``LESSONS``.
      values: by field.
      image: an uploaded picture, see ``Spec``.

    Raises:
      ShapeError: for an unknown lesson or field, a value out of its bounds, or values that exclude each other.
    """
    if not isinstance(lesson, str) or lesson not in LESSONS:
        raise ShapeError(f"there is no lesson {str(lesson)[:40]!r}: choose from {', '.join(LESSONS)}")
    return Spec(lesson, LESSONS[lesson].Config.of(values), image=image)
