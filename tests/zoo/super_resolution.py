"""ESPCN: three convolutions, then depth to space by reshape and transpose, then one more. Shi et al. 2016."""

import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array


def pixel_shuffle(x, factor):
    n, h, w, c = x.shape
    x = x.reshape(n, h, w, factor, factor, c // factor**2)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(n, h * factor, w * factor, -1)


class SuperResolution(nnx.Module):
    def __init__(self, factor=3, *, rngs):
        self.factor = factor
        self.conv1 = nnx.Conv(1, 64, (5, 5), rngs=rngs)
        self.conv2 = nnx.Conv(64, 32, (3, 3), rngs=rngs)
        self.conv3 = nnx.Conv(32, factor**2, (3, 3), rngs=rngs)
        self.smooth = nnx.Conv(1, 1, (3, 3), rngs=rngs)

    def __call__(self, x):
        x = jnp.tanh(self.conv1(x))
        x = jnp.tanh(self.conv2(x))
        return self.smooth(pixel_shuffle(self.conv3(x), self.factor))


SPECIMEN = Specimen(abstract(lambda rngs: SuperResolution(rngs=rngs)), (array(2, 12, 10, 1),))
