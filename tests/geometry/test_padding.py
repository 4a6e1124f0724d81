"""Padding and sizes, against the program that is about to run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from oracles.running import convolution, flax_layer, resolved
from shapelab.errors import ShapeError
from shapelab.geometry import Fill, Padding, Window
from shapelab.geometry import padding as rules

MANY = settings(max_examples=500, derandomize=True, deadline=None)
NAMED = {"SAME": rules.same, "SAME_LOWER": rules.same_lower}

axes = st.tuples(st.integers(1, 40), st.integers(1, 12), st.integers(1, 7), st.integers(1, 4))


def span_of(kernel_size, dilation):
    return 1 + dilation * (kernel_size - 1)


@MANY
@given(name=st.sampled_from(sorted(NAMED)), height=axes, width=axes)
def test_same_is_what_the_program_resolves_on_each_axis(name, height, width):
    sizes, kernels, strides, dilations = zip(height, width, strict=True)
    layer = convolution(kernels, strides, name, dilations)
    eqn = resolved(layer, jax.ShapeDtypeStruct((1, *sizes, 1), jnp.float32))
    padding = [NAMED[name](*axis) for axis in (height, width)]
    assert [(p.lo, p.hi) for p in padding] == list(eqn.params["padding"])
    windows = [Window(k, s, d, padding=p) for (_, k, s, d), p in zip((height, width), padding, strict=True)]
    made = tuple(w.output_size(n) for w, n in zip(windows, sizes, strict=True))
    assert made == eqn.outvars[0].aval.shape[1:3]
    assert made == tuple(rules.same_output_size(n, s) for n, s in zip(sizes, strides, strict=True))


@MANY
@given(name=st.sampled_from(["SAME", "SAME_LOWER", "VALID"]), axis=axes, seen=st.integers(0, 30))
def test_named_padding_is_what_lax_makes_of_it(name, axis, seen):
    size, kernel, stride, dilation = axis
    if name == "VALID":
        size = span_of(kernel, dilation) + seen  # at least one window fits
    padding = rules.resolve(name, size, kernel, stride, dilation)
    assert [(padding.lo, padding.hi)] == list(
        lax.padtype_to_pads((size,), (span_of(kernel, dilation),), (stride,), name)
    )
    eqn = resolved(
        convolution((kernel,), (stride,), name, (dilation,)), jax.ShapeDtypeStruct((1, size, 1), jnp.float32)
    )
    assert Window(kernel, stride, dilation, padding=padding).output_size(size) == eqn.outvars[0].aval.shape[1]


@MANY
@given(axis=axes, lo=st.integers(0, 15), hi=st.integers(0, 15), base=st.integers(1, 4), more=st.integers(0, 5))
def test_size_with_explicit_padding_and_a_spread_input(axis, lo, hi, base, more):
    size, kernel, stride, dilation = axis
    padding = Padding(lo, hi + max(0, span_of(kernel, dilation) - size) + more)
    layer = convolution((kernel,), (stride,), [(padding.lo, padding.hi)], (dilation,), (base,))
    eqn = resolved(layer, jax.ShapeDtypeStruct((1, size, 1), jnp.float32))
    assert Window(kernel, stride, dilation, base, padding).output_size(size) == eqn.outvars[0].aval.shape[1]


@settings(max_examples=150, derandomize=True, deadline=None)
@given(axis=axes, padding=st.sampled_from(["SAME", "SAME_LOWER", "VALID", "CAUSAL", 0, 2, (3, 1), (0, 4)]))
def test_what_flax_makes_of_its_padding_argument(axis, padding):
    size, kernel, stride, dilation = axis
    size += span_of(kernel, dilation) - 1
    declared = [padding] if isinstance(padding, tuple) else padding
    layer = flax_layer(
        lambda: nnx.Conv(
            1,
            1,
            kernel_size=(kernel,),
            strides=stride,
            kernel_dilation=dilation,
            padding=declared,
            rngs=nnx.Rngs(0),
        )
    )
    program = jax.make_jaxpr(layer)(jax.ShapeDtypeStruct((1, size, 1), jnp.float32))
    mine = rules.resolve(padding, size, kernel, stride, dilation)
    window = Window(kernel, stride, dilation, padding=mine)
    assert program.out_avals[0].shape[1] == window.output_size(size)
    eqn = resolved(layer, jax.ShapeDtypeStruct((1, size, 1), jnp.float32))
    ((lo, hi),) = eqn.params["padding"]
    padded_before = eqn.invars[0].aval.shape[1] - size
    assert padded_before + lo + hi == mine.total
    if padding != "CAUSAL":
        assert (lo, hi) == (mine.lo, mine.hi)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "same", "lower"),
    [
        (7, 3, 2, (1, 1), (1, 1)),
        (8, 3, 2, (0, 1), (1, 0)),
        (7, 4, 2, (1, 2), (2, 1)),
        (10, 4, 1, (1, 2), (2, 1)),
        (5, 9, 1, (4, 4), (4, 4)),
        (12, 2, 4, (0, 0), (0, 0)),
        (1, 1, 1, (0, 0), (0, 0)),
        (1, 8, 8, (3, 4), (4, 3)),
    ],
)
def test_same_by_hand(size, kernel, stride, same, lower):
    assert rules.same(size, kernel, stride) == Padding(*same)
    assert rules.same_lower(size, kernel, stride) == Padding(*lower)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    size=st.integers(1, 12),
    lo=st.integers(0, 30),
    hi=st.integers(0, 30),
    fill=st.sampled_from([Fill.CIRCULAR, Fill.REFLECT]),
)
def test_wrapped_and_mirrored_cells_are_numpys(size, lo, hi, fill):
    mode = "wrap" if fill is Fill.CIRCULAR else "reflect"
    shown = np.asarray(np.pad(np.arange(size), (lo, hi), mode=mode))
    padding = Padding(lo, hi, fill)
    assert [padding.source(at, size) for at in range(-lo, size + hi)] == list(shown)


@given(size=st.integers(1, 12), lo=st.integers(0, 9), hi=st.integers(0, 9))
@settings(max_examples=60, derandomize=True, deadline=None)
def test_constant_padding_shows_no_input(size, lo, hi):
    shown = [Padding(lo, hi).source(at, size) for at in range(-lo, size + hi)]
    assert shown == [None] * lo + list(range(size)) + [None] * hi


def test_an_unknown_padding_name_says_which_are_known():
    with pytest.raises(ShapeError, match=r"'same'.*SAME_LOWER.*CAUSAL.*REFLECT"):
        rules.resolve("same", 7, 3)


def test_the_total_counts_both_ends():
    assert Padding(1, 2).total == 3
    assert Padding(-1, 0).total == -1
