"""What the server counts of itself, for Prometheus; nothing of it tells who came or what they set."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from shapelab.errors import EngineAwayError

START = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
MOVE = (0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 1, 2, 5, 10)


class Metrics:
    """The counts of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        to = self.registry
        self.visitors = Gauge(
            "shapelab_visitors", "Visitors that are here, those whose page is starting among them", registry=to
        )
        self.most_visitors = Gauge("shapelab_visitors_max", "Visitors that may be here at once", registry=to)
        self.kernels = Gauge("shapelab_kernels", "Kernels that run, spare ones among them", registry=to)
        self.start = Histogram(
            "shapelab_start_seconds",
            "From a page's request to its last byte, widgets included",
            buckets=START,
            registry=to,
        )
        self.move = Histogram(
            "shapelab_move_seconds",
            "From a control's message to the picture that answers it",
            buckets=MOVE,
            registry=to,
        )
        self._left = Counter("shapelab_visits_ended", "Visits that ended, by why", ["why"], registry=to)
        self._refused = Counter("shapelab_refusals", "Requests and messages refused, by why", ["why"], registry=to)
        self._engine = EngineCounts()
        self.registry.register(self._engine)

    def refused(self, why: str) -> None:
        """Count a refusal."""
        self._refused.labels(why=why).inc()

    def left(self, why: str) -> None:
        """Count a visit that ended: "closed", "gone", "late", "idle" or "died"."""
        self._left.labels(why=why).inc()

    def engine(self, state: dict[str, Any] | None) -> None:
        """What the engine says of itself; None while it is away."""
        self._engine.state = state

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)


class EngineCounts(Collector):
    """What the engine counts, as it last said."""

    def __init__(self) -> None:
        self.state: dict[str, Any] | None = None

    def collect(self) -> Iterator[Metric]:
        """Its counts; while it is away only that it is."""
        state = self.state
        yield GaugeMetricFamily("shapelab_engine_up", "1 while the engine answers", value=state is not None)
        if state is None:
            return
        memory = state["memory"] + sum(worker["memory"] for worker in state["workers"])
        yield GaugeMetricFamily("shapelab_engine_memory_bytes", "Its memory, its workers' included", value=memory)
        waiting = state["waiting"]["quick"] + state["waiting"]["slow"]
        yield GaugeMetricFamily("shapelab_engine_waiting", "Questions that wait", value=waiting)
        yield CounterMetricFamily("shapelab_engine_hits", "Answers that it knew", value=state["hits"])
        yield CounterMetricFamily("shapelab_engine_misses", "Answers that it computed", value=state["misses"])
        refusals = CounterMetricFamily("shapelab_engine_refusals", "Questions refused, by why", labels=["why"])
        for why, count in state["refusals"].items():
            refusals.add_metric([why], count)
        yield refusals
        seconds = HistogramMetricFamily("shapelab_engine_seconds", "From question to answer", labels=["verb"])
        for verb, told in state["seconds"].items():
            seconds.add_metric([verb], list(told["buckets"].items()), told["sum"])
        yield seconds


class MetricsHandler(JupyterHandler):  # type: ignore[misc]
    """Serves the counts."""

    def initialize(self, metrics: Metrics, engine: Any) -> None:
        """Take the counts, and whom to ask for the engine's."""
        self.metrics, self.engine = metrics, engine

    async def get(self) -> None:
        """The counts of this moment."""
        self.metrics.kernels.set(len(self.kernel_manager))
        self.metrics.engine(await asyncio.to_thread(_state, self.engine))
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.set_header("Cache-Control", "no-store")
        self.finish(self.metrics.text())


def _state(engine: Any) -> dict[str, Any] | None:
    if engine is None:
        return None
    try:
        state: dict[str, Any] = json.loads(engine.state())
        return state
    except EngineAwayError:
        return None
