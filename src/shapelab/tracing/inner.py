"""Equations that hold a jaxpr: how their operands and results map to those of the jaxpr inside."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax.numpy as jnp

from shapelab.geometry import ReceptiveField
from shapelab.tracing.axes import AxisNames, Dim, Value
from shapelab.tracing.frames import defined_in_library
from shapelab.tracing.scopes import ModuleFacts, is_flax

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
_LAYOUT_OPS = {"reshape", "squeeze", "expand_dims", "broadcast", "transpose", "convert_element_type"}


@dataclass(frozen=True)
class Body:
    """The jaxpr inside an equation.

    Attributes:
      name: the traced function's name.
      jaxpr: the open jaxpr.
      transparent: its equations are stages of their own; otherwise they are one stage together.
      length: how often it runs: a scan's number of steps.
    """

    name: str
    jaxpr: Any
    transparent: bool
    length: int = 1

    def arguments(self, values: Sequence[Value]) -> list[Value]:
        """The values as the inside sees them: a scan takes one slice of what it scans over."""
        return [
            value if value.shape == tuple(var.aval.shape) else _without_first_axis(value)
            for var, value in zip(self.jaxpr.invars, values, strict=True)
        ]

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
        return Body(name.strip("_"), jaxpr, not defined_in_library(jaxpr))
    if primitive == "scan":
        return Body("scan", eqn.params["jaxpr"].jaxpr, True, eqn.params["length"])
    return None


def op_name(ops: Sequence[str], callee: str) -> str:
    """What to call a stage: its one operation, or the library function that made them all."""
    if len(ops) == 1:
        return ops[0]
    telling = [op for op in ops if op not in _LAYOUT_OPS]
    if len(telling) == 1:
        return telling[0]
    return callee.strip("_") or Counter(telling or ops).most_common(1)[0][0]


def snake_case(name: str) -> str:
    """``SpectralNorm`` -> ``spectral_norm``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@lru_cache(maxsize=1024)
def file_of(cls: type) -> str:
    """The file in which a class is defined, or ""."""
    try:
        return inspect.getfile(cls)
    except (TypeError, OSError):
        return ""


def of_flax(facts: ModuleFacts) -> bool:
    """Whether a module is one of flax's containers, whose own lines count as the caller's."""
    return is_flax(facts.cls)


def itemsize(dtype: str) -> int:
    """Bytes of one element; keys and other extended types count as 0."""
    try:
        return int(jnp.dtype(dtype).itemsize)
    except TypeError:
        return 0


def _without_first_axis(value: Value) -> Value:
    return replace(value, shape=value.shape[1:], dims=value.dims[1:], shown=None)
