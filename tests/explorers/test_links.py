"""Any state goes into a link and comes back; any text at all is a link that can be opened."""

from __future__ import annotations

from dataclasses import fields
from urllib.parse import parse_qs, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapelab.engine.spec import IMAGE_BYTES, Spec, check
from shapelab.errors import ShapeError
from shapelab.explorers.links import Compared, Link, read, write
from shapelab.lessons import LESSONS
from shapelab.lessons.base import Bounds
from shapelab.pitfalls import PITFALLS


@st.composite
def specs(draw):
    """A setting of any lesson, changed field by field as sliders would."""
    name = draw(st.sampled_from(list(LESSONS)))
    spec = check(name, {})
    rules = spec.config.rules()
    for field in draw(st.lists(st.sampled_from(list(rules)), max_size=12)):
        rule = rules[field]
        values = st.integers(rule.low, rule.high) if isinstance(rule, Bounds) else st.sampled_from(rule.values)
        try:
            spec = spec.changed({field: draw(values)})
        except ShapeError:
            continue
    return spec


PLACES = st.tuples(st.integers(0, 9999), st.integers(0, 9999))


@st.composite
def links(draw):
    spec = draw(specs())
    shown = st.lists(st.sampled_from(list(spec.config.rules())), unique=True)
    shown = shown.map(lambda named: tuple(name for name in spec.config.rules() if name in named))
    return Link(
        spec,
        stage=draw(st.none() | st.integers(0, 9999)),
        cell=draw(st.none() | PLACES),
        channels=draw(PLACES),
        view=draw(st.sampled_from(["values", "coverage"])),
        map_scale=draw(st.sampled_from(["shared", "channel"])),
        compare=draw(st.none() | st.builds(Compared, specs(), st.none() | PLACES, PLACES)),
        kept=draw(st.booleans()),
        theme=draw(st.sampled_from(["", "light", "dark"])),
        show=draw(st.none() | shown),
        lock=draw(st.booleans()),
        embed=draw(st.booleans()),
    )


@given(links())
def test_any_state_comes_back_as_it_was(link):
    assert read(write(link)) == link


@given(st.sampled_from(list(PITFALLS)), st.data())
def test_an_open_pitfall_comes_back(name, data):
    case = data.draw(st.integers(0, len(PITFALLS[name].settings) - 1))
    link = Link(check("conv2d", {}), pitfall=name, case=case)
    assert read(write(link)) == link


KEYS = sorted(
    {field for lesson in LESSONS.values() for field in lesson.Config.rules()} | {f.name for f in fields(Link)}
)
TEXTS = (
    st.text()
    | st.integers().map(str)
    | st.floats().map(str)
    | st.sampled_from(["1", "upload", "kept", "compare=H%3D3"])
)
NEAR = st.lists(st.tuples(st.sampled_from([*KEYS, "lesson"]) | st.text(), TEXTS | st.sampled_from(list(LESSONS))))


@given(st.text() | NEAR.map(lambda pairs: "&".join(f"{key}={value}" for key, value in pairs)))
def test_any_text_is_a_link_of_a_valid_setting(query):
    link = read(query)
    assert isinstance(link.spec, Spec)
    assert link.spec == check(link.spec.lesson_name, vars(link.spec.config))
    assert link.compare is None or isinstance(link.compare.spec, Spec)
    again = read(write(link))
    assert again.notes == ()
    assert write(again) == write(link)
    "\n".join(link.notes).encode()  # can be sent


@pytest.mark.parametrize("name", LESSONS)
def test_every_field_of_every_lesson_is_a_key(name):
    plain = LESSONS[name].Config()
    for field, rule in plain.rules().items():
        now = getattr(plain, field)
        other = {word for word in getattr(rule, "values", ()) if word != "upload"} or {str(rule.low), str(rule.high)}
        for value in sorted(other - {str(now)}):
            link = read(f"lesson={name}&{field}={value}")
            refused = bool(link.notes)
            assert str(getattr(link.spec.config, field)) == (str(now) if refused else value)
            if refused:  # by the lesson's own rules
                with pytest.raises(ShapeError):
                    check(name, {field: int(value) if isinstance(rule, Bounds) else value})


