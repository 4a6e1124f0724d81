"""Taking back, making again, and keeping one setting beside those that follow."""

import ipywidgets as w
import pytest

from shapelab.engine.spec import check
from shapelab.explorers.explorer import Explorer
from shapelab.explorers.figure_view import FigureView
from shapelab.explorers.gallery import Gallery
from shapelab.explorers.history import TOGETHER


class Clock:
    now = 0.0

    def __call__(self):
        return self.now

    def rest(self):
        """Let enough time pass for the next move to be a step of its own."""
        self.now += 2 * TOGETHER


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def show(page, engine, clock):
    def make(lesson, **settings):
        explorer = Explorer(check(lesson, settings), engine=lambda: engine)
        explorer.history._clock = clock
        return explorer

    return make


@pytest.fixture
def gallery(page, engine, clock):
    made = Gallery(engine=lambda: engine)
    made.explorer.history._clock = clock
    return made


def tool(page, explorer, name):
    (button,) = [b for b in page.tree(explorer.toolbar) if getattr(b, "description", "") == name]
    return button


def by_function(page, explorer, what):
    getattr(explorer, what)()


def by_button(page, explorer, what):
    page.press(tool(page, explorer, what.title()))


def by_keys(page, explorer, what):
    page.custom(next(x for x in page.tree(explorer) if isinstance(x, FigureView)), {"do": what})


@pytest.mark.parametrize("by", [by_function, by_button, by_keys])
def test_two_moves_are_taken_back_and_made_again(page, show, clock, by):
    explorer = show("conv2d")
    for value in (9, 11):
        page.say(page.slider(explorer, "H"), value=value)
        clock.rest()
    shapes = []
    for what in ("undo", "undo", "undo", "redo", "redo", "redo"):
        by(page, explorer, what)
        shapes += page.texts(explorer, "shapelab-output-shape")
        assert page.models[page.number(explorer, "H").model_id]["value"] == explorer.state.spec.config.H
        assert page.models[page.slider(explorer, "H").model_id]["value"] == explorer.state.spec.config.H
    assert shapes == [f"({rows}, 4, 4)" for rows in (5, 4, 4, 5, 6, 6)]
    assert not page.errors


def test_the_buttons_say_what_can_be_done(page, show, clock):
    explorer = show("conv2d")

    def disabled():
        return [page.models[tool(page, explorer, name).model_id]["disabled"] for name in ("Undo", "Redo")]

    assert disabled() == [True, True]
    page.say(page.slider(explorer, "H"), value=9)
    assert disabled() == [False, True]
    explorer.undo()
    assert disabled() == [True, False]
    page.say(page.slider(explorer, "W"), value=9)
    assert disabled() == [False, True]


def test_a_drag_is_one_step(page, show, clock):
    explorer = show("conv2d")
    for value in range(8, 30):
        clock.now += TOGETHER / 20
        page.say(page.slider(explorer, "H"), value=value)
    explorer.undo()
    assert explorer.state.spec.config.H == 7
    explorer.redo()
    assert explorer.state.spec.config.H == 29


def test_a_linked_move_and_a_preset_are_one_step_each(page, show, clock):
    explorer = show("conv2d")
    first = explorer.state.spec
    page.say(page.slider(explorer, "kernel_h"), value=5)
    linked = explorer.state.spec
    page.press(page.find(explorer, "shapelab-preset", w.Button)[0])
    explorer.undo()
    assert explorer.state.spec == linked
    explorer.undo()
    assert explorer.state.spec == first


def test_a_refusal_is_no_step_and_undo_takes_its_sentence_away(page, show, clock):
    explorer = show("conv2d")
    page.say(page.slider(explorer, "H"), value=9)
    page.say(page.number(explorer, "W"), value=5000)
    assert page.texts(explorer, "sl-notice-text")
    explorer.undo()
    assert explorer.state.spec.config.H == 7
    assert not page.texts(explorer, "sl-notice-text")


