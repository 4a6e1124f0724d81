"""Any module as something to explore: its input's sizes as fields, traced and run like a lesson.

Importing this file imports jax.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, make_dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shapelab.engine.answers import Activations, Field, Statistics
from shapelab.engine.cache import Remembered
from shapelab.engine.inputs import noise, scene
from shapelab.engine.reducing import reduced
from shapelab.engine.spec import Spec
from shapelab.engine.statistics import layer_at, running_averages, statistics_of
from shapelab.engine.support import SAMPLES, told
from shapelab.engine.ways_out import Changes, ways_out
from shapelab.errors import ShapeError
from shapelab.lessons import Config, Lesson, bounded
from shapelab.tracing.execute import activations, part_for, valued
from shapelab.tracing.program import Program
from shapelab.tracing.records import SPATIAL, Trace
from shapelab.tracing.tracer import is_array, program

HELP = {
    "N": "Examples in a batch.",
    "L": "Length of the input.",
    "D": "Depth of the input.",
    "H": "Height of the input.",
    "W": "Width of the input.",
}
MOST_BYTES = 256 * 2**20  # of values of one run, and of those that are kept; larger stages show shapes alone
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Subject:
    """A call of the caller's own: what to trace, and which of its sizes can be moved.

    Attributes:
      module: the module or function.
      args: its arguments.
      kwargs: arguments by name.
      method: what to call instead of ``__call__``, or None.
      number: of the array, among the call's, whose sizes are moved.
      axes: for each field, the axis of that array that it sets.
    """

    module: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    method: str | Callable[..., Any] | None
    number: int = 0
    axes: tuple[tuple[str, int], ...] = ()

    def program(self, shape: tuple[int, ...] | None) -> Program:
        """The program of the call with the moved array of another shape; None leaves it as it is."""
        leaves, tree = jax.tree.flatten((self.args, dict(self.kwargs)), is_leaf=_is_whole)
        arrays = [i for i, leaf in enumerate(leaves) if is_array(leaf)]
        if shape is not None:
            place = arrays[self.number]
            if tuple(leaves[place].shape) != shape:
                leaves[place] = jax.ShapeDtypeStruct(shape, leaves[place].dtype)  # type: ignore[no-untyped-call]
        args, kwargs = jax.tree.unflatten(tree, leaves)
        return program(self.module, *args, method=self.method, **kwargs)


class ModuleEngine:
    """Traces and runs one call at the sizes asked for. Safe to share between threads."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._programs = Remembered(most=64)
        self._fields = Remembered(most=64)
        self._runs = Remembered(most=64, weigh=lambda run: run.bytes if run else 0, budget=MOST_BYTES)

    def trace(self, spec: Spec) -> Trace:
        """The trace at a configuration: abstract, nothing compiled."""
        return self._program(spec).trace

    def ways_out(self, spec: Spec) -> tuple[Changes, ...]:
        """Where the forward fails, sizes of its input at which it runs; see ``ways_out.ways_out``."""
        return ways_out(lambda asked: self._program(asked).trace.error, spec)

    def support(self, spec: Spec, stage: int, cell: Sequence[int]) -> Field:
        """The input cells that a cell of a stage depends on, at its own values, or at ones drawn where it has none.

        Raises:
          ShapeError: when the module cannot run at this configuration, or has no such stage or cell.
        """
        answer: Field = self._fields((spec, stage, tuple(cell)), lambda: self._support(spec, stage, cell))
        return answer

    def statistics(self, spec: Spec, stage: int) -> Statistics:
        """What a batch norm of nnx normalises with, before and after the call.

        Raises:
          ShapeError: when the module cannot run here, holds shapes alone, or the stage is no such layer.
        """
        traced = self._runnable(spec)
        averages = running_averages(traced, stage)
        layer = layer_at(self._subject.module, traced.trace.stages[stage].path)
        if any(isinstance(array, jax.ShapeDtypeStruct) for array in traced.state):
            raise ShapeError("the module holds shapes and no values: its statistics have none either")
        part = part_for(traced.jaxpr, [var for each in averages for var in each.variables])
        given = [*traced.state, *(_values(array, n) for n, array in enumerate(traced.arguments))]
        return statistics_of(averages, part.compiled()(*(given[i] for i in part.reads)), layer)

    def run(self, spec: Spec, stages: Sequence[int] | None = None) -> Activations | None:
        """The values of some stages, all by default; None for a module of shapes alone, which has none.

        Raises:
          ShapeError: when the module cannot run at this configuration.
        """
        asked = None if stages is None else tuple(stages)
        answer: Activations | None = self._runs((spec, asked), lambda: self._run(spec, asked))
        return answer

    def known(self, spec: Spec, stages: Sequence[int] | None = None) -> Activations | None:
        """The values of some stages if they have been computed before, else None."""
        return self._runs.known((spec, None if stages is None else tuple(stages)))

    def _program(self, spec: Spec) -> Program:
        answer: Program = self._programs(spec, lambda: self._subject.program(spec.input_shape))
        return answer

    def _runnable(self, spec: Spec) -> Program:
        traced = self._program(spec)
        if traced.trace.error is not None:
            raise ShapeError(traced.trace.error.message)
        return traced

    def _support(self, spec: Spec, stage: int, cell: Sequence[int]) -> Field:
        traced = self._runnable(spec)
        try:
            found = traced.support(stage, cell, SAMPLES)
        except ValueError as error:
            raise ShapeError(str(error)) from error
        return told(traced.trace, stage, cell, found.weights, found.mask)

    def _run(self, spec: Spec, asked: Sequence[int] | None) -> Activations | None:
        traced = self._runnable(spec)
        if any(isinstance(array, jax.ShapeDtypeStruct) for array in traced.state):
            return None
        arguments = [_values(array, n) for n, array in enumerate(traced.arguments)]
        trace = traced.trace
        kept = _affordable(traced, valued(traced, asked))
        values = activations(traced, traced.state, arguments, kept)
        shown = {p.path for i in kept for p in trace.stages[i].parameters if p.dtype != "key<fry>"}
        leaves = zip(trace.parameters, traced.state, strict=True)
        return Activations(
            input=reduced(np.asarray(arguments[trace.main]), trace.inputs[trace.main].layout),
            stages={i: reduced(value, trace.stages[i].layout) for i, value in values.items()},
            parameters={leaf.path: np.asarray(array) for leaf, array in leaves if leaf.path in shown},
        )


