"""Only what a hand can be on acts, and a flood is heard as its last word."""

import asyncio

import comm
import ipywidgets as w
import pytest

from shapelab.explorers.gallery import TABS, Gallery
from shapelab.explorers.guard import BURST, HEAVY_BURST
from shapelab.explorers.history import MOST
from shapelab.explorers.links import read
from shapelab.explorers.upload import BYTES

NAMES = [name for _, name in TABS]


@pytest.fixture
def gallery(page, engine):
    made = Gallery(engine=lambda: engine)
    for gate in (made._guard._hands, made._guard._heavy):
        gate._clock, gate._at = lambda: 0.0, 0.0  # however long a flood takes here
    yield made
    made.close()


def spec(gallery):
    return gallery.explorer.state.spec


def everything(page):
    """All traits of all widgets, as the kernel holds them."""
    return {name: widget.get_state() for name, widget in page.widgets.items() if not isinstance(widget, w.Output)}


def button(page, root, name):
    (found,) = [x for x in page.tree(root) if getattr(x, "description", "") == name]
    return found


def test_no_trait_but_those_that_hands_move_can_be_set(page, gallery):
    moved = {"value", "index", "cell", "stage", "narrow"}
    before = everything(page)
    for name, state in before.items():
        forged = {
            key: True if held is False else "2px" if held is None else held * 2 if held else "x"
            for key, held in state.items()
            if key not in moved and not isinstance(held, dict)
        }
        page.deliver(page.widgets[name], {"method": "update", "state": forged})
    assert everything(page) == before
    assert not page.errors


def test_what_a_page_shows_by_itself_acts_on_nothing(page, engine, gallery):
    (dead,) = [x for x in gallery.explorer._controls.fields["dilation"].children if isinstance(x, w.FloatText)]
    folded = gallery.explorer._controls._folded
    page.say(folded.layout, display=None)
    page.say(folded, children=[])
    page.say(dead, value=2)
    assert spec(gallery).config.dilation == 1
    page.say(button(page, gallery, "More: " + page_names(gallery)), value=True)
    page.say(dead, value=2)
    assert spec(gallery).config.dilation == 2


def page_names(gallery):
    return ", ".join(name for name, rule in spec(gallery).config.rules().items() if rule.more)


def test_a_disabled_button_that_the_page_enabled_acts_on_nothing(page, gallery):
    undo = button(page, gallery.explorer.toolbar, "Undo")
    page.say(page.slider(gallery, "H"), value=9)
    page.press(undo)
    first = spec(gallery)
    assert (first.config.H, undo.disabled) == (7, True)
    gallery.explorer.history._past.append(first.changed({"H": 20}))
    page.say(undo, disabled=False)
    page.press(undo)
    assert spec(gallery) == first


def test_controls_and_presets_of_a_lesson_that_is_not_shown_act_on_nothing(page, gallery):
    slider, presets = page.slider(gallery, "H"), page.find(gallery, "shapelab-preset", w.Button)
    page.say(gallery.picker, index=NAMES.index("unet"))
    shown = spec(gallery)
    page.say(slider, value=12)
    for preset in presets:
        page.press(preset)
    assert spec(gallery) == shown
    assert page.models[slider.model_id]["value"] == 7
    page.say(gallery.picker, index=NAMES.index("conv2d"))
    assert spec(gallery).config.H == 7


def test_ways_out_that_are_gone_and_a_hidden_explorer_act_on_nothing(page, gallery):
    page.say(gallery.picker, index=NAMES.index("unet"))
    page.say(page.number(gallery, "H"), value=30)
    ways = page.find(gallery, "sl-ways-out", w.Button)
    assert ways
    page.say(gallery.picker, index=NAMES.index("pitfalls"))
    page.press(ways[0])
    assert spec(gallery).config.H == 30
    page.say(gallery.picker, index=NAMES.index("unet"))
    page.press(ways[0])
    mended = spec(gallery)
    assert mended.config.H != 30
    page.press(ways[-1])
    assert spec(gallery) == mended


def test_an_upload_that_is_not_offered_is_not_taken(page, gallery):
    upload = gallery.explorer._parts.upload
    picture = bytes(range(256)) * 192
    page.custom(upload, {"say": "picture"}, picture)
    assert spec(gallery).config.pattern != "upload"
    gallery.explorer.propose("pattern", "upload")
    page.custom(upload, {"say": "picture"}, picture)
    assert spec(gallery).image == picture


