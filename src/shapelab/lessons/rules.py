"""What a field of a configuration may be, and how its control looks."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shapelab.errors import ShapeError

Group = str  # the heading a control stands under
Role = str  # "input", "padding", "kernel", "output" or "plain": the colour a control wears


@dataclass(frozen=True)
class Bounds:
    """What a whole-numbered field may be, and how its control looks.

    Attributes:
      low: smallest value.
      high: largest value.
      slide: where the slider ends; larger values can be typed, and lengthen it.
      group: heading under which the control stands.
      role: what the number is of: "input", "padding", "kernel", "output" or "plain".
      help: one sentence for who does not know the word.
      when: (field, value): the field counts, and is shown, only while that other field has that value; None: always.
      more: whether its control stands in the folded part.
      follows: the field whose value it takes where that one is named and this one is not.
      apart: whether it is shown only while it does not move together with the fields that it is linked to.
      few: whether its values are few and uneven, so that each has a button instead of a place on a slider.
    """

    low: int
    high: int
    slide: int
    group: Group
    role: Role
    help: str
    when: tuple[str, str] | None = None
    more: bool = False
    follows: str = ""
    apart: bool = False
    few: bool = False


@dataclass(frozen=True)
class Choices:
    """What a field of words may be, and how its control looks; ``group`` to ``more`` as for ``Bounds``."""

    values: tuple[str, ...]
    group: Group
    help: str
    when: tuple[str, str] | None = None
    more: bool = False


Rule = Bounds | Choices


@dataclass(frozen=True)
class Limits:
    """What the slider of a field may reach while the other fields stay as they are.

    Attributes:
      low: its first stop.
      high: its end.
      step: from stop to stop.
      values: the stops, where they are not evenly spread; else empty.
    """

    low: int
    high: int
    step: int = 1
    values: tuple[int, ...] = ()

    @property
    def stops(self) -> Sequence[int]:
        """All stops, in order."""
        return self.values or range(self.low, self.high + 1, self.step)

    def within(self, other: Limits) -> Limits:
        """What both allow; of their steps the larger one's."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        if self.values or other.values:
            both = tuple(stop for stop in self.stops if stop in other.stops)
            return Limits(both[0], both[-1], 1, both)
        return Limits(low, high, max(self.step, other.step))


def stops(values: Sequence[int], present: int) -> Limits:
    """The limits of a slider that stops at some values, and where it stands now."""
    found = tuple(sorted({*values, present}))
    return Limits(found[0], found[-1], 1, found)


def bounded(
    default: int,
    *,
    low: int,
    high: int,
    group: Group,
    role: Role = "plain",
    slide: int | None = None,
    help: str = "",
    when: tuple[str, str] | None = None,
    more: bool = False,
    follows: str = "",
    apart: bool = False,
    few: bool = False,
) -> Any:
    """A field for a whole number from ``low`` to ``high``, both allowed; ``slide`` ends its slider, else ``high``."""
    rule = Bounds(low, high, high if slide is None else slide, group, role, help, when, more, follows, apart, few)
    return field(default=default, metadata={"rule": rule})


def choice(default: str, *values: str, group: Group, help: str = "", more: bool = False) -> Any:
    """A field for one of a few words."""
    return field(default=default, metadata={"rule": Choices(values, group, help, None, more)})


def whole(name: str, value: Any, rule: Bounds) -> int:
    """The value as an int.

    Raises:
      ShapeError: for one that is no whole number, or out of bounds.
    """
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


def one_of(name: str, value: Any, rule: Choices) -> str:
    """The value as one of the rule's words.

    Raises:
      ShapeError: for any other.
    """
    if value not in rule.values:
        raise ShapeError(f"{name} = {str(value)[:40]!r} is not known: choose from {', '.join(rule.values)}")
    return str(value)


def nearest(name: str, known: Mapping[str, Any]) -> str:
    """``, did you mean 'stride'?``, or nothing."""
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]!r}?" if close else ""
