"""Asks an engine what first visitors ask, so that JAX keeps on disk what took long to compile.

Before a lecture, or in the making of an image.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from shapelab.engine.answers import Activations
from shapelab.engine.spec import Spec, check
from shapelab.errors import EngineAwayError
from shapelab.explorers.network_pictures import shown_stages
from shapelab.explorers.state import ExplorerState
from shapelab.hosting.engine_process import EngineProcess
from shapelab.lessons import LESSONS
from shapelab.pitfalls import PITFALLS
from shapelab.tracing.records import Trace

PATIENCE = 120.0  # seconds for an engine to come up: imports from a disk that has not been read yet take long
PAUSE = 0.25  # seconds between two tries

Answer = TypeVar("Answer")


class Engine(Protocol):
    """What is asked of an engine."""

    def trace(self, spec: Spec) -> Trace:
        """The trace of a specification."""

    def run(self, spec: Spec, stages: Sequence[int]) -> Activations | None:
        """The values of some stages."""

    def pitfall(self, name: str) -> Any:
        """What a classic mistake does."""


def warm() -> int:
    """Start an engine, ask it everything, end it.

    Returns:
      How many settings and mistakes it was asked about.

    Raises:
      EngineAwayError: when it does not come up within two minutes.
    """
    process = EngineProcess()
    process.start()
    try:
        return ask_everything(process.client())
    finally:
        process.stop()


def ask_everything(engine: Engine, patience: float = PATIENCE) -> int:
    """Ask an engine for every lesson's defaults and presets, as far as a page shows them, and for every mistake.

    Args:
      engine: may be away at first.
      patience: seconds for which it may be.

    Returns:
      How many settings and mistakes it was asked about.

    Raises:
      EngineAwayError: when it is away for longer.
    """
    specs = list(first_settings())
    _once_up(lambda: engine.trace(specs[0]), patience)
    selected_in = ExplorerState().selected_in
    for spec in specs:
        trace = engine.trace(spec)
        if trace.error is None:
            engine.run(spec, shown_stages(trace, selected_in(trace)))
    for name in PITFALLS:
        engine.pitfall(name)
    return len(specs) + len(PITFALLS)


def first_settings() -> Iterator[Spec]:
    """The settings that one click leads to: of every lesson its defaults and its presets."""
    for name, lesson in LESSONS.items():
        for values in ({}, *lesson.presets.values()):
            yield check(name, values)


def _once_up(ask: Callable[[], Answer], patience: float) -> Answer:
    deadline = time.monotonic() + patience
    while True:
        try:
            return ask()
        except EngineAwayError:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
