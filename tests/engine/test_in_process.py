"""The engine in this process: real modules, traced once and run once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

import shapelab
from shapelab import ShapeError
from shapelab.engine.in_process import Engine, Remembered, input_values
from shapelab.engine.spec import check
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


def test_a_trace_is_made_once(engine):
    first = engine.trace(check("conv2d", {"H": 11}))
    assert engine.trace(check("conv2d", {"H": 11.0})) is first
    assert engine.trace(check("conv2d", {"H": 12})) is not first


def test_a_run_is_made_once(engine):
    assert engine.run(check("conv1d", {"L": 6, "C": 2})) is engine.run(check("conv1d", {"C": 2, "L": 6}))


@settings(max_examples=60, derandomize=True, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(data=st.data(), name=st.sampled_from(["conv1d", "conv2d", "resnet"]))
def test_every_configuration_of_the_lessons_without_pooling_traces(engine, data, name):
    rules = LESSONS[name].Config.rules()
    values = {
        field: data.draw(st.integers(rule.low, rule.high) if hasattr(rule, "low") else st.sampled_from(rule.values))
        for field, rule in rules.items()
    }
    spec = check(name, values)
    made = engine.trace(spec)
    assert made.error is None
    assert made.inputs[0].shape == spec.input_shape
    assert made.inputs[0].layout == made.outputs[0].layout == LESSONS[name].input_layout
    stride = values.get("stride", 1)
    spatial = [-(-size // stride) for size in spec.input_shape[:-1]]
    assert made.outputs[0].shape == (*spatial, values["features"])


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


@pytest.mark.parametrize(
    ("values", "field", "sizes"),
    [
        ({"H": 30}, "H", (28, 32)),
        ({"H": 29}, "H", (28, 32)),
        ({"H": 31}, "H", (28, 32)),
        ({"W": 46}, "W", (44, 48)),
        ({"H": 126, "W": 48}, "H", (124, 128)),
        ({"H": 5, "W": 8}, "H", (4, 8)),
    ],
)
def test_the_nearest_sizes_that_work_do_work(engine, values, field, sizes):
    spec = check("unet", values)
    assert engine.trace(spec).error is not None
    assert engine.near(spec, field) == sizes
    for size in sizes:
        assert engine.trace(check("unet", {**values, field: size})).error is None


def test_at_the_edge_of_the_bounds_the_nearest_sizes_stay_within_them(engine):
    near = engine.near(check("unet", {"H": 127}), "H")
    assert 128 in near
    assert all(4 <= size <= 128 for size in near)


def test_two_axes_that_fail_can_be_mended_one_after_the_other(engine):
    spec = check("unet", {"H": 30, "W": 46})
    first = engine.trace(spec).error
    field = "HW"[first.axis]
    value = engine.near(spec, field)[0]
    mended = check("unet", {"H": 30, "W": 46, field: value})
    second = engine.trace(mended).error
    assert "HW"[second.axis] != field
    other = "HW"[second.axis]
    assert (
        engine.trace(check("unet", {**{"H": 30, "W": 46, field: value}, other: engine.near(mended, other)[0]})).error
        is None
    )


def test_an_impossible_run_is_refused_with_the_reason(engine):
    with pytest.raises(ShapeError, match=r"14, 24, 16.*15, 24, 16"):
        engine.run(check("unet", {"H": 30}))


def test_equal_questions_in_flight_are_computed_once():
    remembered, calls, started = Remembered(most=4), [], threading.Event()
    release = threading.Event()

    def slow():
        calls.append(1)
        started.set()
        assert release.wait(30)
        return object()

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(remembered, "question", slow) for _ in range(8)]
        assert started.wait(30)
        other = pool.submit(remembered, "another", lambda: "quick")
        release.set()
        answers = {id(future.result(30)) for future in asked}
        assert other.result(30) == "quick"
    assert len(calls) == 1
    assert len(answers) == 1


def test_a_different_question_does_not_wait_for_a_slow_one():
    remembered, started, release = Remembered(most=4), threading.Event(), threading.Event()

    def slow():
        started.set()
        assert release.wait(30)
        return "slow"

    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(remembered, "slow", slow)
        assert started.wait(30)
        assert remembered("quick", lambda: "quick") == "quick"
        assert not waiting.done()
        release.set()
        assert waiting.result(30) == "slow"


def test_a_question_that_raised_is_asked_again():
    remembered, tries = Remembered(most=4), []

    def sometimes():
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("once")
        return "answer"

    with pytest.raises(RuntimeError, match="once"):
        remembered("question", sometimes)
    assert remembered("question", sometimes) == "answer"
    assert len(tries) == 2


def test_the_least_recently_asked_goes_first():
    remembered, computed = Remembered(most=3), []

    def ask(key):
        return remembered(key, lambda: computed.append(key) or key)

    for key in "abc":
        ask(key)
    ask("a")
    ask("d")  # b goes
    for key in "acd":
        ask(key)
    assert computed == list("abcd")
    ask("b")
    assert computed == list("abcdb")


def test_an_engine_does_not_grow_without_end():
    remembered = Remembered(most=8)
    for key in range(1000):
        remembered(key, lambda key=key: key)
    assert sum(len(held) for held in vars(remembered).values() if hasattr(held, "__len__")) <= 16


def test_many_threads_get_the_same_trace():
    fresh = Engine()
    specs = [check("unet", {"H": 8 + 4 * (i % 3), "W": 8, "C": 1, "base_features": 1}) for i in range(12)]
    with ThreadPoolExecutor(8) as pool:
        traces = list(pool.map(fresh.trace, specs))
    for number, made in enumerate(traces):
        assert made is traces[number % 3]
        assert made.inputs[0].shape == specs[number].input_shape
        assert made.error is None
