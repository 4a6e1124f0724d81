"""What a picture of a sliding window tells the browser: its axes, where grids lie, the parts that words point at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from shapelab.figures.canvas import Spec
from shapelab.figures.grids import Plane
from shapelab.geometry import Window

SIDES = {"H": ("above", "below", "rows"), "W": ("left", "right", "columns"), "L": ("left", "right", "cells")}
MOST_RUNS = 24  # of unread cells that are marked one by one


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a picture.

    Attributes:
      name: ``"H"``, ``"W"`` or ``"L"``.
      window: what slides along it.
      n_in: cells of the input.
      n_out: cells of the output.
    """

    name: str
    window: Window
    n_in: int
    n_out: int

    @property
    def padded(self) -> int:
        """Cells that the window slides over."""
        return self.window.padded_size(self.n_in)

    @property
    def spread(self) -> int:
        """Cells of the input with the zeros between them."""
        return self.window.spread_size(self.n_in)

    def sources(self) -> np.ndarray[Any, Any]:
        """The input cell shown at each padded place; -1 for a constant or a zero between cells."""
        found = self.window.sources(self.n_in)
        return np.array([-1 if source is None else source for source in found], np.float32)

    def meta(self) -> Spec:
        """The axis as the view reads it."""
        window = self.window
        return {
            "name": self.name,
            "size": window.size,
            "stride": window.stride,
            "dilation": window.dilation,
            "base_dilation": window.base_dilation,
            "lo": window.padding.lo,
            "hi": window.padding.hi,
            "fill": window.padding.fill.value,
            "span": window.span,
            "n_in": self.n_in,
            "n_out": self.n_out,
            "sources": self.sources(),
        }

    def words(self) -> str:
        """Padding, stride and dilation, for who cannot see the picture."""
        low, high, _ = SIDES[self.name]
        window, padding = self.window, self.window.padding
        words = f"{padding.lo} {low} and {padding.hi} {high}"
        steps = f"stride {window.stride}, dilation {window.dilation}"
        return words + f"; along {self.name} {steps}" + _spread_words(window)


def _spread_words(window: Window) -> str:
    return f", {window.base_dilation - 1} zeros between cells" if window.base_dilation > 1 else ""


@dataclass(frozen=True)
class Planes:
    """Where the three grids of a picture lie; of a 1-D convolution rows are channels."""

    padded: Plane
    kernel: Plane
    output: Plane

    def meta(self) -> Spec:
        """The grids as the view reads them."""
        return {"padded": self.padded.meta(), "kernel": self.kernel.meta(), "output": self.output.meta()}


def parts(axes: Sequence[Axis], planes: Planes, cell: Sequence[int], kernel_shape: Sequence[int]) -> Spec:
    """Everything that words can point at, by name: boxes in pixels, and what they are.

    Args:
      axes: one, whose cells lie across, or two, down and across.
      planes: where the grids lie.
      cell: the selected output cell, one index an axis.
      kernel_shape: with the channels last, (…, I, O).
    """
    *sizes, given, made = kernel_shape
    inner = _inner(axes, planes.padded)
    found = {
        "input": _part([_box(inner)], f"input: {' × '.join(str(axis.n_in) for axis in axes)} cells a channel"),
        "kernel": _part([_box(planes.kernel)], f"kernel: {' × '.join(map(str, sizes))} weights for a pair of channels"),
        "output": _part(
            [_box(planes.output)], f"output: {' × '.join(str(axis.n_out) for axis in axes)} cells a channel"
        ),
        "kernel-I": _part(
            [_box(planes.kernel)], f"I = {given}: one plane of weights for each input channel that is read"
        ),
        "kernel-O": _part([_box(planes.kernel)], f"O = {made}: one such set for each output channel"),
    }
    amounts: Spec = {}
    for place, (axis, at) in enumerate(zip(axes, cell, strict=True)):
        down = len(axes) == 2 and place == 0
        amounts |= _amounts(axis, planes.padded, down)
        found |= (
            _kernel_side(axis, planes.kernel, down) | _step(axis, planes.padded, at, down) | _unread(axis, inner, down)
        )
    lost = [box for axis in axes for box in found.pop(f"unread-{axis.name}", {"boxes": []})["boxes"]]
    if lost:
        found["unread"] = _part(lost, "cells that no window reads")
    if any(part["boxes"] for part in amounts.values()):
        found["padding"] = _part([box for part in amounts.values() for box in part["boxes"]], "padding")
    if len(axes) == 1:
        found["kernel-W"] = found["kernel-L"]
    return {**found, **amounts}


