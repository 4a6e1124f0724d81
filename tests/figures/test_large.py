"""Pictures of tensors too large to be drawn cell by cell: small enough to send, true, and saying what they left out."""

import contextlib
import itertools
import json
import random

import numpy as np
import plotly.graph_objects as go
import pytest

from oracles.sheets import all_text, edges, hatched, heatmap, outside, overlapping_texts
from shapelab.engine.spec import check
from shapelab.errors import ShapeError
from shapelab.explorers import network_pictures, pictures
from shapelab.explorers.figure_view import to_send
from shapelab.figures.canvas import Canvas
from shapelab.figures.grids import Plane, cells
from shapelab.figures.padding import LEAST_PADDING
from shapelab.figures.window_grid import Convolution, window_grid
from shapelab.figures.window_strip import Strip, window_strip
from shapelab.geometry import Window
from shapelab.geometry.padding import same
from shapelab.geometry.pooling import MOST, pooling_factor
from shapelab.lessons import LESSONS

MOST_BYTES = 512 * 1024
LONGEST_LIST = 64  # of numbers, as JSON


def settings_of(lesson):
    """Corners of what a lesson may be set to, and some settings drawn between them; those that it takes."""
    rules = {name: rule for name, rule in lesson.Config.rules().items() if hasattr(rule, "low")}
    sizes = [name for name in rules if name in "HWL"]
    lowest, highest = ({name: getattr(rule, end) for name, rule in rules.items()} for end in ("low", "high"))
    drawn = random.Random(lesson.name)
    found = [{name: drawn.randint(rule.low, rule.high) for name, rule in rules.items()} for _ in range(8)]
    for ends in itertools.product(("low", "high"), repeat=len(sizes)):
        at = {name: getattr(rules[name], end) for name, end in zip(sizes, ends, strict=True)}
        found += [{**lowest, **at}, {**highest, **at}, at]
        if "kernel_h" in rules:  # as much padding as there can be, and as many cells that nothing reads
            found += [{**highest, **at, "stride": 1}, {**highest, **at, "kernel_h": 1, "kernel_w": 1}]
        if "groups" in rules:
            found += [{**at, "padding": mode} for mode in ("VALID", "CIRCULAR", "REFLECT", "CAUSAL")]
            found += [{**at, "transposed": "yes", "stride": stride} for stride in (1, 2, 8)]
    if "kernel_h" in rules:  # just large enough to be crossed out cell by cell
        found.append({"H": 58, "W": 58, "stride": 8, "kernel_h": 1, "kernel_w": 1})
    for settings in found:
        whole = {name: 1 if name == "groups" else value for name, value in settings.items()}
        with contextlib.suppress(ShapeError):
            check(lesson.name, whole)
            yield whole


CASES = [pytest.param(name, settings) for name, lesson in LESSONS.items() for settings in settings_of(lesson)]


def specs_of(made, values, narrow):
    """The pictures of a trace, by name, with values as the engine sends them."""
    lone = pictures.one_convolution(made, None)
    if lone is not None:
        yield "grids", pictures.convolution_picture(made, lone, values, narrow)
        yield (
            "last cell",
            pictures.convolution_picture(made, pictures.one_convolution(made, (10**6, 10**6)), values, narrow),
        )
        yield "staircase", pictures.staircase(lone, made)
        return
    yield "network", network_pictures.network_picture(made, None, narrow)
    for index in range(0, len(made.stages), 3):
        maps = network_pictures.maps_picture(made, index, values, narrow)
        if maps:
            yield f"maps {index}", maps


def sent(value, buffers):
    """What goes as JSON; what goes as bytes is put into ``buffers``."""
    if isinstance(value, dict):
        return {key: sent(item, buffers) for key, item in value.items()}
    if isinstance(value, list | tuple):
        numbers = [item for item in value if isinstance(item, int | float)]
        assert len(numbers) <= LONGEST_LIST, f"{len(numbers)} numbers as JSON"
        return [sent(item, buffers) for item in value]
    if isinstance(value, bytes):
        buffers.append(value)
        return None
    return value


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
@pytest.mark.parametrize(("lesson", "settings"), CASES)
def test_no_message_is_large_and_no_picture_is_spoilt(traced, lesson, settings, narrow):
    for name, spec in specs_of(*traced(lesson, **settings), narrow):
        buffers = []
        text = json.dumps(sent(to_send(spec), buffers))
        assert len(text) + sum(map(len, buffers)) <= MOST_BYTES, name
        assert outside(spec) == [], name
        assert overlapping_texts(spec) == [], name


