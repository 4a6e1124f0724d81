"""Which input cells a cell of a lesson's stage depends on, and how strongly: by the gradient of the running program.

Importing this file imports jax.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shapelab.engine.answers import Field
from shapelab.engine.reducing import reduced
from shapelab.tracing.execute import QUICK_COMPILE, part_of_stages
from shapelab.tracing.program import Program
from shapelab.tracing.records import SPATIAL, Parameter, Stage, Trace
from shapelab.tracing.support import coupling, place_of, theoretical, touched

Array = np.ndarray[Any, Any]

SAMPLES = 8  # further runs at values drawn, for cells that a ReLU or a max pool hides at this run's


@dataclass(frozen=True)
class Gradient:
    """The gradient of one stage of a program towards its input, compiled: any cell and any values are its input.

    Attributes:
      reads: the module's arrays that the stage needs, by number.
      call: from those arrays, the input, and weights of the stage's shape, to the gradient of the weighted sum.
    """

    reads: tuple[int, ...]
    call: Callable[[Sequence[Any], Any, Any], Any]


def gradient_of(program: Program, stage: int) -> Gradient:
    """Compile the gradient of a stage; what the stage does not need is left out."""
    part = part_of_stages(program, (stage,))
    state = len(program.state)

    def pulled(arrays: Sequence[Any], x: Any, weights: Any) -> Any:
        def forward(x: Any) -> Any:
            given = iter(arrays)
            inputs = [next(given) if i < state else x for i in part.reads]
            return jax.core.eval_jaxpr(part.jaxpr, part.consts, *inputs)[0]

        return jax.vjp(forward, x)[1](weights)[0]

    shape = program.trace.stages[stage].out_shape
    arrays = [_abstract(v.aval.shape) for i, v in zip(part.reads, part.jaxpr.invars, strict=True) if i < state]
    given = program.trace.inputs[program.trace.main]
    call = jax.jit(pulled, compiler_options=QUICK_COMPILE).lower(arrays, _abstract(given.shape), _abstract(shape))
    return Gradient(tuple(i for i in part.reads if i < state), call.compile())


def field_of(
    trace: Trace, stage: int, cell: Sequence[int], gradient: Gradient, arrays: Mapping[int, Any], x: Array
) -> Field:
    """The field of one cell.

    Args:
      trace: of a call with one input.
      stage: the stage's number.
      cell: its place, an index a spatial axis; channels are taken together.
      gradient: of that stage.
      arrays: the module's arrays that it reads, by number.
      x: the input.

    Raises:
      ValueError: for a cell that there is not.
    """
    record, given = trace.stages[stage], trace.inputs[trace.main]
    place = place_of(record, cell)
    weights = np.zeros(record.out_shape, np.float32)
    weights[place] = 1
    whole = theoretical(trace, record, place, trace.main)
    heat = np.abs(np.nan_to_num(np.asarray(gradient.call([arrays[i] for i in gradient.reads], x, weights))))
    mask = heat != 0
    drawn = np.random.default_rng(0)
    for _ in range(SAMPLES):
        if mask.all() or (whole is not None and bool((mask | ~whole).all())):
            break
        values = [_drawn(drawn, trace.parameters[i]) for i in gradient.reads]
        sample = gradient.call(values, _normal(drawn, given.shape), weights * _normal(drawn, record.out_shape))
        mask |= np.nan_to_num(np.asarray(sample)) != 0
    return told(trace, stage, cell, heat, mask)


def told(trace: Trace, stage: int, cell: Sequence[int], heat: Array, mask: Array) -> Field:
    """The field of a cell as a record.

    Args:
      trace: of the call.
      stage: the stage's number.
      cell: its place.
      heat: the gradient, of the main input's shape.
      mask: of the same shape, which cells any run had a gradient at.
    """
    layout, shape = trace.inputs[trace.main].layout, trace.inputs[trace.main].shape
    over = tuple(axis for axis, name in enumerate(layout) if name not in SPATIAL)
    sizes = [size for size, name in zip(shape, layout, strict=True) if name in SPATIAL]
    coupled_by, explanation = coupling(trace, stage)
    return Field(
        outline=_outline(trace.stages[stage], place_of(trace.stages[stage], cell), sizes),
        heat=reduced(np.abs(heat).sum(axis=over), tuple(name for name in layout if name in SPATIAL)),
        cells=touched(np.asarray(mask.any(axis=over))),
        coupled_by=coupled_by,
        explanation=explanation,
    )


def _outline(stage: Stage, place: Sequence[Any], sizes: Sequence[int]) -> tuple[tuple[int, int] | None, ...] | None:
    """The field of the windows alone, cut off at the input's edges."""
    if stage.receptive_field is None:
        return None
    at = [place[axis] for axis, name in enumerate(stage.layout) if name in SPATIAL]
    if len(at) != len(sizes):
        return None
    found = []
    for index, seen, size in zip(at, stage.receptive_field, sizes, strict=True):
        interval = seen.interval(index)
        inside = None if interval is None else (max(interval[0], 0), min(interval[1], size - 1))
        found.append(None if inside is None or inside[0] > inside[1] else inside)
    return tuple(found)


def _normal(drawn: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return drawn.standard_normal(shape).astype(np.float32)


def _drawn(drawn: np.random.Generator, parameter: Parameter) -> Array:
    """Values that neither vanish nor blow up on their way; variances, which are not trained, stay positive."""
    if not parameter.trainable:
        return drawn.uniform(0.5, 1.5, parameter.shape).astype(np.float32)
    fan_in = max(int(np.prod(parameter.shape[:-1])), 1) if len(parameter.shape) > 1 else 1
    return _normal(drawn, parameter.shape) / np.float32(np.sqrt(fan_in))


def _abstract(shape: tuple[int, ...]) -> Any:
    return jax.ShapeDtypeStruct(shape, jnp.float32)  # type: ignore[no-untyped-call]
