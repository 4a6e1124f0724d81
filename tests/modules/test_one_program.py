"""One compiled program for a module: when it is compiled, and when it steps aside."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from shapelab.modules.conv1d import MyConv1D, conv1d_forward
from shapelab.modules.conv2d_linen import conv2d_linen_forward
from shapelab.modules.one_program import one_program


def test_another_seed_compiles_nothing_and_another_size_does() -> None:
    traced = []

    @one_program
    def draw(key: jax.Array, x: jax.Array, features: int) -> jax.Array:
        traced.append(features)
        return x.sum() + jax.random.normal(key, (features,))

    first, second = draw(jax.random.key(0), jnp.ones(3), 4), draw(jax.random.key(1), jnp.ones(3), 4)
    assert traced == [4]
    assert not np.allclose(first, second)
    assert draw(jax.random.key(0), jnp.ones(3), 5).shape == (5,)
    assert traced == [4, 5]


def test_a_forward_works_inside_the_programs_of_others() -> None:
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, 3)), jnp.float32)
    each = [conv1d_forward(0, example, 2, 3) for example in x]
    np.testing.assert_allclose(jax.jit(lambda x: conv1d_forward(0, x, 2, 3))(x[0]), each[0], rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(lambda x: conv1d_forward(0, x, 2, 3))(x), each, rtol=1e-5, atol=1e-6)
    constant = x[0]  # only the key of the seed is traced here
    np.testing.assert_allclose(jax.jit(lambda: conv1d_forward(0, constant, 2, 3))(), each[0], rtol=1e-5)
    assert jax.eval_shape(lambda x: conv2d_linen_forward(0, x, 4, 3, 3, 1), x).shape == (2 * 5 * 4,)


def test_a_forward_has_the_gradient_of_its_module() -> None:
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)), jnp.float32)
    conv = MyConv1D(3, 2, 3, rngs=nnx.Rngs(0))
    gradient = jax.grad(lambda x: conv1d_forward(0, x, 2, 3).sum())(x)
    taps = np.asarray(conv.kernel[...]).sum(axis=2)  # every tap that reads a cell adds to its gradient
    inner = taps.sum(axis=0)
    expected = np.stack([inner - taps[2], inner, inner, inner, inner - taps[0]])
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)
