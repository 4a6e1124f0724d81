"""How far a slider goes moves with the other fields, and fields come and go with what they mean."""

import ipywidgets as w
import pytest

from shapelab.engine.spec import check
from shapelab.explorers.explorer import Explorer


@pytest.fixture
def show(page, engine):
    return lambda lesson, **settings: Explorer(check(lesson, settings), engine=lambda: engine)


def ends(page, explorer, field):
    """First stop, end and step of a slider, as the page has them."""
    slider = page.models[page.slider(explorer, field).model_id]
    return slider["min"], slider["max"], slider["step"]


def choose(page, explorer, field, word):
    """Choose a word for a field."""
    shown = page.find(explorer, f"shapelab-control-{field}")
    (switch,) = [widget for widget in shown if isinstance(widget, w.ToggleButtons | w.Dropdown)]
    page.say(switch, index=list(switch.options).index(word))


def link(page, explorer, field):
    (box,) = [box for box in page.find(explorer, "shapelab-link", w.Checkbox) if field in box.description.split(" = ")]
    return box


def test_without_padding_the_kernel_ends_with_the_input_and_with_it_again_where_it_did(page, show):
    explorer = show("conv2d", H=7, W=9)
    before = ends(page, explorer, "kernel_h")
    choose(page, explorer, "padding", "VALID")
    assert ends(page, explorer, "kernel_h") == (1, 7, 1)  # linked, and H is the smaller
    page.say(page.slider(explorer, "H"), value=5)
    assert ends(page, explorer, "kernel_h") == (1, 5, 1)
    page.say(link(page, explorer, "kernel_h"), value=False)
    assert ends(page, explorer, "kernel_w") == (1, 9, 1)
    assert ends(page, explorer, "H")[0] == 3  # nor can the input become shorter than the kernel
    choose(page, explorer, "padding", "SAME")
    assert ends(page, explorer, "kernel_h") == before
    assert not page.errors


def test_channels_step_by_groups_and_groups_are_the_common_divisors(page, show):
    explorer = show("conv2d", C=8, features=12, groups=4)
    assert ends(page, explorer, "C") == ends(page, explorer, "features") == (4, 16, 4)
    (groups,) = page.find(explorer, "shapelab-control-groups", w.ToggleButtons)  # open, since it is set
    assert page.models[groups.model_id]["_options_labels"] == ["1", "2", "4"]
    page.say(groups, index=0)
    assert explorer.state.spec.config.groups == 1
    assert ends(page, explorer, "C") == (1, 16, 1)
    page.say(page.slider(explorer, "features"), value=16)
    assert page.models[groups.model_id]["_options_labels"] == ["1", "2", "4", "8"]
    page.say(groups, index=3)
    assert (explorer.state.spec.config.groups, explorer.state.answer.trace.error) == (8, None)
    assert ends(page, explorer, "C") == (8, 16, 8)
    assert not page.errors


def test_the_sizes_of_a_unet_step_by_its_depth_and_its_depth_ends_with_its_sizes(page, show):
    explorer = show("unet", H=64, W=48, base_features=1)
    assert ends(page, explorer, "H") == (4, 128, 4)
    assert ends(page, explorer, "depth") == (1, 4, 1)
    page.say(page.slider(explorer, "depth"), value=3)
    assert ends(page, explorer, "H") == ends(page, explorer, "W") == (8, 128, 8)
    page.say(page.slider(explorer, "H"), value=24)
    assert ends(page, explorer, "depth") == (1, 3, 1)
    assert explorer.state.answer.trace.error is None


def test_the_stride_of_a_block_is_fixed_without_a_projection_and_free_with_one(page, show):
    explorer = show("resnet", H=8, W=8)
    stride = page.slider(explorer, "stride")
    assert page.models[stride.model_id]["disabled"]
    choose(page, explorer, "shortcut", "projection")
    assert not page.models[stride.model_id]["disabled"]
    assert ends(page, explorer, "stride") == (1, 4, 1)
    page.say(stride, value=2)
    assert page.texts(explorer, "shapelab-output-shape") == ["(4, 4, 8)"]
    choose(page, explorer, "shortcut", "identity")  # now it fails, and the slider leads to where it does not
    assert page.texts(explorer, "shapelab-output-shape") == ["no output"]
    assert not page.models[stride.model_id]["disabled"]
    page.say(stride, value=1)
    assert page.texts(explorer, "shapelab-output-shape") == ["(8, 8, 8)"]


@pytest.mark.parametrize(
    ("settings", "field", "value", "words"),
    [
        ({"padding": "VALID"}, "kernel_h", 9, ["9", "7", "smaller kernel_h"]),
        ({"groups": 4, "C": 8, "features": 8}, "C", 6, ["groups = 4", "C = 6"]),
        ({"padding": "explicit"}, "pad_top", 17, ["17", "16"]),
    ],
)
def test_what_excludes_another_field_is_refused_with_the_reason(page, engine, show, settings, field, value, words):
    explorer = show("conv2d", **settings)
    before, said = explorer.state.spec, page.texts(explorer, "shapelab-output-shape")
    number = page.number(explorer, field)
    page.say(number, value=value)
    assert explorer.state.spec == before
    assert len(engine.traced) == 1
    (notice,) = page.texts(explorer, "sl-notice-text")
    assert all(word in notice for word in words)
    assert page.texts(explorer, "shapelab-output-shape") == said
    assert page.models[page.slider(explorer, field).model_id]["value"] == getattr(before.config, field)
    assert page.models[number.model_id]["value"] == getattr(before.config, field)


