"""The fields of a configuration as sliders with a number each, and the switch for a choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from shapelab.explorers.words import heading
from shapelab.lessons.base import Bounds, Choices, Config, Lesson

Propose = Callable[[str, Any], None]


class NumberControl(w.Box):  # type: ignore[misc]
    """A slider and a number for one field; either proposes, neither decides."""

    def __init__(self, name: str, rule: Bounds, value: int, propose: Propose) -> None:
        self._propose = propose
        self._name = name
        self._settling = False
        self.slider = w.IntSlider(
            value=value,
            min=rule.low,
            max=rule.high,
            step=rule.step,
            description=name,
            tooltip=rule.help,
            readout=False,
            continuous_update=True,
        )
        self.number = w.IntText(value=value, tooltip=f"{name}: {rule.low} to {rule.high}", continuous_update=False)
        super().__init__([self.slider, self.number])
        for css in ("shapelab-control", f"shapelab-control-{name}", f"sl-role-{rule.role}"):
            self.add_class(css)
        self.slider.observe(self._moved, "value")
        self.number.observe(self._moved, "value")

    def settle(self, value: int) -> None:
        """Show the value that holds, in both places, without proposing it again."""
        self._settling = True
        try:
            steps = round((value - self.slider.min) / self.slider.step)
            self.slider.value = self.slider.min + steps * self.slider.step  # a typed value may lie between its stops
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

    def settle(self, value: str) -> None:
        """Show the value that holds, without proposing it again."""
        self._settling = True
        try:
            self.buttons.value = value
        finally:
            self._settling = False


class Controls(w.VBox):  # type: ignore[misc]
    """All controls of a lesson, under the headings of its fields."""

    def __init__(self, lesson: Lesson, config: Config, propose: Propose, link: Callable[[bool], None]) -> None:
        self.fields: dict[str, NumberControl | ChoiceControl] = {}
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
                children.append(self._link(lesson, link))
        super().__init__(children)
        self.add_class("shapelab-controls")

    def settle(self, config: Config) -> None:
        """Show a configuration."""
        for name, control in self.fields.items():
            control.settle(getattr(config, name))

    def _link(self, lesson: Lesson, link: Callable[[bool], None]) -> w.Widget:
        box = w.Checkbox(value=True, description=" = ".join(lesson.linked), indent=False, tooltip="Move them together")
        box.add_class("shapelab-link")
        box.observe(lambda change: link(bool(change["new"])), "value")
        return box
