"""The fields of a configuration as sliders with a number each, switches and lists, within bounds that move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as w

from shapelab.explorers.allowed import EVERYTHING, Allowed
from shapelab.explorers.closing import close_whole
from shapelab.explorers.fields import ChoiceControl, Control, Looks, NumberControl, Propose, StopsControl
from shapelab.explorers.words import heading
from shapelab.lessons.base import Bounds, Choices, Config, Lesson, Limits

Apply = Callable[[dict[str, Any]], None]


class Controls(w.VBox):  # type: ignore[misc]
    """All controls of a lesson, under the headings of its fields, and its presets.

    Attributes:
      fields: the control of each field.
      links: for each group of linked fields, the box that makes them move together.
      aside: a widget that stands behind the field ``pattern``, such as what takes a picture; the caller shows it.
    """

    def __init__(
        self,
        lesson: Lesson,
        config: Config,
        propose: Propose,
        apply: Apply,
        *,
        aside: w.Widget | None = None,
        allowed: Allowed = EVERYTHING,
    ) -> None:
        self._lesson, self._config = lesson, config
        self._propose, self._allowed = propose, allowed
        self.fields: dict[str, Control] = {}
        self.links: dict[tuple[str, ...], w.Checkbox] = {}
        self._looks = Looks(allowed.locked)
        self._folded = w.VBox()
        self._unfold = w.ToggleButton(value=False, tooltip="Show or hide these settings")
        self._unfold.add_class("sl-unfold")
        children = self._grouped(aside)
        if lesson.presets and allowed.fields is None:
            made = [_preset(name, apply, dict(v), allowed.locked) for name, v in lesson.presets.items()]
            children += [w.HTML(heading("Try")), *made]
        super().__init__(children)
        self.add_class("shapelab-controls")
        self._unfold.observe(self._on_unfold, "value")
        if not self._folded.children:
            for unused in (self._folded, self._unfold):  # else nobody would free them
                close_whole(unused)
        self.settle(config)

    def _grouped(self, aside: w.Widget | None) -> list[w.Widget]:
        """The controls in order, under their headings. Where only some are shown none is folded."""
        children: list[w.Widget] = []
        more: list[w.Widget] = []
        group, rules = "", self._config.rules()
        shown = {rule.group for name, rule in rules.items() if self._allowed.shows(name)}
        for name, rule in rules.items():
            folds = rule.more and self._allowed.fields is None
            if rule.group != group and rule.group in shown and not folds:
                children += [*self._fold(more), w.HTML(heading(rule.group))]
                group, more = rule.group, []
            (more if folds else children).append(self._control(name, rule))
            linked = self._lesson.group_of(name)
            if len(linked) > 1 and name == linked[-1]:
                (more if folds else children).append(self._link(linked))
            if name == "pattern" and aside is not None:
                children.append(aside)
        return children + self._fold(more)

    def linked(self, name: str) -> tuple[str, ...]:
        """The fields that move when one does: itself, and those linked to it at present."""
        group = self._lesson.group_of(name)
        moves = group in self.links and self.links[group].value and self._allowed.shows(group[0])
        return group if moves else (name,)

    def settle(self, config: Config) -> None:
        """Show a configuration, and how far each slider goes in it; fields that differ are linked no longer."""
        self._config = config
        for group, box in self.links.items():
            if len({getattr(config, name) for name in group}) > 1:
                box.value = False
        for name, control in self.fields.items():
            value = getattr(config, name)
            if isinstance(control, ChoiceControl):
                control.settle(value)
            else:
                control.settle(value, self._limits(name))
        self._show_what_counts()
        plain = type(config)()
        folded = [name for name, rule in config.rules().items() if rule.more and self._folded.children]
        if any(getattr(config, name) != getattr(plain, name) for name in folded):
            self._unfold.value = True

    def _limits(self, name: str) -> Limits:
        together = [other for other in self.linked(name) if other != name]
        return self._config.limits(name, together)

    def _show_what_counts(self) -> None:
        """Fields that mean nothing at present are hidden, and those that are not the visitor's to change."""
        for name, rule in self._config.rules().items():
            tied = isinstance(rule, Bounds) and rule.apart and len(self.linked(name)) > 1
            shown = self._config.counts(name) and not tied and self._allowed.shows(name)
            self.fields[name].layout.display = None if shown else "none"

    def _control(self, name: str, rule: Bounds | Choices) -> Control:
        value = getattr(self._config, name)
        if isinstance(rule, Choices):
            self.fields[name] = ChoiceControl(name, rule, value, self._propose, self._looks)
        else:
            limits = self._config.limits(name)
            kind = StopsControl if rule.few else NumberControl
            self.fields[name] = kind(name, rule, value, limits, self._propose, self._looks)
        return self.fields[name]

    def _fold(self, more: list[w.Widget]) -> list[w.Widget]:
        """What stands folded, behind its button."""
        if not more:
            return []
        names = [name for name, rule in self._config.rules().items() if rule.more]
        self._folded.children = tuple(more)
        self._folded.layout.display = "none"
        self._unfold.description = unfolding(names)
        return [self._unfold, self._folded]

    def _on_unfold(self, change: Any) -> None:
        self._folded.layout.display = None if change["new"] else "none"

    def _link(self, group: tuple[str, ...]) -> w.Checkbox:
        equal = len({getattr(self._config, name) for name in group}) == 1
        box = w.Checkbox(
            value=equal,
            description=" = ".join(group),
            indent=False,
            tooltip="Move them together",
            disabled=self._looks.frozen,
        )
        box.add_class("shapelab-link")
        if not all(map(self._allowed.shows, group)):
            box.layout.display = "none"

        def on_change(change: Any) -> None:
            if change["new"]:
                self._propose(group[0], self.fields[group[0]].value)
            self.settle(self._config)

        box.observe(on_change, "value")
        self.links[group] = box
        return box


def unfolding(names: Sequence[str]) -> str:
    """What the button of folded settings says."""
    return f"More: {', '.join(names)}"


def _preset(name: str, apply: Apply, values: dict[str, Any], frozen: bool) -> w.Button:
    told = ", ".join(f"{field} = {value}" for field, value in values.items())
    button = w.Button(description=name, tooltip=told, disabled=frozen)
    button.add_class("shapelab-preset")
    button.on_click(lambda _: apply(values))
    return button
