"""The engine inside this process: traces and runs the real modules, and remembers the answers.

Importing this file imports jax; ``shapelab.engine`` alone does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shapelab.engine import pitfalls
from shapelab.engine.answers import Activations
from shapelab.engine.budget import refuse_too_large
from shapelab.engine.building import Builder
from shapelab.engine.cache import Remembered
from shapelab.engine.inputs import input_values
from shapelab.engine.nearest import near
from shapelab.engine.reducing import reduced
from shapelab.engine.spec import Spec
from shapelab.errors import ShapeError
from shapelab.pitfalls.outcome import Outcome
from shapelab.tracing.execute import Part, part_of_stages, valued
from shapelab.tracing.program import Program
from shapelab.tracing.records import Trace
from shapelab.tracing.tracer import program

Array = np.ndarray[Any, Any]

MOST_BYTES = 64 * 2**20  # of values that are kept
MOST_PARAMETER = 2**18  # bytes of an array that is shown itself; those of wide networks are not


class Engine:
    """Traces and runs lessons. Safe to share between threads; knows nothing about who asks."""

    def __init__(self) -> None:
        self._builder = Builder()
        self._programs = Remembered(most=64)
        self._parts = Remembered(most=32)
        self._compiled = Remembered(most=32)
        self._pitfalls = Remembered(most=32)
        self._runs = Remembered(most=256, weigh=lambda run: run.bytes, budget=MOST_BYTES)

    def trace(self, spec: Spec) -> Trace:
        """The trace of a lesson's module at a configuration: abstract, milliseconds, nothing compiled."""
        return self._program(spec).trace

    def run(self, spec: Spec, stages: Sequence[int] | None = None) -> Activations:
        """The values of some stages, computed by the traced program from the parameters that the seed gives.

        Only what those stages need is compiled. Large arrays come thinned, see ``Activations``.

        Args:
          spec: lesson and configuration.
          stages: which stages, by number; all of them by default.

        Raises:
          ShapeError: when the module cannot run at this configuration, or has no such stage.
          TooLargeError: when the values would not fit into the budget.
        """
        answer: Activations = self._runs((spec.identity, _key(stages)), lambda: self._run(spec, stages))
        return answer

    def known(self, spec: Spec, stages: Sequence[int] | None = None) -> Activations | None:
        """The values of some stages if they have been computed before, else None."""
        return self._runs.known((spec.identity, _key(stages)))

    def near(self, spec: Spec, field: str) -> tuple[int, ...]:
        """The values of a field nearest to the present one that work; see ``nearest.near``."""
        return near(self.trace, spec, field)

    def pitfall(self, name: str) -> Outcome:
        """What a classic mistake does beside its right version; see ``pitfalls.run``."""
        outcome: Outcome = self._pitfalls(name, lambda: pitfalls.run(name))
        return outcome

    def prepare(self, spec: Spec) -> None:
        """Trace the module's constructor, so that another size of the input finds it done."""
        self._builder.module(spec)

    def _program(self, spec: Spec) -> Program:
        answer: Program = self._programs(spec.structure, lambda: self._trace(spec))
        return answer

    def _trace(self, spec: Spec) -> Program:
        x = jax.ShapeDtypeStruct(spec.input_shape, jnp.float32)  # type: ignore[no-untyped-call]
        return program(self._builder.module(spec), x, **spec.lesson.arguments(spec.config))

    def _run(self, spec: Spec, asked: Sequence[int] | None) -> Activations:
        traced = self._program(spec)
        trace = traced.trace
        if trace.error is not None:
            raise ShapeError(trace.error.message)
        if asked and not all(0 <= stage < len(trace.stages) for stage in asked):
            raise ShapeError(f"there is no stage {max(asked)}: {trace.name} has stages 0 to {len(trace.stages) - 1}")
        stages = valued(traced, asked)
        refuse_too_large(trace, stages)
        key, count = (spec.structure, stages), len(trace.parameters)
        part: Part = self._parts(key, lambda: part_of_stages(traced, stages))
        shown = {p.path for i in stages for p in trace.stages[i].parameters}
        wanted = [i for i, p in enumerate(trace.parameters) if i in part.reads or p.path in shown]
        # XLA compiles outside the interpreter's lock: what draws the parameters and what reads them, side by side.
        with ThreadPoolExecutor(1) as aside:
            compiling = aside.submit(self._compiled, key, part.compiled)
            arrays = dict(zip(wanted, self._builder.arrays(spec, wanted), strict=True))
            forward = compiling.result()
        x = input_values(spec)
        values = forward(*(arrays[i] if i < count else x for i in part.reads))
        return Activations(
            input=reduced(x, spec.lesson.input_layout),
            stages={i: reduced(np.asarray(v), trace.stages[i].layout) for i, v in zip(stages, values, strict=True)},
            parameters={
                p.path: np.asarray(arrays[i])
                for i, p in enumerate(trace.parameters)
                if p.path in shown and p.bytes <= MOST_PARAMETER
            },
        )


def _key(stages: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if stages is None else tuple(stages)
