"""The first view: the words and pictures of the live explorer, as HTML that does nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from shapelab.engine.spec import check
from shapelab.explorers import convolution_words, pictures
from shapelab.explorers.explorer import Explorer
from shapelab.explorers.first_view import first_view, first_view_style
from shapelab.explorers.links import Compared, Link
from shapelab.figures.svg import svg
from shapelab.lessons import LESSONS

VOID = {"input", "br"}


@pytest.fixture(scope="module")
def engine():
    from shapelab.engine.in_process import Engine

    return Engine()


class Nesting(HTMLParser):
    """Reads tags, and complains of one that closes what is not open."""

    def __init__(self):
        super().__init__()
        self.open, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(html):
    parser = Nesting()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.attributes


@pytest.mark.parametrize("lesson", ["conv1d", "conv2d"])
def test_it_holds_the_words_and_pictures_of_the_live_one(engine, lesson):
    spec = check(lesson, {})
    trace, values = engine.trace(spec), engine.run(spec)
    lone = pictures.one_convolution(trace, None)
    html = first_view(Link(spec), trace, values)
    assert convolution_words.convolution_rule(lone.stage) in html
    assert convolution_words.arithmetic(lone, values) in html
    assert svg(pictures.staircase(lone, trace)) in html
    for narrow in (False, True):
        assert svg(pictures.convolution_picture(trace, lone, values, narrow)) in html


@pytest.mark.parametrize("lesson", ["conv1d", "conv2d"])
def test_its_controls_are_those_that_the_live_one_shows_in_the_same_order(page, engine, lesson):
    spec = check(lesson, {})
    explorer = Explorer(spec, engine=lambda: engine)
    live = [field for field in spec.config.rules() if page.find(explorer, f"shapelab-control-{field}")]
    html = first_view(Link(spec), engine.trace(spec), None)
    assert re.findall(r'<div class="sl-first-control[^>]*><span>(\w+)</span>', html) == live


def test_it_is_there_before_the_values_are(engine):
    spec = check("conv2d", {})
    html = first_view(Link(spec), engine.trace(spec), None)
    assert "(4, 4, 4)" in html
    assert "sl-arithmetic" not in html


def test_nothing_of_it_acts_or_is_read_aloud_or_is_taken_for_the_live_one(engine):
    spec = check("conv2d", {})
    attributes = read(first_view(Link(spec), engine.trace(spec), engine.run(spec)))
    outermost = attributes[0][1]
    assert "data-shapelab-first" in outermost
    assert "inert" in outermost
    assert outermost["aria-hidden"] == "true"
    for tag, told in attributes:
        assert tag not in ("script", "a", "style")
        assert tag != "form"  # a button in what is inert takes neither click nor focus, and has no form to send
        assert not [name for name in told if name.startswith("on") or name in ("id", "href", "src")]
        hooks = {"shapelab-output-shape", "shapelab-padding", "shapelab-control", "shapelab-figure"}
        assert not hooks & set((told.get("class") or "").split())


@pytest.mark.parametrize("lesson", ["resnet", "unet"])
def test_a_network_has_none(engine, lesson):
    spec = check(lesson, {})
    assert first_view(Link(spec), engine.trace(spec), None) == ""


def test_every_colour_it_uses_is_told(engine):
    spec = check("conv2d", {})
    used = set(re.findall(r"var\((--[a-z-]+)\)", first_view(Link(spec), engine.trace(spec), None)))
    assert used
    assert used <= set(re.findall(r"(--[a-z-]+):", first_view_style()))


def test_each_lesson_stands_in_its_tabs(engine):
    spec = check("conv2d", {})
    html = first_view(Link(spec), engine.trace(spec), None)
    assert [html.count(f">{lesson.title}</span>") for lesson in LESSONS.values()] == [1] * len(LESSONS)
    assert 'class="jupyter-button mod-active">Conv2D' in html


def test_a_link_begins_with_its_own_cell_channels_and_view(engine):
    spec = check("conv2d", {"H": 9})
    trace, values = engine.trace(spec), engine.run(spec)
    link = Link(spec, cell=(1, 2), channels=(2, 3), view="coverage")
    lone = pictures.one_convolution(trace, (1, 2))
    html = first_view(link, trace, values)
    assert svg(pictures.convolution_picture(trace, lone, values, False, view="coverage", channels=(2, 3))) in html
    assert convolution_words.arithmetic(lone, values, channels=(2, 3)) in html
    assert "<option>2</option>" in html
    assert "<option>3</option>" in html


def test_channels_that_are_not_there_are_the_last_ones(engine):
    spec = check("conv2d", {})
    html = first_view(Link(spec, channels=(50, 60)), engine.trace(spec), None)
    assert "<option>2</option>" in html
    assert "<option>3</option>" in html


def test_only_the_controls_that_a_link_shows_are_there(engine):
    spec = check("conv2d", {})
    html = first_view(Link(spec, show=("stride", "dilation")), engine.trace(spec), None)
    attributes = read(html)
    named = [each for tag, each in attributes if "sl-first-control" in each.get("class", "")]
    assert len(named) == 2
    for there in ("<span>stride</span>", "<span>dilation</span>", "CONVOLUTION".capitalize()):
        assert there in html
    for gone in ("sl-first-preset", "sl-first-tabs", "sl-unfold", "sl-first-link", "Input"):
        assert gone not in html


def test_folded_settings_that_a_link_changes_are_unfolded(engine):
    spec = check("conv2d", {"dilation": 2})
    assert "<span>dilation</span>" in first_view(Link(spec), engine.trace(spec), None)
    plain = check("conv2d", {})
    assert "<span>dilation</span>" not in first_view(Link(plain), engine.trace(plain), None)


def test_two_settings_beside_each_other_begin_otherwise(engine):
    spec = check("conv2d", {})
    assert first_view(Link(spec, compare=Compared(spec)), engine.trace(spec), None) == ""
