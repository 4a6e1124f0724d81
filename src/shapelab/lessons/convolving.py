"""What the convolution lessons share: which settings exclude each other, how far each reaches, the call of flax."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from typing import Any, ClassVar

from shapelab.errors import ShapeError
from shapelab.geometry import Padding, Window
from shapelab.lessons.base import Config, Limits
from shapelab.lessons.calls import written
from shapelab.lessons.rules import stops

TRANSPOSABLE = ("SAME", "VALID", "CIRCULAR", "explicit")
AT_STRIDE_1 = "SAME_LOWER"  # which flax takes for a transposed convolution that spreads nothing


@dataclass(frozen=True)
class Axis:
    """The fields that set one axis: its size, and the kernel, stride and padding along it."""

    size: str
    kernel: str
    stride: str
    lo: str
    hi: str


class ConvolutionConfig(Config):
    """The rules of a lesson that is one layer of flax. A lesson adds the fields and names its axes."""

    AXES: ClassVar[tuple[Axis, ...]]
    C: int
    dilation: int
    features: int
    groups: int
    padding: str
    transposed: str
    bias: str
    seed: int

    def agree(self) -> None:
        """Refuse what flax refuses, and a kernel longer than what it slides over: flax gives an empty output there."""
        _refuse_groups(self.groups, self.C, self.features, self.transposed == "yes")
        largest = max(getattr(self, axis.stride) for axis in self.AXES)
        taken = self.padding in TRANSPOSABLE or (self.padding == AT_STRIDE_1 and largest == 1)
        if self.transposed == "yes" and not taken:
            raise ShapeError(
                f"padding = {self.padding} with transposed = yes and stride = {largest}: flax pads a transposed "
                f"convolution with {', '.join(TRANSPOSABLE[:-1])} or explicit numbers; at stride 1 also {AT_STRIDE_1}"
            )
        if self.padding == "CAUSAL" and len(self.AXES) > 1:
            raise ShapeError(
                f"padding = CAUSAL with {len(self.AXES)} spatial axes: flax pads one axis only, that of a sequence; "
                "take SAME here, or CAUSAL in the lesson conv1d"
            )
        for axis in self.AXES:
            self._refuse_unfitting(axis)

    def reach(self, name: str) -> Limits:
        """The limits of one field: channels by groups, the rest where the kernel still fits."""
        found = super().reach(name)
        if name == "groups":
            most = 1 if self.transposed == "yes" else gcd(self.C, self.features)
            return stops([n for n in range(1, most + 1) if most % n == 0], self.groups)
        if name in ("C", "features"):
            return Limits(self.groups, found.high // self.groups * self.groups, self.groups)
        for axis in self.AXES:
            if name == axis.stride and self.transposed == "yes" and self.padding == AT_STRIDE_1:
                return Limits(1, 1)
            found = self._fitting(axis, name, found)
        return found

    def _fitting(self, axis: Axis, name: str, found: Limits) -> Limits:
        """The limits narrowed to where the kernel is no longer than the padded axis."""
        room = self._room(axis)
        if room is None:
            return found
        n, k = getattr(self, axis.size), getattr(self, axis.kernel)
        spread, padded, reach = room.spread_size(n), room.padded_size(n), room.span
        low, high = found.low, found.high
        if name == axis.size:
            low = max(low, 1 - (padded - spread - reach + 1) // room.base_dilation)
        elif name == axis.kernel:
            high = min(high, (padded - 1) // self.dilation + 1)
        elif name == "dilation" and k > 1:
            high = min(high, (padded - 1) // (k - 1))
        elif name == axis.stride and self.transposed == "yes" and n > 1:
            low = max(low, -((padded - spread - reach + 1) // (n - 1)))
        elif name in (axis.lo, axis.hi):
            low = max(low, getattr(self, name) - (padded - reach))
        return Limits(low, high, found.step)

    def _refuse_unfitting(self, axis: Axis) -> None:
        room = self._room(axis)
        size = getattr(self, axis.size)
        if room is None or room.fits(size):
            return
        raise ShapeError(
            f"{axis.size} = {size}: the kernel spans {room.span} cells, the padded input has {room.padded_size(size)}: "
            f"at least {room.span} needed; a larger {axis.size}, a smaller {axis.kernel} or dilation, or padding = SAME"
        )

    def _room(self, axis: Axis) -> Window | None:
        """The window along an axis where its padding is given; None where flax pads as much as the kernel needs."""
        if self.padding == "explicit":
            padding = Padding(getattr(self, axis.lo), getattr(self, axis.hi))
        elif self.padding == "VALID" and self.transposed == "no":
            padding = Padding(0, 0)
        else:
            return None
        stride = getattr(self, axis.stride)
        apart = stride if self.transposed == "yes" else 1
        return Window(getattr(self, axis.kernel), dilation=self.dilation, base_dilation=apart, padding=padding)


def call_of(config: ConvolutionConfig, library: str = "nnx") -> tuple[str, dict[str, Any]]:
    """The class of flax and the arguments that build the layer; what equals flax's default is left out."""
    axes = config.AXES
    strides = tuple(getattr(config, axis.stride) for axis in axes)
    arguments: dict[str, Any] = {"in_features": config.C, "out_features": config.features}
    if library == "linen":
        arguments = {"features": config.features}
    arguments["kernel_size"] = tuple(getattr(config, axis.kernel) for axis in axes)
    arguments["strides"] = strides[0] if len(set(strides)) == 1 else strides
    pads = tuple((getattr(config, axis.lo), getattr(config, axis.hi)) for axis in axes)
    arguments["padding"] = pads if config.padding == "explicit" else config.padding
    if config.dilation != 1:
        arguments["kernel_dilation"] = config.dilation
    if config.groups != 1:
        arguments["feature_group_count"] = config.groups
    if config.bias == "no":
        arguments["use_bias"] = False
    return ("ConvTranspose" if config.transposed == "yes" else "Conv"), arguments


def constructor(config: ConvolutionConfig, library: str = "nnx") -> Callable[[Any], Any]:
    """What builds the layer, from exactly the arguments that ``code`` shows. Imports jax."""
    name, arguments = call_of(config, library)
    if library == "linen":
        from flax import linen

        return lambda _: getattr(linen, name)(**arguments)
    from flax import nnx

    return lambda rng: getattr(nnx, name)(**arguments, rngs=nnx.Rngs(rng))


def code(config: ConvolutionConfig, library: str = "nnx") -> str:
    """The call as a person would write it."""
    name, arguments = call_of(config, library)
    if library == "linen":
        return f"{written(f'nn.{name}', arguments)}\n# init: jax.random.key({config.seed})"
    return written(f"nnx.{name}", arguments, config.seed)


def _refuse_groups(groups: int, channels: int, features: int, transposed: bool) -> None:
    if groups == 1:
        return
    if transposed:
        raise ShapeError(
            f"groups = {groups} with transposed = yes: flax's ConvTranspose has 1 group and no feature_group_count; "
            "groups = 1, or transposed = no"
        )
    for name, value in (("C", channels), ("features", features)):
        if value % groups:
            most = gcd(channels, features)
            fitting = ", ".join(str(n) for n in range(1, most + 1) if most % n == 0)
            raise ShapeError(
                f"groups = {groups} does not divide {name} = {value}: each group has its equal share of the channels; "
                f"C = {channels} and features = {features} can be cut into {fitting}"
            )
