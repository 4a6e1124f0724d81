"""A WaveNet: causal dilated convolutions, gates, residuals and summed skips. van den Oord et al. 2016."""

import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array

DILATIONS = (1, 2, 4, 8) * 2


class Gated(nnx.Module):
    def __init__(self, residual, skip, dilation, *, rngs):
        self.dilated = nnx.Conv(residual, 2 * residual, 2, padding="CAUSAL", kernel_dilation=dilation, rngs=rngs)
        self.to_skip = nnx.Conv(residual, skip, 1, rngs=rngs)
        self.to_residual = nnx.Conv(residual, residual, 1, rngs=rngs)

    def __call__(self, x):
        signal, gate = jnp.split(self.dilated(x), 2, axis=-1)
        y = nnx.tanh(signal) * nnx.sigmoid(gate)
        return x + self.to_residual(y), self.to_skip(y)


class WaveNet(nnx.Module):
    def __init__(self, levels=32, residual=16, skip=24, *, rngs):
        self.front = nnx.Conv(levels, residual, 2, padding="CAUSAL", rngs=rngs)
        self.stack = nnx.List([Gated(residual, skip, dilation, rngs=rngs) for dilation in DILATIONS])
        self.end = nnx.Conv(skip, levels, 1, rngs=rngs)

    def __call__(self, wave):
        x, total = self.front(wave), 0.0
        for layer in self.stack:
            x, skip = layer(x)
            total = total + skip
        return self.end(nnx.relu(total))


SPECIMEN = Specimen(abstract(lambda rngs: WaveNet(rngs=rngs)), (array(2, 100, 32),))
