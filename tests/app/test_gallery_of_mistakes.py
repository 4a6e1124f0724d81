"""Each classic mistake on the served page: opened, run, told apart from its right version."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from app.dashboard import Dashboard
from shapelab.explorers.pitfall_words import BADGES, RIGHT
from shapelab.pitfalls import PITFALLS

pytestmark = pytest.mark.page

WRONG = re.compile("|".join(re.escape(words) for kind, (_, words) in BADGES.items() if kind != "fine"))


@pytest.fixture
def gallery(shared: Dashboard) -> Dashboard:
    shared.choose_tab("Pitfalls")
    return shared


def open_mistake(page: Dashboard, title: str) -> Locator:
    page.page.locator(".sl-pitfall-list").get_by_text(title, exact=True).click()
    expect(page.page.locator(".sl-pitfall-title")).to_have_text(title)
    expect(page.page.locator(".sl-pitfall-ran")).to_contain_text("Run with jax")
    return page.page.locator(".sl-pitfall")


@pytest.mark.parametrize("name", PITFALLS)
def test_a_mistake_is_run_beside_its_right_version(gallery: Dashboard, name: str) -> None:
    shown = open_mistake(gallery, PITFALLS[name].title)
    wrong, right = shown.locator(".sl-side-wrong"), shown.locator(".sl-side-right")
    expect(wrong.locator(".sl-badge")).to_have_text(WRONG)
    expect(right.locator(".sl-badge")).to_contain_text(RIGHT[1])
    expect(right.locator(".sl-pitfall-answer .sl-output")).to_have_text(re.compile(r"^\(.*\d.*\)$"))
    expect(wrong.locator(".sl-pitfall-answer")).to_have_text(re.compile(r"→\s*(no output|\()"))
    assert wrong.locator("mark, .sl-raises").count(), "nothing marks the lines that differ"
    said = wrong.locator("details")
    if BADGES["error"][1] in wrong.locator(".sl-badge").inner_text():
        expect(said.locator("pre")).to_be_hidden()
        said.locator("summary").click()
        expect(said.locator("pre")).to_contain_text(re.compile(r"\w+(Error|Exception)"))
        expect(wrong.locator(".sl-raises")).to_have_count(1)
    else:
        expect(said).to_have_count(0)


def test_another_setting_shows_where_a_mistake_hides(gallery: Dashboard) -> None:
    shown = open_mistake(gallery, "H // stride as the output size")
    wrong = shown.locator(".sl-side-wrong .sl-badge")
    expect(wrong).to_have_text(WRONG)
    shown.get_by_text("H = 8, stride = 2", exact=True).click()
    expect(wrong).to_contain_text(BADGES["fine"][1])
    shown.get_by_text("H = 7, stride = 2", exact=True).click()
    expect(wrong).to_have_text(WRONG)


def test_the_keys_go_from_mistake_to_mistake(gallery: Dashboard) -> None:
    open_mistake(gallery, "Kernel in OIHW")
    gallery.page.locator(".sl-pitfall-list input[type=radio]:checked").focus()
    gallery.page.keyboard.press("ArrowDown")
    expect(gallery.page.locator(".sl-pitfall-title")).to_have_text("No batch axis")


def test_a_lesson_is_where_it_was_left(gallery: Dashboard) -> None:
    gallery.choose_lesson("Conv2D")
    gallery.set(H=11)
    gallery.choose_tab("Pitfalls")
    expect(gallery.figure()).to_be_hidden()
    gallery.choose_lesson("Conv2D")
    assert gallery.setting("H") == 11
    wide = gallery.figure().locator(".shapelab-light").evaluate("svg => svg.viewBox.baseVal.width")
    assert wide > 500, "the picture came back upright, as on a phone"
