"""What the running program does along one axis: its padding, and the input cell under each tap."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx
from jax import lax

Taps = list[list[tuple[int, ...]]]
"""For each output cell and each tap, the input cells that the tap meets: none or one."""

Cells = tuple[int, ...]


def equations(jaxpr: Any, primitive: str) -> list[Any]:
    """Every equation of a primitive, also inside the programs that others hold."""
    found = []
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == primitive:
            found.append(eqn)
        for value in eqn.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                found += equations(inner, primitive)
    return found


def resolved(call: Callable[..., Any], *arguments: Any) -> Any:
    """The one convolution of a call, as the program holds it."""
    (eqn,) = equations(jax.make_jaxpr(call)(*arguments).jaxpr, "conv_general_dilated")
    return eqn


def convolution(
    kernel: Sequence[int],
    strides: Sequence[int],
    padding: Any,
    dilation: Sequence[int],
    base_dilation: Sequence[int] | None = None,
) -> Callable[[jax.Array], jax.Array]:
    """A convolution of (N, *spatial, 1) whose tap number t weighs ``2**t`` (in row-major order of the taps).

    From 24 taps on, more than float32 can tell apart, every tap weighs 1.
    """
    count = math.prod(kernel)
    taps = (2.0 ** np.arange(count) if count < 24 else np.ones(count)).reshape(*kernel, 1, 1)
    letters = "HW"[: len(kernel)]
    numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    return lambda x: lax.conv_general_dilated(
        x,
        jnp.asarray(taps, jnp.float32),
        tuple(strides),
        padding,
        lhs_dilation=None if base_dilation is None else tuple(base_dilation),
        rhs_dilation=tuple(dilation),
        dimension_numbers=numbers,
    )


def flax_layer(make: Callable[[], nnx.Module]) -> nnx.Module:
    """A layer of one input and one output channel whose tap number t weighs ``2**t``, its bias 0."""
    graphdef, state = nnx.split(nnx.eval_shape(make))

    def fill(leaf: jax.ShapeDtypeStruct) -> jax.Array:
        if len(leaf.shape) == 1:
            return jnp.zeros(leaf.shape, leaf.dtype)
        return jnp.asarray(2.0 ** np.arange(np.prod(leaf.shape)).reshape(leaf.shape), leaf.dtype)

    return nnx.merge(graphdef, jax.tree.map(fill, state))


def impulses(size: int) -> jax.Array:
    """A batch of one-hot sequences, one for each cell: (size, size, 1)."""
    return jnp.eye(size, dtype=jnp.float32)[..., None]


def taps_of(layer: Callable[[jax.Array], jax.Array], input_size: int, kernel_size: int) -> Taps:
    """Run a layer of ``2**t`` weights on an impulse at each cell, and read off which cells each tap met.

    Every sum of different powers of two tells its terms, so the answer is exact.
    """
    answers = _answers(layer, input_size).astype(np.int64)
    return [
        [tuple(int(cell) for cell in np.flatnonzero(column >> tap & 1)) for tap in range(kernel_size)]
        for column in answers.T
    ]


def support(layer: Callable[[jax.Array], jax.Array], input_size: int) -> list[Cells]:
    """For each output cell of a layer with positive weights, the input cells that change it."""
    answers = _answers(layer, input_size)
    return [tuple(int(cell) for cell in np.flatnonzero(column)) for column in answers.T]


def _answers(layer: Callable[[jax.Array], jax.Array], input_size: int) -> npt.NDArray[np.float32]:
    """The layer on an impulse at each cell, as one program compiled in a hurry: (input cell, output cell)."""
    run = jax.jit(lambda x: layer(x), compiler_options={"xla_backend_optimization_level": 0})
    return np.asarray(run(impulses(input_size)))[..., 0]
