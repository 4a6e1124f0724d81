"""What the lessons feed their modules: the same values for the same configuration. Channels last, float32."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from shapelab.engine.spec import IMAGE_SIDE, Spec

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def input_values(spec: Spec) -> Array:
    """The lesson's input, of shape ``spec.input_shape``."""
    pattern, seed = getattr(spec.config, "pattern", "random"), getattr(spec.config, "seed", 0)
    if pattern == "upload":
        return picture(spec.input_shape, np.frombuffer(spec.image, np.uint8).reshape(IMAGE_SIDE, IMAGE_SIDE, 3))
    return PATTERNS[pattern](spec.input_shape, seed)


def noise(shape: Shape, seed: int) -> Array:
    """Independent normal numbers. Any shape."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def scene(shape: Shape, seed: int) -> Array:
    """A disc before slow waves, so that feature maps show edges and areas. Shape (H, W, C), about -1 to 1."""
    drawn = np.random.default_rng(seed)
    height, width, channels = shape
    y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    turns, phase = drawn.uniform(-2.0, 2.0, (2, channels)), drawn.uniform(0, 2 * np.pi, channels)
    waves = np.sin(2 * np.pi * (y[..., None] * turns[0] + x[..., None] * turns[1]) + phase)
    centre = drawn.uniform(0.35, 0.65, 2)
    disc = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < 0.28**2
    shades = drawn.uniform(-1.0, 1.0, channels)
    drawing: Array = np.where(disc[..., None], shades, 0.6 * waves).astype(np.float32)
    return drawing


def ramp(shape: Shape, _: int) -> Array:
    """The cells numbered in reading order, 0, 1, 2, …; each channel is 0.01 above the last, to tell them apart."""
    *spatial, channels = shape
    cells = np.arange(int(np.prod(spatial)), dtype=np.float32).reshape(spatial)
    return cells[..., None] + np.arange(channels, dtype=np.float32) / 100


def impulse(shape: Shape, _: int) -> Array:
    """1 at the middle cell of every channel, 0 elsewhere: what comes out is the kernel, mirrored."""
    values = np.zeros(shape, np.float32)
    values[tuple(size // 2 for size in shape[:-1])] = 1
    return values


def checkerboard(shape: Shape, _: int) -> Array:
    """1 and -1 in turn along every axis; the same in every channel."""
    places = np.indices(shape[:-1]).sum(axis=0)
    board: Array = np.where(places % 2 == 0, 1, -1).astype(np.float32)
    return np.repeat(board[..., None], shape[-1], axis=-1)


def photo(shape: Shape, _: int) -> Array:
    """A photograph, resized: see ``picture``."""
    return picture(shape, _photograph())


def picture(shape: Shape, image: Array) -> Array:
    """A picture as an input: resized to the shape's height and width, scaled from 0..255 to -1..1.

    One channel is its grey, channels beyond three are red, green and blue again; a sequence is its middle row.

    Args:
      shape: (H, W, C) or (L, C).
      image: (rows, columns, 3), bytes.
    """
    *spatial, channels = shape
    values = image.astype(np.float32) / 127.5 - 1
    if len(spatial) == 1:
        values = values[len(values) // 2][None]
    height, width = [1, *spatial][-2:]
    values = resized(resized(values, height, 0), width, 1)
    if channels == 1:
        values = (values @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]  # luma, ITU-R BT.601
    values = np.take(values, np.arange(channels) % values.shape[-1], axis=-1)
    return np.ascontiguousarray(values.reshape(shape), np.float32)


def resized(values: Array, size: int, axis: int) -> Array:
    """An array with one axis of another size, by a linear filter as wide as the coarser of the two grids.

    Widening the filter when cells are lost keeps fine detail from turning into false patterns (antialiasing).
    """
    before = values.shape[axis]
    scale = before / size
    reach = max(scale, 1.0)
    centres = (np.arange(size) + 0.5) * scale - 0.5
    weights = np.maximum(1 - np.abs(centres[:, None] - np.arange(before)) / reach, 0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.moveaxis(np.tensordot(weights.astype(np.float32), values, (1, axis)), 0, axis)


@lru_cache(maxsize=1)
def _photograph() -> Array:
    """Rear Admiral Grace Hopper, 1984: public domain, an official photograph of the United States Navy (NH 96919).

    Cropped and resized from ``grace_hopper.jpg`` as matplotlib ships it. (128, 128, 3), bytes.
    """
    with (files("shapelab.engine") / "photograph.npz").open("rb") as file:
        image: Array = np.load(file)["image"]
    return image


PATTERNS = {
    "random": noise,
    "ramp": ramp,
    "impulse": impulse,
    "checkerboard": checkerboard,
    "photo": photo,
    "scene": scene,
}
