"""Every picture over many configurations: valid, in the palette, on the sheet, and true."""

import numpy as np
import plotly.graph_objects as go
import pytest

from oracles.numpy_reference import same_output_size, same_padding
from oracles.sheets import (
    CLEAR,
    all_text,
    colours,
    crossed,
    edges,
    hatched,
    heatmap,
    outside,
    overlapping_texts,
)
from shapelab.explorers import network_pictures, pictures
from shapelab.figures.sweep import Step, sweep
from shapelab.figures.theme import DARK, DARK_FOR_LIGHT, LIGHT

CONFIGS = [
    ("conv1d", {}),
    ("conv1d", {"L": 1, "C": 1, "kernel_size": 1, "features": 1}),
    ("conv1d", {"L": 64, "C": 16, "kernel_size": 16, "features": 16}),
    ("conv1d", {"L": 5, "kernel_size": 9}),
    ("conv1d", {"L": 1, "C": 16, "kernel_size": 16, "features": 1}),
    ("conv2d", {}),
    ("conv2d", {"library": "linen", "H": 8}),
    ("conv2d", {"H": 1, "W": 1, "C": 1, "kernel_h": 1, "kernel_w": 1, "stride": 1, "features": 1}),
    ("conv2d", {"H": 64, "W": 64, "C": 16, "kernel_h": 11, "kernel_w": 11, "stride": 1, "features": 16}),
    ("conv2d", {"H": 1, "W": 64, "kernel_h": 11, "kernel_w": 1, "stride": 1}),
    ("conv2d", {"H": 64, "W": 1, "kernel_h": 1, "kernel_w": 11, "stride": 8}),
    ("conv2d", {"H": 12, "W": 12, "kernel_h": 2, "kernel_w": 2, "stride": 4}),
    ("conv2d", {"H": 12, "W": 9, "kernel_h": 4, "kernel_w": 3, "stride": 2, "features": 1}),
    ("conv2d", {"H": 1, "W": 1, "kernel_h": 11, "kernel_w": 11, "stride": 8}),
    ("conv2d", {"H": 20, "W": 20, "kernel_h": 3, "kernel_w": 3, "stride": 1}),
    ("resnet", {}),
    ("resnet", {"H": 1, "W": 1, "features": 1}),
    ("resnet", {"H": 64, "W": 64, "features": 32}),
    ("resnet", {"H": 1, "W": 64}),
    ("resnet", {"H": 64, "W": 1}),
    ("unet", {}),
    ("unet", {"H": 4, "W": 4, "C": 1, "base_features": 1}),
    ("unet", {"H": 128, "W": 128, "C": 16, "base_features": 32}),
    ("unet", {"H": 4, "W": 128}),
    ("unet", {"H": 128, "W": 4}),
    ("unet", {"H": 30}),
    ("unet", {"H": 29}),
    ("unet", {"W": 46}),
    ("unet", {"H": 5, "W": 5}),
    ("unet", {"H": 127, "W": 125, "base_features": 32}),
]
NAMES = [f"{lesson} {' '.join(f'{k}={v}' for k, v in values.items())}".strip() for lesson, values in CONFIGS]
CONVOLUTIONS = [pytest.param(*case, id=name) for case, name in zip(CONFIGS, NAMES, strict=True) if "conv" in case[0]]
PLANES = [case for case in CONVOLUTIONS if case.values[0] == "conv2d"]

every_config = pytest.mark.parametrize(("lesson", "settings"), CONFIGS, ids=NAMES)
every_width = pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])


def specs_of(made, values, narrow):
    """Every picture that the page would show of a trace, by name."""
    cells = [None, (0, 0), (10**6, 10**6)]
    found = {}
    for number, cell in enumerate(cells):
        lone = pictures.one_convolution(made, cell)
        if lone is None:
            continue
        for known, given in (("values", values), ("no values", None)):
            found[f"cell {number}, {known}"] = pictures.convolution_picture(made, lone, given, narrow)
        found["staircase"] = pictures.staircase(lone, made)
    if not found:
        for selected in (None, *range(len(made.stages))):
            found[f"network {selected}"] = network_pictures.network_picture(made, selected, narrow)
            for known, given in (("values", values), ("no values", None)):
                maps = network_pictures.maps_picture(made, selected, given, narrow)
                if maps:
                    found[f"maps {selected}, {known}"] = maps
    assert found
    return found


@pytest.fixture(scope="module")
def all_specs(traced):
    kept = {}

    def make(lesson, settings, narrow):
        key = (lesson, *sorted(settings.items()), narrow)
        if key not in kept:
            kept[key] = specs_of(*traced(lesson, **settings), narrow)
        return kept[key]

    return make


@every_width
@every_config
def test_plotly_takes_every_picture(all_specs, lesson, settings, narrow):
    for name, spec in all_specs(lesson, settings, narrow).items():
        # one picture of each kind is enough of plotly's slow validation
        if name in {
            "cell 0, values",
            "cell 2, no values",
            "staircase",
            "network None",
            "maps 0, values",
            "maps 0, no values",
        }:
            go.Figure(spec)


