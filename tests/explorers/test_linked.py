"""The dashboard as a link begins it: all that the link says is shown, and what it locks stays."""

from __future__ import annotations

import ipywidgets as w
import pytest

from shapelab.engine.spec import IMAGE_BYTES, check
from shapelab.explorers.address import Address
from shapelab.explorers.gallery import Gallery
from shapelab.explorers.links import read
from shapelab.explorers.show import dashboard
from shapelab.explorers.upload import Upload
from shapelab.lessons import LESSONS

EVERYTHING = (
    "H=9&features=2&cell=1,2&channels=2,1&view=coverage&compare=lesson%3Dconv1d%26L%3D5%26cell%3D0,3",
    "lesson=unet&H=32&W=32&stage=4&cell=3,5&map_scale=channel",
    "lesson=resnet&mode=eval&lock=1",
    "lesson=conv1d&L=12&show=L,stride&embed=1",
    "lesson=pitfalls&pitfall=unequal_channels&case=1&lock=1",
    "compare=",
)


@pytest.fixture
def opened(page, engine):
    """Return a function that opens a link."""
    return lambda query: Gallery(engine=lambda: engine, link=read(query))


def address(page, gallery):
    """What the page is told to say."""
    (found,) = [widget for widget in page.tree(gallery) if isinstance(widget, Address)]
    return page.models[found.model_id]["query"]


@pytest.mark.parametrize("query", EVERYTHING)
def test_what_a_link_says_is_shown_and_said_again(page, opened, query):
    gallery = opened(query)
    assert address(page, gallery) == query
    link, state = read(query), gallery.explorer.state
    assert state.spec == link.spec
    assert (state.stage, state.cell, state.channels) == (link.stage, link.cell, link.channels)
    assert (state.view, state.map_scale) == (link.view, link.map_scale)
    if link.compare is not None:
        assert state.pinned.spec == link.compare.spec
        assert state.pinned_cell == link.compare.cell
    assert not page.errors


def test_the_lists_show_what_the_link_chose(page, opened):
    gallery = opened("channels=2,1&view=coverage")
    chosen = {each.description: each.value for each in page.find(gallery, "sl-options", w.Dropdown)}
    assert chosen == {"input channel": 2, "output channel": 1}
    assert [each.value for each in page.find(gallery, "sl-options", w.ToggleButtons)] == ["coverage"]


def test_the_address_follows_every_change(page, opened):
    gallery = opened("")
    page.say(page.slider(gallery, "H"), value=9)
    assert address(page, gallery) == "H=9"
    (compare,) = [each for each in page.find(gallery, "sl-toolbar", w.ToggleButton)]
    page.say(compare, value=True)
    page.say(page.slider(gallery, "stride"), value=1)
    assert address(page, gallery) == "H=9&stride=1&compare=H%3D9"
    gallery.explorer.undo()
    assert address(page, gallery) == "H=9&compare=H%3D9"
    page.say(gallery.picker, index=list(LESSONS).index("unet"))
    assert address(page, gallery) == "lesson=unet&compare=H%3D9"
    page.say(gallery.picker, index=len(LESSONS))
    assert address(page, gallery) == "lesson=pitfalls&pitfall=kernel_in_oihw"
    page.say(gallery.picker, index=list(LESSONS).index("conv2d"))
    assert address(page, gallery) == "H=9&compare=H%3D9"


def test_a_compared_setting_stays_in_the_address_while_its_answer_is_on_its_way(page, engine, opened):
    gallery = opened("compare=H%3D5")
    state = gallery.explorer.state
    compared, awaited = state.pinned, read("compare=H%3D5").compare
    state.pinned, state.awaited = None, awaited
    assert address(page, gallery) == "compare=H%3D5"
    gallery.explorer.pin(False)
    assert address(page, gallery) == ""
    assert compared.spec == check("conv2d", {"H": 5})


