"""ViT-B/16 with a class token and flax's own attention layer. Dosovitskiy et al. 2020."""

import jax
import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array


class Mlp(nnx.Module):
    def __init__(self, dim, hidden, *, rngs):
        self.fc1 = nnx.Linear(dim, hidden, rngs=rngs)
        self.fc2 = nnx.Linear(hidden, dim, rngs=rngs)

    def __call__(self, x):
        return self.fc2(jax.nn.gelu(self.fc1(x), approximate=False))


class EncoderBlock(nnx.Module):
    def __init__(self, dim, heads, *, rngs):
        self.norm1 = nnx.LayerNorm(dim, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(heads, dim, decode=False, rngs=rngs)
        self.norm2 = nnx.LayerNorm(dim, rngs=rngs)
        self.mlp = Mlp(dim, 4 * dim, rngs=rngs)

    def __call__(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nnx.Module):
    def __init__(self, size=224, patch=16, dim=768, depth=12, heads=12, classes=1000, *, rngs):
        self.patch = nnx.Conv(3, dim, (patch, patch), strides=(patch, patch), padding="VALID", rngs=rngs)
        self.cls = nnx.Param(jnp.zeros((1, 1, dim)))
        self.position = nnx.Param(nnx.initializers.normal(0.02)(rngs.params(), (1, (size // patch) ** 2 + 1, dim)))
        self.blocks = nnx.List([EncoderBlock(dim, heads, rngs=rngs) for _ in range(depth)])
        self.norm = nnx.LayerNorm(dim, rngs=rngs)
        self.head = nnx.Linear(dim, classes, rngs=rngs)

    def __call__(self, images):
        x = self.patch(images)
        n, h, w, c = x.shape
        x = x.reshape(n, h * w, c)
        x = jnp.concatenate([jnp.broadcast_to(self.cls[...], (n, 1, c)), x], axis=1) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


SPECIMEN = Specimen(abstract(lambda rngs: ViT(rngs=rngs)), (array(2, 224, 224, 3),))
