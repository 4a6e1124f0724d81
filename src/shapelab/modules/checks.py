"""What the forward functions accept, and what they say when they cannot."""

import math
import reprlib

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from shapelab.errors import ShapeError

ArrayLike = npt.ArrayLike | jax.Array

LARGEST_SIZE = 2**16
LARGEST_SEED = 2**32 - 1  # a key holds 32 bits of the seed: 2**32 would silently repeat seed 0
LARGEST_ARRAY = 2**28  # numbers; 1 GiB of float32


def size(name: str, value: object) -> int:
    """Return `value` as an int from 1 to 65536.

    Args:
        name: what the number is called in the message.
        value: an int, a float, or a NumPy or JAX scalar, with nothing after the decimal point.

    Raises:
        ShapeError: not a number (a bool is none), NaN, infinite, out of range, or not whole.
    """
    return _whole_number(name, value, low=1, high=LARGEST_SIZE)


def seed(value: object) -> int:
    """Return `value` as an int from 0 to 2**32 - 1, the seeds that give different keys.

    Raises:
        ShapeError: not a number (a bool is none), NaN, infinite, out of range, or not whole.
    """
    return _whole_number("seed", value, low=0, high=LARGEST_SEED)


def array(name: str, value: ArrayLike, axes: tuple[str, ...]) -> jax.Array:
    """Return `value` as a float32 array with one axis for each name in `axes`, none of them empty.

    The values are data: NaN and infinity pass, and a float64 beyond float32 becomes infinite.

    Args:
        name: what the array is called in the message.
        value: nested lists, a NumPy array or a JAX array of booleans, integers or floats.
        axes: the names of the axes, such as ``("H", "W", "C_in")``.

    Raises:
        ShapeError: ragged or not real numbers, another number of axes, or an axis of size 0.
    """
    layout = _shape_text(axes)
    try:
        given = value if isinstance(value, jax.Array) else np.asarray(value)
    except ValueError as error:
        raise ShapeError(
            f"{name} is not one array of numbers ({error}): "
            f"{len(axes)} axes {layout} are needed, every row as long as the next"
        ) from error
    if not any(jnp.issubdtype(given.dtype, kind) for kind in (np.bool_, np.integer, np.floating)):
        raise ShapeError(
            f"{name} has dtype {given.dtype}: real numbers are needed, {len(axes)} axes {layout} of float32"
        )
    if given.ndim != len(axes):
        way_out = {1: f"; take one of the batch, {name}[0]", -1: f"; add the missing axis, {name}[..., None]"}
        raise ShapeError(
            f"{name} has {given.ndim} {'axis' if given.ndim == 1 else 'axes'}, shape {given.shape}: "
            f"{len(axes)} are needed, {layout}" + way_out.get(given.ndim - len(axes), "")
        )
    for axis, length in zip(axes, given.shape, strict=True):
        if length < 1:
            raise ShapeError(
                f"{name} has shape {given.shape}, so {axis} is {length}: every axis of {layout} needs at least 1"
            )
    with np.errstate(over="ignore", invalid="ignore"):  # values are data, also the ones float32 cannot hold
        return jnp.asarray(given.astype(np.float32))


def fits_in_memory(**shapes: tuple[int, ...]) -> None:
    """Refuse arrays that would fill the machine: more than 2**28 numbers, 1 GiB of float32.

    Raises:
        ShapeError: one of `shapes` holds more.
    """
    for name, shape in shapes.items():
        count = math.prod(shape)
        if count > LARGEST_ARRAY:
            raise ShapeError(
                f"the {name} {shape} would hold {count} numbers, at most {LARGEST_ARRAY} (1 GiB of float32) "
                "are allowed: make one of its sizes smaller"
            )


def conv2d_fits_in_memory(shape: tuple[int, ...], features: int, kernel_h: int, kernel_w: int, stride: int) -> None:
    """Refuse a convolution of an (H, W, C_in) whose kernel or output `fits_in_memory` refuses.

    Raises:
        ShapeError: the kernel or the output holds more than 2**28 numbers.
    """
    height, width, channels = shape
    fits_in_memory(
        kernel=(kernel_h, kernel_w, channels, features),
        output=(math.ceil(height / stride), math.ceil(width / stride), features),
    )


def same_features(channels: int, features: int) -> None:
    """Refuse a block whose input cannot be added to its output.

    Raises:
        ShapeError: `channels` and `features` differ.
    """
    if channels != features:
        raise ShapeError(
            f"x has {channels} channels and features is {features}: the block adds x to its output, so both "
            f"must be equal; make features {channels}, or give x {features} channels"
        )


def unet_sizes_near(length: int) -> tuple[int, ...]:
    """Return the sizes next to `length` that the U-Net can halve twice and join again.

    Those are the multiples of 4: `length` itself, or the one below (where it is not 0) and the one above.
    """
    below = length // 4 * 4
    if length == below and length > 0:
        return (length,)
    return (below, below + 4) if below > 0 else (4,)


