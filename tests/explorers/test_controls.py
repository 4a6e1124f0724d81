"""Moving, typing and clicking: what one event leads to."""

import math

import ipywidgets as w
import pytest

from oracles.page import Page
from shapelab.engine.spec import check
from shapelab.explorers.explorer import Explorer
from shapelab.lessons import LESSONS
from shapelab.lessons.base import Bounds

SLIDERS = [
    pytest.param(lesson.name, field, id=f"{lesson.name}-{field}")
    for lesson in LESSONS.values()
    for field, rule in lesson.Config.rules().items()
    if isinstance(rule, Bounds) and not rule.few
]
FREED = {("resnet", "stride"): {"shortcut": "projection"}}  # at which a slider has somewhere to go


@pytest.fixture
def show(page, engine):
    return lambda lesson, **settings: Explorer(check(lesson, settings), engine=lambda: engine)


def sent_twice(page: Page):
    """Traits of one widget that were sent more than once since the page began counting."""
    seen, twice = set(), []
    for model, state in page.updates:
        for trait in state:
            if (model, trait) in seen:
                twice.append((page.models[model].get("_model_name"), trait))
            seen.add((model, trait))
    return twice


def opened(page, show, lesson, field):
    """An explorer in which the slider of a field is shown, and can be moved."""
    rule = LESSONS[lesson].Config.rules()[field]
    explorer = show(lesson, **dict([rule.when] if rule.when else []), **FREED.get((lesson, field), {}))
    if rule.more:
        page.say(unfold(page, explorer), value=True)
    if rule.apart:
        page.say(link(page, explorer, field), value=False)
    return explorer


def unfold(page, explorer):
    """The button that opens the folded settings."""
    (button,) = page.find(explorer, "sl-unfold", w.ToggleButton)
    return button


def link(page, explorer, field):
    """The box that makes a field move with others."""
    (box,) = [box for box in page.find(explorer, "shapelab-link", w.Checkbox) if field in box.description.split(" = ")]
    return box


def moving(page, explorer, field):
    """The fields that move with one."""
    group = explorer.state.spec.lesson.group_of(field)
    return group if len(group) > 1 and link(page, explorer, field).value else (field,)


def chain(page, explorer, field):
    """The next stop of a field's slider, or the one before."""
    config = explorer.state.spec.config
    limits, value = config.limits(field, moving(page, explorer, field)), getattr(config, field)
    return value + limits.step if value + limits.step <= limits.high else value - limits.step


@pytest.mark.parametrize(("lesson", "field"), SLIDERS)
@pytest.mark.parametrize("by", ["slider", "number"])
def test_one_move_asks_for_one_trace_and_one_run(page, engine, show, lesson, field, by):
    explorer = opened(page, show, lesson, field)
    assert len(engine.traced) == 1
    value = chain(page, explorer, field)
    page.forget()
    page.say(getattr(page, by)(explorer, field), value=value)
    assert not page.errors
    assert getattr(explorer.state.spec.config, field) == value
    assert len(engine.traced) == len(engine.ran) == 2
    assert engine.traced[-1] == engine.ran[-1] == explorer.state.spec
    assert page.models[page.slider(explorer, field).model_id]["value"] == value
    assert page.models[page.number(explorer, field).model_id]["value"] == value


@pytest.mark.parametrize(("lesson", "field"), SLIDERS)
def test_no_control_is_told_anything_twice(page, show, lesson, field):
    explorer = opened(page, show, lesson, field)
    page.forget()
    page.say(page.slider(explorer, field), value=chain(page, explorer, field))
    controls = {x.model_id for x in page.find(explorer, "shapelab-control")}
    told = [(model, trait) for model, state in page.updates if model in controls for trait in state]
    assert len(told) == len(set(told))


def test_moving_to_where_it_stands_asks_nothing(page, engine, show):
    explorer = show("conv2d")
    page.say(page.slider(explorer, "H"), value=7)
    page.say(page.number(explorer, "H"), value=7)
    assert len(engine.traced) == 1