def _inner(axes: Sequence[Axis], padded: Plane) -> Plane:
    """The input within the padded plane."""
    start = [axis.window.padding.lo for axis in axes]
    size = [axis.spread for axis in axes]
    if len(axes) == 1:
        return padded.part((0, start[0]), (padded.rows, size[0]))
    return padded.part((start[0], start[1]), (size[0], size[1]))


def _part(boxes: Sequence[Sequence[float]], says: str) -> Spec:
    return {"boxes": [[round(number, 2) for number in box] for box in boxes], "says": says}


def _box(plane: Plane) -> tuple[float, float, float, float]:
    return (*plane.corner, plane.width, plane.height)


def _across(plane: Plane, first: float, count: float, down: bool) -> tuple[float, float, float, float]:
    """Some rows of a plane, or some columns."""
    (x, y), (wide, high) = plane.corner, plane.cell
    if down:
        return x, y + high * first, plane.width, high * count
    return x + wide * first, y, wide * count, plane.height


def _amounts(axis: Axis, padded: Plane, down: bool) -> Spec:
    """The padding before and after the input."""
    padding, (low, high, cells) = axis.window.padding, SIDES[axis.name]
    sides = (("lo", 0, padding.lo, low), ("hi", axis.padded - padding.hi, padding.hi, high))
    return {
        f"{end}-{axis.name}": _part(
            [_across(padded, first, count, down)] if count else [], f"{end}: {count} {cells} of padding {side}"
        )
        for end, first, count, side in sides
    }


def _kernel_side(axis: Axis, kernel: Plane, down: bool) -> Spec:
    """The first column of the kernel, along which its rows are counted, or its first row."""
    (x, y), (wide, high) = kernel.corner, kernel.cell
    box = (x, y, wide, kernel.height) if down else (x, y, kernel.width, high)
    letter, size = ("W" if axis.name == "L" else axis.name), axis.window.size
    gaps = f", {axis.window.dilation - 1} cells apart on the input" if axis.window.dilation > 1 else ""
    return {f"kernel-{axis.name}": _part([box], f"{letter} = {size}: {SIDES[axis.name][2]} of the kernel{gaps}")}


def _step(axis: Axis, padded: Plane, at: int, down: bool) -> Spec:
    """How far it is from where one window begins to where the next does."""
    stride = axis.window.stride
    first = max(0, at if at + 1 < axis.n_out else at - 1) * stride
    if axis.n_out < 2:
        return {}
    says = f"stride {stride}: the next window begins {stride} {SIDES[axis.name][2]} further"
    return {f"stride-{axis.name}": _part([_across(padded, first, stride, down)], says)}


def _unread(axis: Axis, inner: Plane, down: bool) -> Spec:
    """The runs of cells that no window reads."""
    lost = axis.window.unread(axis.n_in)
    if not lost:
        return {}
    starts = [lost[0], *(after for before, after in pairwise(lost) if after > before + 1)]
    ends = [*(before for before, after in pairwise(lost) if after > before + 1), lost[-1]]
    if len(starts) > MOST_RUNS:
        return {}
    b = axis.window.base_dilation
    boxes = [_across(inner, first * b, (last - first) * b + 1, down) for first, last in zip(starts, ends, strict=True)]
    return {f"unread-{axis.name}": _part(boxes, "")}