def grid(size, kernel, stride, narrow=False, cell=(0, 0)):
    """A convolution under SAME, with values thinned as the engine does."""
    windows = tuple(Window(kernel, stride, padding=same(n, kernel, stride)) for n in size)
    out = tuple(window.output_size(n) for window, n in zip(windows, size, strict=True))
    rng = np.random.default_rng(0)
    given, result = (rng.normal(size=[-(-n // pooling_factor(n)) for n in shape]) for shape in (size, out))
    shown = Convolution(windows, (*size, 3), (*out, 4), (kernel, kernel, 3, 4), given, None, result, cell)
    return shown, window_grid(shown, narrow=narrow)


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
@pytest.mark.parametrize("size", [(129, 130), (257, 64), (1000, 1023), (1024, 1024), (64, 1024)])
def test_each_drawn_cell_lies_on_the_cells_it_stands_for(size, narrow):
    shown, spec = grid(size, 3, 1, narrow)
    go.Figure(spec)
    plane, drawn = spec["layout"]["meta"]["planes"]["padded"], heatmap(spec, "input")
    np.testing.assert_array_equal(drawn["z"], shown.input.astype(np.float32))
    for axis, count, before in (("x", size[1], 1), ("y", size[0], 1)):
        place = "xy".index(axis)
        corner, cell, block = plane["corner"][place], plane["cell"][place], pooling_factor(count)
        blocks = -(-count // block)
        true = corner + cell * (before + block * np.arange(blocks + 1))
        np.testing.assert_allclose(edges(drawn, axis), true, atol=0.02)
    factors = [pooling_factor(n) for n in size]
    assert f"largest of {factors[0]} × {factors[1]}" in all_text(spec)


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
def test_nothing_of_a_block_cut_short_is_seen_beyond_the_edge(narrow):
    _, spec = grid((1000, 1023), 2, 2, narrow)  # padded at the right alone
    _, cut = grid((1023, 1023), 1, 1, narrow)
    for name, shown in (("input", spec), ("input", cut), ("output", spec), ("output", cut)):
        meta = shown["layout"]["meta"]["planes"]["padded" if name == "input" else "output"]
        end = [meta["corner"][i] + meta["cell"][i] * meta["counts"][1 - i] for i in (0, 1)]
        drawn = [edges(heatmap(shown, name), axis)[-1] for axis in "xy"]
        shapes = [s for s in shown["layout"]["shapes"] if s["type"] == "rect" and s["fillcolor"] != "rgba(0,0,0,0)"]
        for i, axis in enumerate("xy"):
            if drawn[i] > end[i] + 0.02:
                covers = [s for s in shapes if s[f"{axis}0"] <= end[i] + 0.02 and s[f"{axis}1"] >= drawn[i]]
                assert covers, (name, axis)


@pytest.mark.parametrize(("size", "kernel"), [((1024, 1024), 3), ((1024, 1024), 11), ((20, 20), 3), ((1, 1024), 3)])
def test_padding_can_be_seen_and_is_said_to_be_widened_only_where_it_is(size, kernel):
    _, spec = grid(size, kernel, 1)
    meta = spec["layout"]["meta"]["planes"]["padded"]
    boxes = hatched(spec)
    thinnest = min(min(right - left, bottom - top) for left, top, right, bottom in boxes)
    assert thinnest >= LEAST_PADDING - 0.01
    amount = (kernel - 1) // 2
    assert f"{amount} top" in all_text(spec)
    widened = any(amount * cell < LEAST_PADDING for cell in meta["cell"])
    assert ("padding drawn wider" in all_text(spec)) == widened


def test_the_window_lies_in_true_cells_where_a_cell_is_less_than_a_pixel():
    _, spec = grid((1024, 1000), 5, 3, cell=(200, 17))
    meta = spec["layout"]["meta"]
    (x, y), (wide, high) = meta["planes"]["padded"]["corner"], meta["planes"]["padded"]["cell"]
    assert max(wide, high) < 1
    window = next(s for s in spec["layout"]["shapes"] if s["type"] == "rect" and s["line"]["width"] == 2.5)
    assert window["x0"] == pytest.approx(x + wide * 17 * 3)
    assert window["y0"] == pytest.approx(y + high * 200 * 3)
    assert window["x1"] - window["x0"] == pytest.approx(5 * wide)


def test_cells_too_small_to_be_crossed_are_counted():
    _, spec = grid((1000, 1024), 1, 4)
    assert "no window reads 750 rows and 768 columns" in all_text(spec)


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
@pytest.mark.parametrize("at", [0, 500, 1023])
def test_the_kernel_of_a_long_sequence_stays_legible_and_in_its_place(at, narrow):
    window = Window(4, padding=same(1024, 4, 1))
    values = np.zeros((128, 16))
    shown = Strip(window, (1024, 16), (1024, 16), (4, 16, 16), values, np.zeros((4, 16)), values, at)
    spec = window_strip(shown, narrow=narrow)
    go.Figure(spec)
    kernel = edges(heatmap(spec, "kernel"), "x")
    assert np.diff(kernel).min() >= 8
    assert kernel.mean() == pytest.approx(spec["layout"]["width"] / 2)  # the window moves without a new picture
    assert "the largest of 8" in all_text(spec)
    assert outside(spec) == []


def test_values_that_come_whole_are_thinned_as_the_engine_does():
    whole = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    canvas = Canvas(400, 400)
    cells(canvas, Plane((0, 0), (1, 1), 300, 5), whole, role="input", name="input", says="input")
    (drawn,) = canvas.data
    assert drawn["z"].shape == (100, 5)
    np.testing.assert_array_equal(drawn["z"], whole.reshape(100, 3, 5).max(axis=1))


@pytest.mark.parametrize("size", [1, 127, MOST, MOST + 1, 1000, 1024, 10**6])
def test_an_axis_is_thinned_no_more_than_needed(size):
    factor = pooling_factor(size)
    assert -(-size // factor) <= MOST
    assert factor == 1 or -(-size // (factor - 1)) > MOST
