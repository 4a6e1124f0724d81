"""The text beside the picture, on the served page: what it points at, its numbers, its terms, its two sources."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from app.dashboard import Dashboard

pytestmark = pytest.mark.page


@pytest.fixture
def page(shared: Dashboard) -> Dashboard:
    shared.choose_lesson("Conv2D")
    shared.set(H=7, W=7)
    expect(shared.page.locator(".shapelab-output-shape")).to_have_text("(4, 4, 4)")
    shared.wait_for_pictures()
    return shared


def section(page: Dashboard, title: str) -> Locator:
    """A section of the text, open."""
    found = page.page.locator(".shapelab-text details").filter(has=page.page.locator("summary", has_text=title))
    if found.get_attribute("open") is None:
        found.locator("summary").click()
    expect(found).to_have_attribute("open", "")
    return found


def test_pointing_at_lo_lights_the_padding_at_the_top(page: Dashboard) -> None:
    words = section(page, "How large is the output?").locator("[data-point=lo-H]").first
    boxes = page.figure().locator(".shapelab-parts rect")
    first, last = page.place_of("padded", 0, 0), page.place_of("padded", 0, 8)
    below = page.place_of("padded", 1, 0)
    for light, dark in ((words.hover, lambda: page.page.mouse.move(700, 400)), (words.focus, words.blur)):
        light()
        expect(boxes).to_have_count(1)
        box = boxes.bounding_box()
        assert box is not None
        for x, y in (first, last):
            assert box["x"] < x < box["x"] + box["width"]
            assert box["y"] < y < box["y"] + box["height"]
        assert box["y"] + box["height"] <= below[1], "more than the top row is lit"
        dark()
        expect(boxes).to_have_count(0)


def test_one_section_is_open_and_its_numbers_live(page: Dashboard) -> None:
    shown = section(page, "How large is the output?")
    expect(page.page.locator(".shapelab-text details[open]")).to_have_count(1)
    size = shown.locator("[data-live=size_H]")
    before = size.inner_text()
    assert "7" in before
    page.handle("H").focus()
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowRight")
    expect(size).to_contain_text("9")
    expect(size).to_contain_text("5")
    expect(shown).to_have_attribute("open", "")
    section(page, "Layouts")
    expect(page.page.locator(".shapelab-text details[open]")).to_have_count(1)


def test_a_term_is_explained_on_a_card(page: Dashboard) -> None:
    term = section(page, "What it is for").locator("[data-term=parameter]")
    card = page.page.get_by_role("tooltip")
    term.hover()
    expect(card).to_be_visible()
    box = card.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1440
    page.page.mouse.move(700, 500)
    expect(card).to_have_count(0)


def test_the_two_sources_stand_side_by_side_over_the_page(page: Dashboard) -> None:
    section(page, "nnx and Linen").get_by_role("button", name="The two sources").click()
    dialog = page.page.get_by_role("dialog")
    left, right = (figure.bounding_box() for figure in dialog.locator("figure").all())
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]
    expect(dialog).to_contain_text("nnx.Param(")
    expect(dialog).to_contain_text('self.param("kernel"')
    page.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_word_of_a_network_s_text_picks_its_stage(shared: Dashboard) -> None:
    shared.choose_lesson("ResNet block")
    shared.page.locator(".shapelab-text [data-live-pick=pick_add]").first.click()
    expect(shared.stage_heading()).to_have_text("add", ignore_case=True)
    chosen = shared.page.locator(".sl-stages select option:checked")
    expect(chosen).to_contain_text("add")
