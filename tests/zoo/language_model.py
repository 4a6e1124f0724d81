"""A causal language model: rotary positions made once, einsum attention, logits from the tied embedding."""

import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array


def rotary_tables(length, dim):
    """Cosine and sine, computed once and read by every layer."""
    angles = jnp.arange(length)[:, None] * 10_000.0 ** (-jnp.arange(0, dim, 2) / dim)
    return jnp.cos(angles), jnp.sin(angles)


def rotate(x, cos, sin):
    first, second = x[..., ::2], x[..., 1::2]
    turned = jnp.stack([first * cos - second * sin, first * sin + second * cos], axis=-1)
    return turned.reshape(x.shape)


class CausalAttention(nnx.Module):
    def __init__(self, dim, heads, *, rngs):
        self.heads = heads
        self.qkv = nnx.LinearGeneral(dim, (3, heads, dim // heads), use_bias=False, rngs=rngs)
        self.out = nnx.LinearGeneral((heads, dim // heads), dim, axis=(-2, -1), use_bias=False, rngs=rngs)

    def __call__(self, x, tables):
        q, k, v = self.qkv(x).transpose(2, 0, 3, 1, 4)
        q, k = rotate(q, *tables), rotate(k, *tables)
        scores = jnp.einsum("bhqd,bhkd->bhqk", q, k) / q.shape[-1] ** 0.5
        mask = jnp.tril(jnp.ones(scores.shape[-2:], bool))
        weights = nnx.softmax(jnp.where(mask, scores, -jnp.inf), axis=-1)
        return self.out(jnp.einsum("bhqk,bhkd->bqhd", weights, v))


class DecoderBlock(nnx.Module):
    def __init__(self, dim, heads, *, rngs):
        self.norm1, self.norm2 = nnx.RMSNorm(dim, rngs=rngs), nnx.RMSNorm(dim, rngs=rngs)
        self.attention = CausalAttention(dim, heads, rngs=rngs)
        self.gate, self.value = (nnx.Linear(dim, 2 * dim, use_bias=False, rngs=rngs) for _ in range(2))
        self.out = nnx.Linear(2 * dim, dim, use_bias=False, rngs=rngs)

    def __call__(self, x, tables):
        x = x + self.attention(self.norm1(x), tables)
        y = self.norm2(x)
        return x + self.out(nnx.silu(self.gate(y)) * self.value(y))


class LanguageModel(nnx.Module):
    def __init__(self, vocabulary=50, dim=16, heads=2, depth=3, *, rngs):
        self.embed = nnx.Embed(vocabulary, dim, rngs=rngs)
        self.blocks = nnx.data([DecoderBlock(dim, heads, rngs=rngs) for _ in range(depth)])
        self.norm = nnx.RMSNorm(dim, rngs=rngs)
        self.head_dim = dim // heads

    def __call__(self, tokens):
        x = self.embed(tokens)
        tables = rotary_tables(tokens.shape[-1], self.head_dim)
        for block in self.blocks:
            x = block(x, tables)
        return self.embed.attend(self.norm(x))


SPECIMEN = Specimen(abstract(lambda rngs: LanguageModel(rngs=rngs)), (array(2, 12, dtype=jnp.int32),))
