"""A level of a diffusion U-Net: GroupNorm, a time embedding added in, spatial attention, nearest upsampling.

The convolutions standardise their weights (Qiao et al. 2019): arithmetic on a parameter before the layer reads it.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array


def sinusoidal(time, dim):
    frequencies = jnp.exp(-jnp.log(10_000.0) * jnp.arange(dim // 2) / (dim // 2))
    angles = time[:, None] * frequencies
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)


class StandardisedConv(nnx.Module):
    def __init__(self, cin, cout, *, rngs):
        self.kernel = nnx.Param(nnx.initializers.lecun_normal()(rngs.params(), (3, 3, cin, cout)))
        self.bias = nnx.Param(jnp.zeros(cout))

    def __call__(self, x):
        kernel = self.kernel - jnp.mean(self.kernel[...], axis=(0, 1, 2))
        kernel = kernel / jnp.sqrt(jnp.var(self.kernel[...], axis=(0, 1, 2)) + 1e-5)
        y = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return y + self.bias


class ResBlock(nnx.Module):
    def __init__(self, cin, cout, time, *, rngs):
        self.norm1, self.conv1 = nnx.GroupNorm(cin, 4, rngs=rngs), StandardisedConv(cin, cout, rngs=rngs)
        self.time = nnx.Linear(time, cout, rngs=rngs)
        self.norm2, self.conv2 = nnx.GroupNorm(cout, 4, rngs=rngs), StandardisedConv(cout, cout, rngs=rngs)
        self.skip = nnx.Conv(cin, cout, (1, 1), rngs=rngs)

    def __call__(self, x, embedding):
        y = self.conv1(nnx.swish(self.norm1(x)))
        y = y + self.time(nnx.swish(embedding))[:, None, None, :]
        return self.skip(x) + self.conv2(nnx.swish(self.norm2(y)))


class SpatialAttention(nnx.Module):
    def __init__(self, dim, *, rngs):
        self.norm = nnx.GroupNorm(dim, 4, rngs=rngs)
        self.qkv = nnx.Linear(dim, 3 * dim, rngs=rngs)
        self.out = nnx.Linear(dim, dim, rngs=rngs)

    def __call__(self, x):
        n, h, w, c = x.shape
        q, k, v = jnp.split(self.qkv(self.norm(x)).reshape(n, h * w, 3 * c), 3, axis=-1)
        weights = nnx.softmax(q @ k.mT / jnp.sqrt(c))
        return x + self.out((weights @ v).reshape(n, h, w, c))


class DiffusionLevel(nnx.Module):
    def __init__(self, channels=3, dim=8, *, rngs):
        self.time = nnx.Sequential(
            nnx.Linear(dim, 4 * dim, rngs=rngs), nnx.swish, nnx.Linear(4 * dim, 4 * dim, rngs=rngs)
        )
        self.into = nnx.Conv(channels, dim, (3, 3), rngs=rngs)
        self.down = nnx.Conv(dim, dim, (3, 3), strides=2, padding=((0, 1), (0, 1)), rngs=rngs)
        self.middle = ResBlock(dim, 2 * dim, 4 * dim, rngs=rngs)
        self.attention = SpatialAttention(2 * dim, rngs=rngs)
        self.up = nnx.Conv(2 * dim, dim, (3, 3), rngs=rngs)
        self.out = nnx.Conv(2 * dim, channels, (3, 3), rngs=rngs)
        self.dim = dim

    def __call__(self, noisy, time):
        embedding = self.time(sinusoidal(time, self.dim))
        skip = self.into(noisy)
        x = self.attention(self.middle(self.down(skip), embedding))
        x = self.up(x.repeat(2, axis=1).repeat(2, axis=2))
        return self.out(jnp.concatenate([x, skip], axis=-1))


SPECIMEN = Specimen(abstract(lambda rngs: DiffusionLevel(rngs=rngs)), (array(2, 16, 16, 3), array(2, dtype=jnp.int32)))
