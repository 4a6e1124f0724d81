"""A 2-D convolution with a stride, written out in Flax nnx."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from shapelab.modules import checks
from shapelab.modules.one_program import one_program


class MyConv2D(nnx.Module):
    """A 2-D convolution with SAME padding: (H, W, C_in) -> (H_out, W_out, features).

    On each axis, with n cells, a kernel of k cells and stride s::

        n_out = ceil(n / s)
        total = max((n_out - 1) * s + k - n, 0),  lo = floor(total / 2),  hi = total - lo
        y[i, j, o] = bias[o] + sum over p, q, c of
                     x_padded[i * s + p, j * s + q, c] * kernel[p, q, c, o]

    The padding is zeros, lo cells before (top, left) and hi cells after (bottom, right).
    The kernel starts as lecun_normal, variance 1 / (kernel_h * kernel_w * C_in); the bias as zeros.

    Source: TensorFlow, tf.nn, "Notes on padding"; XLA, operation semantics, Convolution.

    Args:
        in_features: C_in, the channels of the input.
        features: the channels of the output.
        kernel_h: the height of the kernel, in cells.
        kernel_w: the width of the kernel, in cells.
        stride: how many cells the kernel moves at a time, down and to the right.
        rngs: where the initial kernel comes from.

    Raises:
        TypeError: from JAX, when x has other than three axes.
        ValueError: from JAX, when x has other than `in_features` channels.
    """

    def __init__(
        self, in_features: int, features: int, kernel_h: int, kernel_w: int, stride: int, *, rngs: nnx.Rngs
    ) -> None:
        """Draw the kernel (kernel_h, kernel_w, C_in, features); the bias is zeros."""
        kernel_shape = (kernel_h, kernel_w, in_features, features)  # HWIO
        self.kernel = nnx.Param(nnx.initializers.lecun_normal()(rngs.params(), kernel_shape))
        self.bias = nnx.Param(jnp.zeros((features,)))
        self.stride = stride

    def __call__(self, x: jax.Array) -> jax.Array:
        """Convolve x: (H, W, C_in) -> (ceil(H/stride), ceil(W/stride), features)."""
        x = jnp.expand_dims(x, axis=0)  # (1, H, W, C_in)
        y = lax.conv_general_dilated(
            x,
            self.kernel[...],
            window_strides=(self.stride, self.stride),
            padding="SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )  # (1, ceil(H/stride), ceil(W/stride), features)
        y = jnp.squeeze(y, axis=0)  # (ceil(H/stride), ceil(W/stride), features)
        return y + self.bias[...]


def conv2d_forward(
    seed: float,
    x: checks.ArrayLike,
    features: float,
    kernel_h: float,
    kernel_w: float,
    stride: float,
) -> jax.Array:
    """Build `MyConv2D` with ``nnx.Rngs(int(seed))``, run it on x, and flatten the result.

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
    conv = MyConv2D(x.shape[2], features, kernel_h, kernel_w, stride, rngs=nnx.Rngs(key))
    y = conv(x)  # (ceil(H/stride), ceil(W/stride), features)
    return jnp.ravel(y)  # (ceil(H/stride) * ceil(W/stride) * features,)
