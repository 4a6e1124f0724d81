"""2-D convolution: an image, a kernel, and everything that flax's ``Conv`` can do; built with nnx or with Linen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shapelab.lessons import convolving
from shapelab.lessons.base import Lesson, bounded, choice
from shapelab.lessons.convolving import Axis, ConvolutionConfig
from shapelab.lessons.words import (
    BIAS,
    CHANNELS,
    DILATION,
    FEATURES,
    GROUPS,
    HEIGHT,
    KERNEL,
    PAD,
    PADDING,
    PADDINGS,
    PATTERN,
    PATTERNS,
    SEED,
    STRIDE,
    STRIDE_W,
    TRANSPOSED,
    WIDTH,
)

GROUP = "Convolution"
EXPLICIT = ("padding", "explicit")
TOP, BOTTOM, LEFT, RIGHT = (PAD.format(side=side) for side in ("top", "bottom", "left", "right"))
LIBRARY = "Which of flax's two APIs builds the module."
PLAIN = {"padding": "SAME", "dilation": 1, "groups": 1, "transposed": "no"}
STRIDE_2 = {"kernel_h": 3, "kernel_w": 3, "stride": 2, "stride_w": 2}
ALL_ONE = {"pad_top": 1, "pad_bottom": 1, "pad_left": 1, "pad_right": 1}


@dataclass(frozen=True)
class Conv2DConfig(ConvolutionConfig):
    """Parameters of flax's ``Conv`` and ``ConvTranspose`` over an image."""

    AXES: ClassVar = (
        Axis("H", "kernel_h", "stride", "pad_top", "pad_bottom"),
        Axis("W", "kernel_w", "stride_w", "pad_left", "pad_right"),
    )

    H: int = bounded(7, low=1, high=1024, slide=64, group="Input", role="input", help=HEIGHT)
    W: int = bounded(7, low=1, high=1024, slide=64, group="Input", role="input", help=WIDTH)
    C: int = bounded(3, low=1, high=16, group="Input", role="input", help=CHANNELS)
    kernel_h: int = bounded(3, low=1, high=11, group=GROUP, role="kernel", help=KERNEL)
    kernel_w: int = bounded(3, low=1, high=11, group=GROUP, role="kernel", help=KERNEL)
    stride: int = bounded(2, low=1, high=8, group=GROUP, role="kernel", help=STRIDE)
    stride_w: int = bounded(2, low=1, high=8, group=GROUP, role="kernel", help=STRIDE_W, follows="stride", apart=True)
    padding: str = choice("SAME", *PADDINGS, group=GROUP, help=PADDING)
    pad_top: int = bounded(1, low=0, high=16, slide=8, group=GROUP, role="padding", help=TOP, when=EXPLICIT)
    pad_bottom: int = bounded(1, low=0, high=16, slide=8, group=GROUP, role="padding", help=BOTTOM, when=EXPLICIT)
    pad_left: int = bounded(1, low=0, high=16, slide=8, group=GROUP, role="padding", help=LEFT, when=EXPLICIT)
    pad_right: int = bounded(1, low=0, high=16, slide=8, group=GROUP, role="padding", help=RIGHT, when=EXPLICIT)
    features: int = bounded(4, low=1, high=16, group=GROUP, role="output", help=FEATURES)
    library: str = choice("nnx", "nnx", "linen", group=GROUP, help=LIBRARY)
    dilation: int = bounded(1, low=1, high=8, group=GROUP, role="kernel", help=DILATION, more=True)
    groups: int = bounded(1, low=1, high=16, group=GROUP, role="kernel", help=GROUPS, more=True, few=True)
    bias: str = choice("yes", "yes", "no", group=GROUP, help=BIAS, more=True)
    transposed: str = choice("no", "no", "yes", group=GROUP, help=TRANSPOSED, more=True)
    pattern: str = choice("random", *PATTERNS, group="Values", help=PATTERN)
    seed: int = bounded(0, low=0, high=99, group="Values", help=SEED)


CONV2D = Lesson(
    name="conv2d",
    title="Conv2D",
    Config=Conv2DConfig,
    input_shape=lambda config: (config.H, config.W, config.C),
    input_layout=("H", "W", "C"),
    constructor=lambda config: convolving.constructor(config, config.library),
    code=lambda config: convolving.code(config, config.library),
    linked=(("kernel_h", "kernel_w"), ("stride", "stride_w")),
    presets={
        "the odd cell goes last": {**PLAIN, "H": 8, "W": 8, "stride": 2, "stride_w": 2},
        "stride larger than the kernel": {
            **PLAIN,
            "H": 12,
            "W": 12,
            "kernel_h": 2,
            "kernel_w": 2,
            "stride": 4,
            "stride_w": 4,
        },
        "PyTorch's padding=1": {**PLAIN, **STRIDE_2, **ALL_ONE, "H": 8, "W": 8, "padding": "explicit"},
        "depthwise: each channel alone": {**PLAIN, "C": 4, "features": 4, "groups": 4, "stride": 1, "stride_w": 1},
        "transposed: a checkerboard": {**PLAIN, **STRIDE_2, "H": 5, "W": 5, "transposed": "yes"},
    },
)
