"""The engine in this process: real modules, traced once and run once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

import shapelab
from shapelab import ShapeError
from shapelab.engine.in_process import Engine
from shapelab.engine.inputs import input_values
from shapelab.engine.spec import check
from shapelab.errors import TooLargeError
from shapelab.geometry.pooling import MOST, pooling_factor
from shapelab.lessons import LESSONS

SMALL = {
    "conv1d": ("conv1d", {"L": 6, "C": 2}),
    "conv2d": ("conv2d", {"H": 5, "W": 6, "kernel_h": 4}),
    "linen": ("conv2d", {"H": 5, "W": 6, "kernel_h": 4, "library": "linen"}),
    "resnet": ("resnet", {"H": 4, "W": 5, "features": 2}),
    "unet": ("unet", {"H": 8, "W": 4, "C": 2, "base_features": 2}),
}


@pytest.fixture(scope="module")
def engine():
    return Engine()


def forward(case, spec, x):
    c = spec.config
    if case == "conv1d":
        return shapelab.conv1d_forward(c.seed, x, c.features, c.kernel_size)
    if case == "conv2d":
        return shapelab.conv2d_forward(c.seed, x, c.features, c.kernel_h, c.kernel_w, c.stride)
    if case == "linen":
        return shapelab.conv2d_linen_forward(c.seed, x, c.features, c.kernel_h, c.kernel_w, c.stride)
    if case == "resnet":
        return shapelab.resnet_basic_forward(c.seed, x, c.features)
    return shapelab.unet_forward(c.seed, x, c.base_features)


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("case", sorted(SMALL))
def test_a_run_is_what_the_forward_function_returns(engine, case, seed):
    name, values = SMALL[case]
    spec = check(name, {**values, "seed": seed})
    ran, made = engine.run(spec), engine.trace(spec)
    np.testing.assert_array_equal(ran.input, input_values(spec))
    assert ran.input.shape == spec.input_shape == made.inputs[0].shape
    last = ran.stages[len(made.stages) - 1]
    assert last.shape == made.outputs[0].shape
    np.testing.assert_allclose(last.ravel(), forward(case, spec, ran.input), rtol=1e-4, atol=1e-5)
    assert {path: array.shape for path, array in ran.parameters.items()} == {p.path: p.shape for p in made.parameters}


@pytest.mark.parametrize("case", sorted(SMALL))
def test_any_one_stage_run_alone_is_what_it_is_among_all(engine, case):
    name, values = SMALL[case]
    spec = check(name, {**values, "seed": 3})
    whole = engine.run(spec)
    fresh = Engine()
    for stage, array in whole.stages.items():
        alone = fresh.run(spec, [stage])
        assert list(alone.stages) == [stage]
        np.testing.assert_allclose(alone.stages[stage], array, rtol=1e-5, atol=1e-6)
        read = {p.path for p in engine.trace(spec).stages[stage].parameters}
        assert set(alone.parameters) == read
        for path in read:
            np.testing.assert_array_equal(alone.parameters[path], whole.parameters[path])


def test_a_stage_there_is_not_is_refused_with_those_there_are(engine):
    with pytest.raises(ShapeError, match=r"no stage 99.*stages 0 to 20"):
        engine.run(check("unet", {"H": 8, "W": 4}), [99])


def test_values_are_known_once_they_have_been_computed(engine):
    spec = check("conv1d", {"L": 7, "seed": 41})
    assert engine.known(spec, [0]) is None
    ran = engine.run(spec, [0])
    assert engine.known(spec, [0]) is ran
    assert engine.known(spec, [1]) is None


def test_another_seed_gives_other_values_of_the_same_trace(engine):
    one, two = (
        check("resnet", {"H": 4, "W": 4, "features": 2}),
        check("resnet", {"H": 4, "W": 4, "features": 2, "seed": 5}),
    )
    assert engine.trace(one) is engine.trace(two)
    assert not np.allclose(engine.run(one, [0]).stages[0], engine.run(two, [0]).stages[0])


def test_values_too_large_are_refused_and_their_shapes_are_not(engine):
    spec = check("unet", {"H": 128, "W": 128, "base_features": 32})
    assert engine.trace(spec).outputs[0].shape == (128, 128, 32)
    engine_of_giants = Engine()
    for giant in (
        check("unet", {"H": 1024, "W": 1024, "base_features": 64}),
        check("conv2d", {"H": 1024, "W": 1024, "C": 16, "stride": 1, "features": 16}),
    ):
        assert engine_of_giants.trace(giant).error is None
        with pytest.raises(TooLargeError, match=r"[\d,]+ numbers \([\d,]+ MiB\).*96 MiB"):
            engine_of_giants.run(giant)


def test_many_multiply_accumulates_are_refused_though_they_would_fit(engine):
    slow = check("conv2d", {"H": 560, "W": 560, "C": 16, "stride": 1, "features": 8, "kernel_h": 11, "kernel_w": 11})
    with pytest.raises(TooLargeError, match=r"4\.\d G multiply-accumulates, up to 4 G"):
        engine.run(slow)


def test_large_arrays_come_as_the_largest_of_each_block(engine):
    spec = check("conv1d", {"L": 1000, "C": 2, "features": 3})
    values = engine.run(spec)
    ran = values.stages[max(values.stages)]
    whole = np.asarray(shapelab.conv1d_forward(0, input_values(spec), 3, 4)).reshape(1000, 3)
    factor = pooling_factor(1000)
    assert len(ran) == -(-1000 // factor) <= MOST
    for block, largest in enumerate(ran):
        np.testing.assert_allclose(largest, whole[block * factor : (block + 1) * factor].max(axis=0), atol=1e-5)


def test_a_trace_is_made_once(engine):
    first = engine.trace(check("conv2d", {"H": 11}))
    assert engine.trace(check("conv2d", {"H": 11.0})) is first
    assert engine.trace(check("conv2d", {"H": 12})) is not first


def test_a_run_is_made_once(engine):
    assert engine.run(check("conv1d", {"L": 6, "C": 2})) is engine.run(check("conv1d", {"C": 2, "L": 6}))


@settings(max_examples=80, derandomize=True, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(data=st.data(), name=st.sampled_from(["conv1d", "conv2d"]))
def test_every_convolution_that_is_accepted_traces_to_one_stage_with_its_windows(engine, data, name):
    rules = LESSONS[name].Config.rules()
    values = {
        field: data.draw(st.integers(rule.low, rule.slide) if hasattr(rule, "low") else st.sampled_from(rule.values))
        for field, rule in rules.items()
        if field != "pattern"
    }
    try:
        spec = check(name, values)
    except ShapeError:
        return
    made = engine.trace(spec)
    assert made.error is None
    assert made.inputs[0].shape == spec.input_shape
    assert made.inputs[0].layout == made.outputs[0].layout == LESSONS[name].input_layout
    (stage,) = made.stages
    assert min(made.outputs[0].shape) >= 1
    assert made.outputs[0].shape[-1] == values["features"]
    if spec.config.transposed == "yes":
        if spec.config.padding != "CIRCULAR":  # flax wraps what it gives: no one window tells that
            assert {window.base_dilation for window in stage.windows} <= {values["stride"], values.get("stride_w")}
        return
    sizes = tuple(window.output_size(size) for window, size in zip(stage.windows, spec.input_shape, strict=False))
    assert sizes == made.outputs[0].shape[:-1]
    if spec.config.padding not in ("VALID", "explicit"):
        strides = (values["stride"], values.get("stride_w"))
        assert sizes == tuple(-(-size // stride) for size, stride in zip(spec.input_shape[:-1], strides, strict=False))


def test_what_changes_no_shape_is_traced_once(engine):
    first = engine.trace(check("conv2d", {"H": 13}))
    for values in ({"seed": 4}, {"pattern": "photo"}, {"pad_top": 3}):
        assert engine.trace(check("conv2d", {"H": 13, **values})) is first
    assert engine.trace(check("conv2d", {"H": 13, "padding": "explicit"})) is not first


def test_eval_mode_normalises_by_the_running_statistics(engine):
    train, evaluate = (check("resnet", {"H": 4, "W": 4, "features": 2, "mode": mode}) for mode in ("train", "eval"))
    assert any(stage.couples_all for stage in engine.trace(train).stages)
    assert not any(stage.couples_all for stage in engine.trace(evaluate).stages)
    conv, normalised = (engine.run(evaluate, [0, 1]).stages[stage] for stage in (0, 1))
    np.testing.assert_allclose(normalised, conv / np.sqrt(1 + 1e-5), rtol=1e-5)  # mean 0 and variance 1, never moved


@settings(max_examples=40, derandomize=True, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(height=st.integers(4, 128), width=st.integers(4, 128), base=st.sampled_from([1, 3]))
@example(height=4, width=4, base=1)
@example(height=4, width=8, base=1)
@example(height=5, width=4, base=3)
def test_the_unet_fails_exactly_where_a_size_cannot_be_halved_twice(engine, height, width, base):
    made = engine.trace(check("unet", {"H": height, "W": width, "C": 1, "base_features": base}))
    if height % 4 == 0 and width % 4 == 0:
        assert made.error is None
        assert made.outputs[0].shape == (height, width, base)
        assert made.outputs[0].layout == ("H", "W", "C")
    else:
        assert made.error is not None
        assert made.error.dropped_by is not None
        assert made.stages[made.error.dropped_by].op == "max_pool"


def test_an_impossible_run_is_refused_with_the_reason(engine):
    with pytest.raises(ShapeError, match=r"14, 24, 16.*15, 24, 16"):
        engine.run(check("unet", {"H": 30}))


def test_many_threads_get_the_same_trace():
    fresh = Engine()
    specs = [check("unet", {"H": 8 + 4 * (i % 3), "W": 8, "C": 1, "base_features": 1}) for i in range(12)]
    with ThreadPoolExecutor(8) as pool:
        traces = list(pool.map(fresh.trace, specs))
    for number, made in enumerate(traces):
        assert made is traces[number % 3]
        assert made.inputs[0].shape == specs[number].input_shape
        assert made.error is None
