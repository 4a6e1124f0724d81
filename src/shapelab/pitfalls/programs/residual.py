"""What goes wrong in a residual block, and how it is right."""

from typing import Any

import jax
from flax import nnx

from shapelab.modules.resnet_block import BasicBlock
from shapelab.pitfalls.programs.convolution import noise

Array = jax.Array


def block_and_input(C: int) -> dict[str, Any]:
    """Build a block; its input comes from a relu, as it does inside a network."""
    return {"x": nnx.relu(noise(1, 8, 6, C)), "block": BasicBlock(C, rngs=nnx.Rngs(0))}


def branch_alone(x: Array, block: BasicBlock) -> Array:
    """Return the branch, and forget x."""
    y = block.conv1(x)
    y = nnx.relu(block.bn1(y, use_running_average=False))
    y = block.conv2(y)
    y = block.bn2(y, use_running_average=False)
    return nnx.relu(y)


def branch_and_skip(x: Array, block: BasicBlock) -> Array:
    """Add x to the branch, then cut off below zero."""
    y = block.conv1(x)
    y = nnx.relu(block.bn1(y, use_running_average=False))
    y = block.conv2(y)
    y = block.bn2(y, use_running_average=False)
    return nnx.relu(x + y)


def relu_then_addition(x: Array, block: BasicBlock) -> Array:
    """Cut the branch off below zero, then add x."""
    y = block.conv1(x)
    y = nnx.relu(block.bn1(y, use_running_average=False))
    y = block.conv2(y)
    y = block.bn2(y, use_running_average=False)
    return x + nnx.relu(y)


def widths(C: int, features: int) -> dict[str, Any]:
    """Draw an input of C channels for a block of other features."""
    return {"x": noise(1, 8, 6, C), "features": features}


def added_as_they_are(x: Array, features: int) -> Array:
    """Add C channels to other ones."""
    C, rngs = x.shape[-1], nnx.Rngs(0)
    conv = nnx.Conv(C, features, (3, 3), rngs=rngs)
    y = conv(x)  # (N, H, W, features)
    return nnx.relu(x + y)


def projected_first(x: Array, features: int) -> Array:
    """Bring x to as many channels by a 1x1 kernel, then add."""
    C, rngs = x.shape[-1], nnx.Rngs(0)
    conv = nnx.Conv(C, features, (3, 3), rngs=rngs)
    project = nnx.Conv(C, features, (1, 1), rngs=rngs)
    y = conv(x)  # (N, H, W, features)
    x = project(x)  # (N, H, W, features)
    return nnx.relu(x + y)


def square(H: int) -> dict[str, Any]:
    """Draw a square input of 4 channels."""
    return {"x": noise(1, H, H, 4)}


def convolved_valid(x: Array) -> Array:
    """Convolve twice without padding, then add."""
    C, rngs = x.shape[-1], nnx.Rngs(0)
    conv1 = nnx.Conv(C, C, (3, 3), padding="VALID", rngs=rngs)
    conv2 = nnx.Conv(C, C, (3, 3), padding="VALID", rngs=rngs)
    y = nnx.relu(conv1(x))  # (N, H - 2, W - 2, C)
    y = conv2(y)  # (N, H - 4, W - 4, C)
    return nnx.relu(x + y)


def convolved_same(x: Array) -> Array:
    """Convolve twice with SAME padding, then add."""
    C, rngs = x.shape[-1], nnx.Rngs(0)
    conv1 = nnx.Conv(C, C, (3, 3), padding="SAME", rngs=rngs)
    conv2 = nnx.Conv(C, C, (3, 3), padding="SAME", rngs=rngs)
    y = nnx.relu(conv1(x))  # (N, H, W, C)
    y = conv2(y)  # (N, H, W, C)
    return nnx.relu(x + y)
