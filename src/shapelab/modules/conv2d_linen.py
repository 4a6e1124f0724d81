"""The 2-D convolution of `conv2d`, written out in Flax Linen."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from shapelab.modules import checks
from shapelab.modules.one_program import one_program


class MyConv2D(nn.Module):
    """A 2-D convolution with SAME padding: (H, W, C_in) -> (H_out, W_out, features).

    The same formula as `shapelab.modules.conv2d.MyConv2D`. A Linen module holds no numbers: the
    parameters "kernel" (HWIO, lecun_normal) and "bias" (zeros) live in the variables
    that `init` returns, and C_in is read from the first x.

    Source: TensorFlow, tf.nn, "Notes on padding"; XLA, operation semantics, Convolution.

    Args:
        features: the channels of the output.
        kernel_h: the height of the kernel, in cells.
        kernel_w: the width of the kernel, in cells.
        stride: how many cells the kernel moves at a time, down and to the right.

    Raises:
        flax.errors.ScopeParamShapeError: C_in differs from the one the parameters were made for.
        TypeError: from JAX, when x has other than three axes.
    """

    features: int
    kernel_h: int
    kernel_w: int
    stride: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Convolve x: (H, W, C_in) -> (ceil(H/stride), ceil(W/stride), features)."""
        kernel_shape = (self.kernel_h, self.kernel_w, x.shape[-1], self.features)  # HWIO
        kernel = self.param("kernel", nn.initializers.lecun_normal(), kernel_shape)
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))

        x = jnp.expand_dims(x, axis=0)  # (1, H, W, C_in)
        y = lax.conv_general_dilated(
            x,
            kernel,
            window_strides=(self.stride, self.stride),
            padding="SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )  # (1, ceil(H/stride), ceil(W/stride), features)
        y = jnp.squeeze(y, axis=0)  # (ceil(H/stride), ceil(W/stride), features)
        return y + bias


def conv2d_linen_forward(
    seed: float,
    x: checks.ArrayLike,
    features: float,
    kernel_h: float,
    kernel_w: float,
    stride: float,
) -> jax.Array:
    """Initialise `MyConv2D` from ``jax.random.key(int(seed))``, apply it to x, and flatten the result.

    Linen derives the kernel's key from the parameter's name, so a seed gives
    other values here than in `shapelab.modules.conv2d.conv2d_forward`.

    Args:
        seed: a whole number from 0 to 2**32 - 1.
        x: the input, (H, W, C_in); cast to float32.
        features: the channels of the output, a whole number of at least 1.
        kernel_h: the height of the kernel in cells, a whole number of at least 1.
        kernel_w: the width of the kernel in cells, a whole number of at least 1.
        stride: in cells, a whole number of at least 1.

    Returns:
        ceil(H/stride) * ceil(W/stride) * features numbers: the output in row-major order.

    Raises:
        ShapeError: a number that is not whole or out of range, or an x that is not (H, W, C_in).
    """
    seed = checks.seed(seed)
    features = checks.size("features", features)
    kernel_h = checks.size("kernel_h", kernel_h)
    kernel_w = checks.size("kernel_w", kernel_w)
    stride = checks.size("stride", stride)
    x = checks.array("x", x, ("H", "W", "C_in"))
    checks.conv2d_fits_in_memory(x.shape, features, kernel_h, kernel_w, stride)
    return _build_and_run(jax.random.key(seed), x, features, kernel_h, kernel_w, stride)


@one_program
def _build_and_run(key: jax.Array, x: jax.Array, features: int, kernel_h: int, kernel_w: int, stride: int) -> jax.Array:
    conv = MyConv2D(features, kernel_h, kernel_w, stride)
    y, _variables = conv.init_with_output(key, x)  # (ceil(H/stride), ceil(W/stride), features)
    return jnp.ravel(y)  # (ceil(H/stride) * ceil(W/stride) * features,)
