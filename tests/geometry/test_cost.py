"""The dense count of a convolution, counted one product at a time."""

from itertools import product

import jax
import jax.numpy as jnp
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.running import convolution
from shapelab.geometry import Padding, Window
from shapelab.geometry.cost import convolution_macs, matmul_macs, tensor_bytes

FEW = settings(max_examples=60, derandomize=True, deadline=None)


def products_of(windows, sizes, channels_in, channels_out, groups, batch):
    """Slide the window over the padded plane and count, taps on padding included."""
    counted = 0
    rows, columns = (range(0, n + w.padding.total - w.span + 1, w.stride) for w, n in zip(windows, sizes, strict=True))
    for _image, _row, _column in product(range(batch), rows, columns):
        for _tap in product(range(windows[0].size), range(windows[1].size)):
            for feature in range(channels_out):
                group = feature * groups // channels_out
                counted += sum(1 for c in range(channels_in) if c * groups // channels_in == group)
    return counted


@FEW
@given(
    sizes=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    windows=st.tuples(
        *[
            st.builds(
                Window,
                size=st.integers(1, 3),
                stride=st.integers(1, 3),
                dilation=st.integers(1, 2),
                padding=st.builds(Padding, st.integers(2, 3), st.integers(2, 3)),
            )
        ]
        * 2
    ),
    groups=st.integers(1, 2),
    channels=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    batch=st.integers(1, 2),
)
def test_every_product_counts_once(sizes, windows, groups, channels, batch):
    channels_in, channels_out = channels[0] * groups, channels[1] * groups
    counted = products_of(windows, sizes, channels_in, channels_out, groups, batch)
    assert convolution_macs(windows, sizes, channels_in // groups * channels_out, batch=batch) == counted


@FEW
@given(size=st.integers(1, 9), kernel=st.integers(1, 5), base=st.integers(2, 4), pairs=st.integers(1, 6))
def test_a_transposed_convolution_scatters_every_input_over_every_tap(size, kernel, base, pairs):
    """Whole: every product of an input cell and a weight lands somewhere, none is cut off."""
    lo = kernel - 1
    window = Window(kernel, base_dilation=base, padding=Padding(lo, lo))
    layer = convolution((kernel,), (1,), [(lo, lo)], (1,), (base,))
    landed = jax.make_jaxpr(layer)(jnp.zeros((1, size, 1))).out_avals[0].shape[1]
    counted = sum(1 for i in range(landed) for cell in window.taps(i, size) if cell is not None)
    assert convolution_macs([window], [size], pairs) == counted * pairs == size * kernel * pairs


def test_no_padding_agrees_with_what_the_compiler_counts():
    def multiply(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, (2, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    compiled = jax.jit(multiply).lower(jnp.zeros((1, 9, 8, 3)), jnp.zeros((3, 2, 3, 5))).compile()
    macs = convolution_macs([Window(3, 2), Window(2)], [9, 8], 15)
    assert macs == 4 * 7 * 6 * 15
    assert compiled.cost_analysis()["flops"] == 2 * macs


def test_products_of_matrices_and_bytes():
    assert matmul_macs((4, 5), 7) == 140
    assert tensor_bytes((2, 3, 4), 2) == 48
    assert tensor_bytes((), 4) == 4
