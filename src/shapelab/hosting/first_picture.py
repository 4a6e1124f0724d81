"""The first picture, asked of the engine once for all visitors: the page begins with the same setting for everyone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from shapelab.engine.answers import Activations
from shapelab.engine.spec import Spec, check
from shapelab.errors import EngineAwayError
from shapelab.explorers.first_view import first_view
from shapelab.explorers.network_pictures import shown_stages
from shapelab.tracing.records import Trace

LESSON = "conv2d"
PAUSE = 0.25  # seconds between two tries, while the engine starts

log = logging.getLogger("shapelab")


class Engine(Protocol):
    """What is asked of an engine."""

    def trace(self, spec: Spec) -> Trace:
        """The trace of a specification."""

    def run(self, spec: Spec, stages: Sequence[int]) -> Activations | None:
        """The values of some stages."""


class FirstPicture:
    """The HTML of the first picture, as soon as the engine has told it.

    Attributes:
      html: "" until then; a page that is asked for meanwhile shows that it starts.
    """

    def __init__(self, engine: Engine | None) -> None:
        """Set up; nothing is asked yet.

        Args:
          engine: whom to ask, off the event loop; None for no first picture.
        """
        self.html = ""
        self._engine = engine

    async def find(self) -> None:
        """Ask until the engine has answered."""
        while self._engine is not None:
            try:
                await self._ask(self._engine)
                return
            except EngineAwayError:
                await asyncio.sleep(PAUSE)
            except Exception as error:  # pages begin without it
                log.error("no first picture: %s: %s", type(error).__name__, error)
                return

    async def _ask(self, engine: Engine) -> None:
        """The trace first: what it shows is true without values. Asked as pages ask, so that they find it known."""
        spec = check(LESSON, {})
        trace = await asyncio.to_thread(engine.trace, spec)
        self.html = first_view(spec, trace, None)
        stages = shown_stages(trace, None)
        self.html = first_view(spec, trace, await asyncio.to_thread(engine.run, spec, stages))
