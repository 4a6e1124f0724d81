"""The ResNet basic block: two convolutions and the skip that adds the input back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shapelab.lessons.base import Config, Lesson, Limits, bounded, choice
from shapelab.lessons.calls import called, written
from shapelab.lessons.rules import stops
from shapelab.lessons.words import CHANNELS, HEIGHT, MODE, PATTERN, SCENES, SEED, WIDTH

FEATURES = "Channels of the block; without a projection its input must have as many, because the two are added."
STRIDE = "Cells that the first convolution moves at a time: 2 halves height and width."
SHORTCUT = "How the input reaches the sum: as it is, or through a 1x1 convolution that gives it the block's shape."
PADDING = "Of both 3x3 convolutions: SAME keeps the size, VALID loses a cell on every side at each."


@dataclass(frozen=True)
class ResNetConfig(Config):
    """Parameters of the block. What does not fit at the sum is not refused here: it fails there, to be seen."""

    H: int = bounded(16, low=1, high=1024, slide=64, group="Input", role="input", help=HEIGHT)
    W: int = bounded(16, low=1, high=1024, slide=64, group="Input", role="input", help=WIDTH)
    C: int = bounded(8, low=1, high=64, slide=32, group="Input", role="input", help=CHANNELS, follows="features")
    features: int = bounded(8, low=1, high=64, slide=32, group="Model", role="output", help=FEATURES)
    stride: int = bounded(1, low=1, high=4, group="Model", role="kernel", help=STRIDE)
    shortcut: str = choice("identity", "identity", "projection", group="Model", help=SHORTCUT)
    padding: str = choice("SAME", "SAME", "VALID", group="Model", help=PADDING)
    mode: str = choice("train", "train", "eval", group="Model", help=MODE)
    pattern: str = choice("scene", *SCENES, group="Values", help=PATTERN)
    seed: int = bounded(0, low=0, high=99, group="Values", help=SEED)

    @property
    def plain(self) -> bool:
        """Whether this is the block as it is written first: nothing changes shape, and nothing is projected."""
        return (self.C, self.stride, self.shortcut, self.padding) == (self.features, 1, "identity", "SAME")

    def limits(self, name: str, together: Sequence[str] = ()) -> Limits:
        """As in ``Config``; channels that move together stay equal, so that any number of them will do."""
        if {name, *together} >= {"C", "features"}:
            return super().reach(name)
        return super().limits(name, together)

    def reach(self, name: str) -> Limits:
        """The limits of one field: without a projection the input is added as it is."""
        if self.shortcut == "projection" or name not in ("stride", "C", "features"):
            return super().reach(name)
        fits = {"stride": 1, "C": self.features, "features": self.C}[name]
        return stops([fits], getattr(self, name))


def call_of(config: ResNetConfig) -> tuple[str, dict[str, Any]]:
    """The class and the arguments that build the block."""
    if config.plain:
        return "BasicBlock", {"features": config.features}
    return "ResidualBlock", {
        "in_features": config.C,
        "features": config.features,
        "strides": config.stride,
        "projection": config.shortcut == "projection",
        "padding": config.padding,
    }


def _constructor(config: ResNetConfig) -> Callable[[Any], Any]:
    from flax import nnx

    from shapelab.modules import resnet_block, resnet_variants

    name, arguments = call_of(config)
    block: Any = {"BasicBlock": resnet_block.BasicBlock, "ResidualBlock": resnet_variants.ResidualBlock}[name]
    return lambda rng: block(**arguments, rngs=nnx.Rngs(rng))


def _arguments(config: Any) -> Mapping[str, Any]:
    return {"use_running_average": True} if config.mode == "eval" else {}


RESNET = Lesson(
    name="resnet",
    title="ResNet block",
    Config=ResNetConfig,
    input_shape=lambda config: (config.H, config.W, config.C),
    input_layout=("H", "W", "C"),
    constructor=_constructor,
    code=lambda config: called(written(*call_of(config), config.seed), _arguments(config)),
    arguments=_arguments,
    called=("mode",),
    linked=(("C", "features"),),
    presets={
        "stride 2 with the projection": {
            "C": 8,
            "features": 16,
            "stride": 2,
            "shortcut": "projection",
            "padding": "SAME",
        },
        "stride 2 without it: fails": {"C": 8, "features": 8, "stride": 2, "shortcut": "identity", "padding": "SAME"},
        "other features without it: fails": {
            "C": 8,
            "features": 16,
            "stride": 1,
            "shortcut": "identity",
            "padding": "SAME",
        },
        "VALID: fails": {"C": 8, "features": 8, "stride": 1, "shortcut": "identity", "padding": "VALID"},
    },
)
