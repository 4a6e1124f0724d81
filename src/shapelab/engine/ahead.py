"""What is worth computing before anybody asks: the settings next to those just asked for. Imports no jax."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shapelab.engine.spec import Spec
from shapelab.errors import ShapeError
from shapelab.lessons import LESSONS
from shapelab.lessons.base import Bounds

REACH = 2


def neighbours(spec: Spec, reach: int = REACH) -> Iterator[Spec]:
    """The settings that one move of a control leads to, the likeliest first.

    A slider is one or two of its steps on or back; linked fields move together where they are equal.
    """
    for distance in range(1, reach + 1):
        for names in _moves(spec):
            rule = spec.config.rules()[names[0]]
            if not isinstance(rule, Bounds):
                continue
            for way in (1, -1):
                value = getattr(spec.config, names[0]) + way * distance * rule.step
                try:
                    yield replace(spec, config=spec.config.replace(**dict.fromkeys(names, value)))
                except ShapeError:
                    continue  # at the end of the slider


def constructions() -> Iterator[Spec]:
    """Every module that one control of a model leads to from its defaults: their constructors are traced once."""
    for name, lesson in LESSONS.items():
        plain = lesson.Config()
        for field, rule in plain.rules().items():
            if isinstance(rule, Bounds) and rule.group == "Model":
                for value in range(rule.low, rule.high + 1):
                    yield Spec(name, plain.replace(**{field: value}))


def _moves(spec: Spec) -> Iterator[tuple[str, ...]]:
    linked = spec.lesson.linked
    together = len({getattr(spec.config, name) for name in linked}) == 1
    for name in spec.config.rules():
        if together and name in linked:
            if name == linked[0]:
                yield linked
        else:
            yield (name,)
