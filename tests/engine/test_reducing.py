"""Values thinned for a picture: the largest of each block, the first channels, and small ones left alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shapelab.engine.reducing import reduced
from shapelab.geometry.pooling import MOST, MOST_CHANNELS, pooling_factor


@given(st.integers(1, 3000))
def test_blocks_are_as_small_as_a_picture_allows(size):
    factor = pooling_factor(size)
    assert -(-size // factor) <= MOST
    assert factor == 1 or -(-size // (factor - 1)) > MOST


@given(st.integers(1, 2 * MOST + 3), st.integers(1, 2 * MOST + 3), st.integers(1, 40))
def test_each_value_is_the_largest_of_its_block(height, width, channels):
    array = np.random.default_rng(height * width).standard_normal((height, width, channels))
    thin = reduced(array, ("H", "W", "C"))
    fh, fw = pooling_factor(height), pooling_factor(width)
    assert thin.shape == (-(-height // fh), -(-width // fw), min(channels, MOST_CHANNELS))
    for row, column in {(0, 0), (thin.shape[0] - 1, thin.shape[1] - 1)}:
        block = array[row * fh : (row + 1) * fh, column * fw : (column + 1) * fw, :MOST_CHANNELS]
        np.testing.assert_array_equal(thin[row, column], block.max(axis=(0, 1)))


def test_small_arrays_and_axes_that_are_no_image_stay_whole():
    small = np.arange(24.0).reshape(2, 3, 4)
    assert reduced(small, ("H", "W", "C")) is small
    table = np.zeros((5 * MOST, 7))
    assert reduced(table, ("N", "")).shape == table.shape
