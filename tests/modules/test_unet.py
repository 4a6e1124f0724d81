"""The U-Net against its definition, and what it says of sizes that cannot work."""

import functools
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oracles import numpy_reference as reference
from shapelab.errors import ShapeError
from shapelab.modules.checks import unet_size_error, unet_sizes_near
from shapelab.modules.unet import ConvBNReLU, UNet, max_pool_2x2, unet_forward

BASE_FEATURES = 2


def _input(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def _parameters(layers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    names = ("kernel", "scale", "bias")
    return {path: {name: layer[name] for name in names if name in layer} for path, layer in layers.items()}


@pytest.fixture(scope="module")
def fresh() -> UNet:
    """Return a U-Net built as a user would, one initial value at a time."""
    return UNet(3, BASE_FEATURES, rngs=nnx.Rngs(5))


@pytest.mark.parametrize("shape", [(4, 4, 3), (8, 12, 1), (16, 4, 2), (2, 8, 4, 3)], ids=str)
def test_the_network_is_the_definition(
    randomised: Callable[..., Any], layers_of: Callable[..., Any], shape: tuple[int, ...]
) -> None:
    unet = randomised(lambda: UNet(shape[-1], BASE_FEATURES, rngs=nnx.Rngs(0)), 1)
    x = _input(*shape)
    y = unet(jnp.asarray(x))
    assert y.shape == (*shape[:-1], BASE_FEATURES)
    batch = x if x.ndim == 4 else x[None]
    expected = reference.unet(batch, _parameters(layers_of(unet)))
    np.testing.assert_allclose(y, expected.reshape(y.shape), rtol=1e-3, atol=1e-4)


def test_the_forward_is_the_network_of_the_seed(fresh: UNet, layers_of: Callable[..., Any]) -> None:
    image = _input(8, 12, 3)
    flat = unet_forward(5, image, BASE_FEATURES)
    assert isinstance(flat, jax.Array)
    assert flat.dtype == jnp.float32
    assert flat.shape == (8 * 12 * BASE_FEATURES,)
    expected = reference.unet(image[None], _parameters(layers_of(fresh)))
    np.testing.assert_allclose(flat, expected.ravel(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(flat, fresh(jnp.asarray(image)).ravel(), rtol=1e-4, atol=1e-5)


def test_the_layers_draw_from_the_seed_in_the_order_of_the_network(fresh: UNet) -> None:
    f1, f2, f3 = BASE_FEATURES, 2 * BASE_FEATURES, 4 * BASE_FEATURES
    order: list[tuple[Any, tuple[int, ...]]] = [
        (fresh.enc1, (3, 3, 3, f1)),
        (fresh.enc2, (3, 3, f1, f2)),
        (fresh.bottom, (3, 3, f2, f3)),
        (fresh.up2, (2, 2, f3, f2)),
        (fresh.dec2, (3, 3, 2 * f2, f2)),
        (fresh.up1, (2, 2, f2, f1)),
        (fresh.dec1, (3, 3, 2 * f1, f1)),
    ]
    rngs = nnx.Rngs(5)
    for stage, shape in order:
        conv: Any = stage.conv if isinstance(stage, ConvBNReLU) else stage
        expected = jax.nn.initializers.lecun_normal()(rngs.params(), shape)
        np.testing.assert_array_equal(conv.kernel[...], expected)
        np.testing.assert_array_equal(conv.bias[...], np.zeros(shape[-1]))
        for _ in range(3 if isinstance(stage, ConvBNReLU) else 1):
            rngs.params()  # the bias, and the scale and bias of a normalisation


@pytest.mark.parametrize(("channels", "base_features", "count"), [(3, 8, 14_560), (1, 1, 262), (4, 16, 57_424)])
def test_the_network_counts_its_parameters(channels: int, base_features: int, count: int) -> None:
    unet = nnx.eval_shape(lambda: UNet(channels, base_features, rngs=nnx.Rngs(0)))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(unet, nnx.Param))) == count


def test_the_running_statistics_of_a_stage_move_a_hundredth_and_change_no_output(
    randomised: Callable[..., Any], layers_of: Callable[..., Any]
) -> None:
    stage = randomised(lambda: ConvBNReLU(3, 2, rngs=nnx.Rngs(0)), 3)
    before = layers_of(stage)
    x = _input(4, 6, 3)
    first = stage(jnp.asarray(x))
    after = layers_of(stage)
    mean, variance = reference.channel_statistics(reference.conv2d(x, **before["conv"], stride=1))
    np.testing.assert_allclose(after["bn"]["mean"], 0.99 * before["bn"]["mean"] + 0.01 * mean, rtol=1e-5)
    np.testing.assert_allclose(after["bn"]["var"], 0.99 * before["bn"]["var"] + 0.01 * variance, rtol=1e-5)
    np.testing.assert_array_equal(stage(jnp.asarray(x)), first)


@pytest.mark.parametrize("shape", [(4, 6, 2), (5, 7, 1), (3, 2, 3), (2, 5, 4, 2)], ids=str)
def test_the_pooling_keeps_the_largest_of_four_also_below_zero(shape: tuple[int, ...]) -> None:
    x = _input(*shape) - 10
    batch = x if x.ndim == 4 else x[None]
    expected = np.stack([reference.max_pool_2x2(image) for image in batch])
    np.testing.assert_array_equal(max_pool_2x2(jnp.asarray(x)), expected.reshape(*shape[:-3], *expected.shape[1:]))


def test_numbers_may_be_floats_and_the_seed_decides_the_values() -> None:
    image = _input(8, 12, 3)
    first = unet_forward(5, image, BASE_FEATURES)
    np.testing.assert_array_equal(unet_forward(5.0, image.tolist(), float(BASE_FEATURES)), first)
    assert not np.allclose(unet_forward(6, image, BASE_FEATURES), first)


@functools.cache
def _shapes_jax_cannot_join(height: int, width: int) -> list[str] | None:
    """Run the network on shapes alone: None where it works, the shapes in the error where it does not."""
    unet = nnx.eval_shape(lambda: UNet(1, BASE_FEATURES, rngs=nnx.Rngs(0)))
    image = np.zeros((height, width, 1), np.float32)
    try:
        out = nnx.eval_shape(lambda unet, image: unet(image), unet, image)
    except ZeroDivisionError:  # what Flax raises for an image with nothing left in it
        return []
    except TypeError as error:
        return re.findall(r"\(\d+, \d+, \d+\)", str(error))
    assert out.shape == (height, width, BASE_FEATURES)
    return None


@settings(max_examples=60, deadline=None, derandomize=True)
@given(height=st.integers(1, 40), width=st.integers(1, 40))
@example(height=30, width=48)
@example(height=29, width=48)
@example(height=31, width=48)
@example(height=4, width=4)
@example(height=3, width=8)
@example(height=8, width=1)
def test_the_explanation_has_the_shapes_of_the_error_jax_raises(height: int, width: int) -> None:
    shapes = _shapes_jax_cannot_join(height, width)
    explanation = unet_size_error(height, width, BASE_FEATURES)
    if shapes is None:
        assert explanation is None
    elif not shapes:
        assert explanation is not None
        assert "nothing is left for" in explanation
    else:
        assert explanation is not None
        upsampled, skip = shapes
        assert f"gives {upsampled} where" in explanation
        assert f"has {skip}, and" in explanation


@pytest.mark.parametrize("length", range(1, 21))
def test_the_sizes_it_proposes_are_the_nearest_that_work(length: int) -> None:
    works = [size for size in range(1, 41) if _shapes_jax_cannot_join(size, 8) is None]
    if length in works:
        assert unet_sizes_near(length) == (length,)
    else:
        below, above = [size for size in works if size < length], [size for size in works if size > length]
        assert unet_sizes_near(length) == (*below[-1:], above[0])


@pytest.mark.parametrize(
    ("height", "width", "fragments"),
    [
        (
            30,
            48,
            [
                "H = 30",
                "second pooling drops the last row (15 -> 7)",
                "(14, 24, f2)",
                "(15, 24, f2)",
                "28 and 32",
            ],
        ),
        (
            29,
            48,
            [
                "H = 29",
                "first pooling drops the last row (29 -> 14)",
                "(28, 48, f1)",
                "(29, 48, f1)",
                "28 and 32",
            ],
        ),
        (
            31,
            48,
            ["first pooling drops the last row (31 -> 15)", "second pooling drops the last row (15 -> 7)"],
        ),
        (8, 30, ["W = 30", "last column (15 -> 7)", "(4, 14, f2)", "(4, 15, f2)", "W = 28 and 32"]),
        (6, 9, ["H = 6", "W = 9", "H = 4 and 8", "W = 8 and 12", "(2, 4, f2)", "(3, 4, f2)"]),
        (2, 8, ["second pooling drops the only row left (1 -> 0)", "bottom: (0, 2, f2)", "H = 4 would work"]),
        (8, 1, ["first pooling drops its only column (1 -> 0)", "enc2: (4, 0, f1)", "W = 4 would work"]),
    ],
)
def test_the_explanation_names_the_pooling_the_shapes_and_the_way_out(
    height: int, width: int, fragments: list[str]
) -> None:
    explanation = unet_size_error(height, width)
    assert explanation is not None
    for fragment in fragments:
        assert fragment in explanation


def test_the_forward_raises_the_explanation() -> None:
    with pytest.raises(ShapeError) as raised:
        unet_forward(0, np.zeros((30, 48, 3)), 8)
    assert str(raised.value) == unet_size_error(30, 48, 8)
    assert "(14, 24, 16)" in str(raised.value)
    assert "(15, 24, 16)" in str(raised.value)
