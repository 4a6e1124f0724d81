"""Equations that hold a jaxpr: how their operands and results map to those of the jaxpr inside."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax.numpy as jnp

from shapelab.geometry import ReceptiveField
from shapelab.tracing.axes import AxisNames, Dim, Value
from shapelab.tracing.frames import defined_in_library
from shapelab.tracing.scopes import is_flax

IDENTITY = ReceptiveField.identity()

_CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_lin": "call_jaxpr",
    "checkpoint": "jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
}
LAYOUT_PRIMITIVES = {"reshape", "squeeze", "broadcast_in_dim", "transpose", "convert_element_type"}
_LAYOUT_OPS = {"reshape", "squeeze", "expand_dims", "broadcast", "transpose", "convert_element_type"}
# Named by what the caller wrote rather than by the primitive: matmul or einsum, sigmoid, take, stack, …
_VAGUE = {
    "matmul",
    "logistic",
    "gather",
    "scatter",
    "scatter_add",
    "concatenate",
    "convert_element_type",
    "where",
    "rev",
}
_CONTROL = {"cond", "switch", "while_loop", "fori_loop", "scan", "vmap"}  # what they do beside their bodies
RESIZES = ("resize", "scale_and_translate")  # the programs of jax.image
SLIDING_OPS = {"conv", "conv_transpose", "max_pool", "min_pool", "sum_pool", "reduce_window"}


@dataclass(frozen=True)
class Body:
    """The jaxpr inside an equation.

    Attributes:
      name: the traced function's name.
      jaxpr: the open jaxpr.
      transparent: its equations are stages of their own; otherwise they are one stage together.
      length: how often it runs: a scan's number of steps.
      loops: whether one turn's results are the next one's inputs.
    """

    name: str
    jaxpr: Any
    transparent: bool
    length: int = 1
    loops: bool = False

    def arguments(self, values: Sequence[Value]) -> list[Value]:
        """The values as the inside sees them: a scan takes one slice of what it scans over."""
        return [
            value if value.shape == tuple(var.aval.shape) else _without_first_axis(value)
            for var, value in zip(self.jaxpr.invars, values, strict=True)
        ]

    def called(self, callee: str) -> str:
        """What the caller called: the function, or the library's public one around a private one."""
        return callee if self.name.startswith("_") and callee and not callee.startswith("_") else self.name.strip("_")

    def carries(self, eqn: Any) -> list[tuple[int, int]]:
        """For a scan, the places of each carry: among the inputs of the body and among its results.

        Told by rank: what is scanned over has an axis more outside, and so has what is stacked.
        """
        results = [len(o.aval.shape) == len(i.aval.shape) for o, i in zip(eqn.outvars, self.jaxpr.outvars, strict=True)]
        inputs = [len(o.aval.shape) == len(i.aval.shape) for o, i in zip(eqn.invars, self.jaxpr.invars, strict=True)]
        count = results.index(False) if False in results else len(results)
        held = inputs.index(False) if False in inputs else len(inputs)
        return [(held - count + k, k) for k in range(count)]

    def results(self, values: Sequence[Value], eqn: Any, names: AxisNames) -> list[Value]:
        """The values as the outside sees them: a scan stacks what it gives at each step."""
        return [
            value
            if value.shape == tuple(var.aval.shape)
            else replace(value, shape=tuple(var.aval.shape), dims=(Dim(names.new()), *value.dims), shown=None)
            for var, value in zip(eqn.outvars, values, strict=True)
        ]


def body_of(eqn: Any) -> Body | None:
    """The jaxpr inside an equation, or None for a primitive that computes by itself."""
    primitive = eqn.primitive.name
    if primitive in _CALLS:
        held = eqn.params[_CALLS[primitive]]
        jaxpr = getattr(held, "jaxpr", held)
        name = str(eqn.params.get("name") or str(jaxpr.debug_info.func_src_info).partition(" ")[0])
        return Body(name, jaxpr, not defined_in_library(jaxpr))
    if primitive == "scan":
        return Body("scan", eqn.params["jaxpr"].jaxpr, True, int(eqn.params["length"]), loops=True)
    return None


def op_name(ops: Sequence[str], callee: str) -> str:
    """What to call a stage: what slides in it, its one operation, or the library function that made them all."""
    callee = callee.removeprefix("_").removeprefix("operator_")
    public = "" if callee.startswith("_") or callee in _CONTROL else callee
    sliding = [op for op in ops if op in SLIDING_OPS]
    if sliding:
        return public if public.endswith("_pool") else sliding[0]
    telling = [op for op in ops if op not in _LAYOUT_OPS] if len(ops) > 1 else list(ops)
    if len(telling) == 1 and telling[0] not in _VAGUE:
        return telling[0]
    return public or Counter(telling or ops).most_common(1)[0][0]


@lru_cache(maxsize=1024)
def flax_file(cls: type) -> str:
    """The file of flax in which a class's call is defined, whose lines then count as the caller's; or ""."""
    for base in cls.__mro__:
        if "__call__" in vars(base):
            return inspect.getfile(base) if is_flax(base) else ""
    return ""


def itemsize(dtype: str) -> int:
    """Bytes of one element; keys and other extended types count as 0."""
    try:
        return int(jnp.dtype(dtype).itemsize)
    except TypeError:
        return 0


def _without_first_axis(value: Value) -> Value:
    return replace(value, shape=value.shape[1:], dims=value.dims[1:], shown=None)
