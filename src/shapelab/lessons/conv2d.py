"""2-D convolution: an image, a kernel, a stride, SAME padding; built with nnx or with Linen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shapelab.lessons.base import Config, Lesson, bounded, choice
from shapelab.lessons.words import CHANNELS, FEATURES, HEIGHT, KERNEL, SEED, STRIDE, WIDTH


@dataclass(frozen=True)
class Conv2DConfig(Config):
    """Parameters of ``conv2d_forward`` and ``conv2d_linen_forward``."""

    H: int = bounded(7, low=1, high=1024, slide=64, group="Input", role="input", help=HEIGHT)
    W: int = bounded(7, low=1, high=1024, slide=64, group="Input", role="input", help=WIDTH)
    C: int = bounded(3, low=1, high=16, group="Input", role="input", help=CHANNELS)
    kernel_h: int = bounded(3, low=1, high=11, group="Convolution", role="kernel", help=KERNEL)
    kernel_w: int = bounded(3, low=1, high=11, group="Convolution", role="kernel", help=KERNEL)
    stride: int = bounded(2, low=1, high=8, group="Convolution", role="kernel", help=STRIDE)
    features: int = bounded(4, low=1, high=16, group="Convolution", role="output", help=FEATURES)
    library: str = choice(
        "nnx", "nnx", "linen", group="Convolution", help="Which of flax's two APIs builds the module."
    )
    seed: int = bounded(0, low=0, high=99, group="Values", help=SEED)


def _constructor(config: Conv2DConfig) -> Callable[[Any], Any]:
    if config.library == "linen":
        from shapelab.modules import conv2d_linen

        return lambda _: conv2d_linen.MyConv2D(config.features, config.kernel_h, config.kernel_w, config.stride)
    from flax import nnx

    from shapelab.modules import conv2d

    return lambda rng: conv2d.MyConv2D(
        config.C, config.features, config.kernel_h, config.kernel_w, config.stride, rngs=nnx.Rngs(rng)
    )


def _code(config: Conv2DConfig) -> str:
    window = f'  kernel_size=({config.kernel_h}, {config.kernel_w}),\n  strides={config.stride},\n  padding="SAME"'
    if config.library == "linen":
        return f"nn.Conv(\n  features={config.features},\n{window})\n# init: jax.random.key({config.seed})"
    return (
        f"nnx.Conv(\n  in_features={config.C},\n  out_features={config.features},\n{window},\n"
        f"  rngs=nnx.Rngs({config.seed}))"
    )


CONV2D = Lesson(
    name="conv2d",
    title="Conv2D",
    Config=Conv2DConfig,
    input_shape=lambda config: (config.H, config.W, config.C),
    input_layout=("H", "W", "C"),
    constructor=_constructor,
    code=_code,
    linked=("kernel_h", "kernel_w"),
    presets={
        "the odd cell goes last": {"H": 8, "W": 8, "stride": 2},
        "stride larger than the kernel": {"H": 12, "W": 12, "kernel_h": 2, "kernel_w": 2, "stride": 4},
    },
)