def unet_size_error(height: int, width: int, base_features: int | None = None) -> str | None:
    """Say why a U-Net cannot take an image of this size, or return None where it can.

    Each 2x2 pooling keeps ``floor(n / 2)`` cells and each upsampling makes ``2 n``, so an odd size
    comes back one cell short: ``2 * floor(n / 2) = n - 1``. Both joins fit if and only if
    H and W are multiples of 4, at least 4.

    Args:
        height: H, in cells, at least 1.
        width: W, in cells, at least 1.
        base_features: f1, for the channels of the shapes in the message; "f1" and "f2" without it.
    """
    axes = {("H", "row"): height, ("W", "column"): width}
    wrong = {axis: length for axis, length in axes.items() if unet_sizes_near(length) != (length,)}
    if not wrong:
        return None
    drops = "; ".join(_pooling_drops(*axis, length) for axis, length in wrong.items())
    way_out = ", ".join(
        f"{name} = {' and '.join(map(str, unet_sizes_near(length)))}" for (name, _), length in wrong.items()
    )
    return (
        f"{drops}. So {_unet_misfit(height, width, base_features)}. "
        f"H and W must be multiples of 4: {way_out} would work."
    )


def unet_size(height: int, width: int, base_features: int) -> None:
    """Refuse an image that the U-Net cannot halve twice and join again.

    Raises:
        ShapeError: H or W is not a multiple of 4, with the reason `unet_size_error` gives.
    """
    reason = unet_size_error(height, width, base_features)
    if reason is not None:
        raise ShapeError(reason)


def _pooling_drops(name: str, line: str, length: int) -> str:
    half, quarter = length // 2, length // 4
    what = f"{name} = {length} does not halve twice: "
    if half == 0:
        return what + f"the first pooling drops its only {line} ({length} -> 0)"
    first = f"the first pooling drops the last {line} ({length} -> {half})" if length % 2 else ""
    if quarter == 0:
        second = f"the second pooling drops the only {line} left ({half} -> 0)"
    else:
        second = f"the second pooling drops the last {line} ({half} -> {quarter})" if half % 2 else ""
    return what + " and ".join(filter(None, (first, second)))


def _unet_misfit(height: int, width: int, base_features: int | None) -> str:
    """Name the first stage, in the order of the network, that gets nothing or gets two shapes."""
    f1, f2 = ("f1", "f2") if base_features is None else (base_features, 2 * base_features)
    half, quarter = (height // 2, width // 2), (height // 4, width // 4)
    if 0 in half:
        return f"nothing is left for enc2: {_shape_text((*half, f1))}, at least 1 cell each way is needed"
    if 0 in quarter:
        return f"nothing is left for bottom: {_shape_text((*quarter, f2))}, at least 1 cell each way is needed"
    if half != (quarter[0] * 2, quarter[1] * 2):
        up, encoder, upsampled, skip = "up2", "enc2", (quarter[0] * 2, quarter[1] * 2, f2), (*half, f2)
    else:
        up, encoder, upsampled, skip = "up1", "enc1", (half[0] * 2, half[1] * 2, f1), (height, width, f1)
    return (
        f"{up} gives {_shape_text(upsampled)} where the skip from {encoder} has {_shape_text(skip)}, "
        "and the two cannot be joined"
    )


def _whole_number(name: str, value: object, *, low: int, high: int) -> int:
    needed = f"a whole number from {low} to {high} is needed"
    number = _python_number(value)
    if number is None:
        raise ShapeError(f"{name} is {reprlib.repr(value)}, a {type(value).__name__}: {needed}")
    if not low <= number <= high:  # also NaN, which is in no range
        raise ShapeError(f"{name} is {_number_text(number)}: {needed}")
    if number != int(number):
        neighbours = f"{math.floor(number)} and {math.ceil(number)}"
        raise ShapeError(f"{name} is {_number_text(number)}, between {neighbours}: {needed}")
    return int(number)


def _python_number(value: object) -> int | float | None:
    if isinstance(value, bool):  # an int to Python, but never meant as a size
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, np.generic | np.ndarray | jax.Array) and value.ndim == 0:
        if jnp.issubdtype(value.dtype, np.integer):
            return int(value)
        if jnp.issubdtype(value.dtype, np.floating):
            return float(value)
    return None


def _number_text(number: int | float) -> str:
    if isinstance(number, int) and number.bit_length() > 64:  # Python refuses to print very long ints
        return f"an integer of {number.bit_length()} bits"
    if abs(number) < 2**53 and number == int(number):
        return str(int(number))
    return str(float(number)) if isinstance(number, float) else str(number)


def _shape_text(sizes: tuple[int | str, ...]) -> str:
    return f"({', '.join(map(str, sizes))})"
