"""A page without a browser, and an engine that counts what it is asked."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import comm
import numpy as np
import pytest

from oracles.page import Page, connected
from shapelab.engine.answers import Activations
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import Spec


class CountingEngine:
    """Traces the real modules; runs give made-up values at once, or the real ones where asked to."""

    def __init__(self, real: Engine, *, really_run: bool = False) -> None:
        self.real = real
        self.really_run = really_run
        self.traced: list[Spec] = []
        self.ran: list[Spec] = []
        self.knows: dict[Spec, Activations] = {}
        self.started = threading.Event()
        self.hold_traces = threading.Event()
        self.hold_runs = threading.Event()
        self.hold_traces.set()
        self.hold_runs.set()
        self.raises: Exception | None = None
        self.run_raises: Exception | None = None

    def trace(self, spec: Spec) -> Any:
        self.traced.append(spec)
        self.started.set()
        assert self.hold_traces.wait(60)
        if self.raises is not None:
            raise self.raises
        return self.real.trace(spec)

    def known(self, spec: Spec, stages: Sequence[int]) -> Activations | None:
        return self.knows.get(spec)

    def run(self, spec: Spec, stages: Sequence[int]) -> Activations:
        self.ran.append(spec)
        self.started.set()
        assert self.hold_runs.wait(60)
        if self.run_raises is not None:
            raise self.run_raises
        if self.really_run:
            return self.real.run(spec, stages)
        made = self.real.trace(spec)
        fill = float(len(self.ran))
        return Activations(
            input=np.full(spec.input_shape, fill, np.float32),
            stages={i: np.full(made.stages[i].out_shape, fill, np.float32) for i in stages},
            parameters={p.path: np.full(p.shape, fill, np.float32) for p in made.parameters},
        )

    def near(self, spec: Spec, field: str) -> tuple[int, ...]:
        return self.real.near(spec, field)


@pytest.fixture(scope="session")
def real_engine() -> Engine:
    """Return one engine for all tests."""
    return Engine()


@pytest.fixture
def make_engine(real_engine: Engine) -> Callable[..., CountingEngine]:
    """Return a function that makes a counting engine."""
    return lambda **options: CountingEngine(real_engine, **options)


@pytest.fixture
def engine(make_engine: Callable[..., CountingEngine]) -> CountingEngine:
    """Return a counting engine."""
    return make_engine()


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    """Return the page that every widget of this test is shown on."""
    shown = Page()
    monkeypatch.setattr(comm, "create_comm", connected(shown))
    return shown
