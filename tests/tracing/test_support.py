"""Windows of traced layers, against the exact support of the gradient of those same layers."""

from dataclasses import astuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from oracles.support import (
    FAMILIES,
    LARGEST,
    LETTERS,
    TRANSPOSED,
    Complaints,
    draw,
    influences,
    jacobians,
    layer,
    powers_of_two,
    strata,
    told_windows,
)
from shapelab import trace

REPEATS = {"nnx.Conv": 4, "nnx.ConvTranspose": 4, "nnx.avg_pool": 4, "nnx.max_pool": 4, "nnx.min_pool": 4}
OTHERWISE = 3
"""So many layers are drawn for each padding × dimension × stride 1 or more × dilation 1 or more × groups 1 or more."""

AT_ONCE = 48  # layers in one compiled program
UNTOLD = {("nnx.ConvTranspose", "CIRCULAR")}
"""Where no window need be told: the output is folded onto itself. One that is told must be right all the same."""


def drawn(family):
    return [draw(stratum, n) for stratum in strata(family) for n in range(REPEATS.get(family, OTHERWISE))]


CHUNKS = [
    pytest.param(family, start, id=f"{family}-{start}")
    for family in FAMILIES
    for start in range(0, len(strata(family)) * REPEATS.get(family, OTHERWISE), AT_ONCE)
]


def meetings(window, input_size, weights):
    """For each output cell of one axis and each input cell, the sum of the weights of the taps that meet there."""
    rows = []
    for i in range(window.output_size(input_size)):
        row = np.zeros(input_size, np.float64)
        for cell, weight in zip(window.taps(i, input_size), weights, strict=True):
            if cell is not None:
                row[cell] += weight
        rows.append(row)
    return np.array(rows)


