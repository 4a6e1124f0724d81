"""How far a slider reaches: all it can reach works, and what lies just beyond does not."""

import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import shapelab
from shapelab import LESSONS, ShapeError
from shapelab.lessons.base import Bounds

QUICKLY = settings(max_examples=25, derandomize=True, deadline=None, phases=[Phase.explicit, Phase.generate])
SMALL = {"H": 24, "W": 24, "L": 40, "base_features": 2}  # sizes that trace quickly


def failure(lesson, config):
    """What stops the forward at a configuration."""
    x = jax.ShapeDtypeStruct(lesson.input_shape(config), jnp.float32)
    return shapelab.trace(nnx.eval_shape(lambda: lesson.constructor(config)(0)), x, **lesson.arguments(config)).error


@st.composite
def configurations(draw, name):
    """A configuration that the lesson accepts, any of its fields moved."""
    kind = LESSONS[name].Config
    config = kind()
    for field in draw(st.lists(st.sampled_from(sorted(kind.rules())), max_size=8)):
        rule = kind.rules()[field]
        if isinstance(rule, Bounds):
            value = draw(st.sampled_from([stop for stop in config.limits(field).stops if stop <= SMALL.get(field, 99)]))
        else:
            value = draw(st.sampled_from(rule.values))
        try:
            config = config.replace(**{field: value})
        except ShapeError:
            assert not isinstance(rule, Bounds), f"{field} = {value} is a stop of {config}"
    return config


@pytest.mark.parametrize("name", sorted(LESSONS))
@QUICKLY
@given(data=st.data())
def test_whatever_sliders_reach_runs_where_the_setting_runs(name, data):
    lesson = LESSONS[name]
    config = data.draw(configurations(name))
    numbers = [field for field, rule in lesson.Config.rules().items() if isinstance(rule, Bounds)]
    for field in numbers:
        limits = config.limits(field)
        assert limits.low <= getattr(config, field) <= limits.high
        assert limits.stops
    works = failure(lesson, config) is None
    field = data.draw(st.sampled_from(numbers))
    stop = data.draw(st.sampled_from(list(config.limits(field).stops)))
    moved = config.replace(**{field: stop})
    if works and stop <= SMALL.get(field, 99):
        assert failure(lesson, moved) is None


FITTED = {"padding": "VALID", "stride": 1, "stride_w": 1, "H": 9, "W": 9}
EXPLICIT = {**FITTED, "padding": "explicit", "pad_top": 0, "pad_bottom": 2, "kernel_h": 5}
ENDS = [
    ({**FITTED, "kernel_h": 4}, "H", "low", 4),
    (FITTED, "kernel_h", "high", 9),
    (FITTED, "dilation", "high", 4),
    ({**FITTED, "dilation": 3}, "kernel_w", "high", 3),
    ({**EXPLICIT, "H": 4}, "pad_bottom", "low", 1),
    ({**EXPLICIT, "H": 4, "pad_bottom": 1}, "pad_top", "low", 0),
    (EXPLICIT, "H", "low", 3),
    ({**EXPLICIT, "transposed": "yes", "H": 3}, "kernel_h", "high", 5),
    ({**EXPLICIT, "transposed": "yes", "H": 2, "stride": 4, "kernel_h": 6}, "stride", "low", 3),
    ({"groups": 2, "C": 4, "features": 6}, "C", "low", 2),
]


@pytest.mark.parametrize(("values", "field", "end", "expected"), ENDS)
def test_one_beyond_the_end_is_refused_with_both_numbers(values, field, end, expected):
    config = LESSONS["conv2d"].Config.of(values)
    limits = config.limits(field)
    assert getattr(limits, end) == expected
    assert getattr(config.replace(**{field: expected}), field) == expected
    beyond = expected + (1 if end == "high" else -1)
    with pytest.raises(ShapeError, match=r"\d+.*\d+"):
        config.replace(**{field: beyond})


def test_groups_stop_at_common_divisors_and_channels_at_multiples():
    config = LESSONS["conv2d"].Config.of({"C": 8, "features": 12})
    assert list(config.limits("groups").stops) == [1, 2, 4]
    cut = config.replace(groups=4)
    assert list(cut.limits("C").stops) == [4, 8, 12, 16]
    assert list(config.replace(transposed="yes").limits("groups").stops) == [1]


