"""Figures of real traces, made without a page."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shapelab.engine.answers import Activations
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check


@pytest.fixture(scope="session")
def traced() -> Callable[..., Any]:
    """Return a function that traces a lesson: (trace, values drawn at random in the right shapes)."""
    engine = Engine()

    def make(lesson: str, **settings: Any) -> Any:
        spec = check(lesson, settings)
        made = engine.trace(spec)
        rng = np.random.default_rng(0)

        def draw(shape: tuple[int, ...]) -> Any:
            return rng.normal(size=shape).astype(np.float32)

        values = Activations(
            input=draw(spec.input_shape),
            stages={i: draw(stage.out_shape) for i, stage in enumerate(made.stages)},
            parameters={p.path: draw(p.shape) for p in made.parameters},
        )
        return made, values

    return make
