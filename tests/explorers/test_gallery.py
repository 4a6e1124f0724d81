"""Every lesson behind one picker."""

import ipywidgets as w
import pytest

import shapelab
from shapelab import ShapeError
from shapelab.explorers.gallery import Gallery
from shapelab.explorers.show import dashboard, explore
from shapelab.lessons import LESSONS

NAMES = list(LESSONS)


@pytest.fixture
def gallery(page, engine):
    return Gallery(engine=lambda: engine)


def pick(page, gallery, name):
    (picker,) = page.find(gallery, "shapelab-lessons", w.ToggleButtons)
    page.say(picker, index=NAMES.index(name))
    assert gallery.explorer.state.spec.lesson_name == name


def test_every_lesson_can_be_picked_with_one_trace_each(page, engine, gallery):
    shapes = {"conv1d": "(10, 4)", "conv2d": "(4, 4, 4)", "resnet": "(16, 16, 8)", "unet": "(64, 48, 8)"}
    for number, name in enumerate(("conv1d", "resnet", "unet", "conv2d"), start=2):
        pick(page, gallery, name)
        assert len(engine.traced) == number
        assert page.texts(gallery, "shapelab-output-shape") == [shapes[name]]
        config = gallery.explorer.state.spec.config
        plain = [field for field, rule in config.rules().items() if config.counts(field) and not rule.more]
        linked_away = [field for field in plain if getattr(config.rules()[field], "apart", False)]
        for field in plain:
            assert bool(page.find(gallery, f"shapelab-control-{field}")) == (field not in linked_away)
    assert not page.errors


def test_each_lesson_keeps_its_settings(page, gallery):
    page.say(page.slider(gallery, "H"), value=9)
    page.say(page.slider(gallery, "stride"), value=3)
    pick(page, gallery, "unet")
    assert page.slider(gallery, "H").value == 64
    page.say(page.slider(gallery, "base_features"), value=4)
    pick(page, gallery, "conv2d")
    assert page.slider(gallery, "H").value == 9
    assert page.slider(gallery, "stride").value == 3
    assert page.texts(gallery, "shapelab-output-shape") == ["(3, 3, 4)"]
    pick(page, gallery, "unet")
    assert page.slider(gallery, "base_features").value == 4
    assert page.texts(gallery, "shapelab-output-shape") == ["(64, 48, 4)"]


def test_kernels_unlinked_are_not_called_linked_after_a_visit_elsewhere(page, gallery):
    link, _ = page.find(gallery, "shapelab-link", w.Checkbox)  # of the kernel's sides, and of the strides
    page.say(link, value=False)
    page.say(page.slider(gallery, "kernel_h"), value=6)
    pick(page, gallery, "conv1d")
    pick(page, gallery, "conv2d")
    config = gallery.explorer.state.spec.config
    assert (config.kernel_h, config.kernel_w) == (6, 3)
    link, _ = page.find(gallery, "shapelab-link", w.Checkbox)  # of the kernel's sides, and of the strides
    assert page.models[link.model_id]["value"] is False


def test_a_refusal_does_not_follow_to_another_lesson(page, gallery):
    page.say(page.number(gallery, "H"), value=10000)
    assert page.texts(gallery, "sl-notice-text")
    pick(page, gallery, "unet")
    assert not page.texts(gallery, "sl-notice-text")


def test_a_failure_does_not_follow_to_another_lesson(page, gallery):
    pick(page, gallery, "unet")
    page.say(page.number(gallery, "H"), value=30)
    pick(page, gallery, "resnet")
    assert page.texts(gallery, "shapelab-output-shape") == ["(16, 16, 8)"]
    assert not page.find(gallery, "sl-ways-out", w.Button)
    pick(page, gallery, "unet")
    assert page.texts(gallery, "shapelab-output-shape") == ["no output"]


@pytest.mark.parametrize("index", [None, 99, -1, "unet", 1.5])
def test_a_picker_set_to_nothing_leaves_the_lesson(page, gallery, index):
    (picker,) = page.find(gallery, "shapelab-lessons", w.ToggleButtons)
    page.say(picker, index=index)
    assert gallery.explorer.state.spec.lesson_name in LESSONS
    pick(page, gallery, "unet")
    assert page.texts(gallery, "shapelab-output-shape") == ["(64, 48, 8)"]


def test_visiting_lessons_does_not_gather_widgets(page, gallery):
    counts = []
    for _ in range(4):
        for name in NAMES:
            pick(page, gallery, name)
        counts.append(len(page.models))
    assert len(set(counts)) == 1


def test_closing_frees_every_widget(page, gallery):
    pick(page, gallery, "unet")
    pick(page, gallery, "conv1d")
    gallery.close()
    assert page.models == {}


def test_a_page_can_begin_with_any_lesson_and_setting(page):
    explorer = explore("unet", H=16, W=8, C=1, base_features=1)
    assert page.texts(explorer, "shapelab-output-shape") == ["(16, 8, 1)"]
    (picker,) = page.find(dashboard("conv1d"), "shapelab-lessons", w.ToggleButtons)
    assert picker.value == "conv1d"
    assert shapelab.explore is explore


def test_a_page_that_cannot_begin_says_why():
    with pytest.raises(ShapeError, match="conv1d, conv2d"):
        explore("conv3d")
    with pytest.raises(ShapeError, match=r"1025.*1024"):
        explore("conv2d", H=1025)
    with pytest.raises(ShapeError, match=r"strides.*stride"):
        explore("conv2d", strides=2)
    with pytest.raises(ShapeError, match="conv1d, conv2d"):
        dashboard("linen")