@every_width
@every_config
def test_every_colour_has_a_dark_one(all_specs, lesson, settings, narrow):
    for name, spec in all_specs(lesson, settings, narrow).items():
        unknown = set(colours(spec)) - set(DARK_FOR_LIGHT) - {CLEAR}
        assert not unknown, name


@every_width
@every_config
def test_nothing_lies_outside_the_sheet(all_specs, lesson, settings, narrow):
    for name, spec in all_specs(lesson, settings, narrow).items():
        assert outside(spec) == [], name


@every_width
@every_config
def test_no_text_stands_on_another(all_specs, lesson, settings, narrow):
    for name, spec in all_specs(lesson, settings, narrow).items():
        assert overlapping_texts(spec) == [], name


@every_width
@every_config
def test_every_picture_says_in_words_what_it_shows(all_specs, lesson, settings, narrow):
    for name, spec in all_specs(lesson, settings, narrow).items():
        assert len(spec["layout"]["meta"]["alt"]) > 10, name


def hatched_cells(spec):
    """Which cells of the padded plane have their middle in a hatched box."""
    plane = spec["layout"]["meta"]["planes"]["padded"]
    (left, top), (wide, high), (rows, columns) = plane["corner"], plane["cell"], plane["counts"]
    y, x = top + high * (np.arange(rows) + 0.5), left + wide * (np.arange(columns) + 0.5)
    found = np.zeros((rows, columns), bool)
    for x0, y0, x1, y1 in hatched(spec):
        found |= np.outer((y0 < y) & (y < y1), (x0 < x) & (x < x1))
    return found


def around(before, size, after):
    """A plane of (rows, columns) cells, False in a plane with True around it."""
    return np.pad(np.zeros(size, bool), list(zip(before, after, strict=True)), constant_values=True)


@every_width
@pytest.mark.parametrize(("lesson", "settings"), PLANES)
def test_a_plane_shows_what_the_program_does(traced, lesson, settings, narrow):
    made, values = traced(lesson, **settings)
    lone = pictures.one_convolution(made, None)
    spec = pictures.convolution_picture(made, lone, values, narrow)
    height, width, _ = made.inputs[0].shape
    stride = settings.get("stride", 2)
    kernels = settings.get("kernel_h", 3), settings.get("kernel_w", 3)
    out = [same_output_size(n, stride) for n in (height, width)]
    (top, bottom), (left, right) = (same_padding(n, k, stride) for n, k in zip((height, width), kernels, strict=True))
    np.testing.assert_array_equal(heatmap(spec, "input")["z"], values.input[..., 0])
    np.testing.assert_array_equal(heatmap(spec, "kernel")["z"], values.parameters["kernel"][..., 0, 0])
    np.testing.assert_array_equal(heatmap(spec, "output")["z"], values.stages[max(values.stages)][..., 0])
    assert heatmap(spec, "output")["z"].shape == tuple(out)
    np.testing.assert_array_equal(hatched_cells(spec), around((top, left), (height, width), (bottom, right)))
    rows, columns = (
        {
            cell
            for cell in range(size)
            if not any(first * stride - lo <= cell < first * stride - lo + kernel for first in range(made_cells))
        }
        for size, kernel, made_cells, lo in (
            (height, kernels[0], out[0], top),
            (width, kernels[1], out[1], left),
        )
    )
    said = all_text(spec)
    wide, high = spec["layout"]["meta"]["planes"]["padded"]["cell"]
    (x0, *_), (y0, *_) = (edges(heatmap(spec, "input"), axis) for axis in "xy")
    at = {(int((y - y0) / high), int((x - x0) / wide)) for x, y in crossed(spec)}
    if min(wide, high) >= 6:
        assert at == {(i, j) for i in range(height) for j in range(width) if i in rows or j in columns}
    else:
        assert not at
        assert (f"{len(rows)} rows" in said) == bool(rows)
        assert (f"{len(columns)} columns" in said) == bool(columns)
    assert f"input {height} × {width}" in said
    assert f"output {out[0]} × {out[1]}" in said
    assert f"kernel {kernels[0]} × {kernels[1]}" in said
    assert (f"{top} top" in said) == bool(top)
    assert (f"{bottom} bottom" in said) == bool(bottom)
    if top + bottom + left + right:
        assert f"{height + top + bottom} × {width + left + right}" in said
    meta = spec["layout"]["meta"]
    assert tuple(meta["planes"]["padded"]["counts"]) == (height + top + bottom, width + left + right)
    assert tuple(meta["planes"]["output"]["counts"]) == tuple(out)
    assert [axis["stride"] for axis in meta["axes"]] == [stride, stride]
    assert tuple(axis["span"] for axis in meta["axes"]) == kernels


