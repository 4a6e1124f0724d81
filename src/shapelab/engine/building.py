"""How a lesson's module is made: its shapes at once, its arrays by a compiled part of its constructor.

Importing this file imports jax.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen, nnx

from shapelab.engine.cache import Remembered
from shapelab.engine.spec import Spec
from shapelab.tracing.execute import part_for
from shapelab.tracing.records import SPATIAL

MOST_BYTES = 48 * 2**20  # of drawn arrays that are kept
_KEY = jax.eval_shape(lambda: jax.random.key(0))


@dataclass(frozen=True)
class Construction:
    """A module's constructor, traced once.

    Attributes:
      module: the module with shapes in the place of arrays.
      jaxpr: the constructor as a program: from the seed's key to the module's arrays, in the order of its state.
    """

    module: Any
    jaxpr: Any


class Builder:
    """Makes modules and draws their arrays. Safe to share between threads."""

    def __init__(self) -> None:
        self._constructions = Remembered(most=256)
        self._programs = Remembered(most=32)
        self._compiled = Remembered(most=32)
        self._drawn = Remembered(most=256, weigh=_bytes, budget=MOST_BYTES)

    def module(self, spec: Spec) -> Any:
        """The module with shapes in the place of arrays. Shared between configurations that build the same one."""
        return self._construction(spec).module

    def arrays(self, spec: Spec, wanted: Sequence[int]) -> list[jax.Array]:
        """Some of the module's arrays, by their number in its state, as ``nnx.Rngs(seed)`` or the Linen key gives them.

        What draws them is one compiled program, in which nothing is left that the others alone need; the seed is its
        input, so another seed compiles nothing.
        """
        key = (construction_key(spec), tuple(wanted))
        drawn: list[jax.Array] = self._drawn((*key, _seed(spec)), lambda: self._draw(spec, key, wanted))
        return drawn

    def _draw(self, spec: Spec, key: Hashable, wanted: Sequence[int]) -> list[jax.Array]:
        def compile_part() -> Any:
            closed = self._construction(spec).jaxpr
            part = part_for(closed, [closed.jaxpr.outvars[i] for i in wanted])
            # Strides and padding change nothing in how a kernel is drawn: programs of the same text are compiled once.
            same = key if part.consts else str(part.jaxpr)
            return self._programs(same, part.compiled), bool(part.reads)

        draw, from_key = self._compiled(key, compile_part)
        return list(draw(jax.random.key(_seed(spec))) if from_key else draw())

    def _construction(self, spec: Spec) -> Construction:
        made: Construction = self._constructions(construction_key(spec), lambda: _construct(spec))
        return made


def construction_key(spec: Spec) -> Hashable:
    """What the module depends on: all but the size of the input, the values and what only its call reads."""
    free = {*SPATIAL.intersection(spec.lesson.input_layout), *spec.lesson.called}
    config = spec.config
    return spec.lesson_name, tuple(
        getattr(config, name) if config.counts(name) else None
        for name, rule in config.rules().items()
        if rule.group != "Values" and name not in free
    )


def _construct(spec: Spec) -> Construction:
    build = spec.lesson.constructor(spec.config)
    if getattr(spec.config, "library", "nnx") == "linen":
        module: linen.Module = build(None)
        x = jax.ShapeDtypeStruct(spec.input_shape, jnp.float32)  # type: ignore[no-untyped-call]
        closed, variables = jax.make_jaxpr(module.init, return_shape=True)(_KEY, x)
        return Construction(module.bind(variables), closed)
    graphs = []

    def split(key: Any) -> Any:
        graph, state = nnx.split(build(key))
        graphs.append(graph)
        return state

    closed, state = jax.make_jaxpr(split, return_shape=True)(_KEY)
    return Construction(nnx.merge(graphs[0], state), closed)


def _seed(spec: Spec) -> int:
    return int(getattr(spec.config, "seed", 0))


def _bytes(arrays: Sequence[jax.Array]) -> int:
    return sum(array.nbytes for array in arrays) + 1
