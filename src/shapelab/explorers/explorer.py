"""One Explorer for every lesson: controls at the left, the answer and its picture, the explanation at the right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import ipywidgets as w

from shapelab.engine.spec import Spec
from shapelab.errors import ShapeError
from shapelab.explorers.address import begun
from shapelab.explorers.allowed import Allowed
from shapelab.explorers.asking import SETTLED, Asking, Engine, shared_engine
from shapelab.explorers.closing import close_parts, close_whole
from shapelab.explorers.controls import Controls
from shapelab.explorers.drawing import draw
from shapelab.explorers.figure_view import NO_STAGE
from shapelab.explorers.guard import Guard
from shapelab.explorers.history import History
from shapelab.explorers.kept import Kept
from shapelab.explorers.links import Link
from shapelab.explorers.parts import Parts
from shapelab.explorers.pinning import Pinning
from shapelab.explorers.upload import Upload

_DRAWN = ["answer", "values", "ways", "stage", "cell", "narrow", "channels", "view", "map_scale", "field", "statistics"]
_NO_PICTURE = "Choose a picture below: it is fed as soon as it is there."


class Explorer(w.Box):  # type: ignore[misc]
    """The widget.

    Attributes:
      state: what it shows; set ``state.spec`` to move it from code.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        engine: Callable[[], Engine] = shared_engine,
        with_toolbar: bool = True,
        link: Link | None = None,
        guard: Guard | None = None,
    ) -> None:
        """Show a specification.

        Args:
          spec: lesson and configuration to begin with.
          engine: gives the engine; called off the event loop, when first needed.
          with_toolbar: whether undo, redo and compare stand above it; else whoever shows it places ``toolbar``.
          link: what else to begin with, and what the visitor may change.
          guard: of whoever shows it; its own by default.
        """
        link = link or Link(spec)
        self.state = begun(link)
        self.allowed = Allowed(link.show, link.lock)
        self.history = History(spec)
        self._asking = Asking(self.state, engine, self._drawn_once)
        self._pinning = Pinning(self.state, engine, self._drawn_once)
        self._held = self._drawing = False
        self._image = spec.image  # the picture uploaded last, fed or not
        self._all_controls: dict[str, Controls] = {}
        self._parts = Parts(self._apply_offered, self._take_image, lambda made: self._guard.watch(made), self.allowed)
        self._parts.view.value, self._parts.map_scale.value = self.state.view, self.state.map_scale
        self._guard = guard or Guard(self, self._parts.toolbar)
        above = [self._parts.toolbar] if with_toolbar else []
        super().__init__([*above, self._parts.columns])
        self.add_class("shapelab")
        self._guard.watch(self, *self._parts.owned())
        self._show_controls()
        self.state.observe(self._on_spec, "spec")
        self.state.observe(lambda _: self._draw(), [*_DRAWN, "pinned"])
        self.state.observe(lambda _: self._want(), ["stage", "cell"])
        self.state.observe(lambda _: self._notice(), ["refused", "trouble", "valueless"])
        self._listen()
        self._draw()
        self._asking.ask(spec)
        if link.compare is not None:
            self._pinning.ask(link.compare)

    def __repr__(self) -> str:
        """In a word: Jupyter writes a widget out, with all below it, wherever it shows one."""
        return f"{type(self).__name__}({self.state.spec.lesson_name!r})" if hasattr(self, "state") else "Explorer()"

    async def idle(self) -> None:
        """Wait until all that was said so far is heard, and every question answered; for scripts and tests."""
        while self._guard.waiting or self._asking.busy or self._pinning.busy:
            await self._asking.idle()
            await self._pinning.idle()
            await asyncio.sleep(SETTLED / 10)

    # -- from the outside in: proposals -------------------------------------------------------------------------

    def propose(self, field: str, value: Any) -> None:
        """Try a value for a field, and for those linked to it. Refused, it changes nothing but ``state.refused``."""
        if not self._may([field]):
            return
        asks_for_picture = field == "pattern" and value == "upload" and not self._image
        if asks_for_picture:
            self._parts.upload.layout.display = None
            self.state.refused = _NO_PICTURE
            return
        self.apply(dict.fromkeys(self._controls.linked(field), value))

    def apply(self, values: dict[str, Any]) -> None:
        """Try values for several fields at once; what is not named stays."""
        spec = self.state.spec
        try:
            proposed = spec.changed(values, self._image)
        except ShapeError as error:
            self.state.refused = str(error)
            self._settle()  # no control says what does not hold
            return
        self.state.refused = ""
        if proposed == self.state.spec:
            self._settle()  # what was typed may have been rounded to what holds
        self.state.spec = proposed

    def undo(self) -> None:
        """Take the last change back."""
        if self._may():
            self._go_to(self.history.undo())

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if self._may():
            self._go_to(self.history.redo())

    def pin(self, pinned: bool = True) -> None:
        """Keep what is shown beside what comes, or no longer."""
        if not self._may():
            return
        with self._drawn_once():
            self.state.awaited = None
            self.state.pinned_values = self.state.activations if pinned else None
            self.state.set_trait("pinned_cell", self.state.cell)
            self.state.pinned_channels = self.state.channels
            self.state.pinned = self.state.answer if pinned else None

    def _go_to(self, spec: Spec | None) -> None:
        if spec is not None:
            self.state.refused = ""
            self._image = spec.image or self._image
            self.state.spec = spec

    def restore(self, image: bytes) -> None:
        """Feed the picture that the page kept while it was loaded anew."""
        self._image = image
        self.stand_at(self.state.spec.changed({"pattern": "upload"}, image))

    def stand_at(self, spec: Spec) -> None:
        """Show what was shown before the page was loaded anew: it is no step."""
        self.history.stand_at(spec)
        self.state.spec = spec

    def recall(self, kept: Kept, image: bytes) -> None:
        """Take up what the page kept while it was loaded anew, as far as the visitor may go there."""
        self._image = self._image or image
        fits = partial(self.allowed.may_reach, self.state.spec)
        self.history.precede(tuple(filter(fits, kept.past)), tuple(filter(fits, kept.future)))
        if kept.compare is not None:
            self._pinning.feed(kept.compare)
        self.state.apart |= kept.apart
        for name, box in self._boxes().items():
            box.value = box.value and name not in kept.apart
        self._draw()

    def _take_image(self, image: bytes) -> None:
        if self._may(["pattern"]):
            self._image = image
            self.apply({"pattern": "upload"})

    def _apply_offered(self, values: dict[str, Any]) -> None:
        if self._may(values):
            self.apply(values)

    def _may(self, fields: Iterable[str] = ()) -> bool:
        """Whether the visitor may change these fields; where not, whatever was tried is shown as it was."""
        may = self.allowed.may(fields)
        if not may:
            self._settle()
            self._draw()
        return may

    # -- what is clicked ----------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Hear what is clicked and picked."""
        parts = self._parts
        parts.picture.observe(self._on_pick, ["cell", "stage", "narrow"])
        parts.maps.observe(self._on_pick, "cell")
        parts.picture.on_ready(parts.say_again)
        parts.picture.on_key(lambda key: {"undo": self.undo, "redo": self.redo}[key]())
        parts.stages.observe(self._on_stage, "value")
        parts.input_channel.observe(self._on_channel, "value")
        parts.output_channel.observe(self._on_channel, "value")
        parts.view.observe(lambda change: self.state.set_trait("view", change["new"]), "value")
        parts.map_scale.observe(lambda change: self.state.set_trait("map_scale", change["new"]), "value")
        parts.toolbar.on_undo(self.undo)
        parts.toolbar.on_redo(self.redo)
        parts.toolbar.on_pin(self._on_pin)

    def _on_pick(self, change: Any) -> None:
        if change["name"] == "narrow":
            self.state.narrow = bool(change["new"])
        elif change["name"] == "stage" and isinstance(change["new"], int) and change["new"] >= 0:
            with self._drawn_once():
                self._select(change["new"])
            self._parts.picture.stage = NO_STAGE  # so that the same block can be clicked again
        elif change["name"] == "cell" and len(change["new"]) == 2:
            self._pin_cell(max(change["new"][0], 0), max(change["new"][1], 0))
            change["owner"].cell = []

    def _on_pin(self, pinned: bool) -> None:
        """The button also says what a link has pinned."""
        if not self._drawing:
            self.pin(pinned)

    def _pin_cell(self, row: int, column: int) -> None:
        """Of a sequence the rows are channels: the one clicked is the one taken apart."""
        answer = self.state.answer
        with self._drawn_once():
            if answer is not None and answer.trace.outputs and answer.trace.outputs[0].layout == ("L", "C"):
                self.state.channels = (self.state.channels[0], row)
            self.state.cell = (row, column)

    def _on_stage(self, change: Any) -> None:
        if not self._drawing and change["new"] is not None:
            with self._drawn_once():
                self._select(change["new"])

    def _select(self, stage: int) -> None:
        """Another stage has other cells: none of them is pinned."""
        if stage != self.state.selected_stage:
            self.state.set_trait("cell", None)
        self.state.stage = stage

    def _on_channel(self, _: Any) -> None:
        if not self._drawing:
            self.state.channels = (self._parts.input_channel.value or 0, self._parts.output_channel.value or 0)

    # -- from the inside out: answers ---------------------------------------------------------------------------

    def _on_spec(self, change: Any) -> None:
        self.history.record(change["new"])
        if change["old"].lesson_name != change["new"].lesson_name:
            self._held = True  # what is selected is of the answer to come; the last one stays as it is
            self.state.stage = None
            self.state.set_trait("cell", None)
            self.state.channels = (0, 0)
            self._held = False
            self._show_controls()
        else:
            self._settle()
        self._asking.ask(change["new"])

    def _want(self) -> None:
        if not self._held:
            self._asking.want()

    @contextmanager
    def _drawn_once(self) -> Iterator[None]:
        """Draw once for all that changes inside, and ask once for what it lacks."""
        before = (self.state.stage, self.state.cell)
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self._draw()
        if (self.state.stage, self.state.cell) != before:
            self._asking.want()

    # -- the widgets --------------------------------------------------------------------------------------------

    @property
    def upload(self) -> Upload:
        """What takes a picture of the visitor's own."""
        return self._parts.upload

    @property
    def toolbar(self) -> w.Widget:
        """Undo, redo, compare."""
        return self._parts.toolbar

    def _show_controls(self) -> None:
        """The controls of the lesson: made when it is first shown, kept after."""
        spec = self.state.spec
        if spec.lesson_name not in self._all_controls:
            made = Controls(
                spec.lesson,
                spec.config,
                self.propose,
                self._apply_offered,
                aside=self._parts.upload,
                allowed=self.allowed,
            )
            self._all_controls[spec.lesson_name] = made
            self._guard.watch(made)
            for name, box in self._boxes().items():
                box.value = box.value and name not in self.state.apart
            for box in made.links.values():
                box.observe(self._on_link, "value")
            self._on_link()
        self._controls = self._all_controls[spec.lesson_name]
        self._settle()
        self._parts.left.children = (self._controls,)

    def _boxes(self) -> dict[str, w.Checkbox]:
        """Which fields move together, by what ``state.apart`` calls them; of the lessons that have been shown."""
        shown = self._all_controls.items()
        return {f"{lesson}.{group[0]}": box for lesson, each in shown for group, box in each.links.items()}

    def _on_link(self, _: Any = None) -> None:
        boxes = self._boxes()
        parted = {name for name, box in boxes.items() if not box.value}
        self.state.apart = self.state.apart.difference(boxes) | parted

    def _settle(self) -> None:
        """Every control says what holds, and what takes a picture is shown while one is fed."""
        config = self.state.spec.config
        self._controls.settle(config)
        fed = getattr(config, "pattern", "") == "upload" and self.allowed.may(["pattern"])
        self._parts.upload.layout.display = None if fed else "none"

    def _notice(self) -> None:
        self._parts.notice(self.state.refused or self.state.trouble or self.state.valueless)

    def _draw(self) -> None:
        """Everything on screen from the state, computed anew; what did not change is not sent."""
        if self._held:
            return
        self._drawing = True
        try:
            draw(self._parts, self.state, self._asking.settled, self.history)
        finally:
            self._drawing = False

    def close(self) -> None:
        """Free the widget and all that belongs to it, shown or not."""
        if hasattr(self, "_parts"):
            self._asking.close()
            self._pinning.close()
            for widget in (*self._parts.owned(), *self._all_controls.values()):
                close_whole(widget)
        close_parts(self)
        super().close()
