"""The exact support of a cell: which input cells the gradient of the running program reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shapelab.tracing.execute import QUICK_COMPILE
from shapelab.tracing.program import Program
from shapelab.tracing.records import SPATIAL, Stage, Support, Trace, numbered

Array = np.ndarray[Any, Any]


def support(program: Program, stage: int | str, cell: Sequence[int], samples: int) -> Support:
    """See ``Trace.receptive_field``."""
    trace = program.trace
    index = trace.number_of(stage)
    record = trace.stages[index]
    if program.stage_vars[index] is None:
        raise ValueError(f"{numbered(trace.stages)[index]} lies inside a loop or branch: it has no single value")
    place = place_of(record, cell)
    number = trace.main
    if (
        not trace.inputs
        or not _is_float(program.arguments[number])
        or not jnp.issubdtype(jnp.dtype(record.dtype), jnp.floating)
    ):
        raise ValueError("a gradient needs an input and an output of floating point")
    gradient = _gradient(program, index, number)
    keys = iter(jax.random.split(jax.random.key(0), 2 * samples + 2))
    seed = jnp.zeros(record.out_shape, record.dtype).at[place].set(1)
    weights = np.nan_to_num(np.asarray(gradient(*_values(program, next(keys), own=True), seed), np.float32))
    mask = weights != 0
    whole = theoretical(trace, record, place, number)
    for _ in range(samples):
        if whole is not None and bool((mask | ~whole).all()):
            break
        drawn = seed * jax.random.normal(next(keys), seed.shape, jnp.float32).astype(seed.dtype)
        found = gradient(*_values(program, next(keys), own=False), drawn)
        mask |= np.nan_to_num(np.asarray(found, np.float32)) != 0
    coupled_by, explanation = coupling(trace, index)
    return Support(trace.inputs[number].name, touched(mask), mask, weights, coupled_by, explanation)


def place_of(stage: Stage, cell: Sequence[int]) -> tuple[Any, ...]:
    """The index of a cell in the stage's output; channels that are not named are taken together, batch 0."""
    spatial = [axis for axis, name in enumerate(stage.layout) if name in SPATIAL]
    if len(cell) == len(stage.out_shape):
        place: list[Any] = [int(at) for at in cell]
    elif len(cell) == len(spatial):
        place = [0 if name == "N" else slice(None) for name in stage.layout]
        for axis, at in zip(spatial, cell, strict=True):
            place[axis] = int(at)
    else:
        wanted = f"{len(spatial)} (one a spatial axis) or {len(stage.out_shape)}"
        raise ValueError(f"cell {tuple(cell)} has {len(cell)} indices: {wanted} are needed for {stage.out_shape}")
    for axis, at in enumerate(place):
        if not isinstance(at, slice) and not 0 <= at < stage.out_shape[axis]:
            raise ValueError(f"cell {tuple(cell)} lies outside the output {stage.out_shape}")
    return tuple(place)


def _gradient(program: Program, index: int, number: int) -> Any:
    whole = program.jaxpr.jaxpr
    names = whole.debug_info._replace(result_paths=None)
    jaxpr = whole.replace(outvars=[program.stage_vars[index]], debug_info=names)

    def pulled(state: Sequence[Any], arguments: Sequence[Any], seed: Any) -> Any:
        def forward(x: Any) -> Any:
            given = [*arguments[:number], x, *arguments[number + 1 :]]
            return jax.core.eval_jaxpr(jaxpr, program.jaxpr.consts, *state, *given)[0]

        return jax.vjp(forward, arguments[number])[1](seed)[0]

    return jax.jit(pulled, compiler_options=QUICK_COMPILE)


def _values(program: Program, key: Any, *, own: bool) -> tuple[list[Any], list[Any]]:
    """The state and the arguments: the call's own where they are known, else random ones."""
    arrays = [*program.state, *program.arguments]
    keys = jax.random.split(key, len(arrays) + 1)
    trainable = [*(p.trainable for p in program.trace.parameters), *(True for _ in program.arguments)]
    filled = [
        array if not isinstance(array, jax.ShapeDtypeStruct) and (own or not _is_float(array)) else _drawn(k, array, t)
        for array, k, t in zip(arrays, keys[:-1], trainable, strict=True)
    ]
    return filled[: len(program.state)], filled[len(program.state) :]


def _is_float(array: Any) -> bool:
    return bool(jnp.issubdtype(array.dtype, jnp.floating))


def _drawn(key: Any, array: Any, trainable: bool) -> Any:
    """Random values that neither vanish nor blow up on their way; variances, which are not trained, stay positive."""
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        return jax.random.split(key, array.shape) if array.shape else key
    if not _is_float(array):
        return jnp.zeros(array.shape, array.dtype)
    if not trainable:
        return jax.random.uniform(key, array.shape, jnp.float32, 0.5, 1.5).astype(array.dtype)
    fan_in = max(int(np.prod(array.shape[:-1])), 1) if len(array.shape) > 1 else 1
    return (jax.random.normal(key, array.shape, jnp.float32) / np.sqrt(fan_in)).astype(array.dtype)


def theoretical(trace: Trace, stage: Stage, place: Sequence[Any], number: int) -> Array | None:
    """The cells of the theoretical field, where it is one of that input; None where nothing is known of it."""
    given = trace.inputs[number]
    if stage.receptive_field is None or stage.couples_all:
        return None
    spatial = [axis for axis, name in enumerate(given.layout) if name in SPATIAL]
    at = [place[axis] for axis, name in enumerate(stage.layout) if name in SPATIAL]
    if len(spatial) != len(at):
        return None
    cells: list[Any] = [0 if name == "N" else slice(None) for name in given.layout]
    for axis, index, seen in zip(spatial, at, stage.receptive_field, strict=True):
        interval = seen.interval(index)
        cells[axis] = slice(0, 0) if interval is None else slice(max(interval[0], 0), interval[1] + 1)
    whole = np.zeros(given.shape, bool)
    whole[tuple(cells)] = True
    return whole


def touched(mask: Array) -> tuple[tuple[int, int] | None, ...]:
    """The first and the last index of what is True, for each axis; None where nothing is."""
    places = np.nonzero(mask)
    return tuple((int(found.min()), int(found.max())) if found.size else None for found in places)


def coupling(trace: Trace, index: int) -> tuple[int | None, str]:
    """The first stage on the way there through which each cell depends on the whole image."""
    if not trace.stages[index].couples_all:
        return None, ""
    found, pending = {index}, [index]
    while pending:
        target = pending.pop()
        sources = {e.source for e in trace.edges if e.target == target and e.source >= 0} - found
        found |= sources
        pending += sources
    first = min(i for i in found if trace.stages[i].couples_all)
    stage = trace.stages[first]
    how = "normalises by statistics of the whole batch" if stage.op == "batch_norm" else "reduces over the whole image"
    name = numbered(trace.stages)[first]
    return first, f"{name} {how}: every cell behind it depends on all of the input"
