"""Undo, redo, and a pinned setting beside the present one, on the served page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from app.dashboard import Dashboard

pytestmark = pytest.mark.page


@pytest.fixture
def begun(shared: Dashboard) -> Dashboard:
    """A page at four settings, one after the other; moves of one field alone might be one step."""
    shared.choose_lesson("Conv2D")
    for field, value in (("H", 7), ("seed", 1), ("H", 12), ("seed", 2), ("H", 17)):
        shared.set(**{field: value})
    expect_height(shared, 17)
    return shared


def expect_height(page: Dashboard, height: int) -> None:
    page.wait_for_setting("H", height)
    expect(page.page.locator(".sl-answer .sl-input")).to_have_text(f"({height}, 7, 3)")
    expect(page.page.locator(".shapelab-output-shape")).to_have_text(f"({-(-height // 2)}, 4, 4)")


def test_a_change_is_taken_back_and_made_again_by_button(begun: Dashboard) -> None:
    undo, redo = begun.tool("Undo"), begun.tool("Redo")
    expect(redo).to_be_disabled()
    undo.click()
    expect_height(begun, 12)
    undo.click()
    begun.wait_for_setting("seed", 1)
    undo.click()
    expect_height(begun, 7)
    redo.click()
    expect_height(begun, 12)
    begun.set(H=9)  # what was taken back is gone
    expect(redo).to_be_disabled()


def test_a_change_is_taken_back_and_made_again_by_keys(begun: Dashboard) -> None:
    begun.handle("W").focus()
    begun.page.keyboard.press("Control+z")
    expect_height(begun, 12)
    begun.page.keyboard.press("Control+Shift+Z")
    expect_height(begun, 17)


def test_in_a_number_the_keys_take_back_what_was_typed(begun: Dashboard) -> None:
    begun.control("W").click()
    begun.page.keyboard.press("Control+a")
    begun.page.keyboard.type("23")
    begun.page.keyboard.press("Control+z")
    assert begun.setting("H") == 17
    begun.page.keyboard.press("Control+a")
    begun.page.keyboard.type("7")
    begun.page.keyboard.press("Enter")
    expect_height(begun, 17)


def test_a_lesson_that_was_left_is_led_back_to(begun: Dashboard) -> None:
    begun.choose_lesson("Conv1D")
    begun.tool("Undo").click()
    expect(begun.lesson("Conv2D")).to_have_class(re.compile("mod-active"))
    expect_height(begun, 17)


def test_a_pinned_setting_stands_beside_the_present_one(begun: Dashboard) -> None:
    compare = begun.tool("Compare")
    compare.click()
    begun.set(H=9)
    expect_height(begun, 9)
    pinned, present = begun.page.locator(".sl-pinned"), begun.page.locator(".sl-present")
    expect(pinned.locator(".shapelab-figure")).to_have_attribute("aria-label", re.compile(r"\(17, 7, 3\)"))
    expect(present.locator(".shapelab-figure")).to_have_attribute("aria-label", re.compile(r"\(9, 7, 3\)"))
    boxes = [part.bounding_box() for part in (pinned, present)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"], "they do not stand side by side"
    rows = begun.page.locator(".sl-right tr", has=begun.page.locator("td")).filter(
        has=begun.page.locator(".sl-differs-mark")
    )
    differing = [re.split(r"\t+", row)[0].strip() for row in rows.all_inner_texts()]
    assert {"H", "input", "output", "MACs"} <= set(differing)
    assert "parameters" not in differing
    compare.click()
    expect(pinned).to_be_hidden()
    expect_height(begun, 9)
