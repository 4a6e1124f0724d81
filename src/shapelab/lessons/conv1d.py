"""1-D convolution: a sequence, a kernel, SAME padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shapelab.lessons.base import Config, Lesson, bounded
from shapelab.lessons.words import CHANNELS, FEATURES, KERNEL, SEED


@dataclass(frozen=True)
class Conv1DConfig(Config):
    """Parameters of ``conv1d_forward``."""

    L: int = bounded(10, low=1, high=1024, slide=64, group="Input", role="input", help="Length: cells of the sequence.")
    C: int = bounded(3, low=1, high=16, group="Input", role="input", help=CHANNELS)
    kernel_size: int = bounded(4, low=1, high=16, group="Convolution", role="kernel", help=KERNEL)
    features: int = bounded(4, low=1, high=16, group="Convolution", role="output", help=FEATURES)
    seed: int = bounded(0, low=0, high=99, group="Values", help=SEED)


def _constructor(config: Conv1DConfig) -> Callable[[Any], Any]:
    from flax import nnx

    from shapelab.modules.conv1d import MyConv1D

    return lambda rng: MyConv1D(config.C, config.features, config.kernel_size, rngs=nnx.Rngs(rng))


def _code(config: Conv1DConfig) -> str:
    return (
        "nnx.Conv(\n"
        f"  in_features={config.C},\n"
        f"  out_features={config.features},\n"
        f"  kernel_size=({config.kernel_size},),\n"
        "  strides=1,\n"
        '  padding="SAME",\n'
        f"  rngs=nnx.Rngs({config.seed}))"
    )


CONV1D = Lesson(
    name="conv1d",
    title="Conv1D",
    Config=Conv1DConfig,
    input_shape=lambda config: (config.L, config.C),
    input_layout=("L", "C"),
    constructor=_constructor,
    code=_code,
    presets={
        "odd kernel": {"L": 10, "kernel_size": 3},
        "kernel longer than the input": {"L": 5, "kernel_size": 9},
    },
)
