"""The setting that a link pins beside the present one: asked for once, and pinned when its answer has come."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from shapelab.engine.answers import Activations
from shapelab.engine.spec import Spec
from shapelab.errors import EngineAwayError, ShapeError
from shapelab.explorers.address import link_of
from shapelab.explorers.asking import AWAY, Engine
from shapelab.explorers.links import Compared, without_upload
from shapelab.explorers.network_pictures import shown_stages
from shapelab.explorers.pump import Later, Pump
from shapelab.explorers.state import Answer, ExplorerState
from shapelab.tracing.records import Trace


class Pinning:
    """Asks for a compared setting, and writes it into the state."""

    def __init__(
        self, state: ExplorerState, engine: Callable[[], Engine], drawn_once: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Set up; nothing is asked yet. The arguments are those of ``Asking``."""
        self._state, self._engine, self._drawn_once = state, engine, drawn_once
        self._pump, self._again = Pump(self._ask, self._come), Later()

    @property
    def busy(self) -> bool:
        """Whether something asked for has not come."""
        return self._pump.busy or self._again.pending

    async def idle(self) -> None:
        """Wait until nothing is in flight; more may be asked then."""
        await self._pump.idle()

    def close(self) -> None:
        """Ask no more."""
        self._again.cancel()
        self._pump.forget()

    def ask(self, compared: Compared) -> None:
        """Ask for a setting; it is pinned unless another has been by then."""
        self._state.awaited = compared
        self._pump.ask(compared.spec)

    def feed(self, compared: Compared) -> None:
        """Pin a setting with its uploaded picture in the place of the same one without, as a link says it."""
        if link_of(self._state).compare == replace(compared, spec=without_upload(compared.spec)):
            self.ask(compared)

    def _ask(self, spec: Spec) -> tuple[Trace, Activations | None]:
        """The trace, and the values that its picture shows, where there are any."""
        engine = self._engine()
        trace = engine.trace(spec)
        stages = shown_stages(trace, None)
        try:
            return trace, engine.run(spec, stages) if stages else None
        except ShapeError:
            return trace, None  # what is compared first is shapes

    def _come(self, spec: Spec, answer: tuple[Trace, Activations | None] | Exception) -> None:
        compared = self._state.awaited
        if compared is None or compared.spec != spec:
            return
        if isinstance(answer, EngineAwayError):
            self._again.call(AWAY, lambda: self._pump.ask(spec))
            return
        with self._drawn_once():
            self._state.awaited = None
            if isinstance(answer, Exception):
                self._state.trouble = f"What this link compares with cannot be shown: {answer}"
                return
            trace, self._state.pinned_values = answer
            self._state.set_trait("pinned_cell", compared.cell)
            self._state.pinned_channels = compared.channels
            self._state.pinned = Answer(spec, trace)
