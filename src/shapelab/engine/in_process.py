"""The engine inside this process: traces and runs the real modules, and remembers the answers.

Importing this file imports jax; ``shapelab.engine`` alone does not.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

from shapelab.engine.answers import Activations
from shapelab.engine.inputs import PATTERNS
from shapelab.engine.nearest import near
from shapelab.engine.spec import Spec
from shapelab.errors import ShapeError
from shapelab.tracing.execute import QUICK_COMPILE, activations
from shapelab.tracing.program import Program
from shapelab.tracing.records import Trace
from shapelab.tracing.tracer import program

Array = np.ndarray[Any, Any]


class Remembered:
    """A bounded, thread-safe cache: the least recently asked goes first; equal questions in flight are asked once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()
        self._in_flight: dict[Hashable, threading.Lock] = {}

    def __call__(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """The answer to ``key``, computed unless it is known."""
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
            turn = self._in_flight.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._answers:
                    return self._answers[key]
            answer = compute()
            with self._lock:
                self._answers[key] = answer
                while len(self._answers) > self._most:
                    self._answers.popitem(last=False)
                self._in_flight.pop(key, None)
            return answer


class Engine:
    """Traces and runs lessons. Safe to share between threads; knows nothing about who asks."""

    def __init__(self) -> None:
        self._modules = Remembered(most=64)
        self._programs = Remembered(most=256)
        self._constructors = Remembered(most=16)
        self._runs = Remembered(most=16)

    def trace(self, spec: Spec) -> Trace:
        """The trace of a lesson's module at a configuration: abstract, milliseconds, nothing compiled."""
        return self._program(spec).trace

    def run(self, spec: Spec) -> Activations:
        """The values of every stage, computed by the traced program from the parameters that the seed gives.

        Raises:
          ShapeError: when the module cannot run at this configuration.
        """
        answer: Activations = self._runs(spec, lambda: self._run(spec))
        return answer

    def near(self, spec: Spec, field: str) -> tuple[int, ...]:
        """The values of a field nearest to the present one that work; see ``nearest.near``."""
        return near(self.trace, spec, field)

    def _program(self, spec: Spec) -> Program:
        answer: Program = self._programs(spec, lambda: self._trace(spec))
        return answer

    def _trace(self, spec: Spec) -> Program:
        x = jax.ShapeDtypeStruct(spec.input_shape, jnp.float32)  # type: ignore[no-untyped-call]
        return program(self._abstract(spec, x), x)

    def _abstract(self, spec: Spec, x: jax.ShapeDtypeStruct) -> Any:
        """The module with shapes in the place of arrays. Shared between configurations that build the same one."""

        def build() -> Any:
            construct = spec.lesson.constructor(spec.config)
            module = nnx.eval_shape(construct) if not _is_linen(spec) else construct()
            if isinstance(module, linen.Module):
                return module.bind(jax.eval_shape(module.init, jax.random.key(0), x))
            return module

        return self._modules(_construction_key(spec), build)

    def _run(self, spec: Spec) -> Activations:
        traced = self._program(spec)
        if traced.trace.error is not None:
            raise ShapeError(traced.trace.error.message)
        x = input_values(spec)
        state = self._constructors(_construction_key(spec), lambda: _state(spec, x))
        values = activations(traced, state, [x])
        leaves = zip(traced.trace.parameters, state, strict=True)
        return Activations(input=x, stages=values, parameters={leaf.path: np.asarray(array) for leaf, array in leaves})


def input_values(spec: Spec) -> Array:
    """The lesson's input, drawn with the seed. Shape as ``spec.input_shape``, float32."""
    return PATTERNS[spec.lesson.pattern](spec.input_shape, getattr(spec.config, "seed", 0))


def _is_linen(spec: Spec) -> bool:
    return getattr(spec.config, "library", "nnx") == "linen"


def _construction_key(spec: Spec) -> Hashable:
    """What the module's construction depends on: everything but the size of the input."""
    sizes = set(spec.lesson.input_layout) & {"H", "W", "L"}
    return spec.lesson_name, tuple(
        (name, getattr(spec.config, name)) for name in spec.config.rules() if name not in sizes
    )


def _state(spec: Spec, x: Array) -> list[Any]:
    """The module's arrays as ``nnx.Rngs(seed)`` or the Linen key gives them; the constructor is one program."""
    construct = spec.lesson.constructor(spec.config)
    if _is_linen(spec):
        module = construct()
        build = jax.jit(module.init, compiler_options=QUICK_COMPILE)
        return list(jax.tree.leaves(build(jax.random.key(spec.config.seed), x)))  # type: ignore[attr-defined]
    build = jax.jit(lambda: nnx.state(construct()), compiler_options=QUICK_COMPILE)
    return list(jax.tree.leaves(build()))