@pytest.mark.parametrize(
    "query", ["lesson=conv2d&lock=1", "lesson=unet&H=30&lock=1", "lesson=pitfalls&pitfall=size_rounded_down&lock=1"]
)
def test_of_a_locked_page_no_hand_changes_the_setting(page, engine, query):
    engine.pitfall = engine.real.pitfall
    made = Gallery(engine=lambda: engine, link=read(query))

    def shown():
        opened = made._pitfalls  # what is looked at in a setting may change: a stage, a channel
        return spec(made), made.picker.value, opened and (opened.chosen, opened.case)

    held = shown()
    for widget in page.widgets.values():
        page.deliver(widget, {"method": "update", "state": {"disabled": False, "value": True}})
        for value in (1, 2, 9):
            page.deliver(widget, {"method": "update", "state": {"value": value}})
            page.deliver(widget, {"method": "update", "state": {"index": value}})
        page.press(widget)
        for content in ({"do": "undo"}, {"do": "redo"}, {"say": "picture"}, {"say": "kept"}):
            page.custom(widget, content, bytes(BYTES))
    assert shown() == held
    assert not page.errors
    made.close()


def test_a_refused_value_is_taken_back_on_the_page(page, gallery):
    number = page.number(gallery, "H")
    for value in (None, "9", [9], {"a": 9}, True, float("nan"), 10**400, 7.5):
        page.say(number, value=value)
        assert page.models[number.model_id]["value"] == 7
    assert spec(gallery).config.H == 7
    assert not page.errors


@pytest.mark.parametrize("target", ["slider", "number"])
def test_a_flood_is_heard_as_its_last_word(page, engine, gallery, target):
    async def scene():
        await gallery.explorer.idle()
        widget = getattr(page, target)(gallery, "H")
        for number in range(2000):
            page.say(widget, value=8 + number % 50)
        page.say(page.number(gallery, "W"), value=12)
        page.say(widget, value=21)
        await gallery.explorer.idle()

    asyncio.run(scene())
    assert page.texts(gallery, "shapelab-output-shape") == ["(11, 6, 4)"]
    assert len(engine.traced) < 10
    assert len(gallery.explorer.history._past) <= BURST + 3
    assert not page.errors


def test_two_thousand_clicks_on_everything_leave_a_page_that_answers(page, engine, gallery):
    async def scene():
        await gallery.explorer.idle()
        presets = page.find(gallery, "shapelab-preset", w.Button)
        tools = [button(page, gallery.explorer.toolbar, name) for name in ("Undo", "Redo")]
        for number in range(2000):
            page.press([*presets, *tools][number % (len(presets) + 2)])
            page.say(gallery.picker, index=number % len(NAMES))
        page.say(gallery.picker, index=NAMES.index("resnet"))
        await gallery.explorer.idle()
        page.say(page.number(gallery, "H"), value=12)
        await gallery.explorer.idle()

    asyncio.run(scene())
    config = spec(gallery).config
    assert page.texts(gallery, "shapelab-output-shape") == [f"(12, {config.W}, {config.features})"]
    assert len(gallery.explorer.history._past) <= MOST
    assert not page.errors


def test_a_page_that_asks_for_everything_again_and_again_gets_it_now_and_then(page, gallery):
    async def scene():
        await gallery.explorer.idle()
        page.forget()
        page.sent.clear()
        picture = gallery.explorer._parts.picture
        for _ in range(500):
            page.custom(picture, {"ask": "plotly"})
            page.custom(picture, {"ask": "module"})
            page.custom(picture, {"say": "ready"})
            page.deliver(picture, {"method": "request_state"})
        return len(page.sent), sum(model == picture.model_id for model, _ in page.updates)

    scripts, states = asyncio.run(scene())
    assert 0 < scripts <= HEAVY_BURST
    assert 0 < states <= HEAVY_BURST


def test_a_widget_whose_channel_the_page_closed_still_hears_and_still_ends(page, gallery):
    slider, manager = page.slider(gallery, "H"), comm.get_comm_manager()
    manager.comm_close(None, None, {"content": {"comm_id": slider.model_id, "data": {}}})
    move = {"method": "update", "state": {"value": 9}}
    manager.comm_msg(None, None, {"content": {"comm_id": slider.model_id, "data": move}, "buffers": []})
    assert spec(gallery).config.H == 9
    held = slider.model_id
    gallery.close()
    assert not page.models
    assert held not in manager.comms
