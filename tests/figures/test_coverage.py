"""How often each input cell is read, counted by sliding the window over a plane of counters."""

import numpy as np
import pytest

from oracles.sheets import crossed, heatmap
from shapelab.explorers import pictures

SETTINGS = [
    {},
    {"H": 12, "W": 9, "kernel_h": 2, "kernel_w": 2, "stride": 4},
    {"padding": "CIRCULAR", "stride": 1, "dilation": 2},
    {"padding": "VALID", "dilation": 3, "stride": 1},
    {"transposed": "yes", "H": 5, "W": 4, "stride": 2, "kernel_h": 3, "kernel_w": 2},
    {"transposed": "yes", "H": 4, "W": 4, "stride": 3, "kernel_h": 2, "kernel_w": 2},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_plane_counts_what_its_windows_read(traced, settings):
    made, values = traced("conv2d", **settings)
    lone = pictures.one_convolution(made, None)
    spec = pictures.convolution_picture(made, lone, values, False, view="coverage")
    (h, w), (height, width) = lone.stage.windows, made.inputs[0].shape[:2]
    read, met = np.zeros((height, width)), np.zeros(made.outputs[0].shape[:2])
    for row, column in np.ndindex(met.shape):
        cells = [(i, j) for i in h.taps(row, height) for j in w.taps(column, width) if None not in (i, j)]
        met[row, column] = len(cells)
        for cell in cells:
            read[cell] += 1
    drawn = heatmap(spec, "input")["z"][:: h.base_dilation, :: w.base_dilation]
    np.testing.assert_array_equal(drawn, read)
    np.testing.assert_array_equal(heatmap(spec, "output")["z"], met)
    assert heatmap(spec, "input")["zmin"] == heatmap(spec, "output")["zmin"] == 0
    assert bool(crossed(spec)) == bool((read == 0).any() or (met == 0).any())


def test_a_transposed_convolution_shows_its_checkerboard(traced):
    made, values = traced("conv2d", transposed="yes", H=5, W=5, stride=2, kernel_h=3, kernel_w=3)
    spec = pictures.convolution_picture(made, pictures.one_convolution(made, None), values, False, view="coverage")
    inner = heatmap(spec, "output")["z"][2:-2, 2:-2]
    assert set(np.unique(inner)) == {1.0, 2.0, 4.0}


def test_a_sequence_counts_along_its_axis(traced):
    made, values = traced("conv1d", L=12, kernel_size=2, stride=4)
    spec = pictures.convolution_picture(made, pictures.one_convolution(made, None), values, False, view="coverage")
    np.testing.assert_array_equal(heatmap(spec, "input")["z"], np.tile([1, 1, 0, 0] * 3, (3, 1)))
