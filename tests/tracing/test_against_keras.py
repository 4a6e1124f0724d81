"""SAME and VALID of traced layers, against Keras: its own arithmetic of shapes, and its values.

Keras runs on JAX here, so its convolution is XLA's too. Its own are the paddings of a transposed convolution, what an
average leaves out, and the rule by which a layer tells its output's shape without running.

A transposed convolution of Keras flips its kernel and swaps the channels, as ``transpose_kernel`` makes flax do.
"""

from dataclasses import replace
from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from oracles.support import LETTERS, Complaints, at_once, draw, layer, numbers_for, strata, told_windows, traced_call
from shapelab import Window
from shapelab.tracing.tracer import program

LAYERS = {
    "nnx.Conv": ("Conv{}D", "conv"),
    "nnx.ConvTranspose": ("Conv{}DTranspose", "conv_transpose"),
    "nnx.avg_pool": ("AveragePooling{}D", "average_pool"),
    "nnx.max_pool": ("MaxPooling{}D", "max_pool"),
}
"""The layer of Keras, asked for shapes alone, and the function it calls: layers compile something for each weight."""

REPEATS = 4
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Keras on JAX. It reads its backend and its folder when it is imported, from the environment only then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "jax")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        found = pytest.importorskip("keras", reason="no Keras here: pip install keras")
    if found.backend.backend() != "jax":
        pytest.skip(f"Keras was imported before, with {found.backend.backend()}")
    return found


def drawn(family):
    """Keras leaves the padding out of its averages, and does not stride a kernel with gaps."""
    for stratum in strata(family):
        if stratum.mode in ("SAME", "VALID") and not (stratum.strided and stratum.dilated):
            for number in range(REPEATS):
                yield replace(draw(stratum, number), batch=(2,), count_padding=False)


def keras_shape(keras, case):
    """What the layer of Keras says that it gives, by its own arithmetic."""
    make = getattr(keras.layers, LAYERS[case.family][0].format(case.dims))
    how = {"strides": case.stride, "padding": case.padding.lower()}
    size = "pool_size" if case.is_pooling else "kernel_size"
    if not case.is_pooling:
        how |= {"filters": case.features, "dilation_rate": case.dilation}
    return tuple(make(**{size: case.kernel}, **how).compute_output_shape(case.shape(2)))


def keras_call(keras, case, kernel, bias):
    """The function of Keras, given our weights; groups are told by their shape."""
    function = getattr(keras.ops, LAYERS[case.family][1])
    how = {"strides": case.stride, "padding": case.padding.lower()}
    if case.is_pooling:
        return lambda x: function(x, case.kernel, **how)
    if case.family == "nnx.ConvTranspose":
        kernel = np.flip(kernel, range(case.dims)).swapaxes(-1, -2)
    return lambda x: function(x, kernel, dilation_rate=case.dilation, **how) + bias


def as_told(case, windows, kernel, bias):
    """The layer made anew from nothing but the numbers of its windows."""
    told = [windows.get(letter, Window(1)) for letter in LETTERS[case.dims]]
    lax_name = {"nnx.avg_pool": "reduce_window add", "nnx.max_pool": "reduce_window max"}
    anew = replace(
        case,
        stratum=replace(case.stratum, family=f"lax.{lax_name.get(case.family, 'conv_general_dilated')}"),
        kernel=tuple(window.size for window in told),
        stride=tuple(window.stride for window in told),
        dilation=tuple(window.dilation for window in told),
        base=tuple(window.base_dilation for window in told),
        padding=tuple((window.padding.lo, window.padding.hi) for window in told),
        flipped=False,
    )
    call = layer(anew, kernel)
    if case.family == "nnx.avg_pool":
        return lambda x: call(x) / call(jnp.ones_like(x))
    return call if case.is_pooling else lambda x: call(x) + bias


@pytest.mark.parametrize("family", LAYERS)
def test_shapes_and_values(keras, family):
    cases = list(drawn(family))
    assert {(case.dims, max(case.stride) > 1) for case in cases} == set(product((1, 2, 3), (False, True)))
    numbers = numbers_for(cases, seed=len(family))
    inputs = [x for x, _, _ in numbers]
    programs = [program(layer(case, kernel, bias), x) for case, (x, kernel, bias) in zip(cases, numbers, strict=True)]
    anew = [
        as_told(case, told_windows(case, made.trace), kernel, bias)
        for case, made, (_, kernel, bias) in zip(cases, programs, numbers, strict=True)
    ]
    theirs = [keras_call(keras, case, kernel, bias) for case, (_, kernel, bias) in zip(cases, numbers, strict=True)]
    values = zip(
        at_once(theirs, inputs),
        at_once([traced_call(made) for made in programs], inputs),
        at_once(anew, inputs),
        strict=True,
    )
    complaints = Complaints()
    for case, made, (said, ours, from_windows) in zip(cases, programs, values, strict=True):
        with complaints.about(case):
            assert made.trace.stages[0].out_shape == keras_shape(keras, case) == said.shape
            assert ours.shape == from_windows.shape == said.shape
            np.testing.assert_allclose(ours, said, **CLOSE)
            np.testing.assert_allclose(from_windows, said, **CLOSE)
    complaints.none_of(len(cases))