def everything_said(page, gallery):
    """A page tries whatever it can be tried with: each slider, number, list and switch moved, each button pressed."""
    for widget in list(page.tree(gallery)):
        if isinstance(widget, w.IntSlider):
            page.say(widget, value=widget.min if widget.value != widget.min else widget.max)
        elif isinstance(widget, w.FloatText):
            page.say(widget, value=1 if widget.value != 1 else 2)
        elif isinstance(widget, w.ToggleButtons | w.Dropdown | w.RadioButtons) and len(widget.options) > 1:
            page.say(widget, index=0 if widget.index else 1)
        elif isinstance(widget, w.Checkbox | w.ToggleButton):
            page.say(widget, value=not widget.value)
        elif isinstance(widget, w.Button):
            page.press(widget)


@pytest.mark.parametrize("query", ["H=9&stride=3&lock=1", "lesson=unet&H=30&lock=1", "lesson=conv1d&lock=1"])
def test_what_is_locked_stays_whatever_a_page_says(page, opened, query):
    gallery = opened(query)
    spec = gallery.explorer.state.spec
    everything_said(page, gallery)
    for key in ("undo", "redo"):
        page.custom(gallery.explorer._parts.picture, {"do": key})
    for field in spec.config.rules():
        gallery.explorer.propose(field, 1)
    assert gallery.explorer.state.spec == spec
    assert gallery.explorer.state.pinned is None
    assert not page.errors
    sliders = [each for each in page.tree(gallery) if isinstance(each, w.IntSlider | w.FloatText)]
    assert sliders
    assert all(each.disabled for each in sliders)


def test_a_locked_page_can_still_be_looked_at(page, opened):
    gallery = opened("lesson=unet&lock=1")
    (stages,) = page.find(gallery, "sl-stages", w.Select)
    page.say(stages, index=3)
    page.say(gallery.explorer._parts.picture, cell=[1, 2])
    (scale,) = page.find(gallery, "sl-options", w.ToggleButtons)
    page.say(scale, index=1)
    assert address(page, gallery) == "lesson=unet&stage=3&cell=1,2&map_scale=channel&lock=1"


def test_a_locked_mistake_stays_open(page, opened):
    query = "lesson=pitfalls&pitfall=unequal_channels&case=1&lock=1"
    gallery = opened(query)
    everything_said(page, gallery)
    assert gallery._pitfalls.chosen == "unequal_channels"
    assert address(page, gallery) == query


def test_an_open_mistake_and_its_setting_are_in_the_address(page, opened):
    gallery = opened("lesson=pitfalls&pitfall=valid_in_block")
    (settings,) = page.find(gallery, "sl-pitfall-settings", w.RadioButtons)
    page.say(settings, index=1)
    assert address(page, gallery) == "lesson=pitfalls&pitfall=valid_in_block&case=1"


def controls(page, gallery):
    """The fields whose controls are to be seen."""
    fields = gallery.explorer.state.spec.config.rules()
    return [field for field in fields if page.find(gallery, f"shapelab-control-{field}")]


def test_only_the_controls_that_are_named_are_shown_and_act(page, opened):
    gallery = opened("show=H,dilation,Z")
    assert controls(page, gallery) == ["H", "dilation"]
    assert not page.find(gallery, "shapelab-preset")
    assert not page.find(gallery, "shapelab-lessons")
    assert not page.find(gallery, "shapelab-link")
    assert page.texts(gallery, "sl-heading")[:2] == ["Input", "Convolution"]
    before = gallery.explorer.state.spec
    gallery.explorer.propose("W", 12)
    page.say(gallery.picker, index=0)
    assert gallery.explorer.state.spec == before
    page.say(page.slider(gallery, "H"), value=9)
    page.say(page.slider(gallery, "dilation"), value=2)
    assert gallery.explorer.state.spec == check("conv2d", {"H": 9, "dilation": 2})
    assert "Conv2D has no &#x27;Z&#x27;" in page.html(gallery)


