"""The 1-D convolution against its definition."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oracles import numpy_reference as reference
from shapelab.modules.conv1d import MyConv1D, conv1d_forward

SIZES = [  # L, C_in, features, kernel_size
    (8, 3, 4, 3),
    (7, 3, 2, 4),  # an even kernel: the odd padding cell goes to the end
    (5, 1, 1, 1),
    (3, 2, 5, 8),  # the kernel is longer than the input
    (1, 1, 3, 2),
]


def _input(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("length", "channels", "features", "kernel_size"), SIZES)
def test_the_forward_is_the_definition_with_the_kernel_of_the_seed(
    length: int, channels: int, features: int, kernel_size: int
) -> None:
    x = _input(length, channels)
    conv = MyConv1D(channels, features, kernel_size, rngs=nnx.Rngs(3))
    flat = conv1d_forward(3, x, features, kernel_size)
    assert isinstance(flat, jax.Array)
    assert flat.dtype == jnp.float32
    assert flat.shape == (length * features,)
    expected = reference.conv1d(x, conv.kernel[...], conv.bias[...])
    np.testing.assert_allclose(flat.reshape(length, features), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(flat, conv(jnp.asarray(x)).ravel(), rtol=1e-5, atol=1e-6)


@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    length=st.integers(1, 12),
    channels=st.integers(1, 3),
    features=st.integers(1, 3),
    kernel_size=st.integers(1, 15),
    seed=st.integers(0, 99),
)
def test_any_size_gives_the_values_of_the_definition(
    randomised: Callable[..., Any], length: int, channels: int, features: int, kernel_size: int, seed: int
) -> None:
    conv = randomised(lambda: MyConv1D(channels, features, kernel_size, rngs=nnx.Rngs(0)), seed)
    x = _input(length, channels)
    y = jax.jit(lambda x: conv(x))(x)
    assert y.shape == (length, features)
    expected = reference.conv1d(x, conv.kernel[...], conv.bias[...])
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    padding = jax.lax.padtype_to_pads((length,), (kernel_size,), (1,), "SAME")
    assert [reference.same_padding(length, kernel_size, 1)] == [tuple(pair) for pair in padding]


def test_the_initial_kernel_is_lecun_normal_from_the_first_key() -> None:
    conv = MyConv1D(3, 4, 5, rngs=nnx.Rngs(7))
    expected = jax.nn.initializers.lecun_normal()(nnx.Rngs(7).params(), (5, 3, 4))
    np.testing.assert_array_equal(conv.kernel[...], expected)
    np.testing.assert_array_equal(conv.bias[...], np.zeros(4))


def test_the_parameters_are_the_kernel_and_the_bias() -> None:
    conv = nnx.eval_shape(lambda: MyConv1D(3, 4, 5, rngs=nnx.Rngs(0)))
    shapes = {path: variable.shape for path, variable in nnx.to_flat_state(nnx.state(conv, nnx.Param))}
    assert shapes == {("kernel",): (5, 3, 4), ("bias",): (4,)}


def test_numbers_may_be_floats_and_x_any_array() -> None:
    x = _input(6, 2)
    expected = conv1d_forward(1, x, 3, 4)
    for same in (x.tolist(), x.astype(np.float64), jnp.asarray(x)):
        np.testing.assert_array_equal(conv1d_forward(1.0, same, 3.0, 4.0), expected)
    numbers: tuple[Any, ...] = (np.float32(1), np.int64(3), jnp.array(4.0))
    np.testing.assert_array_equal(conv1d_forward(numbers[0], x, *numbers[1:]), expected)
    ones = conv1d_forward(1, np.ones((6, 2)), 3, 4)
    np.testing.assert_array_equal(conv1d_forward(1, np.ones((6, 2), int), 3, 4), ones)
    np.testing.assert_array_equal(conv1d_forward(1, np.ones((6, 2), bool), 3, 4), ones)


def test_the_seed_decides_the_values() -> None:
    x = _input(6, 2)
    first = conv1d_forward(0, x, 3, 4)
    np.testing.assert_array_equal(conv1d_forward(0, x, 3, 4), first)
    assert not np.allclose(conv1d_forward(1, x, 3, 4), first)


def test_a_nan_in_x_spoils_the_windows_that_read_it_and_no_other() -> None:
    x = _input(7, 1)
    x[2] = np.nan
    spoiled = np.isnan(conv1d_forward(0, x, 1, 3))
    np.testing.assert_array_equal(spoiled, [False, True, True, True, False, False, False])


@pytest.mark.parametrize(("shape", "error"), [((3,), TypeError), ((2, 5, 3), TypeError), ((5, 4), ValueError)], ids=str)
def test_the_class_leaves_errors_to_jax(shape: tuple[int, ...], error: type[Exception]) -> None:
    conv = nnx.eval_shape(lambda: MyConv1D(3, 2, 3, rngs=nnx.Rngs(0)))
    with pytest.raises(error, match="conv"):
        nnx.eval_shape(lambda conv, x: conv(x), conv, np.zeros(shape, np.float32))
