"""What the lessons feed their modules."""

import numpy as np
import pytest

from shapelab.engine.inputs import PATTERNS, input_values, picture, resized
from shapelab.engine.spec import IMAGE_BYTES, check
from shapelab.lessons import LESSONS

SHAPES = [(5, 7, 2), (1, 1, 1), (40, 3, 5), (1, 9, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_every_pattern_fills_every_shape(pattern, shape):
    values = PATTERNS[pattern](shape, 3)
    assert values.shape == shape
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(values, PATTERNS[pattern](shape, 3))
    assert pattern == "scene" or PATTERNS[pattern](shape[1:], 3).shape == shape[1:]


@pytest.mark.parametrize("pattern", ["random", "scene"])
def test_what_is_drawn_is_drawn_with_the_seed(pattern):
    make = PATTERNS[pattern]
    assert not np.array_equal(make((5, 7, 2), 3), make((5, 7, 2), 4))


@pytest.mark.parametrize("lesson", sorted(LESSONS))
def test_every_pattern_that_a_lesson_offers_can_be_fed(lesson):
    image = bytes(IMAGE_BYTES)
    for pattern in LESSONS[lesson].Config.rules()["pattern"].values:
        spec = check(lesson, {"pattern": pattern}, image)
        assert input_values(spec).shape == spec.input_shape


def test_a_ramp_numbers_the_cells_in_reading_order():
    values = PATTERNS["ramp"]((2, 3, 2), 0)
    np.testing.assert_allclose(values[..., 0], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_allclose(values[..., 1] - values[..., 0], 0.01, atol=1e-6)


def test_an_impulse_is_one_at_the_middle_of_each_channel():
    values = PATTERNS["impulse"]((5, 4, 2), 0)
    assert values.sum() == 2
    assert (values[2, 2] == 1).all()


def test_neighbours_on_a_checkerboard_differ():
    board = PATTERNS["checkerboard"]((4, 5, 1), 0)[..., 0]
    np.testing.assert_array_equal(board[1:], -board[:-1])
    np.testing.assert_array_equal(board[:, 1:], -board[:, :-1])


def test_the_photograph_shows_something_from_black_to_white():
    values = PATTERNS["photo"]((64, 64, 3), 0)
    assert values.min() < -0.8
    assert values.max() > 0.8
    assert values.std() > 0.3
    np.testing.assert_array_equal(PATTERNS["photo"]((64, 64, 5), 0)[..., 3], values[..., 0])


def test_an_uploaded_picture_of_the_same_size_is_shown_as_it_is():
    drawn = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    spec = check("unet", {"H": 128, "W": 128, "pattern": "upload"}, drawn.tobytes())
    np.testing.assert_allclose(input_values(spec), drawn / 127.5 - 1, atol=1e-5)


def test_one_channel_is_grey_and_a_sequence_the_middle_row():
    red = np.zeros((128, 128, 3), np.uint8)
    red[..., 0] = 255
    np.testing.assert_allclose(picture((4, 4, 1), red), 2 * 0.299 - 1, atol=1e-5)
    striped = np.zeros((128, 128, 3), np.uint8)
    striped[64] = 255
    np.testing.assert_allclose(picture((10, 3), striped), 1, atol=1e-5)


@pytest.mark.parametrize("size", [1, 3, 8, 20, 64])
def test_resizing_keeps_what_is_even_and_loses_what_is_too_fine(size):
    np.testing.assert_allclose(resized(np.full(20, 3.0, np.float32), size, 0), 3, rtol=1e-5)
    fine = np.resize(np.array([1, -1], np.float32), 20)
    if size < 5:
        assert np.abs(resized(fine, size, 0)).max() < 0.2  # no false pattern
    if size == 20:
        np.testing.assert_allclose(resized(fine, size, 0), fine, atol=1e-6)
    rising = resized(np.arange(20, dtype=np.float32), size, 0)
    assert (np.diff(rising) >= 0).all()
