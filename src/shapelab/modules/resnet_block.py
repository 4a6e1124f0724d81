"""The basic block of a residual network: two convolutions, and the input added to their output."""

import jax
import jax.numpy as jnp
from flax import nnx

from shapelab.modules import checks
from shapelab.modules.one_program import one_program


class BasicBlock(nnx.Module):
    """relu(x + bn2(conv2(relu(bn1(conv1(x)))))): (H, W, C) -> (H, W, C), also (N, H, W, C).

    Both convolutions are 3x3 with stride 1 and SAME padding (one cell of zeros on every side), so
    nothing changes shape and x can be added. Batch normalisation takes each channel's
    mean and (biased) variance over all other axes of this very input::

        bn(x) = scale * (x - mean) / sqrt(variance + 1e-5) + bias

    and moves its running averages on the way: running = 0.99 * running + 0.01 * batch. With
    use_running_average it takes those averages instead, and leaves them as they are.

    Source: He et al. 2015, "Deep Residual Learning for Image Recognition", figure 2;
    Ioffe and Szegedy 2015, "Batch Normalization".

    Args:
        features: C, the channels of the input and of the output.
        rngs: where the initial kernels come from.

    Raises:
        ValueError: from JAX, when x has other than `features` channels.
    """

    def __init__(self, features: int, *, rngs: nnx.Rngs) -> None:
        """Draw both kernels, (3, 3, C, C) each, in the order of the layers."""
        self.conv1 = nnx.Conv(features, features, kernel_size=(3, 3), padding="SAME", rngs=rngs)
        self.bn1 = nnx.BatchNorm(features, rngs=rngs)
        self.conv2 = nnx.Conv(features, features, kernel_size=(3, 3), padding="SAME", rngs=rngs)
        self.bn2 = nnx.BatchNorm(features, rngs=rngs)

    def __call__(self, x: jax.Array, use_running_average: bool = False) -> jax.Array:
        """Run the block; the shape stays (H, W, C)."""
        y = self.conv1(x)
        y = self.bn1(y, use_running_average=use_running_average)
        y = nnx.relu(y)
        y = self.conv2(y)
        y = self.bn2(y, use_running_average=use_running_average)
        return nnx.relu(x + y)


def resnet_basic_forward(seed: float, x: checks.ArrayLike, features: float) -> jax.Array:
    """Build `BasicBlock` with ``nnx.Rngs(int(seed))``, run it on x, and flatten the result.

    Args:
        seed: a whole number from 0 to 2**32 - 1.
        x: the input, (H, W, C) with C == features; cast to float32.
        features: C, a whole number of at least 1.

    Returns:
        H * W * features numbers: the output (H, W, features) in row-major order.

    Raises:
        ShapeError: a number that is not whole or out of range, an x that is not (H, W, C),
            or C other than `features`.
    """
    seed = checks.seed(seed)
    features = checks.size("features", features)
    x = checks.array("x", x, ("H", "W", "C"))
    checks.same_features(x.shape[2], features)
    checks.fits_in_memory(kernel=(3, 3, features, features))
    return _build_and_run(jax.random.key(seed), x, features)


@one_program
def _build_and_run(key: jax.Array, x: jax.Array, features: int) -> jax.Array:
    block = BasicBlock(features, rngs=nnx.Rngs(key))
    y = block(x)  # (H, W, features)
    return jnp.ravel(y)  # (H * W * features,)
