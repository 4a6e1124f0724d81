"""What goes wrong around one convolution, and how it is right."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax

Array = jax.Array


def image_and_weight(C: int, features: int) -> dict[str, Any]:
    """Draw an image, and a kernel in PyTorch's order: (features, C, 3, 3)."""
    return {"x": noise(1, 7, 6, C), "weight": noise(features, C, 3, 3)}


def weight_as_stored(x: Array, weight: Array) -> Array:
    """Give lax the weight as PyTorch stores it."""
    return lax.conv_general_dilated(
        x,
        weight,  # (features, C, 3, 3), read as (H, W, I, O)
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def weight_turned(x: Array, weight: Array) -> Array:
    """Turn the weight into HWIO first."""
    kernel = jnp.transpose(weight, (2, 3, 1, 0))  # (3, 3, C, O)
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # (N, H, W, features)


def one_image(H: int) -> dict[str, Any]:
    """Draw an image without a batch axis, and a kernel."""
    return {"image": noise(H, 6, 3), "kernel": noise(3, 3, 3, 4)}


def image_alone(image: Array, kernel: Array) -> Array:
    """Give lax one image, (H, W, C)."""
    return lax.conv_general_dilated(
        image,
        kernel,
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def image_as_batch(image: Array, kernel: Array) -> Array:
    """Make one image a batch of one, and take it out again."""
    x = jnp.expand_dims(image, axis=0)  # (1, H, W, C)
    y = lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # (1, H, W, features)
    return jnp.squeeze(y, axis=0)  # (H, W, features)


def square_and_kernel(H: int, stride: int) -> dict[str, Any]:
    """Draw a square image and a 3x3 kernel."""
    return {"x": noise(1, H, H, 3), "kernel": noise(3, 3, 3, 4), "stride": stride}


def rounded_down(x: Array, kernel: Array, stride: int) -> Array:
    """Pad by hand for H // stride cells of output."""
    size, k = x.shape[1], kernel.shape[0]
    out = size // stride
    total = max((out - 1) * stride + k - size, 0)
    pad = (total // 2, total - total // 2)
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding=(pad, pad),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # (N, out, out, features)


def rounded_up(x: Array, kernel: Array, stride: int) -> Array:
    """Pad by hand for ceil(H / stride) cells of output."""
    size, k = x.shape[1], kernel.shape[0]
    out = -(-size // stride)  # ceil(H / stride)
    total = max((out - 1) * stride + k - size, 0)
    pad = (total // 2, total - total // 2)
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding=(pad, pad),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # (N, out, out, features)


def same_string(x: Array, kernel: Array, stride: int) -> Array:
    """Write SAME where the PyTorch layer had padding=1."""
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # (N, ceil(H/s), ceil(W/s), features)


def padding_of_one(x: Array, kernel: Array, stride: int) -> Array:
    """Pad one cell on every side, as padding=1 does."""
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding=((1, 1), (1, 1)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # (N, ceil(H/s), ceil(W/s), features)


def layer(features: int) -> dict[str, Any]:
    """Draw an image, and build a layer of flax to take the kernel of."""
    return {"x": noise(1, 7, 6, 3), "conv": nnx.Conv(3, features, (3, 3), rngs=nnx.Rngs(0))}


def param_itself(x: Array, conv: nnx.Conv) -> Array:
    """Give lax the nnx.Param."""
    return lax.conv_general_dilated(
        x,
        conv.kernel,  # type: ignore[arg-type]
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def array_of_param(x: Array, conv: nnx.Conv) -> Array:
    """Give lax the array that the nnx.Param holds."""
    return lax.conv_general_dilated(
        x,
        conv.kernel[...],
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # (N, H, W, features)


def numbers(features: float, stride: float) -> dict[str, Any]:
    """Draw an image; features and stride come as they are."""
    return {"x": noise(1, 7, 6, 3), "features": features, "stride": stride}


def as_they_come(x: Array, features: Any, stride: Any) -> Array:
    """Use the numbers of a form or a file as they come."""
    C, rngs = x.shape[-1], nnx.Rngs(0)
    conv = nnx.Conv(C, features, (3, 3), strides=stride, rngs=rngs)
    return conv(x)  # (N, ceil(H/s), ceil(W/s), features)


def cast_to_int(x: Array, features: Any, stride: Any) -> Array:
    """Cast each number to int before a layer is built of it."""
    C, rngs = x.shape[-1], nnx.Rngs(0)
    features, stride = int(features), int(stride)
    conv = nnx.Conv(C, features, (3, 3), strides=stride, rngs=rngs)
    return conv(x)  # (N, ceil(H/s), ceil(W/s), features)


def noise(*shape: int) -> Array:
    """Draw normal numbers, the same every time."""
    return jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)
