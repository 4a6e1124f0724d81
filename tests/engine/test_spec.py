"""What may be asked of an engine."""

import dataclasses

import pytest

from shapelab import ShapeError
from shapelab.engine.spec import IMAGE_BYTES, check


def test_check_depends_on_nothing_but_what_it_is_given():
    values = {"H": 9, "stride": 3}
    one, other = check("conv2d", values), check("conv2d", {"stride": 3.0, "H": 9})
    assert values == {"H": 9, "stride": 3}
    assert one == other
    assert hash(one) == hash(other)
    assert one != check("conv2d", {"H": 9})
    assert one.input_shape == (9, 7, 3)
    values["H"] = 60
    assert one.config.H == 9


def test_a_specification_cannot_be_changed():
    spec = check("unet", {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.lesson_name = "conv1d"


@pytest.mark.parametrize("name", ["conv3d", "", "Conv2D", "x" * 10_000, None, 3, ("conv2d",)])
def test_an_unknown_lesson_lists_those_there_are(name):
    with pytest.raises(ShapeError, match="conv1d, conv2d, resnet, unet") as caught:
        check(name, {})
    assert len(str(caught.value)) < 200


def test_an_unhashable_lesson_name_is_refused_like_any_other():
    with pytest.raises(ShapeError, match="conv1d"):
        check(["conv2d"], {})


@pytest.mark.parametrize("values", [{"H": 0}, {"H": 1025}, {"h": 7}, {"H": None}, {"H": float("nan")}, {3: 4}])
def test_what_is_out_of_bounds_or_unknown_is_refused(values):
    with pytest.raises(ShapeError):
        check("conv2d", values)


def test_same_settings_of_different_lessons_are_different_questions():
    assert check("resnet", {"H": 8}) != check("unet", {"H": 8})


PICTURE = bytes(range(256)) * (IMAGE_BYTES // 256)


def test_an_uploaded_picture_is_part_of_the_question_where_it_is_shown():
    one, other = (check("conv2d", {"pattern": "upload"}, image) for image in (PICTURE, PICTURE[::-1]))
    assert one != other
    assert one == check("conv2d", {"pattern": "upload"}, bytes(bytearray(PICTURE)))
    assert one.identity != other.identity
    assert one.structure == other.structure
    assert one.changed({"H": 9}).image == PICTURE
    assert one.changed({"pattern": "photo"}).image == b""
    assert check("conv2d", {}, PICTURE) == check("conv2d", {})
    assert check("conv2d", {}).changed({"pattern": "upload"}, PICTURE) == one


@pytest.mark.parametrize("image", [b"", b"x", PICTURE[1:], PICTURE + b"x"])
def test_a_picture_of_another_size_is_refused_with_the_size_it_needs(image):
    with pytest.raises(ShapeError, match=rf"{len(image):,} bytes: 49,152"):
        check("unet", {"pattern": "upload"}, image)


def test_the_structure_holds_what_shapes_depend_on_and_nothing_else():
    plain = check("conv2d", {"H": 9})
    assert check("conv2d", {"H": 9, "seed": 5, "pattern": "ramp", "pad_left": 4}).structure == plain
    assert check("conv2d", {"H": 9, "padding": "explicit", "pad_left": 4}).structure.config.pad_left == 4
    assert check("unet", {"mode": "eval"}).structure.config.mode == "eval"
