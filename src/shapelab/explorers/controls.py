"""The fields of a configuration as sliders with a number each, and the switch for a choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w
import traitlets as t

from shapelab.explorers.words import heading
from shapelab.lessons.base import Bounds, Choices, Config, Lesson

Propose = Callable[[str, Any], None]
Apply = Callable[[dict[str, Any]], None]


class NumberField(w.FloatText):  # type: ignore[misc]
    """A number as it was typed. An IntText makes 15 of a typed 1.5, without a word; here the lesson's rules decide."""

    value = t.Union([t.Int(), t.Float()], default_value=0).tag(sync=True)


class NumberControl(w.Box):  # type: ignore[misc]
    """A slider and a number for one field; either proposes, neither decides."""

    def __init__(self, name: str, rule: Bounds, value: int, propose: Propose) -> None:
        self._propose = propose
        self._name = name
        self._rule = rule
        self._value = value
        self._settling = False
        self.slider = w.IntSlider(
            value=value,
            min=rule.low,
            max=rule.slide if value <= rule.slide else rule.high,
            step=rule.step,
            description=name,
            tooltip=rule.help,
            readout=False,
            continuous_update=True,
        )
        self.number = NumberField(value=value, tooltip=f"{name}: {rule.low} to {rule.high}", continuous_update=False)
        super().__init__([self.slider, self.number])
        for css in ("shapelab-control", f"shapelab-control-{name}", f"sl-role-{rule.role}"):
            self.add_class(css)
        self.slider.observe(self._moved, "value")
        self.number.observe(self._moved, "value")

    @property
    def value(self) -> int:
        """The value that holds."""
        return self._value

    def settle(self, value: int) -> None:
        """Show the value that holds, in both places, without proposing it again."""
        self._settling, self._value = True, value
        try:
            rule = self._rule
            end = rule.slide if value <= rule.slide else rule.high
            stop = rule.low + round((value - rule.low) / rule.step) * rule.step  # a typed value may lie between stops
            if end > self.slider.max:
                self.slider.max = end
            self.slider.value = stop
            self.slider.max = end
            self.number.value = value
        finally:
            self._settling = False

    def _moved(self, change: Any) -> None:
        if not self._settling:
            self._propose(self._name, change["new"])


class ChoiceControl(w.Box):  # type: ignore[misc]
    """A switch between a few words for one field."""

    def __init__(self, name: str, rule: Choices, value: str, propose: Propose) -> None:
        self._settling = False
        self.buttons = w.ToggleButtons(options=list(rule.values), value=value, description=name, tooltip=rule.help)
        super().__init__([self.buttons])
        for css in ("shapelab-control", f"shapelab-control-{name}", "sl-choice"):
            self.add_class(css)
        self.buttons.observe(lambda change: None if self._settling else propose(name, change["new"]), "value")

    @property
    def value(self) -> str:
        """The value that holds."""
        return str(self.buttons.value)

    def settle(self, value: str) -> None:
        """Show the value that holds, without proposing it again."""
        self._settling = True
        try:
            self.buttons.value = value
        finally:
            self._settling = False


class Controls(w.VBox):  # type: ignore[misc]
    """All controls of a lesson, under the headings of its fields, and its presets.

    Attributes:
      fields: the control of each field.
      link: the box that makes linked fields move together, or None in a lesson that has none.
    """

    def __init__(self, lesson: Lesson, config: Config, propose: Propose, apply: Apply) -> None:
        self._lesson = lesson
        self.fields: dict[str, NumberControl | ChoiceControl] = {}
        self.link: w.Checkbox | None = None
        children: list[w.Widget] = []
        group = ""
        for name, rule in config.rules().items():
            if rule.group != group:
                group = rule.group
                children.append(w.HTML(heading(group)))
            value = getattr(config, name)
            control = (
                NumberControl(name, rule, value, propose)
                if isinstance(rule, Bounds)
                else ChoiceControl(name, rule, value, propose)
            )
            self.fields[name] = control
            children.append(control)
            if lesson.linked and name == lesson.linked[-1]:
                self.link = self._make_link(config, propose)
                children.append(self.link)
        if lesson.presets:
            children += [w.HTML(heading("Try")), *(_preset(name, apply, dict(v)) for name, v in lesson.presets.items())]
        super().__init__(children)
        self.add_class("shapelab-controls")

    @property
    def linked(self) -> bool:
        """Whether the linked fields move together."""
        return self.link is not None and bool(self.link.value)

    def settle(self, config: Config) -> None:
        """Show a configuration; fields that differ in it are linked no longer."""
        for name, control in self.fields.items():
            control.settle(getattr(config, name))
        if self.link is not None and not self._equal(config):
            self.link.value = False

    def _equal(self, config: Config) -> bool:
        return len({getattr(config, name) for name in self._lesson.linked}) == 1

    def _make_link(self, config: Config, propose: Propose) -> w.Checkbox:
        box = w.Checkbox(
            value=self._equal(config),
            description=" = ".join(self._lesson.linked),
            indent=False,
            tooltip="Move them together",
        )
        box.add_class("shapelab-link")
        first = self._lesson.linked[0]
        box.observe(lambda change: propose(first, self.fields[first].value) if change["new"] else None, "value")
        return box


def _preset(name: str, apply: Apply, values: dict[str, Any]) -> w.Button:
    button = w.Button(description=name, tooltip=", ".join(f"{field} = {value}" for field, value in values.items()))
    button.add_class("shapelab-preset")
    button.on_click(lambda _: apply(values))
    return button