@every_width
@pytest.mark.parametrize(("lesson", "settings"), [c for c in CONVOLUTIONS if c.values[0] == "conv1d"])
def test_a_strip_shows_what_the_program_does(traced, lesson, settings, narrow):
    made, values = traced(lesson, **settings)
    spec = pictures.convolution_picture(made, pictures.one_convolution(made, None), values, narrow)
    length, channels = made.inputs[0].shape
    kernel, features = settings.get("kernel_size", 4), made.outputs[0].shape[1]
    lo, hi = same_padding(length, kernel, 1)
    np.testing.assert_array_equal(heatmap(spec, "input")["z"], values.input.T)
    np.testing.assert_array_equal(heatmap(spec, "output")["z"], values.stages[max(values.stages)].T)
    np.testing.assert_array_equal(heatmap(spec, "kernel")["z"], values.parameters["kernel"][..., 0].T)
    wide, high = (np.diff(edges(heatmap(spec, "input"), axis))[0] for axis in "xy")
    area = sum((right - left) * (bottom - top) for left, top, right, bottom in hatched(spec))
    gaps = 4 * (wide + high) * (lo + hi) * channels  # where cells stand apart
    assert area == pytest.approx((lo + hi) * channels * wide * high, abs=gaps + 1)
    assert bool(area) == bool(lo + hi)
    said = all_text(spec)
    assert f"input {length}" in said
    assert f"output {length}" in said
    assert f"WIO ({kernel}, {channels}, {features})" in said
    if lo + hi:
        assert f"padded to {length + lo + hi}" in said
    width = heatmap(spec, "input")["x"]
    if length > 1:  # an output stands under the middle input cell of its window
        np.testing.assert_allclose(heatmap(spec, "output")["x"], width, atol=1e-3)


@every_width
@pytest.mark.parametrize(("lesson", "settings"), PLANES)
@pytest.mark.parametrize("corner", ["first", "last"])
def test_the_window_drawn_covers_the_cells_it_reads(traced, lesson, settings, narrow, corner):
    made, values = traced(lesson, **settings)
    out = made.outputs[0].shape
    cell = (0, 0) if corner == "first" else (out[0] - 1, out[1] - 1)
    spec = pictures.convolution_picture(made, pictures.one_convolution(made, cell), values, narrow)
    drawn = [s for s in spec["layout"]["shapes"] if s["type"] == "rect" and s["line"]["color"] == LIGHT.kernel]
    window, marked = drawn
    padded, output = (spec["layout"]["meta"]["planes"][name] for name in ("padded", "output"))
    stride = settings.get("stride", 2)
    kernels = settings.get("kernel_h", 3), settings.get("kernel_w", 3)
    assert window["x0"] == pytest.approx(padded["corner"][0] + padded["cell"][0] * stride * cell[1])
    assert window["y0"] == pytest.approx(padded["corner"][1] + padded["cell"][1] * stride * cell[0])
    assert window["x1"] - window["x0"] == pytest.approx(padded["cell"][0] * kernels[1])
    assert window["y1"] - window["y0"] == pytest.approx(padded["cell"][1] * kernels[0])
    assert marked["x0"] == pytest.approx(output["corner"][0] + output["cell"][0] * cell[1])
    assert marked["y0"] == pytest.approx(output["corner"][1] + output["cell"][1] * cell[0])


def test_the_staircase_marks_the_present_size():
    sizes = list(range(1, 17))
    steps = [Step(n, same_output_size(n, 3), *same_padding(n, 5, 3)) for n in sizes]
    for current in sizes:
        spec = sweep("H", steps, current, floors=3)
        go.Figure(spec)
        assert outside(spec) == []
        bars = {trace["name"]: trace for trace in spec["data"]}
        assert bars["current"]["customdata"] == [[current, same_output_size(current, 3)]]
        shown = sorted(bars["rest"]["customdata"] + bars["current"]["customdata"])
        assert shown == [[n, same_output_size(n, 3)] for n in sizes]
        assert all_text(spec).split("\n")[0] == str(same_output_size(current, 3))
        assert overlapping_texts(spec) == []


@pytest.mark.parametrize(("lesson", "settings"), CONVOLUTIONS)
def test_the_staircase_agrees_with_the_output_on_the_page(traced, lesson, settings):
    made, _ = traced(lesson, **settings)
    spec = pictures.staircase(pictures.one_convolution(made, None), made)
    (current,) = [trace["customdata"] for trace in spec["data"] if trace["name"] == "current"]
    assert current == [[made.inputs[0].shape[0], made.outputs[0].shape[0]]]


def test_no_colour_has_two_meanings():
    assert len(DARK_FOR_LIGHT) == len(vars(LIGHT)) == len(vars(DARK))
    roles = ("input", "padding", "kernel", "output")
    for palette in (LIGHT, DARK):
        assert len({getattr(palette, role) for role in roles}) == 4


def contrast(one, other):
    """WCAG 2's ratio of two colours."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["background", "panel"])
@pytest.mark.parametrize("ink", ["ink", "muted", "padding_text", "failed"])
def test_text_can_be_read(palette, ground, ink):
    assert contrast(getattr(palette, ink), getattr(palette, ground)) >= 4.5
