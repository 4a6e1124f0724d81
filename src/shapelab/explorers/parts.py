"""The widgets of an explorer and where they stand. They are made once; what they show is drawn from the state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as w

from shapelab.explorers import words
from shapelab.explorers.allowed import EVERYTHING, Allowed
from shapelab.explorers.figure_view import FigureView
from shapelab.explorers.lesson_text import LessonText
from shapelab.explorers.toolbar import Toolbar
from shapelab.explorers.upload import Upload

_SHOWN = (
    "value",
    "spec",
    "dimmed",
    "children",
    "_options_labels",
    "index",
    "rows",
    "disabled",
    "html",
    "terms",
    "live",
)
"""What changes as answers come."""


class Parts:
    """The widgets.

    ``picture`` is the one that words around it point at; ``options`` belong to it, ``map_options`` to the maps.
    """

    def __init__(
        self,
        apply: Callable[[dict[str, Any]], None],
        take_image: Callable[[bytes], None],
        watch: Callable[[w.Widget], None],
        allowed: Allowed = EVERYTHING,
    ) -> None:
        """Make them.

        Args:
          apply: called with the changes of a way out that is clicked.
          take_image: called with the pixels of a picture that is uploaded.
          watch: called with a widget that is made later.
          allowed: what the visitor may change.
        """
        self.allowed = allowed
        self._apply, self._watch = apply, watch
        self.maps_of: str | None = None
        """The lesson whose values the feature maps show."""
        self._buttons: list[w.Button] = []
        self._ways: dict[w.Button, dict[str, Any]] = {}
        self.toolbar = Toolbar()
        self.upload = Upload(take_image)
        self.upload.layout.display = "none"
        self._make_centre()
        self._make_right()
        self.left = _box(w.VBox, "sl-left")
        self.columns = _box(w.Box, "sl-columns", [self.left, self.centre, self.right])

    def _make_centre(self) -> None:
        self.answer, self.rule, self.said = w.HTML(), _html("sl-rules"), _html("sl-said")
        self.picture, self.pinned_picture = FigureView(), FigureView()
        self.pinned_title, self.present_title = _html("sl-pinned-title"), _html("sl-pinned-title")
        self._pinned = _box(w.VBox, "sl-pinned", [self.pinned_title, self.pinned_picture])
        self._pinned.layout.display = self.present_title.layout.display = "none"
        present = _box(w.VBox, "sl-present", [self.present_title, self.picture])
        self.pictures = _box(w.Box, "sl-pictures", [present, self._pinned])
        self.comparison = _html("sl-compared")
        self.view = w.ToggleButtons(options=["values", "coverage"], description="show", tooltip="What each cell shows")
        self.input_channel, self.output_channel = _channel("input channel"), _channel("output channel")
        self.options = _box(w.HBox, "sl-options", [self.view, self.input_channel, self.output_channel])
        self.failure, self.maps = FigureView(), FigureView()
        self.shapes = _html("sl-shapes")
        self._ways_out = _box(w.HBox, "sl-ways-out")
        self._notice = _html("sl-notice")
        self.map_scale = w.ToggleButtons(
            options=[("one scale", "shared"), ("each its own", "channel")], description="colours", tooltip="Of the maps"
        )
        self.map_options = _box(w.HBox, "sl-options", [self.map_scale])
        self.stages = w.Select(options=[], rows=14, description="Stages")
        self.stages.add_class("sl-stages")
        self.source = _html("sl-source-place")
        listed = _box(w.VBox, "sl-listed", [w.HTML(words.heading("Stages")), self.stages])
        sources = _box(w.VBox, "sl-sources-of", [w.HTML(words.heading("The lines that made them")), self.source])
        self.below = _box(w.Box, "sl-below", [listed, sources])
        self.centre = _box(
            w.VBox,
            "sl-centre",
            [
                self.answer,
                self.rule,
                self.pictures,
                self.options,
                self.failure,
                self.said,
                self.shapes,
                self._ways_out,
                self._notice,
                self.map_options,
                self.maps,
                self.below,
            ],
        )

    def _make_right(self) -> None:
        self.code, self.facts, self.steps_heading = w.HTML(), w.HTML(), w.HTML(words.heading("Size of the output"))
        self.steps = FigureView()
        self.text = LessonText()
        self.right = _box(w.VBox, "sl-right")

    def notice(self, text: str) -> None:
        """Say something without taking anything away; nothing where the text is empty."""
        self._notice.value = words.notice(text) if text else ""

    def offer(self, ways: Sequence[Mapping[str, Any]]) -> None:
        """A button for each set of changes that works; the buttons are kept and named anew."""
        ways = [way for way in ways if self.allowed.may(way)]
        while len(self._buttons) < len(ways):
            button = w.Button()
            button.on_click(lambda pressed: self._apply(self._ways.get(pressed, {})))
            self._buttons.append(button)
            self._watch(button)
        shown = self._buttons[: len(ways)]
        self._ways = {button: dict(way) for button, way in zip(shown, ways, strict=True)}
        for button, way in self._ways.items():
            button.description = ", ".join(f"{field} = {value}" for field, value in way.items())
            button.tooltip = f"Set {button.description}, which works"
        self._ways_out.children = tuple(shown)

    def compare(self, comparing: bool) -> None:
        """Make room for the pinned picture beside the present one, or none."""
        shown = None if comparing else "none"
        self._pinned.layout.display = self.present_title.layout.display = shown
        (self.pictures.add_class if comparing else self.pictures.remove_class)("sl-comparing")

    def say_again(self) -> None:
        """Send what is shown once more: a page loses what changes between its reading the widgets and showing them."""
        own = (self.picture, self.stages, self.source, *self.options.children, *self.toolbar.children)
        for widget in (*self.centre.children, *own, *self.right.children, self.right):
            widget.send_state([key for key in _SHOWN if key in widget.keys])
        for widget in (self.maps, self.options, self.input_channel, self.map_options, self.failure, self.below):
            widget.layout.send_state("display")

    def owned(self) -> list[w.Widget]:
        """All of them, shown or not."""
        aside = [self.comparison, self.code, self.facts, self.text, self.steps_heading]
        return [self.columns, self.toolbar, self.upload, *aside, self.steps, *self._buttons]


def _box(kind: type[w.Box], css: str, children: Sequence[w.Widget] = ()) -> w.Box:
    made = kind(list(children))
    made.add_class(css)
    return made


def _html(css: str) -> w.HTML:
    made = w.HTML()
    made.add_class(css)
    return made


def _channel(name: str) -> w.Dropdown:
    return w.Dropdown(options=[0], value=0, description=name, tooltip=f"Which {name} the picture shows")
