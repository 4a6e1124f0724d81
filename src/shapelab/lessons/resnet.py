"""The ResNet basic block: two convolutions and the skip that adds the input back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shapelab.lessons.base import Config, Lesson, bounded
from shapelab.lessons.words import HEIGHT, SEED, WIDTH


@dataclass(frozen=True)
class ResNetConfig(Config):
    """Parameters of ``resnet_basic_forward``; the input has as many channels as the block has features."""

    H: int = bounded(16, low=1, high=1024, slide=64, group="Input", role="input", help=HEIGHT)
    W: int = bounded(16, low=1, high=1024, slide=64, group="Input", role="input", help=WIDTH)
    features: int = bounded(
        8,
        low=1,
        high=64,
        slide=32,
        group="Model",
        role="output",
        help="Channels of the block, and of its input: the sum at the end needs both to be equal.",
    )
    seed: int = bounded(0, low=0, high=99, group="Values", help=SEED)


def _constructor(config: ResNetConfig) -> Callable[[Any], Any]:
    from flax import nnx

    from shapelab.modules.resnet_block import BasicBlock

    return lambda rng: BasicBlock(config.features, rngs=nnx.Rngs(rng))


def _code(config: ResNetConfig) -> str:
    return f"BasicBlock(\n  features={config.features},\n  rngs=nnx.Rngs({config.seed}))"


RESNET = Lesson(
    name="resnet",
    title="ResNet block",
    Config=ResNetConfig,
    input_shape=lambda config: (config.H, config.W, config.features),
    input_layout=("H", "W", "C"),
    constructor=_constructor,
    code=_code,
    pattern="scene",
)
