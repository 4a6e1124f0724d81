"""An MLP-Mixer: patches by reshape, mixing over tokens by ``swapaxes``. Tolstikhin et al. 2021."""

import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array


def mlp(dim, hidden, rngs):
    return nnx.Sequential(nnx.Linear(dim, hidden, rngs=rngs), nnx.gelu, nnx.Linear(hidden, dim, rngs=rngs))


class MixerBlock(nnx.Module):
    def __init__(self, tokens, channels, *, rngs):
        self.norm1, self.norm2 = (nnx.LayerNorm(channels, rngs=rngs) for _ in range(2))
        self.tokens = mlp(tokens, 2 * tokens, rngs)
        self.channels = mlp(channels, 4 * channels, rngs)

    def __call__(self, x):
        x = x + jnp.swapaxes(self.tokens(jnp.swapaxes(self.norm1(x), -1, -2)), -1, -2)
        return x + self.channels(self.norm2(x))


class Mixer(nnx.Module):
    def __init__(self, *, patch=4, side=4, dim=20, depth=3, rngs):
        self.patch = patch
        self.embed = nnx.Linear(3 * patch**2, dim, rngs=rngs)
        self.blocks = nnx.Sequential(*[MixerBlock(side**2, dim, rngs=rngs) for _ in range(depth)])
        self.head = nnx.Linear(dim, 10, rngs=rngs)

    def __call__(self, images):
        n, h, w, c = images.shape
        p = self.patch
        x = images.reshape(n, h // p, p, w // p, p, c).swapaxes(2, 3).reshape(n, -1, p * p * c)
        return self.head(self.blocks(self.embed(x)).mean(1))


SPECIMEN = Specimen(abstract(lambda rngs: Mixer(rngs=rngs)), (array(2, 16, 16, 3),))
