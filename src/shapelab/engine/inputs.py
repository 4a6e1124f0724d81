"""What the lessons feed their modules: numbers drawn with the seed, the same for the same configuration."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def noise(shape: tuple[int, ...], seed: int) -> Array:
    """Independent normal numbers. Any shape, float32."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def scene(shape: tuple[int, ...], seed: int) -> Array:
    """A disc before slow waves, so that feature maps show edges and areas. Shape (H, W, C), float32, about -1 to 1."""
    drawn = np.random.default_rng(seed)
    height, width, channels = shape
    y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    turns, phase = drawn.uniform(-2.0, 2.0, (2, channels)), drawn.uniform(0, 2 * np.pi, channels)
    waves = np.sin(2 * np.pi * (y[..., None] * turns[0] + x[..., None] * turns[1]) + phase)
    centre = drawn.uniform(0.35, 0.65, 2)
    disc = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < 0.28**2
    shades = drawn.uniform(-1.0, 1.0, channels)
    picture: Array = np.where(disc[..., None], shades, 0.6 * waves).astype(np.float32)
    return picture


PATTERNS = {"noise": noise, "scene": scene}
