"""Constructors without their random numbers, for who wants shapes alone. Importing this file imports jax.

More than half of what it takes to trace a constructor goes into the equations by which JAX draws random numbers, anew
for each shape of an array.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
from jax.nn.initializers import variance_scaling

DRAWS = ("normal", "truncated_normal", "uniform")
_random = variance_scaling.__globals__["random"]  # where initialisers look for what draws


@contextmanager
def undrawn() -> Iterator[None]:
    """Let initialisers give zeros of the same shape and type meanwhile. For a process with a single thread."""
    kept = {name: getattr(_random, name) for name in DRAWS}
    for name, draw in kept.items():
        setattr(_random, name, _zeros_like(draw))
    try:
        yield
    finally:
        for name, draw in kept.items():
            setattr(_random, name, draw)


def _zeros_like(draw: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(draw)

    def zeros(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        return jax.lax.full(given.arguments["shape"], 0.0, given.arguments["dtype"])

    return zeros
