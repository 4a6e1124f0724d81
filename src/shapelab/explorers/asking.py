"""What an explorer asks of the engine, and when: shapes at every move, the rest for what is on screen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from shapelab.engine.answers import Activations, Field, Statistics
from shapelab.engine.client import Client
from shapelab.engine.spec import Spec
from shapelab.errors import EngineAwayError, ShapeError, TooLargeError
from shapelab.explorers.network_pictures import shown_stages
from shapelab.explorers.pictures import one_convolution
from shapelab.explorers.pump import Later, Pump, running
from shapelab.explorers.state import Answer, ExplorerState
from shapelab.tracing.records import Trace

if TYPE_CHECKING:
    from shapelab.pitfalls.outcome import Outcome

SETTLED = 0.12  # seconds without a move after which a slider is no longer being dragged
AWAY = 0.5  # seconds after which an engine that did not answer is asked again

Place = tuple[Spec, int, tuple[int, ...]]
"""A setting, a stage of it and a cell of that stage."""


class Engine(Protocol):
    """What an explorer asks of an engine."""

    def trace(self, spec: Spec) -> Trace:
        """The trace of a specification."""

    def run(self, spec: Spec, stages: Sequence[int]) -> Activations | None:
        """The values of some stages; None where there are none, as of a module of shapes alone."""

    def known(self, spec: Spec, stages: Sequence[int]) -> Activations | None:
        """The same if it is known already, else None."""

    def ways_out(self, spec: Spec) -> tuple[dict[str, Any], ...]:
        """Where the forward fails, sets of changes at which it does not, the nearest first."""

    def support(self, spec: Spec, stage: int, cell: tuple[int, ...]) -> Field | None:
        """Which input cells one cell of a stage depends on; None where there are no values."""

    def statistics(self, spec: Spec, stage: int) -> Statistics | None:
        """What a batch normalisation measured and remembers; None where there are no values."""


class Served(Engine, Protocol):
    """What the dashboard asks of an engine besides: it is the server's, or this process's own."""

    def pitfall(self, name: str) -> Outcome:
        """What a classic mistake does at each of its settings."""


_shared: list[Served] = []
_sharing = threading.Lock()


def shared_engine() -> Served:
    """The engine that ``shapelab serve`` shares between all kernels; elsewhere one in this process.

    It is made, and jax imported where it is one of this process, when first asked for.
    """
    with _sharing:
        if not _shared:
            _shared.append(Client.from_environment() or _own_engine())
        return _shared[0]


def _own_engine() -> Served:
    from shapelab.engine.in_process import Engine as InProcess

    return InProcess()


class Asking:
    """Asks the engine off the event loop, and writes its answers into the state."""

    def __init__(
        self, state: ExplorerState, engine: Callable[[], Engine], drawn_once: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Set up; nothing is asked yet.

        Args:
          state: what is asked for, and where answers go.
          engine: gives the engine; called off the event loop, when first needed.
          drawn_once: what changes inside is drawn once.
        """
        self._state, self._engine, self._drawn_once = state, engine, drawn_once
        self._tracing = Pump(self._ask, self._answered)
        self._running = Pump(lambda asked: self._engine().run(*asked), self._ran)
        self._mending = Pump(lambda spec: self._engine().ways_out(spec), self._mended)
        self._feeling = Pump(lambda place: self._engine().support(*place), self._felt)
        self._measuring = Pump(lambda asked: self._engine().statistics(*asked), self._measured)
        self._pumps = (self._tracing, self._running, self._mending, self._feeling, self._measuring)
        self._resting, self._retrying = Later(), Later()
        self._moved, self._dragged = float("-inf"), False
        self._felt_at: Place | None = None  # asked for, come or not; so with what was measured
        self._measured_at: tuple[Spec, int] | None = None
        self._closed = False
        self.settled: Any = None
        """The last (spec, stages) whose values have come, or will not."""

    @property
    def busy(self) -> bool:
        """Whether something asked for has not come."""
        return any(later.pending for later in (self._resting, self._retrying)) or any(p.busy for p in self._pumps)

    async def idle(self) -> None:
        """Wait until nothing is in flight; more may be asked then."""
        for pump in self._pumps:
            await pump.idle()

    def close(self) -> None:
        """Ask no more."""
        self._closed = True
        self._resting.cancel()
        self._retrying.cancel()
        for pump in self._pumps:
            pump.forget()

    def ask(self, spec: Spec) -> None:
        """Ask for a setting: its shapes, then what else the page shows of it."""
        self._resting.cancel()
        now = time.monotonic()
        self._dragged, self._moved = now - self._moved < SETTLED, now
        self._tracing.ask(spec)

    def want(self) -> None:
        """Ask for what the pictures lack: values, and what is selected in a network, once nothing is dragged."""
        self._resting.cancel()
        if self._dragged and running():
            self._resting.call(SETTLED, self._rested)
            return
        self._want_values()
        self._want_field()
        self._want_statistics()

    def _rested(self) -> None:
        self._dragged = False
        self.want()

    # -- shapes -------------------------------------------------------------------------------------------------

    def _ask(self, spec: Spec) -> tuple[Trace, Activations | None]:
        """The trace, and the values if anybody has had them computed."""
        engine = self._engine()
        trace = engine.trace(spec)
        selected = self._state.selected_in(trace) if spec.lesson_name == self._state.spec.lesson_name else None
        stages = shown_stages(trace, selected)
        return trace, engine.known(spec, stages) if stages else None

    def _answered(self, spec: Spec, answer: tuple[Trace, Activations | None] | Exception) -> None:
        if isinstance(answer, Exception):
            self._say_trouble(answer)
            return
        trace, values = answer
        with self._drawn_once():
            self._state.trouble = self._state.valueless = ""
            if values is not None:
                self._state.values = (spec, values)
            self._state.answer = Answer(spec, trace)
        if self._tracing.waiting:
            return  # what follows an answer is asked for the last one alone
        if trace.error is not None:
            self._mending.ask(spec)
        else:
            self.want()

    def _say_trouble(self, error: Exception) -> None:
        """Say what went wrong. An engine that is away is asked again for what the controls say, until it is back."""
        if not isinstance(error, EngineAwayError):
            self._state.trouble = str(error) if isinstance(error, ShapeError) else f"{type(error).__name__}: {error}"
            return
        self._state.trouble = "The engine is away. What is shown stays, and the page goes on by itself when it is back."
        self._felt_at = self._measured_at = None
        if not self._closed:
            self._retrying.call(AWAY, lambda: self._tracing.ask(self._state.spec))

    # -- values -------------------------------------------------------------------------------------------------

    def _want_values(self) -> None:
        """Ask for the values that the pictures lack."""
        answer, held = self._state.answer, self._state.activations
        if answer is None or answer.spec != self._state.spec:
            return  # another answer is on its way
        stages = self._shown_stages(answer)
        if stages and not (held is not None and set(stages) <= set(held.stages)):
            self._running.ask((answer.spec, stages))

    def _ran(self, asked: tuple[Spec, tuple[int, ...]], values: Activations | Exception | None) -> None:
        if isinstance(values, EngineAwayError):
            self._say_trouble(values)
            return
        answer = self._state.answer
        if answer is None or (answer.spec, self._shown_stages(answer)) != asked:
            return  # the page has moved on, and what it lacks now has been asked for
        with self._drawn_once():
            self.settled = asked
            self._state.valueless = str(values) if isinstance(values, TooLargeError) else ""
            if isinstance(values, Activations):
                self._state.values = (answer.spec, values)
        if isinstance(values, Exception) and not isinstance(values, TooLargeError):
            self._say_trouble(values)

    def _shown_stages(self, answer: Answer) -> tuple[int, ...]:
        return shown_stages(answer.trace, self._state.selected_stage)

    # -- what is selected in a network --------------------------------------------------------------------------

    def _want_field(self) -> None:
        """Ask what the pinned cell of the selected stage depends on."""
        answer, stage, cell = self._state.answer, self._state.selected_stage, self._state.cell
        if answer is None or answer.spec != self._state.spec or stage is None or cell is None:
            return
        trace = answer.trace
        if trace.error is not None or one_convolution(trace, None) is not None:
            return
        place = (answer.spec, stage, tuple(cell))
        if place != self._felt_at and shown_stages(trace, stage) == (stage,):
            self._felt_at = place
            self._feeling.ask(place)

    def _felt(self, place: Place, field: Field | Exception | None) -> None:
        if isinstance(field, Field):
            self._state.field = (*place, field)
        elif isinstance(field, EngineAwayError):
            self._say_trouble(field)  # of a cell that cannot be felt the picture keeps the outline

    def _want_statistics(self) -> None:
        """Ask what the selected batch normalisation measured."""
        answer, stage = self._state.answer, self._state.selected_stage
        if answer is None or answer.spec != self._state.spec or stage is None or answer.trace.error is not None:
            return
        asked = (answer.spec, stage)
        if answer.trace.stages[stage].op == "batch_norm" and asked != self._measured_at:
            self._measured_at = asked
            self._measuring.ask(asked)

    def _measured(self, asked: tuple[Spec, int], found: Statistics | Exception | None) -> None:
        if isinstance(found, Statistics):
            self._state.statistics = (*asked, found)
        elif isinstance(found, EngineAwayError):
            self._say_trouble(found)

    def _mended(self, spec: Spec, ways: tuple[dict[str, Any], ...] | Exception) -> None:
        if isinstance(ways, Exception):
            self._say_trouble(ways)
        else:
            self._state.ways = (spec, ways)