def test_a_link_says_no_more_than_it_must():
    assert write(Link(check("conv2d", {}))) == ""
    assert write(Link(check("conv2d", {"H": 9}))) == "H=9"
    assert write(Link(check("unet", {"H": 32}), stage=4)) == "lesson=unet&H=32&stage=4"
    assert read("stride=3").spec.config.stride_w == 3
    assert write(Link(check("conv2d", {"stride": 3}))) == "stride=3"
    assert write(Link(check("conv2d", {"stride": 3, "stride_w": 2}))) == "stride=3&stride_w=2"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("H=1e400", "H goes from 1 to 1024"),
        ("H=" + "9" * 400, "H goes from 1 to 1024"),
        ("H=nan", "'nan' is not a number"),
        ("H=1_0", "'1_0' is not a number"),
        ("H=7.5", "not a whole number"),
        ("padding=DIAGONAL", "choose from"),
        ("strid=3", "did you mean 'stride'"),
        ("lesson=<img src=x onerror=alert(1)>", "there is no lesson '<img src=x onerror=alert(1)>'"),
        ("groups=3", "groups = 3 does not divide"),
        ("pattern=upload", "does not fit in a link"),
        ("cell=3", "two numbers such as 3,4"),
        ("stage=-1", "from 0 to 9999"),
        ("view=mess", "choose from values, coverage"),
        ("lock=yes", "neither 1 nor 0"),
        ("show=H,Z", "Conv2D has no 'Z'"),
        ("%ff=1", "has no"),
        ("compare=compare%3Dcompare", "compare: Conv2D has no 'compare'"),
        ("compare=H%3D0", "compare: H = 0 is below 1"),
        ("lesson=pitfalls&pitfall=none", "there is no pitfall 'none'"),
        ("lesson=pitfalls&H=3", "the pitfalls have no 'H'"),
        ("x" * 8192, "8,192 characters"),
        ("&".join(f"k{i}=1" for i in range(200)), "more than 100 settings"),
    ],
)
def test_what_is_wrong_is_left_out_and_named(query, says):
    link = read(query)
    (note,) = link.notes
    assert says in note
    assert link.spec == check("conv2d", {})
    assert len(note) < 300


def test_what_is_right_stands_beside_what_is_wrong():
    link = read("H=9&W=none&stride=99&features=2&cell=1,1&view=wrong")
    assert link.spec == check("conv2d", {"H": 9, "features": 2})
    assert link.cell == (1, 1)
    assert len(link.notes) == 3


def test_values_that_need_each_other_may_come_in_any_order_beside_one_that_is_refused():
    link = read("groups=4&C=4&features=8&H=0")
    assert link.spec == check("conv2d", {"groups": 4, "C": 4, "features": 8})
    assert len(link.notes) == 1


def test_of_many_notes_the_first_few_are_told():
    notes = read("&".join(f"k{i}=1" for i in range(50))).notes
    assert len(notes) == 6
    assert notes[-1] == "and 45 more"


def test_of_repeated_keys_the_last_counts_and_a_login_is_not_named():
    link = read("H=9&token=secret&H=11")
    assert link.spec.config.H == 11
    assert link.notes == ()
    assert "secret" not in write(link)


def test_pixels_are_in_no_link():
    uploaded = check("conv2d", {"pattern": "upload", "H": 9}, bytes(IMAGE_BYTES))
    query = write(Link(uploaded, compare=Compared(uploaded)))
    assert len(query) < 100
    link = read(query)
    assert link.kept
    assert link.spec == check("conv2d", {"H": 9})
    assert link.compare == Compared(check("conv2d", {"H": 9}))


def test_an_empty_list_hides_all_controls_and_a_wrong_one_none():
    assert read("show=").show == ()
    assert read("show=Z").show is None
    assert read("lesson=unet&show=depth,H").show == ("H", "depth")


def test_nothing_is_compared_with_what_says_nothing():
    assert read("compare=nonsense").compare is None
    assert read("compare=H%3D0").compare is None
    assert read("compare=").compare == Compared(check("conv2d", {}))


def test_a_compared_setting_is_a_query_in_the_query():
    inner = "lesson=unet&H=30&cell=1,2"
    link = read(f"H=9&compare={quote(inner)}")
    assert link.compare == Compared(check("unet", {"H": 30}), cell=(1, 2))
    assert parse_qs(write(link))["compare"] == [inner]
