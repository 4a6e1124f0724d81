"""Failures as pictures: the marked rows, columns and channels are those by which the tensors of the trace differ."""

import itertools

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

import shapelab as sl
from oracles.sheets import CLEAR, all_text, colours, outside, overlapping_texts
from shapelab.explorers.network_pictures import failure_picture
from shapelab.explorers.network_words import failure_said
from shapelab.figures.mismatch import mismatch
from shapelab.figures.theme import DARK_FOR_LIGHT, LIGHT

every_width = pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
CASES = [
    ("unet", {"H": 30}, ["row 14: in enc2 relu (15 rows), not in up2 (14)", "max_pool #2 dropped row 14 of 15"]),
    (
        "unet",
        {"H": 30, "W": 50},
        ["row 14: in enc2 relu", "column 24: in enc2 relu (25 columns)", "max_pool #2 dropped column 24 of 25"],
    ),
    ("unet", {"H": 36, "depth": 3}, ["row 8: in enc3 relu (9 rows), not in up3 (8)", "max_pool #3 dropped row 8 of 9"]),
    ("unet", {"H": 1022}, ["row 510", "max_pool #2 dropped row 510 of 511"]),
    ("resnet", {"stride": 2}, ["rows 8 to 15: in x (16 rows), not in bn2 (8)", "H: conv1 took 16 to 8"]),
    ("resnet", {"C": 8, "features": 16}, ["channels 8 to 15: in bn2 (16 channels), not in x (8)"]),
    ("resnet", {"padding": "VALID"}, ["columns 12 to 15: in x", "H: conv1 took 16 to 14, conv2 took 14 to 12"]),
    ("resnet", {"padding": "VALID", "shortcut": "projection"}, ["rows 12 to 15: in bn3", "not in bn2 (12)"]),
]


@every_width
@pytest.mark.parametrize(("lesson", "settings", "lines"), CASES)
def test_what_does_not_fit_is_marked_named_and_traced_to_who_dropped_it(traced, lesson, settings, lines, narrow):
    made, _ = traced(lesson, **settings)
    spec = failure_picture(made, narrow)
    said = all_text(spec).replace("\n", " ")
    for line in lines:
        assert line in said
        assert line in spec["layout"]["meta"]["alt"]
    for shape in made.error.in_shapes[:2]:
        assert str(shape) in said
    assert overlapping_texts(spec) == []
    assert outside(spec) == []
    assert set(colours(spec)) <= {*DARK_FOR_LIGHT, CLEAR}
    found = mismatch(made)
    drawn = [s for s in spec["layout"]["shapes"] if s["type"] == "rect" and s["line"]["color"] == LIGHT.failed]
    assert len(drawn) == len(found.surplus)
    differing = [axis for axis, (a, b) in enumerate(zip(*made.error.in_shapes[:2], strict=True)) if a != b]
    assert len(found.surplus) == len(differing)


@every_width
@pytest.mark.parametrize("settings", [{"H": 30, "W": 50}, {"H": 44, "W": 44, "depth": 3}])
def test_both_tensors_are_drawn_to_one_scale(traced, settings, narrow):
    made, _ = traced("unet", **settings)
    spec = failure_picture(made, narrow)
    faces = [s for s in spec["layout"]["shapes"] if s["type"] == "rect" and s["line"]["width"] == 2]
    faces = [s for s in faces if s["line"]["color"] != LIGHT.failed]
    sizes = [(s["y1"] - s["y0"], s["x1"] - s["x0"]) for s in faces]
    shapes = made.error.in_shapes[:2]
    cells = {
        round(size / n, 4)
        for size, shape in zip(sizes, shapes, strict=True)
        for size, n in zip(size, shape, strict=False)
    }
    assert max(cells) - min(cells) < 1e-3


def test_axes_on_which_both_agree_are_no_surplus(traced):
    made, _ = traced("unet", H=30)
    (axis, larger, extra) = mismatch(made).surplus[0]
    assert (axis, extra) == (0, (14,))
    assert mismatch(made).sides[larger].shape == max(made.error.in_shapes)


class WrongChannels(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Conv(3, 8, (3, 3), rngs=rngs)
        self.second = nnx.Conv(12, 8, (3, 3), rngs=rngs)

    def __call__(self, x):
        return self.second(self.first(x))


class WrongAxis(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(3, 8, (3, 3), strides=2, rngs=rngs)

    def __call__(self, x):
        return jnp.concatenate([self.conv(x), x], axis=0)


class NoShapes(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(3, 8, (3, 3), rngs=rngs)

    def __call__(self, x):
        raise RuntimeError(f"<b>not about shapes</b> {self.conv(x).shape}")


def test_channels_are_held_against_those_that_the_kernel_takes():
    made = sl.trace(WrongChannels(nnx.Rngs(0)), jax.ShapeDtypeStruct((16, 16, 3), jnp.float32))
    for narrow in (False, True):
        spec = failure_picture(made, narrow)
        assert "channels 8 to 11: in second.kernel (12 channels), not in input of second (8)" in all_text(spec).replace(
            "\n", " "
        )
        assert outside(spec) == []


def test_a_concatenation_on_the_wrong_axis_is_drawn():
    made = sl.trace(WrongAxis(nnx.Rngs(0)), jax.ShapeDtypeStruct((8, 8, 3), jnp.float32))
    found = mismatch(made)
    assert found is not None
    assert found.surplus
    assert all_text(failure_picture(made, False))


def test_a_failure_without_two_shapes_has_words_alone():
    made = sl.trace(NoShapes(nnx.Rngs(0)), jax.ShapeDtypeStruct((8, 8, 3), jnp.float32))
    assert failure_picture(made, False) is None
    said = failure_said(made)
    assert "&lt;b&gt;not about shapes&lt;/b&gt;" in said
    assert "<b>not" not in said


def test_what_went_well_has_no_picture_of_a_failure(traced):
    for lesson, narrow in itertools.product(("unet", "resnet"), (False, True)):
        assert failure_picture(traced(lesson)[0], narrow) is None
