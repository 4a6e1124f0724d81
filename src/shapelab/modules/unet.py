"""A small U-Net: down twice, up twice, and a skip across at each level."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from shapelab.modules import checks
from shapelab.modules.one_program import one_program


class ConvBNReLU(nnx.Module):
    """relu(bn(conv(x))): (H, W, C) -> (H, W, features), also (N, H, W, C).

    The convolution is 3x3 with stride 1 and SAME padding. Batch normalisation takes each channel's
    mean and (biased) variance over all other axes of this very input, with epsilon 1e-5; with
    use_running_average its running averages instead.

    Source: Ioffe and Szegedy 2015, "Batch Normalization".

    Args:
        in_features: C, the channels of the input.
        features: the channels of the output.
        rngs: where the initial kernel comes from.
    """

    def __init__(self, in_features: int, features: int, *, rngs: nnx.Rngs) -> None:
        """Draw the kernel (3, 3, C, features)."""
        self.conv = nnx.Conv(in_features, features, kernel_size=(3, 3), padding="SAME", rngs=rngs)
        self.bn = nnx.BatchNorm(features, rngs=rngs)

    def __call__(self, x: jax.Array, use_running_average: bool = False) -> jax.Array:
        """Convolve, normalise, and cut off below zero: (H, W, C) -> (H, W, features)."""
        x = self.conv(x)  # (H, W, features)
        x = self.bn(x, use_running_average=use_running_average)
        return nnx.relu(x)


def max_pool_2x2(x: jax.Array) -> jax.Array:
    """Keep the largest of each 2x2 cells: (H, W, C) -> (floor(H/2), floor(W/2), C), also (N, H, W, C).

    y[i, j, c] = max of x[2i : 2i + 2, 2j : 2j + 2, c]. Of an odd H or W the last row or column is dropped.
    """
    every_other_axis = (1,) * (x.ndim - 3)
    window = (*every_other_axis, 2, 2, 1)
    pooled: jax.Array = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")  # (H/2, W/2, C)
    return pooled


class UNet(nnx.Module):
    """A U-Net of two levels: (H, W, C) -> (H, W, f1), also (N, H, W, C).

    With f1 = base_features, f2 = 2 * f1, f3 = 4 * f1::

        enc1 (H, W, f1) ------------------------------ skip1 -> join -> dec1 (H, W, f1)
          pool                                                   up1
            enc2 (H/2, W/2, f2) -------- skip2 -> join -> dec2
              pool                                up2
                bottom (H/4, W/4, f3) ---------------

    The transposed convolutions are 2x2 with stride 2: every cell becomes 2x2 cells of its own.
    A join puts the skip's channels after the upsampled ones. H and W must be multiples of 4: a pooling drops
    the last row of an odd number, and no upsampling brings it back.

    Source: Ronneberger et al. 2015, "U-Net", figure 1, with SAME padding and batch normalisation.

    Args:
        in_features: C, the channels of the image.
        base_features: f1, the channels of the first level and of the output.
        rngs: where the initial kernels come from.

    Raises:
        TypeError: from JAX, at the join that does not fit, when H or W is not a multiple of 4.
        ZeroDivisionError: from Flax, when H or W is below 4 and the poolings leave nothing of a (H, W, C).
    """

    def __init__(self, in_features: int, base_features: int, *, rngs: nnx.Rngs) -> None:
        """Draw the kernels in the order the image meets them."""
        f1, f2, f3 = base_features, 2 * base_features, 4 * base_features
        self.enc1 = ConvBNReLU(in_features, f1, rngs=rngs)
        self.enc2 = ConvBNReLU(f1, f2, rngs=rngs)
        self.bottom = ConvBNReLU(f2, f3, rngs=rngs)
        self.up2 = nnx.ConvTranspose(f3, f2, (2, 2), strides=(2, 2), padding="VALID", rngs=rngs)
        self.dec2 = ConvBNReLU(2 * f2, f2, rngs=rngs)
        self.up1 = nnx.ConvTranspose(f2, f1, (2, 2), strides=(2, 2), padding="VALID", rngs=rngs)
        self.dec1 = ConvBNReLU(2 * f1, f1, rngs=rngs)

    def __call__(self, x: jax.Array, use_running_average: bool = False) -> jax.Array:
        """Run the network: (H, W, C) -> (H, W, f1)."""
        skip1 = self.enc1(x, use_running_average)  # (H, W, f1)
        x = max_pool_2x2(skip1)  # (H/2, W/2, f1)

        skip2 = self.enc2(x, use_running_average)  # (H/2, W/2, f2)
        x = max_pool_2x2(skip2)  # (H/4, W/4, f2)

        x = self.bottom(x, use_running_average)  # (H/4, W/4, f3)

        x = self.up2(x)  # (H/2, W/2, f2)
        x = jnp.concatenate([x, skip2], axis=-1)  # (H/2, W/2, 2*f2)
        x = self.dec2(x, use_running_average)  # (H/2, W/2, f2)

        x = self.up1(x)  # (H, W, f1)
        x = jnp.concatenate([x, skip1], axis=-1)  # (H, W, 2*f1)
        return self.dec1(x, use_running_average)  # (H, W, f1)


def unet_forward(seed: float, image: checks.ArrayLike, base_features: float) -> jax.Array:
    """Build `UNet` with ``nnx.Rngs(int(seed))``, run it on the image, and flatten the result.

    Args:
        seed: a whole number from 0 to 2**32 - 1.
        image: (H, W, C), H and W multiples of 4; cast to float32.
        base_features: f1, a whole number of at least 1.

    Returns:
        H * W * base_features numbers: the output (H, W, f1) in row-major order.

    Raises:
        ShapeError: a number that is not whole or out of range, an image that is not (H, W, C),
            or an H or W that the network cannot halve twice and join again.
    """
    seed = checks.seed(seed)
    base_features = checks.size("base_features", base_features)
    image = checks.array("image", image, ("H", "W", "C"))
    height, width, channels = image.shape
    checks.unet_size(height, width, base_features)
    checks.fits_in_memory(
        kernel_of_enc1=(3, 3, channels, base_features),
        kernel_of_bottom=(3, 3, 2 * base_features, 4 * base_features),
        input_of_dec1=(height, width, 2 * base_features),
    )
    return _build_and_run(jax.random.key(seed), image, base_features)


@one_program
def _build_and_run(key: jax.Array, image: jax.Array, base_features: int) -> jax.Array:
    unet = UNet(image.shape[2], base_features, rngs=nnx.Rngs(key))
    y = unet(image)  # (H, W, f1)
    return jnp.ravel(y)  # (H * W * f1,)