def test_linked_kernels_move_together_in_one_step(page, engine, show):
    explorer = show("conv2d")
    specs = []
    explorer.state.observe(lambda change: specs.append(change["new"].config), "spec")
    page.say(page.slider(explorer, "kernel_w"), value=5)
    assert [(c.kernel_h, c.kernel_w) for c in specs] == [(5, 5)]
    assert len(engine.traced) == 2
    for field in ("kernel_h", "kernel_w"):
        assert page.models[page.slider(explorer, field).model_id]["value"] == 5
        assert page.models[page.number(explorer, field).model_id]["value"] == 5


def test_unlinked_kernels_move_apart_and_linking_joins_them(page, engine, show):
    explorer = show("conv2d")
    box = link(page, explorer, "kernel_h")
    page.say(box, value=False)
    page.say(page.slider(explorer, "kernel_h"), value=6)
    config = explorer.state.spec.config
    assert (config.kernel_h, config.kernel_w) == (6, 3)
    asked = len(engine.traced)
    page.say(box, value=True)
    config = explorer.state.spec.config
    assert config.kernel_h == config.kernel_w
    assert len(engine.traced) == asked + 1


def test_the_switch_between_libraries(page, engine, show):
    explorer = show("conv2d")
    (switch,) = page.find(explorer, "shapelab-control-library", w.ToggleButtons)
    page.say(switch, index=1)
    assert explorer.state.spec.config.library == "linen"
    assert len(engine.traced) == 2
    assert not page.errors


@pytest.mark.parametrize(
    ("lesson", "field", "value", "bound"),
    [
        ("conv2d", "H", 10000, 1024),
        ("conv2d", "H", 0, 1),
        ("conv2d", "kernel_h", 12, 11),
        ("conv2d", "stride", -3, 1),
        ("unet", "W", 2, 4),
        ("conv1d", "L", 1025, 1024),
        ("resnet", "features", 65, 64),
    ],
)
def test_a_typed_value_out_of_bounds_says_both_numbers_and_changes_nothing(
    page, engine, show, lesson, field, value, bound
):
    explorer = show(lesson)
    before, said_before = explorer.state.spec, page.texts(explorer, "shapelab-output-shape")
    page.say(page.number(explorer, field), value=value)
    assert explorer.state.spec == before
    assert len(engine.traced) == 1
    (notice,) = [text for text in page.texts(explorer, "sl-notice-text") if text]
    assert f"{value}" in notice
    assert f"{bound}" in notice
    assert page.texts(explorer, "shapelab-output-shape") == said_before
    page.say(page.number(explorer, field), value=chain(page, explorer, field))  # and the page goes on
    assert explorer.state.spec != before
    assert not page.texts(explorer, "sl-notice-text")
    assert not page.errors


def test_an_enormous_number_is_refused_in_a_short_sentence(page, show):
    explorer = show("conv2d")
    before = explorer.state.spec
    page.say(page.number(explorer, "H"), value=10**400)
    assert explorer.state.spec == before
    (notice,) = page.texts(explorer, "sl-notice-text")
    assert "1024" in notice
    assert len(notice) < 200


@pytest.mark.parametrize("value", [math.nan, None, "x", [], {}, math.inf, "7e400"])
@pytest.mark.parametrize("by", ["slider", "number"])
def test_what_is_no_number_changes_nothing(page, engine, show, by, value):
    explorer = show("conv2d")
    before = explorer.state.spec
    page.say(getattr(page, by)(explorer, "H"), value=value)
    assert explorer.state.spec == before
    assert len(engine.traced) == 1
    page.say(page.slider(explorer, "H"), value=9)
    assert explorer.state.spec.config.H == 9
    assert page.texts(explorer, "shapelab-output-shape") == ["(5, 4, 4)"]