def test_the_first_of_linked_fields_moves_the_others_and_a_later_one_moves_alone(page, opened):
    gallery = opened("show=kernel_h")
    page.say(page.slider(gallery, "kernel_h"), value=5)
    config = gallery.explorer.state.spec.config
    assert (config.kernel_h, config.kernel_w) == (5, 5)
    other = opened("show=kernel_w")
    assert controls(page, other) == ["kernel_w"]
    page.say(page.slider(other, "kernel_w"), value=5)
    config = other.explorer.state.spec.config
    assert (config.kernel_h, config.kernel_w) == (3, 5)


def test_ways_out_are_offered_of_the_fields_that_are_shown(page, opened):
    assert page.find(opened("lesson=unet&H=30"), "sl-ways-out", w.Button)
    offered = page.find(opened("lesson=unet&H=30&show=depth"), "sl-ways-out", w.Button)
    assert offered
    assert all("H" not in each.description and "W" not in each.description for each in offered)
    assert not page.find(opened("lesson=unet&H=30&lock=1"), "sl-ways-out", w.Button)


def test_what_is_left_out_is_said_as_text_until_it_is_sent_away(page, opened):
    gallery = opened("lesson=<img src=x onerror=alert(1)>&H=9")
    (words,) = page.find(gallery, "sl-link-notes", w.HTML)
    assert "<img" not in words.value
    assert "&lt;img src=x onerror=alert(1)&gt;" in words.value
    (away,) = page.find(gallery, "sl-link-notes", w.Button)
    page.press(away)
    assert not page.find(gallery, "sl-link-notes")


def upload(page, gallery):
    (found,) = [each for each in gallery.explorer._parts.owned() if isinstance(each, Upload)]
    return found


def test_a_picture_that_the_page_kept_is_fed_again(page, opened):
    gallery = opened("H=9&picture=kept&lock=1")
    assert page.models[upload(page, gallery).model_id]["wanted"] is True
    assert address(page, gallery) == "H=9&picture=kept&lock=1"
    pixels = bytes(range(256)) * (IMAGE_BYTES // 256)
    page.custom(upload(page, gallery), {"say": "kept"}, pixels)
    assert gallery.explorer.state.spec == check("conv2d", {"H": 9, "pattern": "upload"}, pixels)
    assert address(page, gallery) == "H=9&picture=kept&lock=1"
    page.custom(upload(page, gallery), {"say": "kept"}, bytes(IMAGE_BYTES))
    assert gallery.explorer.state.spec.image == pixels  # it is asked for once


@pytest.mark.parametrize("pixels", [(), (b"abc",)])
def test_a_picture_that_is_gone_is_said_to_be(page, opened, pixels):
    gallery = opened("H=9&picture=kept")
    page.custom(upload(page, gallery), {"say": "kept" if pixels else "gone"}, *pixels)
    assert gallery.explorer.state.spec == check("conv2d", {"H": 9})
    assert address(page, gallery) == "H=9"
    (words,) = page.find(gallery, "sl-link-notes", w.HTML)
    assert "choose it again" in words.value


def test_a_notebook_has_no_address_and_a_page_has(page, monkeypatch, engine):
    monkeypatch.setenv("QUERY_STRING", "lesson=unet&H=32")
    monkeypatch.delenv("VOILA_REQUEST_URL", raising=False)
    shown = dashboard()
    assert shown.explorer.state.spec == check("conv2d", {})
    assert not any(isinstance(each, Address) for each in page.tree(shown))
    shown.close()
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://here/?lesson=unet&H=32")
    shown = dashboard()
    assert shown.explorer.state.spec == check("unet", {"H": 32})
    assert address(page, shown) == "lesson=unet&H=32"
    shown.close()
    monkeypatch.setenv("QUERY_STRING", "")
    shown = dashboard("resnet")
    assert shown.explorer.state.spec == check("resnet", {})
    shown.close()


def test_closing_frees_all_of_it(page, opened):
    gallery = opened("compare=H%3D5&nonsense=1")
    page.say(gallery.picker, index=len(LESSONS))
    gallery.close()
    assert page.models == {}
