"""Who cannot see, or has no mouse: axe-core on every tab, pictures in words, the keyboard's way through the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from app.dashboard import FIELDS, Dashboard

pytestmark = pytest.mark.page

DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SETTINGS = {"light": ("light", DESK), "dark": ("dark", DESK), "phone": ("light", PHONE)}


@contextmanager
def as_it_is(page: Dashboard) -> Iterator[None]:
    yield


@contextmanager
def failing(page: Dashboard) -> Iterator[None]:
    page.choose_lesson("ResNet block")
    page.choice("VALID", "padding").click()
    expect(page.page.get_by_role("alert")).to_be_visible()
    expect(page.page.locator(".sl-ways-out button").first).to_be_visible()
    yield
    page.choice("SAME", "padding").click()
    expect(page.page.get_by_role("alert")).to_have_count(0)


@contextmanager
def comparing(page: Dashboard) -> Iterator[None]:
    page.choose_lesson("Conv2D")
    page.tool("Compare").click()
    page.set(H=page.setting("H") % 9 + 2)
    expect(page.page.locator(".sl-differs-mark").first).to_be_visible()
    page.wait_for_pictures()
    yield
    page.tool("Compare").click()
    expect(page.page.locator(".sl-pinned")).to_be_hidden()


@contextmanager
def with_dialog(page: Dashboard) -> Iterator[None]:
    page.choose_lesson("Conv2D")
    button = page.page.get_by_role("button", name="The two sources")
    if not button.is_visible():
        page.page.locator(".shapelab-text summary", has_text="nnx and Linen").click()
    button.click()
    expect(page.page.get_by_role("dialog")).to_be_visible()
    yield
    page.page.keyboard.press("Escape")


@contextmanager
def sharing(page: Dashboard) -> Iterator[None]:
    page.choose_lesson("Conv2D")
    page.page.get_by_role("button", name="Share").click()
    for ticked in ("only these controls:", "embed:"):
        page.page.get_by_label(ticked).check()
    expect(page.page.get_by_label("Code of the frame")).to_be_visible()
    yield
    page.page.keyboard.press("Escape")


@contextmanager
def mistakes(page: Dashboard) -> Iterator[None]:
    page.choose_tab("Pitfalls")
    page.page.locator(".sl-pitfall-list").get_by_text("VALID in the block", exact=True).click()
    expect(page.page.locator(".sl-pitfall-ran")).to_contain_text("Run with jax")
    page.page.locator(".sl-side-wrong summary").click()
    yield


def lesson(title: str) -> Callable[[Dashboard], object]:
    @contextmanager
    def shown(page: Dashboard) -> Iterator[None]:
        page.choose_lesson(title)
        expect(page.page.locator(".shapelab-dimmed")).to_have_count(0)
        yield

    return shown


STATES = {
    **{title: lesson(title) for title in FIELDS},
    "Pitfalls": mistakes,
    "failure": failing,
    "compare": comparing,
    "dialog": with_dialog,
    "sharing": sharing,
}


def bring_to(page: Dashboard, setting: str) -> None:
    theme, size = SETTINGS[setting]
    page.page.set_viewport_size(size)  # type: ignore[arg-type]
    if page.page.evaluate("document.documentElement.dataset.theme") != theme:
        page.page.locator(".shapelab-theme-toggle").click()
    page.choose_lesson("Conv2D")
    narrow = size is PHONE
    page.page.wait_for_function(
        "narrow => document.querySelector('.sl-present .shapelab-light').viewBox.baseVal.width < 500 === narrow",
        arg=narrow,
    )


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_serious(shared: Dashboard, setting: str, state: str) -> None:
    bring_to(shared, setting)
    with STATES[state](shared):  # type: ignore[attr-defined]
        found = Axe().run(shared.page, options={"resultTypes": ["violations"]}).response["violations"]
    grave = [
        f"{each['id']} ({each['impact']}): {each['help']}: {node['target']} {node['html'][:160]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"][:4]
    ]
    assert not grave, "\n".join(grave)


SHAPES = re.compile(r"\(\d+(, \d+)*,?\)|\d+ (by|×) \d+")


@pytest.mark.parametrize("state", [state for state in STATES if state not in ("Pitfalls", "dialog")])
def test_every_picture_says_its_shapes_in_words(shared: Dashboard, state: str) -> None:
    bring_to(shared, "light")
    with STATES[state](shared):  # type: ignore[attr-defined]
        shared.wait_for_pictures()
        figures = shared.page.locator(".shapelab-figure:visible")
        told = figures.evaluate_all(
            "figures => figures.map(f => [f.getAttribute('role'), f.getAttribute('aria-label')])"
        )
    assert len(told) >= 2
    for role, words in told:
        assert role in ("img", "group")
        assert words
    assert any(SHAPES.search(words) for _, words in told[:1]), told[0]


FOCUSED = """() => {
  const e = document.activeElement, style = getComputedStyle(e);
  const control = e.closest(".shapelab-control");
  const named = control ? [...control.classList].find(c => c.startsWith("shapelab-control-")) : "";
  const field = named.slice("shapelab-control-".length);
  const kind = e.matches(".noUi-handle") ? "slider" : e.tagName.toLowerCase();
  const own = e.dataset.stop ?? e.getAttribute("aria-label") ?? e.textContent.trim();
  const framed = ({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && parseFloat(outlineWidth) >= 1;
  const around = e.closest("label:focus-within");
  return {
    name: [field, kind, field ? "" : own.slice(0, 24)].filter(Boolean).join(" "),
    ring: framed(style) || style.boxShadow !== "none" || (around !== null && framed(getComputedStyle(around))),
  };
}"""


@pytest.mark.parametrize("title", FIELDS)
def test_every_control_is_reached_by_the_keyboard_and_shows_it(shared: Dashboard, title: str) -> None:
    bring_to(shared, "light")
    shared.choose_lesson(title)
    shared.lesson(title).focus()
    rings: dict[str, bool] = {}
    turns = shared.page.locator(
        ":is(button, input, select, summary, a[href], [tabindex='0']):visible:not(:disabled)"
    ).count()
    for _ in range(turns + 10):  # once around
        shared.page.keyboard.press("Tab")
        now = shared.page.evaluate(FOCUSED)
        rings[now["name"]] = now["ring"]
    resting = {"stride"} if title == "ResNet block" else set()  # which has one stop without a projection
    fields = set(FIELDS[title])
    sliders = {f"{field} slider" for field in fields - resting}
    numbers = {f"{field} input" for field in fields}
    tools = {"button Compare", "button Undo"} if shared.tool("Undo").is_enabled() else {"button Compare"}
    stops = {"div output", "div padded", "div kernel", "button Play"} if title.startswith("Conv") else {"div block"}
    tabs = {f"button {each}" for each in (*FIELDS, "Pitfalls")}
    assert sliders | numbers | tools | stops | tabs <= set(rings)
    without = [name for name, ring in rings.items() if not ring and name.split()[0] not in ("body", "html")]
    assert not without, f"the keyboard stands on these without being seen: {without}"
