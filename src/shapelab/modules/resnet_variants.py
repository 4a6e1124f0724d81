"""The basic block of a residual network where it changes shape: with a stride, other features, a projection."""

import jax
from flax import nnx


class ResidualBlock(nnx.Module):
    """relu(shortcut(x) + bn2(conv2(relu(bn1(conv1(x)))))): (H, W, C) -> (H/strides, W/strides, features).

    The first of the two 3x3 convolutions has the stride. With a projection the shortcut is a 1x1 convolution with
    the same stride and batch normalisation, so that it arrives in the shape of the sum; without one it is x itself,
    which fits only where nothing changes shape: `strides` 1, `features` C, padding SAME.

    Batch normalisation takes each channel's mean and (biased) variance over all other axes of this very input, with
    epsilon 1e-5; with use_running_average its running averages instead.

    Source: He et al. 2015, "Deep Residual Learning for Image Recognition", section 3.3, option B.

    Args:
        in_features: C, the channels of the input.
        features: the channels of the output.
        strides: how many cells the first convolution moves at a time.
        projection: whether the shortcut is the 1x1 convolution.
        padding: of both 3x3 convolutions, "SAME" or "VALID".
        rngs: where the initial kernels come from.

    Raises:
        TypeError: from JAX, at the sum, when the shortcut has another shape than what is added to it.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        strides: int = 1,
        projection: bool = False,
        padding: str = "SAME",
        *,
        rngs: nnx.Rngs,
    ) -> None:
        """Draw the kernels: (3, 3, C, features), (3, 3, features, features), and (1, 1, C, features) to project."""
        self.conv1 = nnx.Conv(in_features, features, (3, 3), strides=strides, padding=padding, rngs=rngs)
        self.bn1 = nnx.BatchNorm(features, rngs=rngs)
        self.conv2 = nnx.Conv(features, features, (3, 3), padding=padding, rngs=rngs)
        self.bn2 = nnx.BatchNorm(features, rngs=rngs)
        self.projection = projection
        if projection:
            self.conv3 = nnx.Conv(in_features, features, (1, 1), strides=strides, rngs=rngs)
            self.bn3 = nnx.BatchNorm(features, rngs=rngs)

    def __call__(self, x: jax.Array, use_running_average: bool = False) -> jax.Array:
        """Run the block: (H, W, C) -> (H/strides, W/strides, features), sizes rounded up."""
        y = self.conv1(x)  # (H/strides, W/strides, features)
        y = self.bn1(y, use_running_average=use_running_average)
        y = nnx.relu(y)
        y = self.conv2(y)  # (H/strides, W/strides, features)
        y = self.bn2(y, use_running_average=use_running_average)
        if self.projection:
            x = self.conv3(x)  # (H/strides, W/strides, features)
            x = self.bn3(x, use_running_average=use_running_average)
        return nnx.relu(x + y)