def test_a_word_that_excludes_another_field_is_refused_with_the_reason(page, show):
    explorer = show("conv2d")
    before = explorer.state.spec
    choose(page, explorer, "padding", "CAUSAL")
    assert explorer.state.spec == before
    assert "CAUSAL" in page.texts(explorer, "sl-notice-text")[0]
    (shown,) = page.find(explorer, "shapelab-control-padding", w.Dropdown)
    assert page.models[shown.model_id]["index"] == list(shown.options).index("SAME")
    choose(page, explorer, "padding", "VALID")
    assert explorer.state.spec.config.padding == "VALID"
    assert not page.texts(explorer, "sl-notice-text")


def test_linked_strides_move_together_and_the_second_appears_once_they_are_apart(page, show):
    explorer = show("conv2d")
    assert not page.find(explorer, "shapelab-control-stride_w")
    page.say(page.slider(explorer, "stride"), value=3)
    config = explorer.state.spec.config
    assert (config.stride, config.stride_w) == (3, 3)
    page.say(link(page, explorer, "stride"), value=False)
    page.say(page.slider(explorer, "stride_w"), value=1)
    assert page.texts(explorer, "shapelab-output-shape") == ["(3, 7, 4)"]
    page.say(link(page, explorer, "stride"), value=True)
    assert not page.find(explorer, "shapelab-control-stride_w")
    assert page.texts(explorer, "shapelab-output-shape") == ["(3, 3, 4)"]


def test_the_channels_of_a_block_move_together_until_they_are_apart(page, show):
    explorer = show("resnet", H=8, W=8)
    page.say(page.slider(explorer, "features"), value=12)
    assert (explorer.state.spec.config.C, explorer.state.answer.trace.error) == (12, None)
    page.say(link(page, explorer, "C"), value=False)
    choose(page, explorer, "shortcut", "projection")
    page.say(page.slider(explorer, "C"), value=3)
    assert page.texts(explorer, "shapelab-output-shape") == ["(8, 8, 12)"]
    assert explorer.state.answer.trace.error is None


@pytest.mark.parametrize("lesson", ["conv1d", "conv2d"])
def test_amounts_of_padding_are_shown_while_they_count(page, show, lesson):
    explorer = show(lesson)
    fields = [name for name in explorer.state.spec.config.rules() if name.startswith("pad_")]
    assert fields
    assert not any(page.find(explorer, f"shapelab-control-{field}") for field in fields)
    choose(page, explorer, "padding", "explicit")
    for field in fields:
        page.say(page.slider(explorer, field), value=3)
    assert explorer.state.answer.trace.error is None
    assert page.texts(explorer, "shapelab-padding")[0].count(" 3") == len(fields)
    choose(page, explorer, "padding", "SAME")
    assert not any(page.find(explorer, f"shapelab-control-{field}") for field in fields)


def test_folded_settings_open_by_their_button_and_where_one_of_them_is_set(page, show):
    explorer = show("conv2d")
    (button,) = page.find(explorer, "sl-unfold", w.ToggleButton)
    assert not page.find(explorer, "shapelab-control-dilation")
    page.say(button, value=True)
    assert page.find(explorer, "shapelab-control-dilation")
    page.say(button, value=False)
    assert not page.find(explorer, "shapelab-control-dilation")
    preset(page, explorer, "depthwise")
    assert page.find(explorer, "shapelab-control-groups")
    assert page.models[button.model_id]["value"]


def preset(page, explorer, begins):
    """Press the preset whose name begins so."""
    (button,) = [b for b in page.find(explorer, "shapelab-preset", w.Button) if b.description.startswith(begins)]
    page.press(button)


@pytest.mark.parametrize("lesson", ["conv1d", "conv2d", "resnet", "unet"])
def test_each_preset_sets_what_it_says_in_one_step(page, engine, show, lesson):
    explorer = show(lesson)
    first = explorer.state.spec
    for name, values in first.lesson.presets.items():
        explorer.state.spec = first
        asked = len(engine.traced)
        preset(page, explorer, name)
        assert {field: getattr(explorer.state.spec.config, field) for field in values} == dict(values)
        assert len(engine.traced) <= asked + 1
        assert (explorer.state.answer.trace.error is not None) == ("fails" in name or "cannot" in name)
    assert not page.errors


def test_a_slider_is_told_its_ends_and_step_before_its_value(page, show):
    explorer = show("unet", H=64, W=64)
    slider = page.slider(explorer, "H")
    page.forget()
    explorer.apply({"depth": 4, "H": 128})
    (told,) = [state for model, state in page.updates if model == slider.model_id]
    assert {"min", "step", "value"} <= set(told)
    assert list(told)[-1] == "value"