def channels_read(case):
    """Which input channel each output channel reads: (C of the output, C of the input)."""
    if case.is_pooling:
        return np.eye(case.channels)
    block = np.ones((case.features // case.groups, case.channels // case.groups))
    return np.kron(np.eye(case.groups), block)


def expected(case, windows):
    """The Jacobian that the windows say, its axes as those of the oracle."""
    tables = {"C": channels_read(case)}
    for letter, size in zip(LETTERS[case.dims], case.sizes, strict=True):
        taps = case.kernel[case.axis(letter)]
        weights = np.ones(taps) if case.is_pooling else powers_of_two(taps)
        window = windows.get(letter)
        tables[letter] = np.eye(size) if window is None else meetings(window, size, weights)
    output, given = (case.numbers[n].replace("N", "") for n in (2, 0))
    terms = ",".join(letter + letter.lower() for letter in tables)
    return np.einsum(f"{terms}->{output}{given.lower()}", *tables.values())


def never_read(case, windows):
    """Where an input cell is read by no window of at least one of its axes: axes as those of the input without N."""
    cells = np.zeros(case.shape(), bool)
    for letter, window in windows.items():
        axis = case.numbers[0].replace("N", "").index(letter)
        size = case.sizes[case.axis(letter)]
        unread = np.isin(np.arange(size), window.unread(size))
        cells |= unread.reshape([-1 if other == axis else 1 for other in range(cells.ndim)])
    return cells


def measured(cases, calls):
    """What the running layers say: the Jacobian, or for those that keep one cell of a window its support."""
    keeping_one = [case.family in LARGEST for case in cases]
    assert len(set(keeping_one)) == 1
    return influences(cases, calls) if keeping_one[0] else jacobians(cases, calls)


def compare(case, call, ran):
    """Every entry of the Jacobian: which cells and channels, through which taps."""
    windows = told_windows(case, trace(call, jax.ShapeDtypeStruct(case.shape(*case.batch), jnp.float32)))
    if windows is None:
        assert (case.family, case.stratum.mode) in UNTOLD
        return
    said = expected(case, windows)
    assert said.shape == ran.shape
    np.testing.assert_array_equal(said != 0, ran != 0)
    if case.family not in LARGEST and "avg" not in case.family:
        np.testing.assert_array_equal(said, ran)
    outputs = tuple(range(len(case.numbers[2]) - 1))
    np.testing.assert_array_equal(never_read(case, windows), ~(ran != 0).any(axis=outputs))


@pytest.mark.parametrize(("family", "start"), CHUNKS)
def test_windows_are_the_support_of_the_gradient(family, start):
    cases = drawn(family)[start : start + AT_ONCE]
    calls = [layer(case, None if case.is_pooling else case.weights(powers_of_two)) for case in cases]
    complaints = Complaints()
    for case, call, ran in zip(cases, calls, measured(cases, calls), strict=True):
        with complaints.about(case):
            compare(case, call, ran)
    complaints.none_of(len(cases))


@pytest.fixture(scope="module")
def every_case():
    return [case for family in FAMILIES for case in drawn(family)]


def test_two_thousand_layers_of_every_stratum(every_case):
    assert len(set(every_case)) >= 2000
    met = {
        (
            case.family,
            case.stratum.mode,
            case.dims,
            max(case.stride) > 1,
            any(apart > 1 and taps > 1 for apart, taps in zip(case.dilation, case.kernel, strict=True)),
            case.groups > 1,
        )
        for case in every_case
    }
    assert met == {astuple(stratum) for family in FAMILIES for stratum in strata(family)}
    # That no stratum is missing from the list itself: 2 × 2 × 2 for each padding and dimension, but the causal one.
    assert len(strata("nnx.Conv")) == (8 * 3 + 1) * 8
    assert {stratum.mode for stratum in strata("nnx.Conv")} == {
        *("SAME", "SAME_LOWER", "VALID", "CIRCULAR", "REFLECT", "CAUSAL", "int", "pairs", "cropped")
    }


def along_axes(case):
    """Size, taps, stride, dilation and padding of each axis; no padding where the layer works it out itself."""
    pairs = case.padding if isinstance(case.padding, tuple) else [None] * case.dims
    return zip(case.sizes, case.kernel, case.stride, case.dilation, pairs, strict=True)


# What is easily got wrong, and must have been among the layers drawn; so many at least.
CORNERS = {
    "a stride longer than the window leaves gaps": lambda case: (
        case.family not in TRANSPOSED and any(s > (k - 1) * d + 1 for _, k, s, d, _ in along_axes(case))
    ),
    "SAME with a window longer than its input": lambda case: (
        case.stratum.mode == "SAME" and any((k - 1) * d + 1 > n for n, k, _, d, _ in along_axes(case))
    ),
    "an axis of one cell": lambda case: 1 in case.sizes,
    "a mirrored axis of one cell": lambda case: case.stratum.mode == "REFLECT" and 1 in case.sizes,
    "wrapped round more than once": lambda case: (
        case.padding == "CIRCULAR" and any((k - 1) * d > 2 * n for n, k, _, d, _ in along_axes(case))
    ),
    "a window that is not square": lambda case: len(set(case.kernel)) > 1,
    "strides that differ": lambda case: len(set(case.stride)) > 1,
    "more before than after": lambda case: any(isinstance(p, tuple) and p[0] > p[1] for *_, p in along_axes(case)),
    "fewer before than after": lambda case: any(isinstance(p, tuple) and p[0] < p[1] for *_, p in along_axes(case)),
    "cells taken away": lambda case: any(isinstance(p, tuple) and min(p) < 0 for *_, p in along_axes(case)),
    "one channel a group": lambda case: case.groups == case.channels > 1,
    "more output than input channels in a group": lambda case: 1 < case.groups <= case.channels < case.features,
    "channels first": lambda case: case.numbers[0].startswith("NC"),
    "axes that change places": lambda case: case.dims > 1 and case.numbers[0] != case.numbers[2],
    "an input spread by its own argument": lambda case: max(case.base) > 1,
    "a transposed one, its stride longer than its window": lambda case: (
        case.family in TRANSPOSED and any(s > (k - 1) * d + 1 for _, k, s, d, _ in along_axes(case))
    ),
    "a transposed one, its stride shorter than its window": lambda case: (
        case.family in TRANSPOSED and any(1 < s < (k - 1) * d + 1 for _, k, s, d, _ in along_axes(case))
    ),
    "a transposed one that flips its kernel": lambda case: case.flipped,
    "one example without a batch": lambda case: case.batch == (),
    "two batch axes": lambda case: len(case.batch) == 2,
    "a pooling that pads where it does not slide": lambda case: (
        case.is_pooling and any(k == s == 1 and p not in (None, (0, 0)) for _, k, s, _, p in along_axes(case))
    ),
}


@pytest.mark.parametrize("corner", CORNERS)
def test_the_corners_are_among_them(every_case, corner):
    assert sum(map(CORNERS[corner], every_case)) >= 10
