"""One Explorer for every lesson: controls at the left, the answer and its picture, the explanation at the right."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import ipywidgets as w

from shapelab.engine.answers import Activations
from shapelab.engine.client import Client
from shapelab.engine.spec import Spec
from shapelab.errors import EngineAwayError, ShapeError, TooLargeError
from shapelab.explorers import convolution_words, network_pictures, network_words, pictures, words
from shapelab.explorers.closing import close_parts, close_whole
from shapelab.explorers.controls import Controls
from shapelab.explorers.figure_view import NO_STAGE, FigureView
from shapelab.explorers.pump import Later, Pump, running
from shapelab.explorers.state import Answer, ExplorerState
from shapelab.tracing.records import Trace


class Engine(Protocol):
    """What an explorer asks of an engine."""

    def trace(self, spec: Spec) -> Trace:
        """The trace of a specification."""

    def run(self, spec: Spec, stages: Sequence[int]) -> Activations | None:
        """The values of some stages; None where there are none, as of a module of shapes alone."""

    def known(self, spec: Spec, stages: Sequence[int]) -> Activations | None:
        """The same if it is known already, else None."""

    def near(self, spec: Spec, field: str) -> tuple[int, ...]:
        """The nearest values of a field that work."""


_shared: list[Engine] = []
_sharing = threading.Lock()


def shared_engine() -> Engine:
    """The engine that ``shapelab serve`` shares between all kernels; elsewhere one in this process.

    It is made, and jax imported where it is one of this process, when first asked for.
    """
    with _sharing:
        if not _shared:
            _shared.append(Client.from_environment() or _own_engine())
        return _shared[0]


def _own_engine() -> Engine:
    from shapelab.engine.in_process import Engine as InProcess

    return InProcess()


SETTLED = 0.12  # seconds without a move after which a slider is no longer being dragged
AWAY = 0.5  # seconds after which an engine that did not answer is asked again

_SHOWN = ("value", "spec", "dimmed", "children", "_options_labels", "index")  # the traits that change as answers come


class Explorer(w.Box):  # type: ignore[misc]
    """The widget.

    Attributes:
      state: what it shows; set ``state.spec`` to move it from code.
    """

    def __init__(self, spec: Spec, *, engine: Callable[[], Engine] = shared_engine) -> None:
        """Show a specification.

        Args:
          spec: lesson and configuration to begin with.
          engine: gives the engine; called off the event loop, when first needed.
        """
        self.state = ExplorerState(spec=spec)
        self._engine = engine
        self._tracing = Pump(self._ask, self._answered)
        self._running = Pump(lambda asked: self._engine().run(*asked), self._ran)
        self._mending = Pump(lambda asked: self._engine().near(*asked), self._mended)
        self._resting, self._retrying = Later(), Later()
        self._moved, self._dragged = 0.0, False
        self._held = self._closed = False
        self._maps_of: str | None = None  # the lesson whose values the feature maps show
        self._settled: Any = None  # the last (spec, stages) whose values have come, or will not
        self._pumps = (self._tracing, self._running, self._mending)
        self._compose()
        super().__init__([self._columns])
        self.add_class("shapelab")
        self._show_controls()
        self.state.observe(self._on_spec, "spec")
        self.state.observe(lambda _: self._draw(), ["answer", "values", "near", "stage", "cell", "narrow"])
        self.state.observe(lambda _: self._want_values(), "stage")
        self.state.observe(lambda _: self._notice(), ["refused", "trouble", "valueless"])
        self._picture.observe(self._on_pick, ["cell", "stage", "narrow"])
        self._picture.on_ready(self._say_again)
        self._stages.observe(self._on_stage, "value")
        self._draw()
        self._tracing.ask(spec)

    async def idle(self) -> None:
        """Wait until every question asked so far is answered; for scripts and tests."""
        while any(later.pending for later in (self._resting, self._retrying)) or any(p.busy for p in self._pumps):
            for pump in self._pumps:
                await pump.idle()
            await asyncio.sleep(SETTLED / 10)

    # -- from the outside in: proposals -------------------------------------------------------------------------

    def propose(self, field: str, value: Any) -> None:
        """Try a value for a field, and for those linked to it. Refused, it changes nothing but ``state.refused``."""
        together = self._controls.linked and field in self.state.spec.lesson.linked
        self.apply(dict.fromkeys(self.state.spec.lesson.linked, value) if together else {field: value})

    def apply(self, values: dict[str, Any]) -> None:
        """Try values for several fields at once; what is not named stays."""
        spec = self.state.spec
        try:
            proposed = spec.changed(values)
        except ShapeError as error:
            self.state.refused = str(error)
            return
        self.state.refused = ""
        self.state.spec = proposed
        self._controls.settle(proposed.config)

    def _on_pick(self, change: Any) -> None:
        if change["name"] == "narrow":
            self.state.narrow = bool(change["new"])
        elif change["name"] == "stage" and isinstance(change["new"], int) and change["new"] >= 0:
            self.state.stage = change["new"]
            self._picture.stage = NO_STAGE  # so that the same block can be clicked again
        elif change["name"] == "cell" and len(change["new"]) == 2:
            self.state.cell = (max(change["new"][0], 0), max(change["new"][1], 0))
            self._picture.cell = []

    def _on_stage(self, change: Any) -> None:
        if not self._drawing and change["new"] is not None:
            self.state.stage = change["new"]

    # -- from the inside out: answers ---------------------------------------------------------------------------

    def _on_spec(self, change: Any) -> None:
        if change["old"].lesson_name != change["new"].lesson_name:
            self._held = True  # what is selected is of the answer to come; the last one stays as it is
            self.state.stage = None
            self.state.set_trait("cell", None)
            self._held = False
            self._show_controls()
        else:
            self._controls.settle(change["new"].config)
        self._resting.cancel()
        now = time.monotonic()
        self._dragged, self._moved = now - self._moved < SETTLED, now
        self._tracing.ask(change["new"])

    def _ask(self, spec: Spec) -> tuple[Trace, Activations | None]:
        """The trace, and the values if anybody has had them computed."""
        engine = self._engine()
        trace = engine.trace(spec)
        selected = self.state.selected_in(trace) if spec.lesson_name == self.state.spec.lesson_name else None
        stages = network_pictures.shown_stages(trace, selected)
        return trace, engine.known(spec, stages) if stages else None

    def _answered(self, spec: Spec, answer: tuple[Trace, Activations | None] | Exception) -> None:
        if isinstance(answer, Exception):
            self._say_trouble(answer)
            return
        trace, values = answer
        with self._drawn_once():
            self.state.trouble = self.state.valueless = ""
            if values is not None:
                self.state.values = (spec, values)
            self.state.answer = Answer(spec, trace)
        if self._tracing.waiting:
            return  # what follows an answer is asked for the last one alone
        if trace.error is not None:
            self._want_ways_out(spec, trace)
        else:
            self._want_values()

    def _want_values(self) -> None:
        """Ask for the values that the pictures lack. While a slider is being dragged that can wait."""
        self._resting.cancel()
        answer, held = self.state.answer, self.state.activations
        if self._held or answer is None or answer.spec != self.state.spec:
            return  # another answer is on its way
        stages = self._shown_stages(answer)
        if not stages or (held is not None and set(stages) <= set(held.stages)):
            return
        ask = partial(self._running.ask, (answer.spec, stages))
        if self._dragged and running():
            self._resting.call(SETTLED, ask)
        else:
            ask()

    def _want_ways_out(self, spec: Spec, trace: Trace) -> None:
        """Ask for the nearest sizes that work, where the failing axis is a field."""
        error = trace.error
        if error is None or error.axis is None:
            return
        layout = trace.inputs[trace.main].layout
        field = layout[error.axis] if len(layout) == len(error.in_shapes[0]) else ""
        if field in spec.config.rules():
            self._mending.ask((spec, field))

    def _mended(self, asked: tuple[Spec, str], values: tuple[int, ...] | Exception) -> None:
        spec, field = asked
        if isinstance(values, Exception):
            self._say_trouble(values)
        else:
            self.state.near = (spec, {field: values})

    def _ran(self, asked: tuple[Spec, tuple[int, ...]], values: Activations | Exception | None) -> None:
        if isinstance(values, EngineAwayError):
            self._say_trouble(values)
            return
        answer = self.state.answer
        if answer is None or (answer.spec, self._shown_stages(answer)) != asked:
            return  # the page has moved on, and what it lacks now has been asked for
        with self._drawn_once():
            self._settled = asked
            self.state.valueless = str(values) if isinstance(values, TooLargeError) else ""
            if isinstance(values, Activations):
                self.state.values = (answer.spec, values)
        if isinstance(values, Exception) and not isinstance(values, TooLargeError):
            self._say_trouble(values)

    def _shown_stages(self, answer: Answer) -> tuple[int, ...]:
        return network_pictures.shown_stages(answer.trace, self.state.selected_stage)

    def _say_trouble(self, error: Exception) -> None:
        """Say what went wrong. An engine that is away is asked again for what the controls say, until it is back."""
        if not isinstance(error, EngineAwayError):
            self.state.trouble = f"{type(error).__name__}: {error}"
            return
        self.state.trouble = "The engine is away. What is shown stays, and the page goes on by itself when it is back."
        if not self._closed:
            self._retrying.call(AWAY, lambda: self._tracing.ask(self.state.spec))

    @contextmanager
    def _drawn_once(self) -> Iterator[None]:
        """Draw once for all that changes inside."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self._draw()

    # -- the widgets --------------------------------------------------------------------------------------------

    def _compose(self) -> None:
        self._drawing = False
        self._all_controls: dict[str, Controls] = {}
        self._buttons: list[w.Button] = []
        self._ways: dict[w.Button, dict[str, Any]] = {}
        self._left = w.VBox()
        self._left.add_class("sl-left")
        self._answer, self._rule, self._said = w.HTML(), w.HTML(), w.HTML()
        self._ways_out = w.HBox()
        self._ways_out.add_class("sl-ways-out")
        self._notice_text = w.HTML()
        self._picture, self._maps, self._steps = FigureView(), FigureView(), FigureView()
        self._centre = w.VBox(
            [self._answer, self._rule, self._picture, self._said, self._ways_out, self._notice_text, self._maps]
        )
        self._centre.add_class("sl-centre")
        for widget, css in ((self._rule, "sl-rules"), (self._said, "sl-said"), (self._notice_text, "sl-notice")):
            widget.add_class(css)
        self._code, self._facts = w.HTML(), w.HTML()
        self._stages = w.Select(options=[], rows=12)
        self._stages.add_class("sl-stages")
        self._stages_heading, self._steps_heading = w.HTML(words.heading("Stages")), w.HTML()
        self._right = w.VBox()
        self._right.add_class("sl-right")
        self._columns = w.Box([self._left, self._centre, self._right])
        self._columns.add_class("sl-columns")

    def _show_controls(self) -> None:
        """The controls of the lesson: made when it is first shown, kept after."""
        spec = self.state.spec
        if spec.lesson_name not in self._all_controls:
            made = Controls(spec.lesson, spec.config, self.propose, self.apply)
            self._all_controls[spec.lesson_name] = made
        self._controls = self._all_controls[spec.lesson_name]
        self._controls.settle(spec.config)
        self._left.children = (self._controls,)

    def _notice(self) -> None:
        text = self.state.refused or self.state.trouble or self.state.valueless
        self._notice_text.value = words.notice(text) if text else ""

    def _say_again(self) -> None:
        """Send what is shown once more: a page loses what changes between its reading the widgets and showing them."""
        for widget in (*self._centre.children, *self._right.children, self._right):
            widget.send_state([key for key in _SHOWN if key in widget.keys])
        self._maps.layout.send_state("display")

    def _draw(self) -> None:
        """Everything on screen from the state, computed anew; what did not change is not sent."""
        if self._held:
            return
        answer = self.state.answer
        if answer is None:
            self._answer.value = words.waiting(self.state.spec.input_shape, self.state.spec.lesson.input_layout)
            self._code.value = words.heading("As code") + words.code(
                self.state.spec.lesson.code(self.state.spec.config)
            )
            self._right.children = (self._code,)
            return
        self._drawing = True
        try:
            self._draw_answer(answer)
        finally:
            self._drawing = False

    def _draw_answer(self, answer: Answer) -> None:
        trace, values, narrow = answer.trace, self.state.activations, self.state.narrow
        self._answer.value = words.answer(trace)
        near = self.state.ways_out
        self._offer(near)
        self._code.value = words.heading("As code") + words.code(answer.spec.lesson.code(answer.spec.config))
        lone = pictures.one_convolution(trace, self.state.cell)
        if lone is not None:
            self._draw_convolution(trace, lone, values, narrow)
        else:
            self._draw_network(answer, near, values, narrow)

    def _draw_convolution(
        self, trace: Trace, lone: pictures.OneConvolution, values: Activations | None, narrow: bool
    ) -> None:
        self._rule.value = convolution_words.convolution_rule(lone.stage)
        self._picture.show(pictures.convolution_picture(trace, lone, values, narrow))
        self._facts.value = words.heading("Shapes") + convolution_words.shapes_table(trace, lone.stage)
        self._said.value = convolution_words.arithmetic(lone, values) if values is not None else ""
        self._steps_heading.value = words.heading("Size of the output")
        self._steps.show(pictures.staircase(lone, trace))
        self._maps.layout.display = "none"
        self._right.children = (self._code, self._facts, self._steps_heading, self._steps)

    def _draw_network(
        self, answer: Answer, near: Mapping[str, tuple[int, ...]], values: Activations | None, narrow: bool
    ) -> None:
        trace = answer.trace
        selected = self.state.selected_stage
        self._rule.value = (
            network_words.failure_rule(trace) if trace.error is not None else network_words.network_rule(trace)
        )
        self._picture.show(network_pictures.network_picture(trace, selected, narrow))
        self._said.value = network_words.failure_said(trace, near)
        self._draw_maps(answer, selected, values, narrow)
        options = network_words.stage_options(trace)
        if dict(self._stages.options) != options:
            self._stages.options = list(options.items())
        self._stages.value = selected
        self._facts.value = network_words.stage_details(trace.stages[selected]) if selected is not None else ""
        self._right.children = (self._code, self._facts, self._stages_heading, self._stages)

    def _draw_maps(self, answer: Answer, selected: int | None, values: Activations | None, narrow: bool) -> None:
        """The feature maps. While values are on their way the last ones stay, dimmed: empty ones would flicker."""
        trace = answer.trace
        wanted = network_pictures.shown_stages(trace, selected)
        self._maps.layout.display = None if wanted else "none"
        come = values is not None and set(wanted) <= set(values.stages)
        lesson = answer.spec.lesson_name
        waits = not come and self._settled != (answer.spec, wanted) and self._maps_of == lesson
        self._maps.dimmed = waits
        if waits or not wanted:
            return
        self._maps_of = lesson if come else None
        maps = network_pictures.maps_picture(trace, selected, values, narrow)
        if maps is not None:
            self._maps.show(maps)

    def _offer(self, near: Mapping[str, tuple[int, ...]]) -> None:
        """A button for each setting near by that works; the buttons are kept and named anew."""
        ways = [(field, value) for field, values in near.items() for value in values]
        while len(self._buttons) < len(ways):
            button = w.Button()
            button.on_click(lambda pressed: self.apply(self._ways.get(pressed, {})))
            self._buttons.append(button)
        shown = self._buttons[: len(ways)]
        self._ways = {button: {field: value} for button, (field, value) in zip(shown, ways, strict=True)}
        for button, (field, value) in zip(shown, ways, strict=True):
            button.description, button.tooltip = f"{field} = {value}", f"Set {field} to {value}, which works"
        self._ways_out.children = tuple(shown)

    def close(self) -> None:
        """Free the widget and all that belongs to it, shown or not."""
        for widget in self._owned():
            close_whole(widget)
        close_parts(self)
        self._closed = True
        self._resting.cancel()
        self._retrying.cancel()
        for pump in self._pumps:
            pump.forget()
        super().close()

    def _owned(self) -> list[w.Widget]:
        if not hasattr(self, "_columns"):
            return []  # broke off while it was being made
        aside = [self._maps, self._facts, self._code, self._stages, self._stages_heading, self._steps_heading]
        return [self._columns, *aside, self._steps, *self._buttons, *self._all_controls.values()]
