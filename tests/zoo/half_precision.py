"""bfloat16 throughout, parameters in float32, and a block compiled for itself with ``nnx.jit``."""

import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array


class Squeeze(nnx.Module):
    """Squeeze and excitation. Hu et al. 2017."""

    def __init__(self, channels, dtype, *, rngs):
        self.down = nnx.Linear(channels, channels // 4, dtype=dtype, rngs=rngs)
        self.up = nnx.Linear(channels // 4, channels, dtype=dtype, rngs=rngs)

    @nnx.jit
    def __call__(self, x):
        gates = nnx.hard_sigmoid(self.up(nnx.relu(self.down(x.mean(axis=(-3, -2), keepdims=True)))))
        return x * gates


class HalfPrecision(nnx.Module):
    def __init__(self, dtype=jnp.bfloat16, *, rngs):
        self.conv = nnx.Conv(3, 16, (3, 3), strides=2, dtype=dtype, rngs=rngs)
        self.norm = nnx.LayerNorm(16, dtype=dtype, rngs=rngs)
        self.squeeze = Squeeze(16, dtype, rngs=rngs)
        self.head = nnx.Conv(16, 4, (1, 1), dtype=dtype, rngs=rngs)

    def __call__(self, x):
        return self.head(self.squeeze(nnx.hard_swish(self.norm(self.conv(x)))))


SPECIMEN = Specimen(abstract(lambda rngs: HalfPrecision(rngs=rngs)), (array(2, 10, 13, 3, dtype=jnp.bfloat16),))
