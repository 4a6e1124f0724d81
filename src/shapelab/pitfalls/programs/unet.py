"""What goes wrong in a U-Net, and how it is right."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from shapelab.modules.unet import UNet, max_pool_2x2
from shapelab.pitfalls.programs.convolution import noise

Array = jax.Array


def join(f: int) -> dict[str, Any]:
    """Draw what meets at a join: upsampled values, and the skip."""
    both = noise(2, 8, 6, f)
    return {"up": both[:1], "skip": both[1:]}


def decoder_for_f(up: Array, skip: Array) -> Array:
    """Build the decoder for the channels of one of the two."""
    f, rngs = up.shape[-1], nnx.Rngs(0)
    decoder = nnx.Conv(f, f, (3, 3), rngs=rngs)
    x = jnp.concatenate([up, skip], axis=-1)  # (N, H, W, 2*f)
    return decoder(x)  # (N, H, W, f)


def decoder_for_2f(up: Array, skip: Array) -> Array:
    """Build the decoder for the channels of both."""
    f, rngs = up.shape[-1], nnx.Rngs(0)
    decoder = nnx.Conv(2 * f, f, (3, 3), rngs=rngs)
    x = jnp.concatenate([up, skip], axis=-1)  # (N, H, W, 2*f)
    return decoder(x)  # (N, H, W, f)


def joined_along_batch(up: Array, skip: Array) -> Array:
    """Join along the first axis."""
    f, rngs = up.shape[-1], nnx.Rngs(0)
    x = jnp.concatenate([up, skip], axis=0)  # (2*N, H, W, f)
    decoder = nnx.Conv(x.shape[-1], f, (3, 3), rngs=rngs)
    return decoder(x)  # (2*N, H, W, f)


def joined_along_channels(up: Array, skip: Array) -> Array:
    """Join along the last axis."""
    f, rngs = up.shape[-1], nnx.Rngs(0)
    x = jnp.concatenate([up, skip], axis=-1)  # (N, H, W, 2*f)
    decoder = nnx.Conv(x.shape[-1], f, (3, 3), rngs=rngs)
    return decoder(x)  # (N, H, W, f)


def skip_in_front(up: Array, skip: Array) -> Array:
    """Put the skip in front; the decoder has it behind."""
    f, rngs = up.shape[-1], nnx.Rngs(0)
    decoder = nnx.Conv(2 * f, f, (3, 3), rngs=rngs)
    x = jnp.concatenate([skip, up], axis=-1)  # (N, H, W, 2*f)
    return decoder(x)  # (N, H, W, f)


def network(H: int) -> dict[str, Any]:
    """Build the U-Net of the lesson, two levels deep, and draw an image."""
    return {"x": noise(1, H, 8, 3), "net": UNet(3, 4, rngs=nnx.Rngs(0))}


def oldest_skip(x: Array, net: UNet) -> Array:
    """Take the skips in the order in which they were kept."""
    skips = [net.enc1(x)]  # (N, H, W, f1)
    x = max_pool_2x2(skips[-1])  # (N, H/2, W/2, f1)
    skips.append(net.enc2(x))  # (N, H/2, W/2, f2)
    x = max_pool_2x2(skips[-1])  # (N, H/4, W/4, f2)
    x = net.bottom(x)  # (N, H/4, W/4, f3)
    for up, decoder in ((net.up2, net.dec2), (net.up1, net.dec1)):
        skip = skips.pop(0)
        x = up(x)  # twice H and W, half the channels
        x = decoder(jnp.concatenate([x, skip], axis=-1))
    return x  # (N, H, W, f1)


def latest_skip(x: Array, net: UNet) -> Array:
    """Take the skip kept last: the way up meets it first."""
    skips = [net.enc1(x)]  # (N, H, W, f1)
    x = max_pool_2x2(skips[-1])  # (N, H/2, W/2, f1)
    skips.append(net.enc2(x))  # (N, H/2, W/2, f2)
    x = max_pool_2x2(skips[-1])  # (N, H/4, W/4, f2)
    x = net.bottom(x)  # (N, H/4, W/4, f3)
    for up, decoder in ((net.up2, net.dec2), (net.up1, net.dec1)):
        skip = skips.pop()
        x = up(x)  # twice H and W, half the channels
        x = decoder(jnp.concatenate([x, skip], axis=-1))
    return x  # (N, H, W, f1)


def never_pooled(x: Array, net: UNet) -> Array:
    """Go down without pooling."""
    skip1 = net.enc1(x)  # (N, H, W, f1)
    skip2 = net.enc2(skip1)  # (N, H, W, f2)
    x = net.bottom(skip2)  # (N, H, W, f3)
    x = net.up2(x)  # (N, 2*H, 2*W, f2)
    x = net.dec2(jnp.concatenate([x, skip2], axis=-1))
    x = net.up1(x)
    return net.dec1(jnp.concatenate([x, skip1], axis=-1))


def pooled_twice(x: Array, net: UNet) -> Array:
    """Halve on the way down as often as the way up doubles."""
    skip1 = net.enc1(x)  # (N, H, W, f1)
    skip2 = net.enc2(max_pool_2x2(skip1))  # (N, H/2, W/2, f2)
    x = net.bottom(max_pool_2x2(skip2))  # (N, H/4, W/4, f3)
    x = net.up2(x)  # (N, H/2, W/2, f2)
    x = net.dec2(jnp.concatenate([x, skip2], axis=-1))
    x = net.up1(x)  # (N, H, W, f1)
    return net.dec1(jnp.concatenate([x, skip1], axis=-1))


def low_and_high(H: int, padding: str) -> dict[str, Any]:
    """Make what is to be upsampled and the skip of twice its size, all ones: so sums count what they add."""
    return {"x": jnp.ones((1, H, H, 1)), "skip": jnp.ones((1, 2 * H, 2 * H, 1)), "padding": padding}


def up_by_kernel_3(x: Array, skip: Array, padding: str) -> Array:
    """Upsample with a kernel of 3 and a stride of 2."""
    up = nnx.ConvTranspose(
        in_features=1,
        out_features=1,
        kernel_size=(3, 3),
        strides=(2, 2),
        padding=padding,
        kernel_init=nnx.initializers.ones,
        rngs=nnx.Rngs(0),
    )
    x = up(x)  # VALID: (N, 2*H + 1, 2*W + 1, 1)
    return jnp.concatenate([x, skip], axis=-1)


def up_by_kernel_2(x: Array, skip: Array, padding: str) -> Array:
    """Upsample by 2x2: every cell becomes four of its own."""
    up = nnx.ConvTranspose(
        in_features=1,
        out_features=1,
        kernel_size=(2, 2),
        strides=(2, 2),
        padding=padding,
        kernel_init=nnx.initializers.ones,
        rngs=nnx.Rngs(0),
    )
    x = up(x)  # (N, 2*H, 2*W, 1)
    return jnp.concatenate([x, skip], axis=-1)


def up_by_stride_1(x: Array, skip: Array, padding: str) -> Array:
    """Upsample with a kernel of 2, and leave out strides."""
    up = nnx.ConvTranspose(
        in_features=1,
        out_features=1,
        kernel_size=(2, 2),
        padding=padding,
        kernel_init=nnx.initializers.ones,
        rngs=nnx.Rngs(0),
    )
    x = up(x)  # VALID: (N, H + 1, W + 1, 1)
    return jnp.concatenate([x, skip], axis=-1)
