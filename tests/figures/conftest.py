"""Figures of real traces, made without a page."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shapelab.engine.answers import Activations
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
from shapelab.geometry.pooling import MOST_CHANNELS, pooling_factor
from shapelab.tracing.records import SPATIAL


@pytest.fixture(scope="session")
def traced() -> Callable[..., Any]:
    """Return a function that traces a lesson: (trace, values drawn at random, thinned as the engine does)."""
    engine = Engine()

    def make(lesson: str, **settings: Any) -> Any:
        spec = check(lesson, settings)
        made = engine.trace(spec)
        rng = np.random.default_rng(0)

        def draw(shape: tuple[int, ...], layout: tuple[str, ...] = ()) -> Any:
            sizes = dict(enumerate(shape))
            for axis, name in enumerate(layout):
                if name == "C":
                    sizes[axis] = min(shape[axis], MOST_CHANNELS)
                elif name in SPATIAL:
                    sizes[axis] = -(-shape[axis] // max(pooling_factor(shape[axis]), 1))
            return rng.normal(size=tuple(sizes.values())).astype(np.float32)

        values = Activations(
            input=draw(spec.input_shape, spec.lesson.input_layout),
            stages={i: draw(stage.out_shape, stage.layout) for i, stage in enumerate(made.stages)},
            parameters={p.path: draw(p.shape) for p in made.parameters if p.size < 10**6},
        )
        return made, values

    return make
