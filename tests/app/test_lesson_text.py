"""The text of a lesson in a browser, without a kernel behind it: sections, live numbers, terms, the two sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from shapelab import explorers
from shapelab.explorers import lesson_text
from shapelab.explorers.front import module
from shapelab.lessons import LESSONS

pytestmark = pytest.mark.page

HERE = Path(__file__).parent
STYLES = sorted((Path(explorers.__file__).parent / "styles").glob("*.css"))
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def opened(context: BrowserContext, lesson: str = "conv2d") -> Page:
    """A page that shows the text of a lesson."""
    files = {
        "/": ("text/html", (HERE / "lesson_text_page.html").read_text(encoding="utf-8")),
        "/lesson_text.js": ("text/javascript", module()),
        "/style.css": ("text/css", "\n".join(path.read_text(encoding="utf-8") for path in STYLES)),
    }

    def answer(route: Route) -> None:
        kind, body = files["/" + route.request.url.split("/", 3)[3]]
        route.fulfill(content_type=kind, body=body)

    page = context.new_page()
    page.route("**/*", answer)
    page.goto("http://text.test/")
    page.wait_for_function("globalThis.leave !== undefined")
    show(page, lesson)
    return page


def show(page: Page, lesson: str) -> None:
    values = {"terms": lesson_text.terms(lesson), "live": {"H_out": "4"}, "html": lesson_text.text(lesson)}
    page.evaluate("values => Object.entries(values).forEach(([name, value]) => model.set(name, value))", values)


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """Return a visitor's browser, by default at a desk; a script that fails fails the test."""
    made = browser.new_context(**getattr(request, "param", DESK), color_scheme="light")
    complaints: list[str] = []
    made.on("weberror", lambda error: complaints.append(str(error.error)))
    yield made
    made.close()
    assert not complaints


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Return a page with the text of the 2-D convolution."""
    return opened(context)


def section(page: Page, title: str) -> Locator:
    return page.locator("details").filter(has=page.locator("summary", has_text=title))


def lies_within(page: Page, card: Locator) -> bool:
    box, size = card.bounding_box(), page.viewport_size
    assert box is not None
    assert size is not None
    across = box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
    return across and box["y"] >= 0 and box["y"] + box["height"] <= size["height"]


def test_of_the_sections_one_is_open_and_another_takes_its_place(page: Page) -> None:
    expect(page.locator("details[open] summary")).to_have_text("What it is for")
    page.get_by_text("Layouts: NHWC and HWIO").click()
    expect(page.locator("details[open] summary")).to_have_text("Layouts: NHWC and HWIO")
    page.locator("summary").nth(1).press("Enter")
    expect(page.locator("details[open] summary")).to_have_text("Where it is used")


def test_two_texts_on_one_page_have_their_own_open_sections(page: Page) -> None:
    page.evaluate(
        """async () => {
          const place = document.createElement("div");
          document.querySelector(".shapelab").append(place);
          (await import("/lesson_text.js")).lessonText.render({ model, el: place });
        }"""
    )
    expect(page.locator("details[open]")).to_have_count(2)


def test_a_live_number_changes_without_closing_a_section_or_losing_focus_or_card(page: Page) -> None:
    asked = section(page, "Who gets the odd")
    asked.locator("summary").click()
    low = asked.locator("[data-live=odd_H]")
    pointed = asked.locator("[data-point=lo-H]")
    page.evaluate("model.set('live', { odd_H: '1' })")
    expect(low).to_have_text("1")
    pointed.focus()
    page.evaluate("model.set('live', { odd_H: '12' })")
    expect(low).to_have_text("12")
    expect(pointed).to_be_focused()
    expect(asked).to_have_attribute("open", "")
    asked = section(page, "How large")
    asked.locator("summary").click()
    asked.locator("[data-term=span]").focus()
    page.evaluate("model.set('live', { odd_H: '13' })")
    expect(page.get_by_role("tooltip")).to_be_visible()


def test_words_from_the_kernel_are_words_and_no_html(page: Page) -> None:
    page.evaluate("model.set('live', { params_say: '<img src=x>' })")
    expect(page.locator("[data-live=params_say]")).to_have_text("<img src=x>")
    expect(page.locator("img")).to_have_count(0)


def test_a_term_is_explained_by_hover_by_focus_and_until_escape(page: Page) -> None:
    term, card = page.locator("[data-term=parameter]"), page.get_by_role("tooltip")
    says = lesson_text.glossary()["parameter"]
    expect(card).to_have_count(0)
    term.hover()
    expect(card).to_have_text(says)
    described = term.get_attribute("aria-describedby") or ""
    expect(page.locator(f"#{described}")).to_have_text(says)
    box = card.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=6)
    expect(card).to_be_visible()  # the way to the card leads through nothing else
    page.mouse.move(700, 500)
    expect(card).to_have_count(0)
    term.focus()
    expect(card).to_have_text(says)
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(term).to_be_focused()
    assert term.get_attribute("aria-describedby") is None
    page.locator("[data-term=MAC]").focus()
    expect(card).to_have_text(lesson_text.glossary()["MAC"])
    page.locator("#elsewhere").focus()
    expect(card).to_have_count(0)


@pytest.mark.parametrize("context", [DESK, PHONE], indirect=True, ids=["desk", "phone"])
def test_no_card_is_cut_off_or_leaves_the_page(context: BrowserContext) -> None:
    page = opened(context)
    for lesson in LESSONS:
        show(page, lesson)
        for at in range(page.locator("summary").count()):
            if page.locator("details").nth(at).get_attribute("open") is None:
                page.locator("summary").nth(at).click()
            for term in page.locator("details[open] [data-term]").all():
                term.scroll_into_view_if_needed()
                term.focus()
                card = page.get_by_role("tooltip")
                expect(card).to_be_visible()
                assert lies_within(page, card)
                page.keyboard.press("Escape")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("context", [PHONE], indirect=True)
def test_a_finger_opens_a_card_and_closes_it_elsewhere(context: BrowserContext) -> None:
    page = opened(context)
    card = page.get_by_role("tooltip")
    page.locator("[data-term=parameter]").tap()
    expect(card).to_have_text(lesson_text.glossary()["parameter"])
    page.locator("[data-term=MAC]").tap()
    expect(card).to_have_text(lesson_text.glossary()["MAC"])
    page.locator("#elsewhere").tap()
    expect(card).to_have_count(0)
    page.locator("[data-term=MAC]").tap()
    card.tap()
    expect(card).to_have_count(0)


@pytest.mark.parametrize("context", [DESK, PHONE], indirect=True, ids=["desk", "phone"])
def test_the_two_sources_open_over_the_page_and_focus_comes_back(context: BrowserContext) -> None:
    page = opened(context)
    page.get_by_text("nnx and Linen", exact=True).click()
    button = page.get_by_role("button", name="The two sources, side by side")
    dialog = page.get_by_role("dialog")
    for close in ("Escape", "button"):
        button.press("Enter")
        expect(dialog).to_be_visible()
        first, second = dialog.locator("figure").all()
        expect(first).to_contain_text("self.kernel = nnx.Param(")
        expect(second).to_contain_text('self.param("kernel"')
        page.keyboard.press("Escape") if close == "Escape" else dialog.get_by_role("button", name="Close").click()
        expect(dialog).to_have_count(0)
        expect(button).to_be_focused()
    expect(section(page, "nnx and Linen")).to_have_attribute("open", "")


def test_equal_lines_of_the_two_sources_stand_at_one_height_at_a_desk(page: Page) -> None:
    page.get_by_text("nnx and Linen", exact=True).click()
    page.get_by_role("button", name="The two sources, side by side").click()
    heights = [
        {line.inner_text().strip(): (line.bounding_box() or {})["y"] for line in half.locator("pre > *").all()}
        for half in page.locator("dialog figure").all()
    ]
    for shared in ("class", "x = jnp.expand_dims(x, axis=0)  # (1, H, W, C_in)", 'padding="SAME",'):
        if shared != "class":
            assert heights[0][shared] == heights[1][shared]
    marked = page.locator("dialog mark").all_inner_texts()
    assert any("rngs.params()" in line for line in marked)
    assert not any("lax.conv_general_dilated" in line for line in marked)


def test_a_button_of_the_text_names_the_stage_to_pick_and_rests_where_there_is_none(page: Page) -> None:
    show(page, "resnet")
    button = page.get_by_role("button", name="adds")
    expect(button).to_be_disabled()
    page.evaluate("model.set('live', { pick_add: 'stage:5' })")
    expect(button).to_be_enabled()
    expect(button).to_have_attribute("data-pick", "stage:5")


def test_a_text_that_is_gone_listens_no_more(page: Page) -> None:
    page.evaluate("leave()")
    page.evaluate("model.set('live', { params_say: 'late' })")
    expect(page.locator("[data-live=params_say]")).to_have_text(re.compile("…"))
