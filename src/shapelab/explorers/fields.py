"""One field as a slider with a number, as stops, as a switch or as a list: each proposes, none decides."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, TypeVar

import ipywidgets as w
import traitlets as t
from ipywidgets.widgets.widget_description import DescriptionStyle
from ipywidgets.widgets.widget_int import SliderStyle
from ipywidgets.widgets.widget_selection import ToggleButtonsStyle

from shapelab.lessons.base import Bounds, Choices, Limits

Propose = Callable[[str, Any], None]
Value = TypeVar("Value", int, str)
ROOM = 14  # letters of words that can stand side by side; longer ones, or more of them, are a list


class NumberField(w.FloatText):  # type: ignore[misc]
    """A number as it was typed. An IntText makes 15 of a typed 1.5, without a word; here the lesson's rules decide."""

    value = t.Union([t.Int(), t.Float()], default_value=0).tag(sync=True)


class Looks:
    """What the widgets inside the controls share: each of its own would be two more messages as a page begins."""

    def __init__(self, frozen: bool = False) -> None:
        self.frozen = frozen
        self.layout = w.Layout()
        self.slider = SliderStyle()
        self.text = DescriptionStyle()
        self.buttons = ToggleButtonsStyle()


class Slider(w.IntSlider):  # type: ignore[misc]
    """A slider that is told its ends and step before its value.

    A page takes what it is told in order: given the value first, it snaps that to a stop of the setting before, and
    tells the kernel so.
    """

    def send_state(self, key: str | Iterable[str] | None = None) -> None:
        """Send some traits, the value last."""
        ordered = key is None or isinstance(key, str)
        super().send_state(key if ordered else sorted(key or (), key=lambda name: name == "value"))


class _Control(w.Box, Generic[Value]):  # type: ignore[misc]
    """The widgets of one field: each proposes what it is set to, except while it is told what holds."""

    def __init__(self, name: str, value: Value, widgets: Sequence[Any], looks: Sequence[str], propose: Propose) -> None:
        self._name, self._propose = name, propose
        self._value: Value = value
        self._settling = False
        super().__init__(widgets)
        for css in ("shapelab-control", f"shapelab-control-{name}", *looks):
            self.add_class(css)
        for widget in widgets:
            widget.observe(self._moved, "value")

    @property
    def value(self) -> Value:
        """The value that holds."""
        return self._value

    @contextlib.contextmanager
    def _settles(self, value: Value) -> Iterator[None]:
        """What is changed inside shows the value that holds, and proposes nothing."""
        self._settling, self._value = True, value
        try:
            yield
        finally:
            self._settling = False

    def _moved(self, change: Any) -> None:
        if not self._settling:
            self._propose(self._name, change["new"])


class NumberControl(_Control[int]):
    """A slider and a number for one field; either proposes, neither decides."""

    def __init__(self, name: str, rule: Bounds, value: int, limits: Limits, propose: Propose, looks: Looks) -> None:
        self._frozen = looks.frozen
        track = _Track.of(limits, value)
        self.slider = Slider(
            value=track.stop(value),
            min=track.low,
            max=track.high,
            step=track.step,
            description=name,
            tooltip=rule.help,
            readout=False,
            continuous_update=True,
            disabled=self._frozen or limits.low == limits.high,
            layout=looks.layout,
            style=looks.slider,
        )
        self.number = _number(name, rule, value, looks)
        super().__init__(name, value, [self.slider, self.number], [f"sl-role-{rule.role}"], propose)

    def settle(self, value: int, limits: Limits) -> None:
        """Show the value that holds, in both places, and how far the slider goes."""
        track = _Track.of(limits, value)
        with self._settles(value):
            with self.slider.hold_sync():
                self.slider.min, self.slider.max = min(track.low, self.slider.min), max(track.high, self.slider.max)
                self.slider.step = track.step
                self.slider.value = track.stop(value)
                self.slider.min, self.slider.max = track.low, track.high
                self.slider.disabled = self._frozen or limits.low == limits.high
            self.number.value = value


class StopsControl(_Control[int]):
    """A button for each of the few numbers that a field can be, and a number to type."""

    def __init__(self, name: str, rule: Bounds, value: int, limits: Limits, propose: Propose, looks: Looks) -> None:
        self.buttons = w.ToggleButtons(
            options=_stops(limits),
            value=value,
            disabled=looks.frozen,
            description=name,
            tooltip=rule.help,
            layout=looks.layout,
            style=looks.buttons,
        )
        self.number = _number(name, rule, value, looks)
        classes = (f"sl-role-{rule.role}", "sl-choice", "sl-stops")
        super().__init__(name, value, [self.buttons, self.number], classes, propose)

    def settle(self, value: int, limits: Limits) -> None:
        """Show the value that holds and the others that it could be."""
        with self._settles(value):
            if tuple(self.buttons.options) != _stops(limits):
                self.buttons.options = _stops(limits)
            self.buttons.value = value
            self.number.value = value


class ChoiceControl(_Control[str]):
    """A switch between a few words for one field, or a list of more."""

    def __init__(self, name: str, rule: Choices, value: str, propose: Propose, looks: Looks) -> None:
        few = fits_in_a_row(rule)
        given: dict[str, Any] = {
            "options": list(rule.values),
            "value": value,
            "description": name,
            "tooltip": rule.help,
        }
        given |= {"layout": looks.layout, "disabled": looks.frozen}
        self.buttons: w.ToggleButtons | w.Dropdown
        if few:
            self.buttons = w.ToggleButtons(**given, style=looks.buttons)
        else:
            self.buttons = w.Dropdown(**given, style=looks.text)
        super().__init__(name, value, [self.buttons], ["sl-choice" if few else "sl-list"], propose)

    def settle(self, value: str) -> None:
        """Show the value that holds."""
        with self._settles(value):
            self.buttons.value = value


Control = NumberControl | StopsControl | ChoiceControl


def _number(name: str, rule: Bounds, value: int, looks: Looks) -> NumberField:
    """Where the number of a field is typed."""
    return NumberField(
        value=value,
        tooltip=f"{name}: {rule.low} to {rule.high}",
        continuous_update=False,
        disabled=looks.frozen,
        layout=looks.layout,
        style=looks.text,
    )


def fits_in_a_row(rule: Choices) -> bool:
    """Whether the words of a choice stand side by side, each as a button."""
    return sum(map(len, rule.values)) <= ROOM


@dataclass(frozen=True)
class _Track:
    """Where a slider begins and ends, and its step.

    With a single stop it keeps a length, since none can be drawn without. A typed value may lie between the stops, or
    before or behind them all: the slider then stands at the nearest.
    """

    low: int
    high: int
    step: int

    @classmethod
    def of(cls, limits: Limits, value: int) -> _Track:
        """The track for limits, and a value that holds."""
        if not limits.values:
            return cls(limits.low, max(limits.high, limits.low + 1), limits.step)
        others = [stop for stop in limits.values if stop != value]
        if len(others) < 2:  # one other place to go to, or none
            return cls(limits.low, max(limits.high, limits.low + 1), max(limits.high - limits.low, 1))
        return cls(others[0], others[-1], min(after - before for before, after in pairwise(others)))

    def stop(self, value: int) -> int:
        """The stop nearest to a value."""
        return min(max(self.low + round((value - self.low) / self.step) * self.step, self.low), self.high)


def _stops(limits: Limits) -> tuple[tuple[str, int], ...]:
    return tuple((str(stop), stop) for stop in limits.stops)
