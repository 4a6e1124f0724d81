"""What is worth computing before anybody asks: the settings next to those just asked for. Imports no jax."""

from __future__ import annotations

from collections.abc import Iterator

from shapelab.engine.spec import Spec
from shapelab.lessons import LESSONS
from shapelab.lessons.base import Bounds

REACH = 2


def neighbours(spec: Spec, reach: int = REACH) -> Iterator[Spec]:
    """The settings that one move of a control leads to, the likeliest first.

    A slider is one or two of its stops on or back; linked fields move together where they are equal.
    """
    moves = [(names, *_around(spec, names)) for names in _moves(spec)]
    for distance in range(reach):
        for names, on, back in moves:
            for values in (on, back):
                if distance < len(values):
                    yield spec.changed(dict.fromkeys(names, values[distance]))


def constructions() -> Iterator[Spec]:
    """Every module that one control of a model leads to from its defaults: their constructors are traced once."""
    for name, lesson in LESSONS.items():
        plain = lesson.Config()
        for field, rule in plain.rules().items():
            if isinstance(rule, Bounds) and rule.group == "Model":
                end = rule.high if rule.role == "output" else plain.limits(field).high
                for value in range(rule.low, end + 1):
                    yield Spec(name, lesson.Config.of({field: value}))


def _moves(spec: Spec) -> Iterator[tuple[str, ...]]:
    """The numbers that count, each with those that move with it."""
    config = spec.config
    for name, rule in config.rules().items():
        if not isinstance(rule, Bounds) or not config.counts(name):
            continue
        group = spec.lesson.group_of(name)
        if len({getattr(config, other) for other in group}) > 1:
            group = (name,)
        if name == min(group, key=list(config.rules()).index):
            yield group


def _around(spec: Spec, names: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """The stops of a slider above the present value and below it, the nearest first."""
    present, stops = getattr(spec.config, names[0]), spec.config.limits(names[0], names).stops
    return [stop for stop in stops if stop > present], [stop for stop in stops if stop < present][::-1]
