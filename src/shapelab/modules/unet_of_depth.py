"""A U-Net that goes down as often as it is told to, made of the same parts as `shapelab.modules.unet`."""

import jax
import jax.numpy as jnp
from flax import nnx

from shapelab.modules.unet import ConvBNReLU, max_pool_2x2


class UNetOfDepth(nnx.Module):
    """A U-Net of `depth` levels: (H, W, C) -> (H, W, f1), also (N, H, W, C).

    Level n has 2^(n-1) * base_features channels and H / 2^(n-1) rows: enc1, enc2, ... go down, bottom turns round, and
    up_n and dec_n of each level come back up with the skip of enc_n. A depth of 2 is `shapelab.modules.unet.UNet`.
    H and W must be multiples of 2^depth.

    Source: Ronneberger et al. 2015, "U-Net", figure 1 (depth 4), with SAME padding and batch normalisation.

    Args:
        in_features: C, the channels of the image.
        base_features: f1, the channels of the first level and of the output.
        depth: how often the image is halved, and doubled again.
        rngs: where the initial kernels come from.

    Raises:
        TypeError: from JAX, at the join that does not fit, when H or W is not a multiple of 2^depth.
        ZeroDivisionError: from Flax, when H or W is below 2^depth and the poolings leave nothing of a (H, W, C).
    """

    def __init__(self, in_features: int, base_features: int, depth: int, *, rngs: nnx.Rngs) -> None:
        """Draw the kernels in the order the image meets them."""
        features = [base_features * 2**level for level in range(depth + 1)]  # f1, f2, ..., bottom's last
        self.depth = depth
        for level in range(1, depth + 1):
            above = features[level - 2] if level > 1 else in_features
            setattr(self, f"enc{level}", ConvBNReLU(above, features[level - 1], rngs=rngs))
        self.bottom = ConvBNReLU(features[-2], features[-1], rngs=rngs)
        for level in range(depth, 0, -1):
            f, below = features[level - 1], features[level]
            setattr(self, f"up{level}", nnx.ConvTranspose(below, f, (2, 2), strides=(2, 2), padding="VALID", rngs=rngs))
            setattr(self, f"dec{level}", ConvBNReLU(2 * f, f, rngs=rngs))

    def __call__(self, x: jax.Array, use_running_average: bool = False) -> jax.Array:
        """Run the network: (H, W, C) -> (H, W, f1). Behind n halvings H/2^n and f = 2^n * f1 are meant."""
        skips = []
        for level in range(1, self.depth + 1):
            x = getattr(self, f"enc{level}")(x, use_running_average)  # (H, W, f)
            skips.append(x)
            x = max_pool_2x2(x)  # (H/2, W/2, f)

        x = self.bottom(x, use_running_average)  # (H, W, 2*f)

        for level in range(self.depth, 0, -1):
            x = getattr(self, f"up{level}")(x)  # (2*H, 2*W, f)
            x = jnp.concatenate([x, skips[level - 1]], axis=-1)  # (2*H, 2*W, 2*f)
            x = getattr(self, f"dec{level}")(x, use_running_average)  # (2*H, 2*W, f)
        return x
