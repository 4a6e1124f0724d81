"""A tiny U-Net: halved twice, joined again twice, with a skip at each size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shapelab.lessons.base import Config, Lesson, bounded
from shapelab.lessons.words import CHANNELS, HEIGHT, SEED, WIDTH


@dataclass(frozen=True)
class UNetConfig(Config):
    """Parameters of ``unet_forward``. The sliders step over sizes that can be halved twice; any size can be typed."""

    H: int = bounded(64, low=4, high=1024, slide=128, step=4, group="Input", role="input", help=HEIGHT)
    W: int = bounded(48, low=4, high=1024, slide=128, step=4, group="Input", role="input", help=WIDTH)
    C: int = bounded(3, low=1, high=16, group="Input", role="input", help=CHANNELS)
    base_features: int = bounded(
        8,
        low=1,
        high=64,
        slide=32,
        group="Model",
        role="output",
        help="Channels at full size; they double each time the image is halved.",
    )
    seed: int = bounded(0, low=0, high=99, group="Values", help=SEED)


def _constructor(config: UNetConfig) -> Callable[[Any], Any]:
    from flax import nnx

    from shapelab.modules.unet import UNet

    return lambda rng: UNet(config.C, config.base_features, rngs=nnx.Rngs(rng))


def _code(config: UNetConfig) -> str:
    return f"UNet(\n  in_features={config.C},\n  base_features={config.base_features},\n  rngs=nnx.Rngs({config.seed}))"


UNET = Lesson(
    name="unet",
    title="U-Net",
    Config=UNetConfig,
    input_shape=lambda config: (config.H, config.W, config.C),
    input_layout=("H", "W", "C"),
    constructor=_constructor,
    code=_code,
    pattern="scene",
    presets={"a size that cannot be halved twice": {"H": 30}},
)
