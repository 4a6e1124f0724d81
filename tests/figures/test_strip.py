"""The picture of a 1-D convolution: wherever the window stands, its lines touch no words."""

import itertools
import re

import numpy as np
import pytest

from oracles.sheets import outside, overlapping_texts, text_box
from shapelab.figures.marks import PINNED
from shapelab.figures.window_strip import Strip, window_strip
from shapelab.geometry import Window
from shapelab.geometry.padding import same

AIR = 3.0  # pixels between a line and words
LENGTHS, SIDES = (1, 2, 4, 7, 10, 20, 64, 200), [(1, 1), (3, 4), (3, 16), (16, 1), (16, 16)]


def lines_of(spec):
    """The window's lines: points along each."""
    t = np.linspace(0, 1, 60)[:, None]
    for shape in spec["layout"]["shapes"]:
        if shape.get("name") == PINNED and shape["type"] == "path":
            places = [float(number) for number in re.findall(r"-?\d+\.\d+", shape["path"])]
            first, *bends, last = np.reshape(places, (-1, 2))
            one, other = bends or (first + (last - first) / 3, first + (last - first) * 2 / 3)
            yield (1 - t) ** 3 * first + 3 * t * (1 - t) ** 2 * one + 3 * t**2 * (1 - t) * other + t**3 * last


def touched(spec):
    """The words that a line comes too near to."""
    for note in spec["layout"]["annotations"]:
        left, top, right, bottom = text_box(note, proportional=0.55)
        for line in lines_of(spec):
            x, y = line.T
            across, down = np.maximum(left - x, x - right), np.maximum(top - y, y - bottom)
            if np.hypot(across.clip(0), down.clip(0)).min() < AIR:
                yield note["text"]


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
@pytest.mark.parametrize("grouped", [False, True], ids=["whole", "grouped"])
@pytest.mark.parametrize("kernel", [1, 2, 4, 7, 12, 16])
def test_no_line_of_the_window_touches_words(kernel, grouped, narrow):
    for length, (channels, features), dilation in itertools.product(LENGTHS, SIDES, (1, 3)):
        if grouped and features % channels:
            continue
        window = Window(kernel, dilation=dilation, padding=same(length, (kernel - 1) * dilation + 1, 1))
        shape = (kernel, 1 if grouped else channels, features)
        for cell in sorted({0, length // 2, length - 1}):
            shown = Strip(window, (length, channels), (length, features), shape, None, None, None, cell, features - 1)
            spec = window_strip(shown, narrow=narrow)
            at = f"L={length} C={channels} features={features} dilation={dilation} cell={cell}"
            assert list(touched(spec)) == [], at
            assert overlapping_texts(spec) == [], at
            assert outside(spec) == [], at
