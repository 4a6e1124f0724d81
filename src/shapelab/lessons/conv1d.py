"""1-D convolution: a sequence, a kernel, and everything that ``nnx.Conv`` can do along one axis."""

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
    KERNEL,
    PAD,
    PADDING,
    PADDINGS,
    PATTERN,
    PATTERNS,
    SEED,
    STRIDE,
    TRANSPOSED,
)

EXPLICIT = ("padding", "explicit")
LEFT, RIGHT = PAD.format(side="beginning"), PAD.format(side="end")
PLAIN = {"padding": "SAME", "dilation": 1, "groups": 1, "transposed": "no"}


@dataclass(frozen=True)
class Conv1DConfig(ConvolutionConfig):
    """Parameters of ``nnx.Conv`` and ``nnx.ConvTranspose`` over a sequence."""

    AXES: ClassVar = (Axis("L", "kernel_size", "stride", "pad_left", "pad_right"),)

    L: int = bounded(10, low=1, high=1024, slide=64, group="Input", role="input", help="Length: cells of the sequence.")
    C: int = bounded(3, low=1, high=16, group="Input", role="input", help=CHANNELS)
    kernel_size: int = bounded(4, low=1, high=16, group="Convolution", role="kernel", help=KERNEL)
    stride: int = bounded(1, low=1, high=8, group="Convolution", role="kernel", help=STRIDE)
    padding: str = choice("SAME", *PADDINGS, group="Convolution", help=PADDING)
    pad_left: int = bounded(1, low=0, high=16, slide=8, group="Convolution", role="padding", help=LEFT, when=EXPLICIT)
    pad_right: int = bounded(1, low=0, high=16, slide=8, group="Convolution", role="padding", help=RIGHT, when=EXPLICIT)
    features: int = bounded(4, low=1, high=16, group="Convolution", role="output", help=FEATURES)
    dilation: int = bounded(1, low=1, high=8, group="Convolution", role="kernel", help=DILATION, more=True)
    groups: int = bounded(1, low=1, high=16, group="Convolution", role="kernel", help=GROUPS, more=True, few=True)
    bias: str = choice("yes", "yes", "no", group="Convolution", help=BIAS, more=True)
    transposed: str = choice("no", "no", "yes", group="Convolution", help=TRANSPOSED, more=True)
    pattern: str = choice("random", *PATTERNS, group="Values", help=PATTERN)
    seed: int = bounded(0, low=0, high=99, group="Values", help=SEED)


CONV1D = Lesson(
    name="conv1d",
    title="Conv1D",
    Config=Conv1DConfig,
    input_shape=lambda config: (config.L, config.C),
    input_layout=("L", "C"),
    constructor=convolving.constructor,
    code=convolving.code,
    presets={
        "odd kernel": {**PLAIN, "L": 10, "kernel_size": 3},
        "kernel longer than the input": {**PLAIN, "L": 5, "kernel_size": 9},
        "causal: no look ahead": {**PLAIN, "L": 10, "kernel_size": 3, "stride": 1, "padding": "CAUSAL"},
        "dilated: a longer reach": {**PLAIN, "L": 16, "kernel_size": 3, "stride": 1, "dilation": 4},
        "circular: the ends meet": {**PLAIN, "L": 10, "kernel_size": 4, "stride": 1, "padding": "CIRCULAR"},
    },
)
