"""A page without a browser, and an engine that counts what it is asked."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import comm
import numpy as np
import pytest

from oracles.page import Page, connected
from shapelab.engine.answers import Activations, Field, Statistics
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import Spec


class CountingEngine:
    """Traces the real modules; what is run gives made-up values at once, or the real ones where asked to."""

    def __init__(self, real: Engine, *, really_run: bool = False) -> None:
        self.real = real
        self.really_run = really_run
        self.traced: list[Spec] = []
        self.ran: list[Spec] = []
        self.mended: list[Spec] = []
        self.felt: list[tuple[Spec, int, tuple[int, ...]]] = []
        self.measured: list[tuple[Spec, int]] = []
        self.fails: dict[str, Exception] = {}
        self.knows: dict[Spec, Activations] = {}
        self.started = threading.Event()
        self.hold_traces = threading.Event()
        self.hold_runs = threading.Event()
        self.hold_support = threading.Event()
        for hold in (self.hold_traces, self.hold_runs, self.hold_support):
            hold.set()
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

    def ways_out(self, spec: Spec) -> tuple[dict[str, int | str], ...]:
        self.mended.append(spec)
        self._fail("ways_out")
        return self.real.ways_out(spec)

    def support(self, spec: Spec, stage: int, cell: tuple[int, ...]) -> Field | None:
        self.felt.append((spec, stage, cell))
        assert self.hold_support.wait(60)
        self._fail("support")
        if self.really_run:
            return self.real.support(spec, stage, cell)
        heat = np.full(spec.input_shape[:2], float(len(self.felt)), np.float32)
        whole = tuple((0, size - 1) for size in heat.shape)
        return Field(outline=whole, heat=heat, cells=whole, coupled_by=None, explanation="")

    def statistics(self, spec: Spec, stage: int) -> Statistics | None:
        self.measured.append((spec, stage))
        self._fail("statistics")
        if self.really_run:
            return self.real.statistics(spec, stage)
        made = np.full(self.real.trace(spec).stages[stage].out_shape[-1:], float(len(self.measured)), np.float32)
        return Statistics(*[made] * 6, momentum=0.99, epsilon=1e-5)

    def _fail(self, question: str) -> None:
        error = self.fails.get(question)
        if error is not None:
            raise error


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
