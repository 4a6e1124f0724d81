"""What a configuration takes and refuses."""

import dataclasses
import math
import re

import pytest

from shapelab import LESSONS, ShapeError
from shapelab.lessons.base import Bounds, Choices

FIELDS = [
    pytest.param(lesson, name, rule, id=f"{lesson.name}-{name}")
    for lesson in LESSONS.values()
    for name, rule in lesson.Config.rules().items()
]
NUMBERS = [field for field in FIELDS if isinstance(field.values[2], Bounds)]
ONE = LESSONS["conv2d"].Config
CHANNELS = {"groups": {"C": 16, "features": 16}}  # what else must be set for a bound to be reached


@pytest.mark.parametrize(("lesson", "name", "rule"), NUMBERS)
def test_both_bounds_are_allowed_and_one_beyond_is_not(lesson, name, rule):
    assert rule.low <= getattr(lesson.Config(), name) <= rule.high
    for allowed in (rule.low, rule.high):
        assert getattr(lesson.Config.of({**CHANNELS.get(name, {}), name: allowed}), name) == allowed
    for beyond, bound in ((rule.low - 1, rule.low), (rule.high + 1, rule.high)):
        with pytest.raises(ShapeError, match=rf"\b{name}\b") as caught:
            lesson.Config.of({name: beyond})
        said = str(caught.value)
        assert str(beyond) in said
        assert str(bound) in said
        assert f"from {rule.low} to {rule.high}" in said


@pytest.mark.parametrize(("lesson", "name", "rule"), NUMBERS)
@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        None,
        "7",
        "",
        b"7",
        True,
        False,
        4.5,
        10**400,
        -(10**400),
        [7],
        {},
        1j,
        object(),
    ],
    ids=lambda value: str(value)[:12],
)
def test_what_is_no_whole_number_in_bounds_is_refused_with_a_short_sentence(lesson, name, rule, value):
    with pytest.raises(ShapeError, match=rf"\b{name}\b") as caught:
        lesson.Config.of({name: value})
    assert f"from {rule.low} to {rule.high}" in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("lesson", "name", "rule"), NUMBERS)
def test_a_float_that_is_whole_becomes_the_int(lesson, name, rule):
    value = getattr(lesson.Config.of({**CHANNELS.get(name, {}), name: float(rule.high)}), name)
    assert value == rule.high
    assert type(value) is int


@pytest.mark.parametrize(("lesson", "name", "rule"), [f for f in FIELDS if isinstance(f.values[2], Choices)])
def test_a_choice_is_one_of_its_words(lesson, name, rule):
    for value in rule.values:
        if (lesson.name, value) != ("conv2d", "CAUSAL"):  # which flax takes along one axis only
            assert getattr(lesson.Config.of({name: value}), name) == value
    for value in ("", "torch", None, 3, math.nan, True, [], {}, ["nnx"]):
        with pytest.raises(ShapeError, match=rule.values[0]):
            lesson.Config.of({name: value})


def test_an_unknown_field_offers_the_nearest_and_lists_all():
    with pytest.raises(ShapeError, match=r"'strides'.*'stride'") as caught:
        ONE.of({"strides": 2})
    assert all(name in str(caught.value) for name in ONE.rules())
    with pytest.raises(ShapeError, match="zzz") as caught:
        ONE.of({"zzz": 2})
    assert "did you mean" not in str(caught.value)


def test_a_configuration_is_a_frozen_value():
    config = ONE.of({"H": 9})
    assert config == ONE.of({"H": 9.0})
    assert hash(config) == hash(ONE.of({"H": 9}))
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.H = 10
    changed = config.replace(W=3)
    assert (changed.H, changed.W, config.W) == (9, 3, ONE().W)
    with pytest.raises(ShapeError):
        config.replace(W=0)


def test_what_follows_takes_its_leader_s_value_unless_it_is_named_itself():
    assert ONE.of({"stride": 3}).stride_w == 3
    assert ONE.of({"stride": 3, "stride_w": 1}).stride_w == 1
    assert ONE.of({"stride_w": 5}).stride == ONE().stride
    assert ONE.of({"stride": 4}).replace(stride=1).stride_w == 4  # a change is of what it names
    block = LESSONS["resnet"].Config
    assert block.of({"features": 16}).C == 16
    assert block.of({"C": 16}).features == block().features


def test_every_control_can_say_what_it_is():
    for field in FIELDS:
        lesson, name, rule = field.values
        assert re.fullmatch(r"[A-Z].*\.|[a-z].*\.", rule.help), f"{lesson.name}.{name}"
        assert rule.group
        if rule.when is not None:
            leader, value = rule.when
            assert value in lesson.Config.rules()[leader].values
        if isinstance(rule, Bounds):
            assert rule.role in {"input", "padding", "kernel", "output", "plain"}
            assert rule.low < rule.slide <= rule.high


def test_padding_amounts_count_where_padding_is_explicit():
    assert not ONE().counts("pad_top")
    assert ONE.of({"padding": "explicit"}).counts("pad_top")
    assert ONE().counts("H")


def test_the_names_people_type():
    assert {name: lesson.name for name, lesson in LESSONS.items()} == {
        name: name for name in ("conv1d", "conv2d", "resnet", "unet")
    }
    for lesson in LESSONS.values():
        assert len(lesson.input_shape(lesson.Config())) == len(lesson.input_layout)
        for group in lesson.linked:
            assert set(group) <= set(lesson.Config.rules())
            assert all(lesson.group_of(name) == group for name in group)
        assert lesson.group_of("seed") == ("seed",)
