"""How a lesson's module is made: its shapes at once, its arrays by a compiled part of its constructor.

Importing this file imports jax.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

from shapelab.engine.cache import Remembered
from shapelab.engine.drawing import Array, UnsuitedError, draw_of
from shapelab.engine.spec import Spec
from shapelab.engine.undrawn import undrawn
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

    def __init__(self, *, draws: bool = True) -> None:
        """Set up a builder.

        Args:
          draws: whether arrays will be asked for. Without, modules are made quicker, in a process of one thread.
        """
        self._draws = draws
        self._modules = Remembered(most=256)
        self._constructions = Remembered(most=256)
        self._programs = Remembered(most=32)
        self._recipes = Remembered(most=256)
        self._drawn = Remembered(most=1024, weigh=lambda array: int(array.nbytes), budget=MOST_BYTES)

    def module(self, spec: Spec) -> Any:
        """The module with shapes in the place of arrays. Shared between configurations that build the same one."""
        if self._draws:
            return self._construction(spec).module
        return self._modules(construction_key(spec), lambda: _shaped(spec))

    def arrays(self, spec: Spec, wanted: Sequence[int]) -> list[Array]:
        """Some of the module's arrays, by their number in its state, as ``nnx.Rngs(seed)`` or the Linen key gives them.

        Each is drawn by a compiled program that leaves out what the others need; the seed is its input, so another seed
        compiles nothing.
        """
        made = construction_key(spec), _seed(spec)
        return [self._drawn((*made, number), partial(self._draw, spec, number)) for number in wanted]

    def _draw(self, spec: Spec, number: int) -> Array:
        recipe = self._recipes(
            (construction_key(spec), number), lambda: self._recipe(self._construction(spec).jaxpr, number)
        )
        return np.asarray(recipe(jax.random.key(_seed(spec))))

    def _recipe(self, closed: Any, number: int) -> Callable[[Any], Any]:
        """What gives one of a constructor's arrays, of the seed's key."""
        part = part_for(closed, [closed.jaxpr.outvars[number]])
        try:
            draw = draw_of(part, _KEY)
        except UnsuitedError:
            run = part.compiled()
            return lambda key: run(*[key] * len(part.reads))[0]
        # Programs of the same text are compiled once: they serve all arrays that are drawn alike, of many shapes.
        row = self._programs(str(draw.jaxpr), draw.compiled)
        return lambda key: draw.cut(row(key, *draw.numbers)[0])

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


def _shaped(spec: Spec) -> Any:
    with undrawn():
        return _construct(spec).module


def _seed(spec: Spec) -> int:
    return int(getattr(spec.config, "seed", 0))
