"""Drawing a module's arrays with a few programs that serve all shapes. Importing this file imports jax.

XLA takes a third of a second to compile what draws an array, and wants another program for each shape. But cell i of a
drawn array, in reading order, depends on the key and on i alone (``jax_threefry_partitionable``, see "Pseudorandom
numbers" in JAX's documentation), and what initialisers do with it they do cell by cell: an array is the beginning of a
longer one. So a program for each power of four draws them all; numbers differ by rounding at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal

from shapelab.tracing.execute import Part

Array = np.ndarray[Any, Any]

LENGTHS = [4**n for n in range(4, 10)]  # of rows, in cells
CELLWISE = {
    *("abs", "neg", "sign", "not", "copy", "convert_element_type", "bitcast_convert_type", "stop_gradient"),
    *("add", "sub", "mul", "div", "max", "min", "clamp", "nextafter", "select_n", "pow", "integer_pow", "square"),
    *("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "shift_left", "shift_right_logical"),
    *("sqrt", "rsqrt", "exp", "log", "log1p", "sin", "cos", "erf", "erf_inv"),
}
"""Primitives that treat each cell for itself."""


class UnsuitedError(Exception):
    """Something is done to an array that cannot be done to a longer one."""


@dataclass(frozen=True)
class Draw:
    """What draws one array.

    Attributes:
      jaxpr: from the key and the numbers to a row of cells that begins with the array's.
      numbers: the scalars by which arrays differ that are drawn alike, as the width of the distribution.
      shape: of the array.
    """

    jaxpr: Any
    numbers: Sequence[jax.Array]
    shape: tuple[int, ...]

    def compiled(self) -> Callable[..., Sequence[jax.Array]]:
        """The program, compiled: a function of the key and the numbers."""
        return Part((), self.jaxpr.jaxpr, self.jaxpr.consts).compiled()

    def cut(self, row: jax.Array) -> Array:
        """The array, of the row that the program gives."""
        return np.asarray(row)[: prod(self.shape)].reshape(self.shape).copy()


def draw_of(part: Part, key: Any) -> Draw:
    """What draws the one result of a part of a constructor.

    Args:
      part: gives one array, and reads the key at most.
      key: a key, or its shape and type.

    Raises:
      UnsuitedError: where a longer array would not begin with the same cells, or would be very long.
    """
    (result,) = part.jaxpr.outvars
    shape = result.aval.shape
    if part.consts or not shape or prod(shape) > LENGTHS[-1] or not jax.config.jax_threefry_partitionable:  # type: ignore[attr-defined]
        raise UnsuitedError
    known, late = _known(part.jaxpr)
    needed = {id(atom) for equation in late for atom in equation.invars} & known.keys()
    numbers = {name: known[name] for name in known if name in needed}
    names, row = list(numbers), _Row(shape)

    def run(key: Any, numbers: Sequence[Any]) -> Any:
        held = dict(zip(names, numbers, strict=True)) | {id(var): key for var in part.jaxpr.invars}
        row.follow(late, held)
        return held[id(result)]

    return Draw(jax.make_jaxpr(run)(key, [*numbers.values()]), [*numbers.values()], shape)


def _known(jaxpr: Any) -> tuple[dict[int, jax.Array], list[Any]]:
    """The scalars that do not depend on the key, by the identity of what names them; and the equations that are left.

    Initialisers compute them one by one too, before they draw.
    """
    known: dict[int, jax.Array] = {}
    late = []
    for equation in jaxpr.eqns:
        known |= {id(a): _number(a) for a in equation.invars if isinstance(a, Literal)}
        if all(id(a) in known for a in equation.invars) and not any(var.aval.shape for var in equation.outvars):
            results = _done(equation, [known[id(a)] for a in equation.invars])
            known |= {id(var): value for var, value in zip(equation.outvars, results, strict=True)}
        else:
            late.append(equation)
    return known, late


def _number(literal: Any) -> jax.Array:
    return jnp.asarray(literal.val, literal.aval.dtype)


class _Row:
    """Follows equations with a row of cells in the place of arrays of one shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._length = next(size for size in LENGTHS if size >= prod(shape))

    def follow(self, equations: Sequence[Any], held: dict[int, Any]) -> None:
        """Compute equations; what they read is in ``held`` by its name's identity, and so is what comes of them."""
        for equation in equations:
            given = [a.val if isinstance(a, Literal) and id(a) not in held else held[id(a)] for a in equation.invars]
            held |= {id(var): value for var, value in zip(equation.outvars, self._next(equation, given), strict=True)}

    def _next(self, equation: Any, given: list[Any]) -> Sequence[Any]:
        name, params = equation.primitive.name, equation.params
        shapes = {var.aval.shape for var in equation.outvars}
        if name == "jit":
            inner = params["jaxpr"]
            if inner.consts:
                raise UnsuitedError
            held = {id(var): value for var, value in zip(inner.jaxpr.invars, given, strict=True)}
            self.follow(inner.jaxpr.eqns, held)
            return [a.val if isinstance(a, Literal) else held[id(a)] for a in inner.jaxpr.outvars]
        if not any(shapes):
            return _done(equation, given)
        if any(shape != self._shape and prod(shape) != 1 for shape in shapes):
            raise UnsuitedError
        alike = self._shape in shapes
        if name == "random_bits" and alike:
            return [equation.primitive.bind(*given, **{**params, "shape": (self._length,)})]
        if name == "broadcast_in_dim" and jnp.size(given[0]) == 1:
            return [jnp.broadcast_to(jnp.reshape(given[0], ()), (self._length if alike else 1,))]
        if name in CELLWISE:
            return _done(equation, given)
        raise UnsuitedError


def _done(equation: Any, given: Sequence[Any]) -> Sequence[Any]:
    results = equation.primitive.bind(*given, **equation.params)
    return results if equation.primitive.multiple_results else [results]
