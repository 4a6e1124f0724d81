"""Bad input: every forward function refuses it with both numbers and the way out."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shapelab.errors import ShapeError
from shapelab.modules import checks
from shapelab.modules.conv1d import conv1d_forward
from shapelab.modules.conv2d import conv2d_forward
from shapelab.modules.conv2d_linen import conv2d_linen_forward
from shapelab.modules.resnet_block import resnet_basic_forward
from shapelab.modules.unet import unet_forward

GOOD: dict[Callable[..., jax.Array], dict[str, Any]] = {
    conv1d_forward: {"seed": 0, "x": np.ones((6, 2)), "features": 3, "kernel_size": 3},
    conv2d_forward: {
        "seed": 0,
        "x": np.ones((6, 5, 2)),
        "features": 3,
        "kernel_h": 3,
        "kernel_w": 2,
        "stride": 2,
    },
    resnet_basic_forward: {"seed": 0, "x": np.ones((6, 5, 2)), "features": 2},
    unet_forward: {"seed": 0, "image": np.ones((8, 4, 2)), "base_features": 2},
}
GOOD[conv2d_linen_forward] = GOOD[conv2d_forward]
LENGTHS = {
    conv1d_forward: 18,
    conv2d_forward: 27,
    conv2d_linen_forward: 27,
    resnet_basic_forward: 60,
    unet_forward: 64,
}

SIZES = [(forward, name) for forward, good in GOOD.items() for name in good if name not in ("seed", "x", "image")]
ARRAYS = [(forward, name) for forward, good in GOOD.items() for name in good if name in ("x", "image")]

BAD_NUMBERS = [
    (0, " is 0: a whole number from 1 to 65536 is needed"),
    (-3, " is -3: a whole number from 1 to 65536 is needed"),
    (0.5, " is 0.5: a whole number from 1 to 65536 is needed"),
    (2.5, " is 2.5, between 2 and 3: a whole number from 1 to 65536 is needed"),
    (np.float32(2.5), " is 2.5, between 2 and 3: "),
    (float("nan"), " is nan: a whole number from 1 to 65536 is needed"),
    (np.array(np.nan), " is nan: a whole number from 1 to 65536 is needed"),
    (float("inf"), " is inf: a whole number from 1 to 65536 is needed"),
    (float("-inf"), " is -inf: a whole number from 1 to 65536 is needed"),
    (65_537, " is 65537: a whole number from 1 to 65536 is needed"),
    (1e300, " is 1e+300: a whole number from 1 to 65536 is needed"),
    (10**5000, " is an integer of 16610 bits: a whole number from 1 to 65536 is needed"),
    (True, " is True, a bool: a whole number from 1 to 65536 is needed"),
    ("3", " is '3', a str: a whole number from 1 to 65536 is needed"),
    (None, " is None, a NoneType: a whole number from 1 to 65536 is needed"),
    ([3], " is [3], a list: a whole number from 1 to 65536 is needed"),
    (np.array([3]), " is array([3]), a ndarray: a whole number from 1 to 65536 is needed"),
    (np.bool_(True), ": a whole number from 1 to 65536 is needed"),
    (3 + 0j, " is (3+0j), a complex: a whole number from 1 to 65536 is needed"),
]


@pytest.mark.parametrize("forward", GOOD)
def test_the_good_arguments_are_good(forward: Callable[..., jax.Array]) -> None:
    assert forward(**GOOD[forward]).shape == (LENGTHS[forward],)


@pytest.mark.parametrize(("value", "message"), BAD_NUMBERS, ids=[message for _, message in BAD_NUMBERS])
@pytest.mark.parametrize(("forward", "name"), SIZES)
def test_a_size_that_is_no_size(forward: Callable[..., jax.Array], name: str, value: object, message: str) -> None:
    with pytest.raises(ShapeError) as raised:
        forward(**{**GOOD[forward], name: value})
    assert str(raised.value).startswith(name)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        (-1, "seed is -1: a whole number from 0 to 4294967295 is needed"),
        (2**32, "seed is 4294967296: a whole number from 0 to 4294967295 is needed"),
        (1.5, "seed is 1.5, between 1 and 2: a whole number from 0 to 4294967295 is needed"),
        (float("nan"), "seed is nan: a whole number from 0 to 4294967295 is needed"),
        ("a", "seed is 'a', a str: a whole number from 0 to 4294967295 is needed"),
    ],
)
@pytest.mark.parametrize("forward", GOOD)
def test_a_seed_that_is_no_seed(forward: Callable[..., jax.Array], seed: object, message: str) -> None:
    with pytest.raises(ShapeError) as raised:
        forward(**{**GOOD[forward], "seed": seed})
    assert str(raised.value) == message


def test_the_first_and_the_last_seed_are_seeds_with_keys_of_their_own() -> None:
    seeds = [0, 1, 2**31, 2**32 - 1]
    assert [checks.seed(float(seed)) for seed in seeds] == seeds
    results = [conv1d_forward(seed, np.ones((1, 1)), 1, 1).item() for seed in seeds]
    assert len(set(results)) == len(seeds)


def test_a_seed_too_many_would_repeat_the_first() -> None:
    first, one_too_many = jax.random.key(0), jax.random.key(checks.LARGEST_SEED + 1)
    np.testing.assert_array_equal(jax.random.key_data(one_too_many), jax.random.key_data(first))


@pytest.mark.parametrize(
    ("value", "fragments"),
    [
        (None, ["dtype object", "real numbers are needed"]),
        ("image", ["dtype <U5", "real numbers are needed"]),
        ([["a", "b"]], ["dtype <U1", "real numbers are needed"]),
        ([[1.0, 2.0], [3.0]], ["is not one array of numbers", "every row as long as the next"]),
        (np.ones((6, 5, 2)) * 1j, ["dtype complex128", "real numbers are needed"]),
        (jax.random.key(0), ["dtype key", "real numbers are needed"]),
        (np.array("2020-01-01", "datetime64[D]"), ["dtype datetime64", "real numbers are needed"]),
        ({"a": 1}, ["dtype object", "real numbers are needed"]),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize(("forward", "name"), ARRAYS)
def test_an_array_that_is_no_array_of_numbers(
    forward: Callable[..., jax.Array], name: str, value: object, fragments: list[str]
) -> None:
    with pytest.raises(ShapeError) as raised:
        forward(**{**GOOD[forward], name: value})
    assert str(raised.value).startswith(f"{name} ")
    for fragment in fragments:
        assert fragment in str(raised.value)


@pytest.mark.parametrize(("forward", "name"), ARRAYS)
def test_an_array_with_an_axis_too_many_or_too_few(forward: Callable[..., jax.Array], name: str) -> None:
    good = GOOD[forward][name]
    cases = {
        f"{name} has {good.ndim + 1} axes, shape {good[None].shape}: {good.ndim} are needed": good[None],
        f"take one of the batch, {name}[0]": good[None],
        f"add the missing axis, {name}[..., None]": good[..., 0],
        f"has 0 axes, shape (): {good.ndim} are needed": 3.0,
        f"has 1 axis, shape (4,): {good.ndim} are needed": np.ones(4),
    }
    for fragment, value in cases.items():
        with pytest.raises(ShapeError) as raised:
            forward(**{**GOOD[forward], name: value})
        assert fragment in str(raised.value)


@pytest.mark.parametrize(("forward", "name"), ARRAYS)
def test_an_array_with_an_empty_axis(forward: Callable[..., jax.Array], name: str) -> None:
    good = GOOD[forward][name]
    for axis in range(good.ndim):
        empty = np.take(good, [], axis=axis)
        with pytest.raises(ShapeError) as raised:
            forward(**{**GOOD[forward], name: empty})
        assert f"{name} has shape {empty.shape}, so " in str(raised.value)
        assert " is 0: every axis of " in str(raised.value)
        assert "at least 1" in str(raised.value)


@pytest.mark.parametrize(("channels", "features"), [(2, 3), (3, 2), (1, 4)])
def test_a_block_whose_input_cannot_be_added(channels: int, features: int) -> None:
    with pytest.raises(ShapeError) as raised:
        resnet_basic_forward(0, np.ones((4, 4, channels)), features)
    assert f"x has {channels} channels and features is {features}" in str(raised.value)
    assert f"make features {channels}, or give x {features} channels" in str(raised.value)


@pytest.mark.parametrize(
    ("forward", "changes", "what"),
    [
        (conv1d_forward, {"features": 65_536, "kernel_size": 65_536}, "the kernel (65536, 2, 65536)"),
        (conv2d_forward, {"kernel_h": 65_536, "kernel_w": 65_536}, "the kernel (65536, 65536, 2, 3)"),
        (
            conv2d_linen_forward,
            {"x": np.ones((128, 64, 1)), "features": 65_536, "stride": 1},
            "the output (128, 64, 65536)",
        ),
        (conv1d_forward, {"x": np.ones((8192, 1)), "features": 65_536}, "the output (8192, 65536)"),
        (
            resnet_basic_forward,
            {"x": np.ones((1, 1, 6000)), "features": 6000},
            "the kernel (3, 3, 6000, 6000)",
        ),
        (unet_forward, {"base_features": 65_536}, "the kernel_of_bottom (3, 3, 131072, 262144)"),
    ],
)
def test_arrays_that_would_fill_the_machine(
    forward: Callable[..., jax.Array], changes: dict[str, Any], what: str
) -> None:
    with pytest.raises(ShapeError) as raised:
        forward(**{**GOOD[forward], **changes})
    assert f"{what} would hold " in str(raised.value)
    assert "at most 268435456 (1 GiB of float32)" in str(raised.value)
    assert "make one of its sizes smaller" in str(raised.value)


def test_values_are_data_whatever_they_are() -> None:
    given = [[np.nan, np.inf, -np.inf, 1e300, -0.0, 1e-300]]
    expected = [[np.nan, np.inf, -np.inf, np.inf, -0.0, 0.0]]
    x = checks.array("x", given, ("L", "C_in"))
    assert x.dtype == jnp.float32
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "bfloat16", "longdouble", "float32"])
def test_any_real_dtype_becomes_float32(dtype: str) -> None:
    given = np.ones((2, 3), jnp.bfloat16 if dtype == "bfloat16" else dtype)
    x = checks.array("x", given, ("L", "C_in"))
    assert x.dtype == jnp.float32
    np.testing.assert_array_equal(x, np.ones((2, 3)))


@pytest.mark.parametrize(
    "number",
    [3, 3.0, np.float16(3), np.longdouble(3), np.uint8(3), np.array(3.0), jnp.array(3), jnp.bfloat16(3)],
)
def test_any_whole_number_becomes_an_int(number: object) -> None:
    size = checks.size("features", number)
    assert type(size) is int
    assert size == 3


def test_a_shape_error_is_a_value_error() -> None:
    assert issubclass(ShapeError, ValueError)
