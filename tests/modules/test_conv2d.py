"""The 2-D convolution, in nnx and in Linen, against its definition and against each other."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import nnx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oracles import numpy_reference as reference
from shapelab.modules import conv2d_linen
from shapelab.modules.conv2d import MyConv2D, conv2d_forward
from shapelab.modules.conv2d_linen import conv2d_linen_forward

Forward = Callable[..., jax.Array]
FORWARDS = pytest.mark.parametrize("forward", [conv2d_forward, conv2d_linen_forward])

SIZES = [  # H, W, C_in, features, kernel_h, kernel_w, stride
    (7, 8, 3, 4, 3, 3, 2),  # asymmetric padding on W only
    (7, 8, 2, 2, 4, 3, 2),
    (6, 9, 1, 1, 1, 5, 1),  # one channel, a rectangular kernel
    (3, 2, 2, 3, 5, 4, 1),  # the kernel is larger than the input
    (9, 7, 1, 2, 2, 3, 4),  # the stride steps over cells: no padding on H
    (1, 1, 1, 1, 2, 2, 3),
]


def _input(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def _output_shape(height: int, width: int, stride: int, features: int) -> tuple[int, int, int]:
    return reference.same_output_size(height, stride), reference.same_output_size(width, stride), features


@pytest.mark.parametrize(("height", "width", "channels", "features", "kernel_h", "kernel_w", "stride"), SIZES)
def test_the_forward_is_the_definition_with_the_kernel_of_the_seed(
    height: int, width: int, channels: int, features: int, kernel_h: int, kernel_w: int, stride: int
) -> None:
    x = _input(height, width, channels)
    conv = MyConv2D(channels, features, kernel_h, kernel_w, stride, rngs=nnx.Rngs(3))
    flat = conv2d_forward(3, x, features, kernel_h, kernel_w, stride)
    expected = reference.conv2d(x, conv.kernel[...], conv.bias[...], stride)
    assert isinstance(flat, jax.Array)
    assert flat.dtype == jnp.float32
    assert flat.shape == (expected.size,)
    np.testing.assert_allclose(flat, expected.ravel(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(flat, conv(jnp.asarray(x)).ravel(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("height", "width", "channels", "features", "kernel_h", "kernel_w", "stride"), SIZES)
def test_the_linen_forward_is_the_definition_with_the_parameters_of_the_seed(
    height: int, width: int, channels: int, features: int, kernel_h: int, kernel_w: int, stride: int
) -> None:
    x = _input(height, width, channels)
    conv = conv2d_linen.MyConv2D(features, kernel_h, kernel_w, stride)
    parameters = conv.init(jax.random.key(3), jnp.asarray(x))["params"]
    assert parameters["kernel"].shape == (kernel_h, kernel_w, channels, features)
    np.testing.assert_array_equal(parameters["bias"], np.zeros(features))
    flat = conv2d_linen_forward(3, x, features, kernel_h, kernel_w, stride)
    expected = reference.conv2d(x, parameters["kernel"], parameters["bias"], stride)
    assert isinstance(flat, jax.Array)
    assert flat.dtype == jnp.float32
    assert flat.shape == (expected.size,)
    np.testing.assert_allclose(flat, expected.ravel(), rtol=1e-4, atol=1e-5)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    channels=st.integers(1, 3),
    features=st.integers(1, 3),
    kernel=st.tuples(st.integers(1, 10), st.integers(1, 10)),
    stride=st.integers(1, 11),
    seed=st.integers(0, 99),
)
def test_any_size_gives_the_values_of_the_definition_in_nnx_and_in_linen(
    randomised: Callable[..., Any],
    size: tuple[int, int],
    channels: int,
    features: int,
    kernel: tuple[int, int],
    stride: int,
    seed: int,
) -> None:
    conv = randomised(lambda: MyConv2D(channels, features, *kernel, stride, rngs=nnx.Rngs(0)), seed)
    linen = conv2d_linen.MyConv2D(features, *kernel, stride)
    parameters = {"kernel": conv.kernel[...], "bias": conv.bias[...]}
    x = _input(*size, channels)
    y, y_linen = jax.jit(lambda x: (conv(x), linen.apply({"params": parameters}, x)))(x)
    assert y.shape == _output_shape(*size, stride, features)
    np.testing.assert_allclose(y, reference.conv2d(x, **parameters, stride=stride), rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(y_linen, y, rtol=1e-5, atol=1e-5)
    padding = jax.lax.padtype_to_pads(size, kernel, (stride, stride), "SAME")
    ours = [reference.same_padding(n, k, stride) for n, k in zip(size, kernel, strict=True)]
    assert ours == [tuple(pair) for pair in padding]


def test_the_initial_kernel_is_lecun_normal_from_the_first_key() -> None:
    conv = MyConv2D(3, 4, 5, 2, 1, rngs=nnx.Rngs(7))
    expected = jax.nn.initializers.lecun_normal()(nnx.Rngs(7).params(), (5, 2, 3, 4))
    np.testing.assert_array_equal(conv.kernel[...], expected)
    np.testing.assert_array_equal(conv.bias[...], np.zeros(4))


def test_the_initial_linen_kernel_is_lecun_normal_from_the_key_linen_gives_the_name_kernel() -> None:
    class OnlyTheKernel(nn.Module):
        @nn.compact
        def __call__(self) -> jax.Array:
            return self.param("kernel", nn.initializers.lecun_normal(), (5, 2, 3, 4))

    expected, _ = OnlyTheKernel().init_with_output(jax.random.key(7))
    conv = conv2d_linen.MyConv2D(4, 5, 2, 1)
    parameters = conv.init(jax.random.key(7), jnp.zeros((6, 6, 3)))["params"]
    assert set(parameters) == {"kernel", "bias"}
    np.testing.assert_array_equal(parameters["kernel"], expected)
    variance = 1 / (5 * 2 * 3)
    assert np.var(expected) == pytest.approx(variance, rel=0.35)


def test_the_stride_is_static_and_the_parameters_are_the_kernel_and_the_bias() -> None:
    conv = nnx.eval_shape(lambda: MyConv2D(3, 4, 5, 2, 2, rngs=nnx.Rngs(0)))
    shapes = {path: variable.shape for path, variable in nnx.to_flat_state(nnx.state(conv))}
    assert shapes == {("kernel",): (5, 2, 3, 4), ("bias",): (4,)}
    assert conv.stride == 2


@FORWARDS
def test_numbers_may_be_floats_and_x_any_array(forward: Forward) -> None:
    x = _input(5, 6, 2)
    expected = forward(1, x, 3, 2, 3, 2)
    np.testing.assert_array_equal(forward(1.0, x, 3.0, 2.0, 3.0, 2.0), expected)
    for same in (x.tolist(), x.astype(np.float64), jnp.asarray(x)):
        np.testing.assert_array_equal(forward(1, same, np.float64(3), np.int8(2), jnp.array(3.0), 2), expected)


@FORWARDS
def test_the_seed_decides_the_values(forward: Forward) -> None:
    x = _input(5, 6, 2)
    first = forward(0, x, 3, 2, 3, 2)
    np.testing.assert_array_equal(forward(0, x, 3, 2, 3, 2), first)
    assert not np.allclose(forward(1, x, 3, 2, 3, 2), first)


@pytest.mark.parametrize(
    ("shape", "error"), [((5, 3), TypeError), ((1, 5, 5, 3), TypeError), ((5, 5, 4), ValueError)], ids=str
)
def test_the_class_leaves_errors_to_jax(shape: tuple[int, ...], error: type[Exception]) -> None:
    conv = nnx.eval_shape(lambda: MyConv2D(3, 2, 3, 3, 1, rngs=nnx.Rngs(0)))
    with pytest.raises(error, match="conv"):
        nnx.eval_shape(lambda conv, x: conv(x), conv, np.zeros(shape, np.float32))
