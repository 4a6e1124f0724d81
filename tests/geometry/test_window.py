"""Which cells a window reads: against impulses sent through the running convolution."""

import jax.numpy as jnp
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from oracles.running import convolution, flax_layer, resolved, taps_of
from shapelab.errors import ShapeError
from shapelab.geometry import Padding, Window
from shapelab.geometry import padding as rules

RUNS = settings(max_examples=30, derandomize=True, deadline=None)

kernels, strides, dilations = st.integers(1, 6), st.integers(1, 7), st.integers(1, 3)
sizes = st.integers(1, 14)


def as_cells(window, input_size):
    """The window's taps in the oracle's words."""
    return [
        [() if cell is None else (cell,) for cell in window.taps(i, input_size)]
        for i in range(window.output_size(input_size))
    ]


def never_met(taps, input_size):
    met = {cell for output in taps for tap in output for cell in tap}
    return tuple(sorted(set(range(input_size)) - met))


def holds_for(window, layer, input_size):
    ran = taps_of(layer, input_size, window.size)
    assert as_cells(window, input_size) == ran
    assert window.unread(input_size) == never_met(ran, input_size)


@RUNS
@given(
    size=sizes,
    kernel=kernels,
    stride=strides,
    dilation=dilations,
    name=st.sampled_from(["SAME", "SAME_LOWER"]),
)
def test_taps_of_same(size, kernel, stride, dilation, name):
    padding = rules.resolve(name, size, kernel, stride, dilation)
    layer = convolution((kernel,), (stride,), name, (dilation,))
    holds_for(Window(kernel, stride, dilation, padding=padding), layer, size)


@RUNS
@given(
    size=sizes,
    kernel=kernels,
    stride=strides,
    dilation=dilations,
    lo=st.integers(-2, 6),
    hi=st.integers(-2, 6),
)
def test_taps_with_explicit_padding_or_cropping(size, kernel, stride, dilation, lo, hi):
    size += 4 + (kernel - 1) * dilation  # so that cropping leaves room for a window
    layer = convolution((kernel,), (stride,), [(lo, hi)], (dilation,))
    holds_for(Window(kernel, stride, dilation, padding=Padding(lo, hi)), layer, size)


@RUNS
@given(
    size=st.integers(1, 9),
    kernel=kernels,
    stride=st.integers(1, 3),
    dilation=dilations,
    base=st.integers(2, 4),
    padding=st.tuples(st.integers(0, 6), st.integers(0, 6)),
)
def test_taps_on_a_spread_input(size, kernel, stride, dilation, base, padding):
    lo, hi = padding[0], padding[1] + (kernel - 1) * dilation  # so that a window fits
    layer = convolution((kernel,), (stride,), [(lo, hi)], (dilation,), (base,))
    holds_for(Window(kernel, stride, dilation, base, Padding(lo, hi)), layer, size)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    size=st.integers(1, 8),
    kernel=kernels,
    stride=st.integers(1, 4),
    padding=st.sampled_from(["SAME", "VALID"]),
)
def test_taps_of_a_transposed_convolution_as_flax_makes_it(size, kernel, stride, padding):
    layer = flax_layer(
        lambda: nnx.ConvTranspose(1, 1, kernel_size=(kernel,), strides=(stride,), padding=padding, rngs=nnx.Rngs(0))
    )
    eqn = resolved(layer, jnp.zeros((1, size, 1)))
    ((lo, hi),) = eqn.params["padding"]
    window = Window(kernel, base_dilation=eqn.params["lhs_dilation"][0], padding=Padding(lo, hi))
    holds_for(window, layer, size)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(
    size=sizes,
    kernel=kernels,
    stride=strides,
    dilation=dilations,
    name=st.sampled_from(["CIRCULAR", "REFLECT", "CAUSAL", "SAME_LOWER"]),
)
def test_taps_of_the_paddings_that_flax_makes_itself(size, kernel, stride, dilation, name):
    layer = flax_layer(
        lambda: nnx.Conv(
            1,
            1,
            kernel_size=(kernel,),
            strides=stride,
            kernel_dilation=dilation,
            padding=name,
            rngs=nnx.Rngs(0),
        )
    )
    padding = rules.resolve(name, size, kernel, stride, dilation)
    holds_for(Window(kernel, stride, dilation, padding=padding), layer, size)


