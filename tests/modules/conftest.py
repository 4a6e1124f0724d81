"""What the tests of the modules share: parameters that nothing else can be mistaken for."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx


def _randomised(make: Callable[[], Any], seed: int) -> Any:
    rng = np.random.default_rng(seed)
    split: Any = nnx.split(nnx.eval_shape(make), nnx.Param, ...)
    graphdef, parameters, statistics = split
    parameters = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, 0.5, leaf.shape), leaf.dtype), parameters)
    statistics = jax.tree.map(lambda leaf: jnp.asarray(rng.uniform(0.5, 2, leaf.shape), leaf.dtype), statistics)
    return nnx.merge(graphdef, parameters, statistics)


def _layers_of(module: nnx.Module) -> dict[str, dict[str, Any]]:
    layers: dict[str, dict[str, Any]] = {}
    for path, variable in nnx.to_flat_state(nnx.state(module, nnx.Any(nnx.Param, nnx.BatchStat))):
        layer, name = ".".join(map(str, path[:-1])), str(path[-1])
        layers.setdefault(layer, {})[name] = np.asarray(variable[...])
    return layers


@pytest.fixture(scope="session")
def randomised() -> Callable[[Callable[[], Any], int], Any]:
    """Return a function that builds a module and draws every parameter and statistic anew.

    Fresh biases are zeros and fresh scales are ones: a module that left them out would go unnoticed.
    Nothing is compiled for it.
    """
    return _randomised


@pytest.fixture(scope="session")
def layers_of() -> Callable[[nnx.Module], dict[str, dict[str, Any]]]:
    """Return a function that reads a module: {"enc1.bn": {"scale": ..., "bias": ..., "mean": ...}}."""
    return _layers_of
