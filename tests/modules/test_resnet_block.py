"""The residual block against its definition."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from oracles import numpy_reference as reference
from shapelab.modules.resnet_block import BasicBlock, resnet_basic_forward


def _input(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def _parameters(layers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    names = ("kernel", "scale", "bias")
    return {path: {name: layer[name] for name in names if name in layer} for path, layer in layers.items()}


@pytest.mark.parametrize("shape", [(5, 6, 3), (4, 4, 1), (1, 1, 2), (2, 5, 4, 3), (3, 1, 2, 1)], ids=str)
def test_the_block_is_the_definition(
    randomised: Callable[..., Any], layers_of: Callable[..., Any], shape: tuple[int, ...]
) -> None:
    block = randomised(lambda: BasicBlock(shape[-1], rngs=nnx.Rngs(0)), 1)
    x = _input(*shape)
    y = block(jnp.asarray(x))
    assert y.shape == shape
    batch = x if x.ndim == 4 else x[None]
    expected = reference.basic_block(batch, _parameters(layers_of(block))).reshape(shape)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_the_forward_is_the_definition_with_the_kernels_of_the_seed(layers_of: Callable[..., Any]) -> None:
    x = _input(6, 5, 3)
    block = BasicBlock(3, rngs=nnx.Rngs(4))
    expected = reference.basic_block(x[None], _parameters(layers_of(block)))
    flat = resnet_basic_forward(4, x, 3)
    assert isinstance(flat, jax.Array)
    assert flat.dtype == jnp.float32
    assert flat.shape == (6 * 5 * 3,)
    np.testing.assert_allclose(flat, expected.ravel(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(flat, block(jnp.asarray(x)).ravel(), rtol=1e-4, atol=1e-5)


def test_the_layers_draw_from_the_seed_in_the_order_conv1_bn1_conv2_bn2(
    layers_of: Callable[..., Any],
) -> None:
    layers = layers_of(BasicBlock(2, rngs=nnx.Rngs(5)))
    rngs = nnx.Rngs(5)
    keys = [rngs.params() for _ in range(8)]  # each layer takes two: kernel and bias, or scale and bias
    initializer = jax.nn.initializers.lecun_normal()
    for conv, key in (("conv1", keys[0]), ("conv2", keys[4])):
        np.testing.assert_array_equal(layers[conv]["kernel"], initializer(key, (3, 3, 2, 2)))
        np.testing.assert_array_equal(layers[conv]["bias"], np.zeros(2))
    for bn in ("bn1", "bn2"):
        np.testing.assert_array_equal(layers[bn]["scale"], np.ones(2))
        np.testing.assert_array_equal(layers[bn]["bias"], np.zeros(2))


def test_the_block_counts_its_parameters() -> None:
    block = nnx.eval_shape(lambda: BasicBlock(8, rngs=nnx.Rngs(0)))
    count = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(block, nnx.Param)))
    assert count == 2 * (3 * 3 * 8 * 8 + 8) + 2 * (8 + 8)


def test_the_running_statistics_move_a_hundredth_and_change_no_output(
    randomised: Callable[..., Any], layers_of: Callable[..., Any]
) -> None:
    block = randomised(lambda: BasicBlock(3, rngs=nnx.Rngs(0)), 2)
    before = layers_of(block)
    x = _input(5, 4, 3)
    first = block(jnp.asarray(x))
    after = layers_of(block)
    conv1 = reference.conv2d(x, before["conv1"]["kernel"], before["conv1"]["bias"], 1)
    mean, variance = reference.channel_statistics(conv1)
    np.testing.assert_allclose(after["bn1"]["mean"], 0.99 * before["bn1"]["mean"] + 0.01 * mean, rtol=1e-5)
    np.testing.assert_allclose(after["bn1"]["var"], 0.99 * before["bn1"]["var"] + 0.01 * variance, rtol=1e-5)
    assert not np.allclose(after["bn2"]["mean"], before["bn2"]["mean"], rtol=1e-4)
    assert not np.allclose(after["bn2"]["var"], before["bn2"]["var"], rtol=1e-4)
    for path, parameters in _parameters(before).items():
        for name, value in parameters.items():
            np.testing.assert_array_equal(after[path][name], value)
    np.testing.assert_array_equal(block(jnp.asarray(x)), first)


def test_numbers_may_be_floats_and_the_seed_decides_the_values() -> None:
    x = _input(4, 3, 2)
    first = resnet_basic_forward(0, x, 2)
    np.testing.assert_array_equal(resnet_basic_forward(0.0, x.tolist(), 2.0), first)
    assert not np.allclose(resnet_basic_forward(1, x, 2), first)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_the_class_leaves_other_channels_to_jax(channels: int) -> None:
    block = nnx.eval_shape(lambda: BasicBlock(3, rngs=nnx.Rngs(0)))
    x = np.zeros((5, 5, channels), np.float32)
    with pytest.raises(ValueError, match="feature dimension"):
        nnx.eval_shape(lambda block, x: block(x), block, x)
