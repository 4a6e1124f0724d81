"""What a lesson is: a configuration whose fields carry their bounds, and the module it sets."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from shapelab.errors import ShapeError

Group = str  # the heading a control stands under
Role = str  # "input", "kernel", "output" or "plain": the colour a control wears


@dataclass(frozen=True)
class Bounds:
    """What a whole-numbered field may be, and how its control looks.

    Attributes:
      low: smallest value.
      high: largest value.
      slide: where the slider ends; larger values can be typed, and lengthen it.
      step: of the slider; typed values need not keep to it.
      group: heading under which the control stands.
      role: what the number is of: "input", "kernel", "output" or "plain".
      help: one sentence for who does not know the word.
    """

    low: int
    high: int
    slide: int
    step: int
    group: Group
    role: Role
    help: str


@dataclass(frozen=True)
class Choices:
    """What a field of words may be: the values, and how each is called on screen."""

    values: tuple[str, ...]
    group: Group
    help: str


def bounded(
    default: int,
    *,
    low: int,
    high: int,
    group: Group,
    role: Role = "plain",
    slide: int | None = None,
    step: int = 1,
    help: str = "",
) -> Any:
    """A field for a whole number from ``low`` to ``high``, both allowed; ``slide`` ends its slider, else ``high``."""
    rule = Bounds(low, high, high if slide is None else slide, step, group, role, help)
    return field(default=default, metadata={"rule": rule})


def choice(default: str, *values: str, group: Group, help: str = "") -> Any:
    """A field for one of a few words."""
    return field(default=default, metadata={"rule": Choices(values, group, help)})


@dataclass(frozen=True)
class Config:
    """A lesson's parameters. One cannot exist with a value out of its bounds.

    Raises:
      ShapeError: for a value that is no whole number or out of bounds; the message has both numbers.
    """

    def __post_init__(self) -> None:
        for name, rule in self.rules().items():
            given = getattr(self, name)
            value = _whole(name, given, rule) if isinstance(rule, Bounds) else _one_of(name, given, rule)
            object.__setattr__(self, name, value)

    @classmethod
    def rules(cls) -> dict[str, Bounds | Choices]:
        """The rule of each field, by name, in order."""
        return {f.name: f.metadata["rule"] for f in fields(cls)}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """A configuration from names and values; what is not named keeps its default.

        Raises:
          ShapeError: for an unknown name (the nearest known one is offered) or a refused value.
        """
        known = cls.rules()
        for name in values:
            if name not in known:
                raise ShapeError(
                    f"there is no {name!r} here{_nearest(str(name), known)}: choose from {', '.join(known)}"
                )
        return cls(**values)

    def replace(self, **changes: Any) -> Self:
        """The same configuration with some fields changed."""
        return type(self).of({**dataclasses.asdict(self), **changes})


@dataclass(frozen=True)
class Lesson:
    """One subject of the dashboard.

    Attributes:
      name: for code, links and the command line.
      title: for people.
      Config: the parameters.
      input_shape: shape of the input, channels last, for a configuration.
      input_layout: names of the input's axes.
      constructor: for a configuration, a function that builds the module from a seed or a key of ``jax.random``; a
        Linen module, whose ``init`` takes the key, needs none. Imports jax.
      code: the call as a person would write it.
      pattern: what the input looks like: "noise", or "scene", a picture with edges.
      linked: fields that move together while they are linked, such as a kernel's two sides.
      presets: named configurations worth seeing.
    """

    name: str
    title: str
    Config: type[Config]
    input_shape: Callable[[Any], tuple[int, ...]]
    input_layout: tuple[str, ...]
    constructor: Callable[[Any], Callable[[Any], Any]]
    code: Callable[[Any], str]
    pattern: str = "noise"
    linked: tuple[str, ...] = ()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def _whole(name: str, value: Any, rule: Bounds) -> int:
    way_out = f"{name} goes from {rule.low} to {rule.high}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ShapeError(f"{name} = {str(value)[:40]!r} is not a number: {way_out}")
    if isinstance(value, float) and (not math.isfinite(value) or value != int(value)):
        raise ShapeError(f"{name} = {value} is not a whole number: {way_out}")
    if not rule.low <= value <= rule.high:
        bound = rule.low if value < rule.low else rule.high
        side = "below" if value < rule.low else "above"
        shown = f"{int(value)}" if abs(value) < 10**15 else "a number of more than 15 digits"
        raise ShapeError(f"{name} = {shown} is {side} {bound}: {way_out}")
    return int(value)


def _one_of(name: str, value: Any, rule: Choices) -> str:
    if value not in rule.values:
        raise ShapeError(f"{name} = {str(value)[:40]!r} is not known: choose from {', '.join(rule.values)}")
    return str(value)


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]!r}?" if close else ""
