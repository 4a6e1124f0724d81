"""What every file of the zoo exports: how to build its module, and what to call it with."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from shapelab import trace


def array(*shape, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


@dataclass(frozen=True)
class Specimen:
    """A module, made without allocating anything, and the shapes that one call of it is given."""

    module: Callable[[], Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    called_by_flax: frozenset[str] = frozenset()  # stages that no line of the module's own file calls


def abstract(build):
    """Return what makes an nnx module of shapes alone."""
    return lambda: nnx.eval_shape(lambda: build(nnx.Rngs(0)))


@cache
def specimen(name):
    """What a file of the zoo exports."""
    return importlib.import_module(f"zoo.{name}").SPECIMEN


@cache
def traced(name):
    """The trace of a specimen's one call; made once, whoever asks."""
    made = specimen(name)
    return trace(made.module(), *made.args, **made.kwargs)