def test_a_mirrored_single_cell_is_repeated():
    layer = flax_layer(lambda: nnx.Conv(1, 1, kernel_size=(3,), padding="REFLECT", rngs=nnx.Rngs(0)))
    holds_for(Window(3, padding=rules.reflect(3)), layer, 1)


def test_both_axes_of_a_plane_at_once():
    height, width = (5, 3, 2, 1), (8, 2, 3, 2)
    windows = [Window(k, s, d, padding=rules.same_lower(n, k, s, d)) for n, k, s, d in (height, width)]
    layer = convolution((3, 2), (2, 3), "SAME_LOWER", (1, 2))
    impulses = jnp.eye(40, dtype=jnp.float32).reshape(40, 5, 8, 1)
    answers = layer(impulses)
    for row in range(windows[0].output_size(5)):
        for column in range(windows[1].output_size(8)):
            expected = [0] * 40
            for p, y in enumerate(windows[0].taps(row, 5)):
                for q, x in enumerate(windows[1].taps(column, 8)):
                    if y is not None and x is not None:
                        expected[8 * y + x] += 2 ** (2 * p + q)
            assert [int(n) for n in answers[:, row, column, 0]] == expected


def test_a_stride_longer_than_the_kernel_leaves_gaps_and_a_rest():
    assert Window(2, stride=4).unread(12) == (2, 3, 6, 7, 10, 11)
    assert Window(2, stride=2).unread(15) == (14,)
    assert Window(3, dilation=2).unread(5) == (1, 3)
    assert Window(3, padding=Padding(1, 1)).unread(7) == ()


def test_a_kernel_larger_than_the_padded_input_says_both_numbers():
    with pytest.raises(ShapeError, match=r"\b7\b.*\b5\b") as caught:
        Window(4, dilation=2, padding=Padding(1, 1)).output_size(3)
    assert "at least 7" in str(caught.value)
    layer = convolution((4,), (1,), [(1, 1)], (2,))
    assert layer(jnp.zeros((1, 3, 1))).shape[1] == 0  # the program gives nothing, without a word


@RUNS
@given(size=sizes, kernel=kernels, dilation=dilations, lo=st.integers(0, 3), hi=st.integers(0, 3))
def test_a_window_is_refused_exactly_where_the_program_gives_nothing(size, kernel, dilation, lo, hi):
    window = Window(kernel, dilation=dilation, padding=Padding(lo, hi))
    eqn = resolved(convolution((kernel,), (1,), [(lo, hi)], (dilation,)), jnp.zeros((1, size, 1)))
    given_cells = eqn.outvars[0].aval.shape[1]
    if given_cells:
        assert window.output_size(size) == given_cells
    else:
        with pytest.raises(ShapeError, match=rf"\b{1 + (kernel - 1) * dilation}\b.*\b{size + lo + hi}\b"):
            window.output_size(size)


def test_pooling_windows_are_lax_windows():
    for size, kernel, stride, padding in ((15, 2, 2, (0, 0)), (9, 3, 2, (1, 1)), (7, 4, 3, (2, 0))):
        pooled = lax.reduce_window(
            jnp.eye(size), 0.0, lax.add, (1, kernel), (1, stride), ((0, 0), padding)
        )  # (input cell, output cell)
        window = Window(kernel, stride, padding=Padding(*padding))
        for i in range(window.output_size(size)):
            met = sorted(cell for cell in window.taps(i, size) if cell is not None)
            assert met == [cell for cell in range(size) if pooled[cell, i]]
        assert window.output_size(size) == pooled.shape[1]
