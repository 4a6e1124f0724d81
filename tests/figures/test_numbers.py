"""Numbers in cells: those of the values, short, and readable on every shade of both themes."""

import numpy as np
import pytest

from oracles.sheets import heatmap
from shapelab.explorers import pictures
from shapelab.figures.canvas import Canvas
from shapelab.figures.grids import Plane
from shapelab.figures.marks import marks
from shapelab.figures.numbers import LONGEST, number, numbers
from shapelab.figures.theme import DARK, DARK_FOR_LIGHT, LIGHT


def in_cells(spec, name):
    """The numbers written into the cells of a grid: {(row, column): text}."""
    plane = spec["layout"]["meta"]["planes"][name]
    (x, y), (wide, high), (rows, columns) = plane["corner"], plane["cell"], plane["counts"]
    found = {}
    for note in spec["layout"]["annotations"]:
        row, column = int((note["y"] - y) // high), int((note["x"] - x) // wide)
        if note.get("name") == "number" and 0 <= row < rows and 0 <= column < columns:
            assert (row, column) not in found
            found[row, column] = float(note["text"].replace("−", "-"))
    return found


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"padding": "CIRCULAR", "stride": 1},
        {"padding": "REFLECT", "dilation": 2, "stride": 1},
        {"padding": "explicit", "pad_top": 2, "pad_left": 1},
        {"transposed": "yes", "H": 4, "W": 3},
    ],
    ids=str,
)
def test_they_are_the_values_and_padding_says_what_it_holds(traced, settings):
    made, values = traced("conv2d", **settings)
    lone = pictures.one_convolution(made, None)
    spec = pictures.convolution_picture(made, lone, values, False, channels=(2, 3))
    h, w = lone.stage.windows
    for (row, column), text in in_cells(spec, "padded").items():
        source = h.sources(values.input.shape[0])[row], w.sources(values.input.shape[1])[column]
        right = 0.0 if None in source else float(values.input[(*source, 2)])
        assert text == pytest.approx(right, rel=0.06)
    output = values.stages[max(values.stages)][..., 3]
    for at, text in in_cells(spec, "output").items():
        assert text == pytest.approx(float(output[at]), rel=0.06)
    kernel = values.parameters["kernel"][..., 2, 3]
    assert {at: pytest.approx(float(kernel[at]), rel=0.06) for at in np.ndindex(kernel.shape)} == in_cells(
        spec, "kernel"
    )
    assert len(in_cells(spec, "padded")) == np.prod(spec["layout"]["meta"]["planes"]["padded"]["counts"])


def test_a_sequence_has_them_too(traced):
    made, values = traced("conv1d", padding="CAUSAL")
    lone = pictures.one_convolution(made, None)
    spec = pictures.convolution_picture(made, lone, values, False, channels=(0, 2))
    kernel = values.parameters["kernel"][..., 2].T
    assert {at: pytest.approx(float(kernel[at]), rel=0.06) for at in np.ndindex(kernel.shape)} == in_cells(
        spec, "kernel"
    )
    assert len(in_cells(spec, "padded")) == 3 * (10 + 3)


def test_small_cells_have_none(traced):
    made, values = traced("conv2d", H=40, W=40)
    spec = pictures.convolution_picture(made, pictures.one_convolution(made, None), values, False)
    assert in_cells(spec, "padded") == in_cells(spec, "output") == {}


@pytest.mark.parametrize(
    "value", [0, 1, -7, 0.34, -0.338, 1.25, -12.6, 0.034, -0.0871, 0.0034, -4e-9, 123.4, -9999, 8.7e9]
)
def test_a_number_keeps_its_size_in_five_letters(value):
    text = number(value)
    assert len(text) <= LONGEST
    assert float(text.replace("−", "-")) == pytest.approx(value, rel=0.12)


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("role", ["input", "kernel", "output"])
@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_they_can_be_read_on_every_shade(role, palette):
    canvas, shades = Canvas(8000, 40), np.linspace(0, 1, 101)[None]
    numbers(canvas, Plane((0, 0), (40, 40), 1, 101), shades, role=role, limits=(0.0, 1.0))
    tint, full = getattr(palette, f"{role}_tint"), getattr(palette, role)
    for share, note in zip(shades[0], canvas.annotations, strict=True):
        mixed = [round(int(tint[i : i + 2], 16) * (1 - share) + int(full[i : i + 2], 16) * share) for i in (1, 3, 5)]
        ink = note["font"]["color"] if palette is LIGHT else DARK_FOR_LIGHT[note["font"]["color"]]
        bright, dark = sorted((luminance(ink), luminance("#" + "".join(f"{n:02x}" for n in mixed))), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, share


def test_a_run_of_numbers_says_what_they_share_once(traced):
    made, values = traced("conv2d")
    spec = pictures.convolution_picture(made, pictures.one_convolution(made, None), values, False)
    written = sum(note.get("name") == "number" for note in spec["layout"]["annotations"])
    _, before = marks(spec["layout"])
    assert before.count("<text ") == len(spec["layout"]["annotations"])
    assert before.count("font-family") < len(spec["layout"]["annotations"]) - written / 2


def test_the_pinned_window_can_be_left_to_the_page(traced):
    made, values = traced("conv2d")
    layout = pictures.convolution_picture(made, pictures.one_convolution(made, None), values, False)["layout"]
    (_, whole), (_, without) = marks(layout), marks(layout, pinned=False)
    assert whole.count(f'stroke="{LIGHT.kernel}"') == 4
    assert LIGHT.kernel not in without


def test_wrapped_padding_shows_what_it_repeats(traced):
    made, values = traced("conv2d", padding="CIRCULAR", stride=1, H=8, W=6)
    spec = pictures.convolution_picture(made, pictures.one_convolution(made, None), values, False)
    np.testing.assert_array_equal(
        heatmap(spec, "padding")["z"], np.pad(values.input[..., 0], ((1, 1), (1, 1)), mode="wrap")
    )
