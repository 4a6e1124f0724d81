"""A tiny U-Net: halved a few times, joined again as often, with a skip at each size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shapelab.lessons.base import Config, Lesson, Limits, bounded, choice
from shapelab.lessons.calls import called, written
from shapelab.lessons.rules import stops
from shapelab.lessons.words import CHANNELS, HEIGHT, MODE, PATTERN, SCENES, SEED, WIDTH

BASE = "Channels at full size; they double each time the image is halved."
DEPTH = "How often the image is halved, and joined again: height and width must be multiples of 2 to this power."
USUAL_DEPTH = 2  # that of the network as it is written first


@dataclass(frozen=True)
class UNetConfig(Config):
    """Parameters of the network. The sliders step over sizes that can be halved as often as it is deep."""

    H: int = bounded(64, low=4, high=1024, slide=128, group="Input", role="input", help=HEIGHT)
    W: int = bounded(48, low=4, high=1024, slide=128, group="Input", role="input", help=WIDTH)
    C: int = bounded(3, low=1, high=16, group="Input", role="input", help=CHANNELS)
    base_features: int = bounded(8, low=1, high=64, slide=32, group="Model", role="output", help=BASE)
    depth: int = bounded(USUAL_DEPTH, low=1, high=4, group="Model", role="kernel", help=DEPTH)
    mode: str = choice("train", "train", "eval", group="Model", help=MODE)
    pattern: str = choice("scene", *SCENES, group="Values", help=PATTERN)
    seed: int = bounded(0, low=0, high=99, group="Values", help=SEED)

    def reach(self, name: str) -> Limits:
        """The limits of one field: sizes that can be halved ``depth`` times, a depth that the size allows."""
        found = super().reach(name)
        if name in ("H", "W"):
            step, present = 2**self.depth, getattr(self, name)
            low = -(-found.low // step) * step
            if present < low:  # as typed: the network fails there, the next stops work
                return stops(range(low, found.high + 1, step), present)
            return Limits(low, found.high, step)
        if name == "depth":
            most = min(_halvings(self.H), _halvings(self.W), found.high)
            return Limits(1, max(most, 1, self.depth))
        return found


def _halvings(size: int) -> int:
    """How often a size can be halved without a rest."""
    return (size & -size).bit_length() - 1


def call_of(config: UNetConfig) -> tuple[str, dict[str, Any]]:
    """The class and the arguments that build the network."""
    arguments = {"in_features": config.C, "base_features": config.base_features}
    if config.depth == USUAL_DEPTH:
        return "UNet", arguments
    return "UNetOfDepth", {**arguments, "depth": config.depth}


def _constructor(config: UNetConfig) -> Callable[[Any], Any]:
    from flax import nnx

    from shapelab.modules import unet, unet_of_depth

    name, arguments = call_of(config)
    network: Any = {"UNet": unet.UNet, "UNetOfDepth": unet_of_depth.UNetOfDepth}[name]
    return lambda rng: network(**arguments, rngs=nnx.Rngs(rng))


def _arguments(config: Any) -> Mapping[str, Any]:
    return {"use_running_average": True} if config.mode == "eval" else {}


UNET = Lesson(
    name="unet",
    title="U-Net",
    Config=UNetConfig,
    input_shape=lambda config: (config.H, config.W, config.C),
    input_layout=("H", "W", "C"),
    constructor=_constructor,
    code=lambda config: called(written(*call_of(config), config.seed), _arguments(config)),
    arguments=_arguments,
    called=("mode",),
    presets={
        "a size that cannot be halved twice": {"H": 30, "depth": 2},
        "a size that cannot be halved three times": {"H": 60, "W": 48, "depth": 3},
        "three levels": {"H": 64, "W": 48, "depth": 3},
    },
)