def test_fields_that_move_together_stop_where_the_first_of_them_must():
    config = LESSONS["conv2d"].Config.of({"padding": "VALID", "H": 9, "W": 5})
    assert config.limits("kernel_h").high == 9
    assert config.limits("kernel_h", ("kernel_h", "kernel_w")).high == 5


def test_the_unet_stops_where_it_can_be_halved():
    kind = LESSONS["unet"].Config
    assert kind.of({"depth": 3}).limits("H").step == 8
    assert kind.of({"depth": 4, "W": 48}).limits("W").low == 16
    assert kind.of({"H": 64, "W": 48}).limits("depth").high == 4
    assert kind.of({"H": 40, "W": 48}).limits("depth").high == 3
    assert kind.of({"H": 30}).limits("depth").high == 2  # as it is: that fails, and is shown
    typed = kind.of({"H": 8, "depth": 4}).limits("H")
    assert list(typed.stops)[:3] == [8, 16, 32]


def test_the_block_without_a_projection_stays_at_what_can_be_added():
    kind = LESSONS["resnet"].Config
    assert list(kind().limits("stride").stops) == [1]
    assert list(kind().limits("C").stops) == [8]
    assert kind().limits("C", ("C", "features")).high == 32
    assert kind.of({"shortcut": "projection"}).limits("stride").high == 4
    assert list(kind.of({"C": 4}).limits("features").stops) == [4, 8]


def test_a_transposed_convolution_with_same_lower_keeps_its_stride():
    config = LESSONS["conv2d"].Config.of({"padding": "SAME_LOWER", "transposed": "yes", "stride": 1})
    assert list(config.limits("stride").stops) == list(config.limits("stride_w").stops) == [1]
    assert failure(LESSONS["conv2d"], config) is None


def test_a_typed_value_beyond_the_slider_lengthens_it():
    kind = LESSONS["conv1d"].Config
    assert kind().limits("L").high == 64
    assert kind.of({"L": 200}).limits("L").high == 1024


REFUSED = [
    ("conv2d", {"groups": 3, "C": 4, "features": 6}, r"groups = 3.*C = 4.*1, 2"),
    ("conv2d", {"groups": 4, "C": 4, "features": 6}, r"groups = 4.*features = 6.*1, 2"),
    ("conv2d", {"groups": 2, "C": 4, "transposed": "yes"}, r"groups = 2.*groups = 1"),
    ("conv2d", {"padding": "CAUSAL"}, r"CAUSAL.*2 spatial axes.*one axis only.*SAME"),
    ("conv1d", {"padding": "REFLECT", "transposed": "yes"}, r"REFLECT.*transposed.*SAME, VALID, CIRCULAR"),
    ("conv1d", {"padding": "CAUSAL", "transposed": "yes"}, r"CAUSAL.*transposed"),
    ("conv1d", {"padding": "SAME_LOWER", "transposed": "yes", "stride": 2}, r"SAME_LOWER.*transposed.*stride = 2"),
    ("conv1d", {"padding": "VALID", "L": 3}, r"L = 3.*spans 4 cells.*has 3: at least 4"),
    ("conv2d", {"padding": "explicit", "H": 2, "kernel_h": 7}, r"H = 2.*spans 7 cells.*has 4: at least 7"),
]


@pytest.mark.parametrize(("name", "values", "says"), REFUSED)
def test_settings_that_exclude_each_other_are_refused_with_a_way_out(name, values, says):
    with pytest.raises(ShapeError, match=says):
        LESSONS[name].Config.of(values)


@pytest.mark.parametrize("padding", ["SAME_LOWER", "REFLECT", "CAUSAL"])
def test_flax_refuses_what_is_refused_here(padding):
    for conv in (nnx.Conv, nnx.ConvTranspose):
        if conv is nnx.Conv and padding != "CAUSAL":
            continue  # those it takes

        strides = 2 if padding == "SAME_LOWER" else 1  # at 1 it is taken, here too

        def run(conv=conv, strides=strides):
            return conv(3, 4, (3, 3), strides=strides, padding=padding, rngs=nnx.Rngs(0))(jnp.ones((5, 5, 3)))

        with pytest.raises((ValueError, RuntimeError), match=r"(?i)padding"):
            nnx.eval_shape(run)
