"""The general basic block: the plain one where nothing changes shape, and the definition by hand elsewhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from shapelab.modules.resnet_block import BasicBlock
from shapelab.modules.resnet_variants import ResidualBlock


def image(*shape):
    return jax.random.normal(jax.random.key(7), shape)


@pytest.mark.parametrize("evaluate", [False, True])
def test_where_nothing_changes_shape_it_is_the_plain_block_to_the_bit(evaluate):
    x = image(6, 5, 4)
    plain, general = BasicBlock(4, rngs=nnx.Rngs(3)), ResidualBlock(4, 4, rngs=nnx.Rngs(3))
    np.testing.assert_array_equal(plain(x, evaluate), general(x, evaluate))
    for one, other in zip(jax.tree.leaves(nnx.state(plain)), jax.tree.leaves(nnx.state(general)), strict=True):
        np.testing.assert_array_equal(one, other)


def normalised(y):
    return (y - y.mean((0, 1))) / np.sqrt(y.var((0, 1)) + 1e-5)


def convolved(x, conv, stride):
    """A convolution of one image, tap by tap, SAME as its definition has it."""
    kernel = np.asarray(conv.kernel[...])
    k = kernel.shape[0]
    out = -(-x.shape[0] // stride), -(-x.shape[1] // stride)
    total = [max((o - 1) * stride + k - n, 0) for o, n in zip(out, x.shape, strict=False)]
    padded = np.pad(x, [*((t // 2, t - t // 2) for t in total), (0, 0)])
    y = np.zeros((*out, kernel.shape[-1]))
    for i, j in np.ndindex(*out):
        window = padded[i * stride : i * stride + k, j * stride : j * stride + k]
        y[i, j] = np.einsum("hwi,hwio->o", window, kernel)
    return y


@pytest.mark.parametrize(("strides", "features"), [(2, 6), (1, 6), (3, 4), (2, 4)])
def test_the_projection_brings_the_input_into_the_shape_of_the_sum(strides, features):
    x = image(7, 6, 4)
    block = ResidualBlock(4, features, strides, projection=True, rngs=nnx.Rngs(0))
    y = block(x)
    assert y.shape == (-(-7 // strides), -(-6 // strides), features)
    inner = np.maximum(normalised(convolved(np.asarray(x, np.float64), block.conv1, strides)), 0)
    main = normalised(convolved(inner, block.conv2, 1))
    shortcut = normalised(convolved(np.asarray(x, np.float64), block.conv3, strides))
    np.testing.assert_allclose(y, np.maximum(main + shortcut, 0), atol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [{"features": 4, "strides": 2}, {"features": 6}, {"features": 4, "padding": "VALID"}],
    ids=["stride", "features", "VALID"],
)
def test_without_a_projection_what_changes_shape_cannot_be_added(settings):
    with pytest.raises(TypeError, match="shapes"):
        ResidualBlock(4, **settings, rngs=nnx.Rngs(0))(jnp.ones((8, 8, 4)))
