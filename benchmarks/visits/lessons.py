"""What each lesson must show at a setting, by arithmetic of this file's own, and moves to settings not yet seen."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Settings = dict[str, int]


@dataclass(frozen=True)
class Lesson:
    """A lesson as its visitor knows it.

    Attributes:
      title: on its button.
      start: the settings it begins with.
      moves: fields that are moved, each with lowest and highest value and step.
      drag: the field that is dragged.
      shown: for settings, what the page must show.
      linked: fields that move together.
    """

    title: str
    start: Mapping[str, int]
    moves: Mapping[str, tuple[int, int, int]]
    drag: str
    shown: Callable[[Settings], dict[str, Any]]
    linked: tuple[str, ...] = ()

    def after(self, settings: Settings, field: str, value: int) -> Settings:
        """The settings once a field has been moved."""
        return {**settings, **dict.fromkeys(self.linked if field in self.linked else (field,), value)}


@dataclass(frozen=True)
class Move:
    """One field to one value: by an arrow key where it is a step away, else typed."""

    field: str
    value: int
    key: str | None


class Unseen:
    """Gives moves to settings that nobody has asked this server for."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._seen: set[tuple[object, ...]] = set()

    def moves(self, lesson: Lesson, settings: Settings, fields: list[str]) -> Iterator[Move]:
        """A move of each field in turn, by one step and by a jump alternately, each from where the last one led."""
        self.saw(lesson, settings)
        for number, field in enumerate(fields):
            move = self._move(lesson, settings, field, step=number % 2 == 0)
            settings = lesson.after(settings, field, move.value)
            self.saw(lesson, settings)
            yield move

    def saw(self, lesson: Lesson, settings: Settings) -> None:
        """Note a setting that somebody asked for."""
        self._seen.add(self._key(lesson, settings))

    def _move(self, lesson: Lesson, settings: Settings, field: str, *, step: bool) -> Move:
        low, high, size = lesson.moves[field]
        now = settings[field]
        steps = {now + size: "ArrowRight", now - size: "ArrowLeft"}
        values = [value for value in range(low, high + 1, size) if value != now]
        self._random.shuffle(values)
        values.sort(key=lambda value: (value in steps) != step)
        for value in values:
            if self._key(lesson, lesson.after(settings, field, value)) not in self._seen:
                return Move(field, value, steps.get(value))
        raise RuntimeError(f"{lesson.title}: every {field} from {low} to {high} was seen at {settings}")

    @staticmethod
    def _key(lesson: Lesson, settings: Settings) -> tuple[object, ...]:
        return (lesson.title, *sorted(settings.items()))


def _same(size: int, kernel: int, stride: int) -> tuple[int, int, int]:
    """Output size and padding before and after, under SAME."""
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    return out, total // 2, total - total // 2


def _shape(*sizes: int) -> str:
    return f"({', '.join(map(str, sizes))})"


def _conv1d(s: Settings) -> dict[str, Any]:
    _, before, after = _same(s["L"], s["kernel_size"], 1)
    shapes = _shape(s["L"], s["C"]), _shape(s["L"], s["features"])
    kernel = _shape(s["kernel_size"], s["C"], s["features"])
    return _told(*shapes, f"left {before}, right {after}", [f"kernel {kernel}"])


def _conv2d(s: Settings) -> dict[str, Any]:
    height, top, bottom = _same(s["H"], s["kernel_h"], s["stride"])
    width, left, right = _same(s["W"], s["kernel_w"], s["stride"])
    shapes = _shape(s["H"], s["W"], s["C"]), _shape(height, width, s["features"])
    kernel = _shape(s["kernel_h"], s["kernel_w"], s["C"], s["features"])
    stride = f"along H stride {s['stride']}"
    padding = f"top {top}, bottom {bottom}, left {left}, right {right}"
    return _told(*shapes, padding, [f"kernel {kernel}", stride])


def _resnet(s: Settings) -> dict[str, Any]:
    shape = _shape(s["H"], s["W"], s["features"])
    return _told(shape, shape, "top 1, bottom 1, left 1, right 1", [])


def _unet(s: Settings) -> dict[str, Any]:
    shapes = _shape(s["H"], s["W"], s["C"]), _shape(s["H"], s["W"], s["base_features"])
    half = _shape(s["H"] // 2, s["W"] // 2, 2 * s["base_features"])
    return _told(*shapes, "top 1, bottom 1, left 1, right 1", [half])


def _told(given: str, output: str, padding: str, more: list[str]) -> dict[str, Any]:
    return {"input": given, "output": output, "padding": padding, "picture": [given, output, *more]}


CONV1D = Lesson(
    "Conv1D",
    {"L": 10, "C": 3, "kernel_size": 4, "features": 4},
    {"L": (5, 64, 1), "kernel_size": (2, 12, 1), "C": (1, 16, 1), "features": (1, 16, 1)},
    "L",
    _conv1d,
)
CONV2D = Lesson(
    "Conv2D",
    {"H": 7, "W": 7, "C": 3, "kernel_h": 3, "kernel_w": 3, "stride": 2, "features": 4},
    {"H": (5, 64, 1), "W": (5, 64, 1), "kernel_h": (2, 11, 1), "stride": (1, 4, 1), "features": (1, 16, 1)},
    "H",
    _conv2d,
    ("kernel_h", "kernel_w"),
)
RESNET = Lesson(
    "ResNet block",
    {"H": 16, "W": 16, "features": 8},
    {"H": (5, 64, 1), "W": (5, 64, 1), "features": (2, 32, 1)},
    "H",
    _resnet,
)
UNET = Lesson(
    "U-Net",
    {"H": 64, "W": 48, "C": 3, "base_features": 8},
    {"H": (16, 128, 4), "W": (16, 128, 4), "base_features": (2, 32, 1)},
    "H",
    _unet,
)
LESSONS = (CONV2D, CONV1D, RESNET, UNET)
