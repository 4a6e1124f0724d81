"""A 1-D convolution, written out in Flax nnx."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from shapelab.modules import checks
from shapelab.modules.one_program import one_program


class MyConv1D(nnx.Module):
    """A 1-D convolution with stride 1 and SAME padding: (L, C_in) -> (L, features).

    With K = kernel_size, SAME pads K - 1 cells of zeros, the odd one at the end:
    lo = floor((K - 1) / 2), hi = K - 1 - lo. Then, as in every deep-learning library, the
    kernel is not flipped (a cross-correlation)::

        y[i, o] = bias[o] + sum over k, c of x_padded[i + k, c] * kernel[k, c, o]

    The kernel starts as lecun_normal, variance 1 / (K * C_in); the bias starts as zeros.

    Source: XLA, operation semantics, Convolution; LeCun et al. 1998, "Efficient BackProp".

    Args:
        in_features: C_in, the channels of the input.
        features: the channels of the output.
        kernel_size: K, in cells.
        rngs: where the initial kernel comes from.

    Raises:
        TypeError: from JAX, when x has other than two axes.
        ValueError: from JAX, when x has other than `in_features` channels.
    """

    def __init__(self, in_features: int, features: int, kernel_size: int, *, rngs: nnx.Rngs) -> None:
        """Draw the kernel (kernel_size, C_in, features); the bias is zeros."""
        kernel_shape = (kernel_size, in_features, features)  # WIO
        self.kernel = nnx.Param(nnx.initializers.lecun_normal()(rngs.params(), kernel_shape))
        self.bias = nnx.Param(jnp.zeros((features,)))

    def __call__(self, x: jax.Array) -> jax.Array:
        """Convolve x: (L, C_in) -> (L, features)."""
        x = jnp.expand_dims(x, axis=0)  # (1, L, C_in)
        y = lax.conv_general_dilated(
            x,
            self.kernel[...],
            window_strides=(1,),
            padding="SAME",
            dimension_numbers=("NWC", "WIO", "NWC"),
        )  # (1, L, features)
        y = jnp.squeeze(y, axis=0)  # (L, features)
        return y + self.bias[...]


def conv1d_forward(seed: float, x: checks.ArrayLike, features: float, kernel_size: float) -> jax.Array:
    """Build `MyConv1D` with ``nnx.Rngs(int(seed))``, run it on x, and flatten the result.

    Args:
        seed: a whole number from 0 to 2**32 - 1.
        x: the input, (L, C_in); cast to float32.
        features: the channels of the output, a whole number of at least 1.
        kernel_size: K in cells, a whole number of at least 1.

    Returns:
        L * features numbers: the output (L, features) in row-major order.

    Raises:
        ShapeError: a number that is not whole or out of range, or an x that is not (L, C_in).
    """
    seed = checks.seed(seed)
    features = checks.size("features", features)
    kernel_size = checks.size("kernel_size", kernel_size)
    x = checks.array("x", x, ("L", "C_in"))
    checks.fits_in_memory(kernel=(kernel_size, x.shape[1], features), output=(x.shape[0], features))
    return _build_and_run(jax.random.key(seed), x, features, kernel_size)


@one_program
def _build_and_run(key: jax.Array, x: jax.Array, features: int, kernel_size: int) -> jax.Array:
    conv = MyConv1D(x.shape[1], features, kernel_size, rngs=nnx.Rngs(key))
    y = conv(x)  # (L, features)
    return jnp.ravel(y)  # (L * features,)
