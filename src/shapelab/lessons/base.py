"""What a lesson is: a configuration whose fields carry their bounds, and the module it sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self
from weakref import WeakKeyDictionary

from shapelab.errors import ShapeError
from shapelab.lessons.rules import Bounds, Choices, Limits, Rule, bounded, choice, nearest, one_of, whole

__all__ = ["Bounds", "Choices", "Config", "Lesson", "Limits", "Rule", "bounded", "choice"]


@dataclass(frozen=True)
class Config:
    """A lesson's parameters. One cannot exist with a value out of its bounds, or with values that exclude each other.

    Raises:
      ShapeError: for a value that is no whole number or out of bounds, or values that exclude each other; the message
        has both numbers.
    """

    def __post_init__(self) -> None:
        for name, rule in _rules(type(self)).items():
            given = getattr(self, name)
            value = whole(name, given, rule) if isinstance(rule, Bounds) else one_of(name, given, rule)
            if value is not given:
                object.__setattr__(self, name, value)
        self.agree()

    def agree(self) -> None:
        """Refuse values that exclude each other; a lesson with such values says which.

        Raises:
          ShapeError: with both values and a way out.
        """

    @classmethod
    def rules(cls) -> dict[str, Rule]:
        """The rule of each field, by name, in order."""
        return dict(_rules(cls))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """A configuration from names and values; what is not named keeps its default, or follows what is named.

        Raises:
          ShapeError: for an unknown name (the nearest known one is offered) or a refused value.
        """
        known = _rules(cls)
        for name in values:
            if name not in known:
                given = str(name)[:40]
                raise ShapeError(f"there is no {given!r} here{nearest(given, known)}: choose from {', '.join(known)}")
        led = {}
        for name, rule in known.items():
            if isinstance(rule, Bounds) and rule.follows in values and name not in values:
                leader = known[rule.follows]
                assert isinstance(leader, Bounds)
                led[name] = whole(rule.follows, values[rule.follows], leader)  # refused by the name that was given
        return cls(**values, **led)

    def replace(self, **changes: Any) -> Self:
        """The same configuration with some fields changed, and no others."""
        return type(self).of({**{name: getattr(self, name) for name in _rules(type(self))}, **changes})

    def counts(self, name: str) -> bool:
        """Whether a field means anything while the others are as they are."""
        when = _rules(type(self))[name].when
        return when is None or getattr(self, when[0]) == when[1]

    def limits(self, name: str, together: Sequence[str] = ()) -> Limits:
        """What the slider of a number may reach while the other fields stay: from there the lesson goes on.

        The present value lies within. Typing may go beyond: what ``Config`` refuses says why, what the module refuses
        is shown as it fails.

        Args:
          name: the field.
          together: fields that move with it.
        """
        found = self.reach(name)
        for other in together:
            found = found.within(self.reach(other))
        return found

    def reach(self, name: str) -> Limits:
        """The limits of one field that moves alone; a lesson narrows what its rule allows."""
        rule = _rules(type(self))[name]
        if not isinstance(rule, Bounds):
            raise TypeError(f"{name} is one of {', '.join(rule.values)}, no number")
        return Limits(rule.low, rule.slide if getattr(self, name) <= rule.slide else rule.high)


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
      arguments: for a configuration, what the module is called with besides its input, by name.
      called: the fields that ``arguments`` reads and the constructor does not.
      linked: groups of fields that move together while they are linked, such as a kernel's two sides.
      presets: named configurations worth seeing.
    """

    name: str
    title: str
    Config: type[Config]
    input_shape: Callable[[Any], tuple[int, ...]]
    input_layout: tuple[str, ...]
    constructor: Callable[[Any], Callable[[Any], Any]]
    code: Callable[[Any], str]
    arguments: Callable[[Any], Mapping[str, Any]] = lambda config: {}
    called: tuple[str, ...] = ()
    linked: tuple[tuple[str, ...], ...] = ()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def group_of(self, name: str) -> tuple[str, ...]:
        """The fields linked to one, itself among them; that one alone where it is linked to none."""
        return next((group for group in self.linked if name in group), (name,))


_held: WeakKeyDictionary[type, Mapping[str, Rule]] = WeakKeyDictionary()


def _rules(cls: type[Config]) -> Mapping[str, Rule]:
    rules = _held.get(cls)
    if rules is None:
        rules = _held[cls] = {f.name: f.metadata["rule"] for f in fields(cls)}
    return rules