def subject_of(
    module: Any, args: Sequence[Any], kwargs: Mapping[str, Any], method: str | Callable[..., Any] | None
) -> tuple[Spec, ModuleEngine]:
    """What an explorer shows of a module, and the engine that answers for it.

    The fields are the spatial axes of the input with the most axes, and any other axis that can be one longer without
    the forward failing: that is tried.

    Raises:
      ShapeError: for a call without an array among its arguments.
    """
    whole = Subject(module, tuple(args), dict(kwargs), method)
    trace = whole.program(None).trace
    if not trace.inputs:
        raise ShapeError(f"{trace.name} is given no array: explore(module, x) needs its input")
    main = trace.inputs[trace.main]
    whole = Subject(module, tuple(args), dict(kwargs), method, trace.main)
    fields, axes = [], []
    for axis, size in enumerate(main.shape):
        letter = main.layout[axis]
        longer = (*main.shape[:axis], size + 1, *main.shape[axis + 1 :])
        if letter not in SPATIAL and (trace.error is not None or whole.program(longer).trace.error is not None):
            continue
        name = letter or f"axis_{axis}"
        high = max(4 * size, 16)
        words = HELP.get(letter, f"Axis {axis} of {main.name}.")
        fields.append((name, int, bounded(size, low=1, high=high, group="Input", role="input", help=words)))
        axes.append((name, axis))
    config: type[Config] = make_dataclass("Sizes", fields, bases=(Config,), frozen=True)

    def shape(values: Any) -> tuple[int, ...]:
        moved = list(main.shape)
        for name, axis in axes:
            moved[axis] = getattr(values, name)
        return tuple(moved)

    def code(values: Any) -> str:
        called = f".{method}" if isinstance(method, str) else ""
        given = [f"  {t.name}: {shape(values) if t is main else t.shape} {t.dtype}" for t in trace.inputs]
        return "\n".join([f"{trace.name}{called}(", *(f"{line}," for line in given), ")"])

    lesson = Lesson(
        name=f"module-{next(_numbers)}",
        title=trace.name,
        Config=config,
        input_shape=shape,
        input_layout=main.layout,
        constructor=lambda _: lambda _seed: module,
        code=code,
    )
    return Spec(lesson.name, config(), lesson), ModuleEngine(whole)


def _is_whole(leaf: Any) -> bool:
    """Modules and their like are passed on whole."""
    from flax import nnx

    return leaf is None or isinstance(leaf, nnx.Pytree | nnx.Variable)


def _values(array: Any, seed: int) -> Any:
    """The array given; for one known by its shape alone, a picture, noise or zeros."""
    if not isinstance(array, jax.ShapeDtypeStruct):
        return array
    if not jnp.issubdtype(array.dtype, jnp.floating):
        return np.zeros(array.shape, array.dtype)
    if len(array.shape) in (3, 4) and array.shape[-1] <= 16:
        pictures = [scene(tuple(array.shape[-3:]), seed + i) for i in range(int(np.prod(array.shape[:-3], dtype=int)))]
        return np.stack(pictures).reshape(array.shape).astype(array.dtype)
    return noise(tuple(array.shape), seed).astype(array.dtype)


def _affordable(traced: Program, stages: Sequence[int]) -> list[int]:
    """Those of the stages whose values fit together into the budget, the smallest first."""
    left, kept = MOST_BYTES, []
    for size, index in sorted((traced.trace.stages[i].bytes, i) for i in stages):
        left -= size
        if left >= 0:
            kept.append(index)
    return sorted(kept)