def test_undo_leads_back_to_another_lesson_and_the_picker_follows(page, gallery, clock):
    (picker,) = page.find(gallery, "shapelab-lessons", w.ToggleButtons)
    page.say(page.slider(gallery, "H"), value=9)
    clock.rest()
    page.say(picker, index=list(dict(picker.options).values()).index("resnet"))
    clock.rest()
    page.say(page.slider(gallery, "H"), value=4)
    explorer = gallery.explorer
    seen = []
    for _ in range(3):
        explorer.undo()
        seen.append((picker.value, explorer.state.spec.lesson_name, *page.texts(gallery, "shapelab-output-shape")))
    assert seen == [
        ("resnet", "resnet", "(16, 16, 8)"),
        ("conv2d", "conv2d", "(5, 4, 4)"),
        ("conv2d", "conv2d", "(4, 4, 4)"),
    ]
    for _ in range(3):
        explorer.redo()
    assert (picker.value, explorer.state.spec.config.H) == ("resnet", 4)
    assert page.slider(gallery, "H").value == 4
    assert not page.errors


# -- compare ----------------------------------------------------------------------------------------------------------


def shown_pictures(page, explorer):
    """The alternative texts of the pictures beside each other."""
    views = [x for x in page.find(explorer, "sl-pictures", FigureView)]
    return [page.models[view.model_id]["spec"]["layout"]["meta"]["alt"] for view in views]


def pin(page, explorer, pinned=True):
    page.say(tool(page, explorer, "Compare"), value=pinned)


def test_what_is_pinned_stays_beside_what_follows_until_it_is_let_go(page, engine, show):
    explorer = show("conv2d")
    assert len(shown_pictures(page, explorer)) == 1
    pin(page, explorer)
    page.say(page.slider(explorer, "H"), value=11)
    present, pinned = shown_pictures(page, explorer)
    assert "(11, 7, 3)" in present
    assert "(7, 7, 3)" in pinned
    (table,) = page.texts(explorer, "sl-comparison")
    assert "(7, 7, 3)" in table
    assert "(11, 7, 3)" in table
    assert "≠" in table
    titles = " ".join(page.texts(explorer, "sl-heading"))
    assert "pinned: Conv2D (7, 7, 3) → (4, 4, 4)" in titles
    assert "now: Conv2D (11, 7, 3) → (6, 4, 4)" in titles
    assert page.texts(explorer, "shapelab-output-shape") == ["(6, 4, 4)"]
    assert len(engine.traced) == 2  # what is pinned is asked for no more
    pin(page, explorer, False)
    assert len(shown_pictures(page, explorer)) == 1
    assert not page.texts(explorer, "sl-comparison")
    assert not page.errors


def test_the_pinned_picture_keeps_its_values(page, show):
    explorer = show("conv2d", H=5, W=5)
    pin(page, explorer)
    _, pinned = page.find(explorer, "sl-pictures", FigureView)
    before = page.models[pinned.model_id]["spec"]["data"]
    assert before
    page.say(page.slider(explorer, "seed"), value=5)
    assert page.models[pinned.model_id]["spec"]["data"] == before


def test_what_is_pinned_survives_another_lesson_and_undo(page, gallery):
    explorer = gallery.explorer
    pin(page, explorer)
    (picker,) = page.find(gallery, "shapelab-lessons", w.ToggleButtons)
    page.say(picker, index=list(dict(picker.options).values()).index("unet"))
    (table,) = page.texts(gallery, "sl-comparison")
    assert "Conv2D" in table
    assert "U-Net" in table
    assert len(shown_pictures(page, gallery)) == 2
    explorer.undo()
    assert page.models[tool(page, explorer, "Compare").model_id]["value"]
    assert "Move a control" in page.texts(gallery, "sl-comparison")[0]
    assert not page.errors


def test_a_setting_that_fails_can_be_compared_either_way(page, show):
    explorer = show("unet", H=8, W=8, base_features=1)
    pin(page, explorer)
    page.say(page.number(explorer, "H"), value=10)
    assert "no output" in page.texts(explorer, "sl-comparison")[0]
    pin(page, explorer, False)
    pin(page, explorer)
    page.say(page.number(explorer, "H"), value=12)
    (table,) = page.texts(explorer, "sl-comparison")
    assert "no output" in table
    assert "(12, 8, 1)" in table
    assert len(shown_pictures(page, explorer)) == 2
    assert not page.errors


def test_closing_while_comparing_frees_every_widget(page, show):
    explorer = show("unet", H=8, W=8, base_features=1)
    pin(page, explorer)
    explorer.close()
    assert page.models == {}
