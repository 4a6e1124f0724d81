"""What the tests of the tracer share: modules filled with numbers, nothing compiled for it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx


def _filled(make: Callable[[], Any], seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    graphdef, state = nnx.split(nnx.eval_shape(make))
    return nnx.merge(
        graphdef, jax.tree.map(lambda leaf: jnp.asarray(rng.uniform(0.1, 0.9, leaf.shape), leaf.dtype), state)
    )


@pytest.fixture(scope="session")
def filled() -> Callable[..., Any]:
    """Return a function that builds a module and draws every array of it anew."""
    return _filled