@pytest.mark.parametrize(
    ("hostile", "value"), [({"max": 10**6}, 10**6), ({"min": -50}, -50), ({"max": 10**30}, 10**30)]
)
def test_a_slider_whose_bounds_the_browser_rewrote_is_still_held_to_the_real_ones(page, engine, show, hostile, value):
    explorer = show("conv2d")
    before = explorer.state.spec
    page.say(page.slider(explorer, "H"), **hostile)
    page.say(page.slider(explorer, "H"), value=value)
    assert explorer.state.spec == before
    assert len(engine.traced) == 1
    assert page.models[page.slider(explorer, "H").model_id]["value"] == before.config.H
    page.say(page.slider(explorer, "H"), value=9)
    assert explorer.state.spec.config.H == 9
    assert page.texts(explorer, "shapelab-output-shape") == ["(5, 4, 4)"]


@pytest.mark.parametrize("hostile", [{"step": 0}, {"step": -4}, {"min": 5}, {"min": 9, "max": 12}])
def test_rewritten_sliders_do_not_stop_the_others(page, engine, show, hostile):
    explorer = show("conv2d")
    page.say(page.slider(explorer, "H"), **hostile)
    held = explorer.state.spec.config.H
    page.say(page.slider(explorer, "W"), value=12)
    assert not page.errors
    assert explorer.state.spec.config.W == 12
    assert held == explorer.state.spec.config.H
    page.say(page.number(explorer, "H"), value=10)
    assert explorer.state.spec.config.H == 10
    assert page.texts(explorer, "shapelab-output-shape") == ["(5, 6, 4)"]


@pytest.mark.parametrize("index", [None, 99, -1, "nnx"])
def test_a_switch_set_to_nothing_changes_nothing(page, show, index):
    explorer = show("conv2d")
    (switch,) = page.find(explorer, "shapelab-control-library", w.ToggleButtons)
    page.say(switch, index=index)
    assert explorer.state.spec.config.library in {"nnx", "linen"}
    page.say(page.slider(explorer, "H"), value=9)
    assert explorer.state.spec.config.H == 9
    page.say(switch, index=1)
    assert explorer.state.spec.config.library == "linen"


def test_the_link_says_what_holds(page, show):
    """Kernels that begin unequal are not called equal."""
    explorer = show("conv2d", kernel_h=5, kernel_w=3)
    box = link(page, explorer, "kernel_h")
    config = explorer.state.spec.config
    assert (config.kernel_h, config.kernel_w) == (5, 3)
    assert not page.models[box.model_id]["value"]
    page.say(page.slider(explorer, "kernel_h"), value=7)
    assert explorer.state.spec.config.kernel_w == 3


def test_setting_the_specification_from_code_moves_the_controls(page, engine, show):
    explorer = show("conv2d")
    explorer.state.spec = check("conv2d", {"H": 20, "stride": 5})
    assert page.models[page.slider(explorer, "H").model_id]["value"] == 20
    assert page.models[page.number(explorer, "stride").model_id]["value"] == 5
    assert len(engine.traced) == 2
    assert page.texts(explorer, "shapelab-output-shape") == ["(4, 2, 4)"]


@pytest.mark.parametrize(("lesson", "field"), SLIDERS)
def test_each_control_has_its_class_and_its_bounds(page, show, lesson, field):
    explorer = opened(page, show, lesson, field)
    limits = explorer.state.spec.config.limits(field, moving(page, explorer, field))
    slider = page.models[page.slider(explorer, field).model_id]
    assert (slider["min"], slider["max"], slider["step"]) == (limits.low, limits.high, limits.step)
    assert field in slider["description"]


def test_a_typed_value_beyond_the_slider_lengthens_it_and_a_small_one_shortens_it_again(page, show):
    explorer = show("conv2d")
    rule = explorer.state.spec.config.rules()["H"]
    slider = page.slider(explorer, "H")
    assert slider.max == rule.slide < rule.high
    page.say(page.number(explorer, "H"), value=500)
    assert (slider.value, slider.max) == (500, rule.high)
    page.say(page.number(explorer, "H"), value=9)
    assert (slider.value, slider.max) == (9, rule.slide)
    assert explorer.state.spec.config.H == 9
