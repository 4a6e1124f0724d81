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
from shapelab.engine.answers import Activations, Field, Statistics
from shapelab.engine.budget import refuse_too_large
from shapelab.engine.building import Builder
from shapelab.engine.cache import Remembered
from shapelab.engine.inputs import input_values
from shapelab.engine.reducing import reduced
from shapelab.engine.spec import Spec
from shapelab.engine.statistics import layer_at, running_averages, statistics_of
from shapelab.engine.support import Gradient, field_of, gradient_of
from shapelab.engine.ways_out import Changes, ways_out
from shapelab.errors import ShapeError
from shapelab.pitfalls.outcome import Outcome
from shapelab.tracing.execute import Part, part_for, part_of_stages, valued
from shapelab.tracing.program import Program
from shapelab.tracing.records import Failure, Trace
from shapelab.tracing.tracer import failure, program

Array = np.ndarray[Any, Any]

MOST_BYTES = 64 * 2**20  # of values that are kept
MOST_PARAMETER = 2**18  # bytes of an array that is shown itself; those of wide networks are not


class Engine:
    """Traces and runs lessons. Safe to share between threads; knows nothing about who asks."""

    def __init__(self, *, draws: bool = True) -> None:
        """Set up an engine.

        Args:
          draws: whether values will be asked for; see ``Builder``.
        """
        self._builder = Builder(draws=draws)
        self._programs = Remembered(most=64)
        self._parts = Remembered(most=32)
        self._compiled = Remembered(most=32)
        self._pitfalls = Remembered(most=32)
        self._gradients = Remembered(most=16)
        self._fields = Remembered(most=256, weigh=lambda field: field.bytes, budget=MOST_BYTES // 8)
        self._statistics = Remembered(most=256)
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

    def pitfall(self, name: str) -> Outcome:
        """What a classic mistake does beside its right version; see ``pitfalls.run``."""
        outcome: Outcome = self._pitfalls(name, lambda: pitfalls.run(name))
        return outcome

    def ways_out(self, spec: Spec) -> tuple[Changes, ...]:
        """Where the forward fails, sets of changes after which it runs; see ``ways_out.ways_out``."""
        return ways_out(self._failure, spec)

    def support(self, spec: Spec, stage: int, cell: Sequence[int]) -> Field:
        """The input cells that a cell of a stage depends on, by gradient at the values of this very run.

        Args:
          spec: lesson and configuration.
          stage: the stage, by number.
          cell: a place in its output, an index a spatial axis.

        Raises:
          ShapeError: when the module cannot run at this configuration, or has no such stage or cell.
          TooLargeError: when the gradient would not fit into the budget.
        """
        answer: Field = self._fields((spec.identity, stage, tuple(cell)), lambda: self._support(spec, stage, cell))
        return answer

    def statistics(self, spec: Spec, stage: int) -> Statistics:
        """What a batch norm normalises with: the input's own statistics, and the running ones before and after.

        Args:
          spec: lesson and configuration.
          stage: a stage whose ``op`` is "batch_norm", by number.

        Raises:
          ShapeError: when the module cannot run at this configuration, or the stage is no batch norm.
          TooLargeError: when the values would not fit into the budget.
        """
        answer: Statistics = self._statistics((spec.identity, stage), lambda: self._normalised_with(spec, stage))
        return answer

    def prepare(self, spec: Spec) -> None:
        """Trace the module's constructor, so that another size of the input finds it done."""
        self._builder.module(spec)

    def _program(self, spec: Spec) -> Program:
        answer: Program = self._programs(spec.structure, lambda: self._trace(spec))
        return answer

    def _trace(self, spec: Spec) -> Program:
        x = jax.ShapeDtypeStruct(spec.input_shape, jnp.float32)  # type: ignore[no-untyped-call]
        return program(self._builder.module(spec), x, **spec.lesson.arguments(spec.config))

    def _failure(self, spec: Spec) -> Failure | None:
        held = self._programs.known(spec.structure)
        if held is not None:
            found: Failure | None = held.trace.error
            return found
        x = jax.ShapeDtypeStruct(spec.input_shape, jnp.float32)  # type: ignore[no-untyped-call]
        return failure(self._builder.module(spec), x, **spec.lesson.arguments(spec.config))

    def _runnable(self, spec: Spec, stages: Sequence[int]) -> Program:
        """The program of a specification, where it runs and has such stages with a value of their own."""
        traced = self._program(spec)
        trace = traced.trace
        if trace.error is not None:
            raise ShapeError(trace.error.message)
        missing = [stage for stage in stages if not 0 <= stage < len(trace.stages)]
        if missing:
            raise ShapeError(f"there is no stage {missing[-1]}: {trace.name} has stages 0 to {len(trace.stages) - 1}")
        return traced

    def _support(self, spec: Spec, stage: int, cell: Sequence[int]) -> Field:
        traced = self._runnable(spec, [stage])
        refuse_too_large(traced.trace, range(stage + 1))  # the way back keeps what each stage on the way gave
        gradient: Gradient = self._gradients((spec.structure, stage), lambda: gradient_of(traced, stage))
        arrays = dict(zip(gradient.reads, self._builder.arrays(spec, gradient.reads), strict=True))
        try:
            return field_of(traced.trace, stage, cell, gradient, arrays, input_values(spec))
        except ValueError as error:
            raise ShapeError(str(error)) from error

    def _normalised_with(self, spec: Spec, stage: int) -> Statistics:
        traced = self._runnable(spec, [stage])
        refuse_too_large(traced.trace, [stage])
        averages = running_averages(traced, stage)
        part = part_for(traced.jaxpr, [var for each in averages for var in each.variables])
        count = len(traced.trace.parameters)
        run = self._compiled(("statistics", spec.structure, stage), part.compiled)
        reads = [i for i in part.reads if i < count]
        arrays = dict(zip(reads, self._builder.arrays(spec, reads), strict=True))
        x = input_values(spec)
        values = run(*(arrays[i] if i < count else x for i in part.reads))
        layer = layer_at(self._builder.module(spec), traced.trace.stages[stage].path)
        return statistics_of(averages, values, layer)

    def _run(self, spec: Spec, asked: Sequence[int] | None) -> Activations:
        traced = self._runnable(spec, asked or ())
        trace = traced.trace
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
