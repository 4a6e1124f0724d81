"""Links in the real page: the address follows, a link opens as it was, and no link breaks anything."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import segno
from playwright.sync_api import Browser, Page, expect

from app.dashboard import Dashboard
from app.server import PATIENCE, Server
from app.test_first_page import FIRST, LIVE, SEEN, SIZES, let_go
from app.test_upload import give, halves, png

pytestmark = pytest.mark.page


@contextlib.contextmanager
def visiting(browser: Browser, server: Server, query: str, **settings: Any) -> Iterator[Dashboard]:
    with Dashboard.visiting(browser, f"{server.url}?{query}", **settings) as dashboard:
        yield dashboard


def query(dashboard: Dashboard) -> str:
    return urlsplit(dashboard.page.url).query


def says(dashboard: Dashboard, wanted: str) -> None:
    """The address comes to say so."""
    assert dashboard.until(lambda: query(dashboard), lambda said: said == wanted) == wanted


def numbers(dashboard: Dashboard) -> dict[str, Any]:
    """What a visitor reads of a convolution."""
    shown: dict[str, Any] = {
        "shapes": (dashboard.input_shape(), dashboard.output_shape()),
        "padding": dashboard.padding(),
        "code": dashboard.code().inner_text(),
        "arithmetic": dashboard.arithmetic(),
        "pinned": dashboard.pinned(),
        "values": dashboard.wait_for_values().tolist(),
        "channels": dashboard.page.locator(".sl-options select").evaluate_all("all => all.map(each => each.value)"),
    }
    return shown


def test_the_address_follows_and_opens_elsewhere_as_it_was(page: Dashboard, browser: Browser, server: Server) -> None:
    entries = page.page.evaluate("history.length")
    page.set(H=9, stride=3)
    says(page, "H=9&stride=3")
    page.page.mouse.click(*page.place_of("output", 1, 2))
    says(page, "H=9&stride=3&cell=1,2")
    page.page.locator(".sl-options select").last.select_option("2")
    says(page, "H=9&stride=3&cell=1,2&channels=0,2")
    page.page.locator(".shapelab-theme-toggle").click()
    says(page, "H=9&stride=3&cell=1,2&channels=0,2&theme=dark")
    expect(page.page.locator(".sl-arithmetic")).to_contain_text("y[1, 2, 2]")
    seen = numbers(page)
    assert page.page.evaluate("history.length") == entries
    with visiting(browser, server, query(page)) as other:
        assert numbers(other) == seen
        assert other.page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert query(other) == query(page)
    page.reload()
    assert numbers(page) == seen
    says(page, "H=9&stride=3&cell=1,2&channels=0,2&theme=dark")


def test_a_compared_setting_comes_back_beside_the_present_one(browser: Browser, server: Server) -> None:
    with visiting(browser, server, "H=9&compare=H%3D5%26cell%3D1,1") as page:
        expect(page.page.locator(".sl-pinned-title").last).to_contain_text("(5, 7, 3) → (3, 4, 4)")
        expect(page.page.locator(".sl-present .sl-pinned-title")).to_contain_text("(9, 7, 3) → (5, 4, 4)")
        expect(page.tool("Compare")).to_have_class(re.compile("mod-active"))
        says(page, "H=9&compare=H%3D5%26cell%3D1,1")
        page.tool("Compare").click()
        says(page, "H=9")
        expect(page.page.locator(".sl-pinned")).to_be_hidden()


def test_a_network_opens_at_its_stage_and_cell(browser: Browser, server: Server) -> None:
    with opened(browser, server, "lesson=unet&H=32&W=32&stage=3&cell=2,5&map_scale=channel") as page:
        expect(page.locator(".shapelab-output-shape")).to_contain_text("(32, 32, 8)")
        page.wait_for_function("() => document.querySelector('.sl-stages select')?.selectedIndex === 3")
        expect(page.get_by_role("button", name="each its own")).to_have_class(re.compile("mod-active"))


@contextlib.contextmanager
def opened(browser: Browser, server: Server, asked: str, **settings: Any) -> Iterator[Page]:
    """A page whose lesson is perhaps no convolution; that nothing went wrong is looked at in the end."""
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **settings})
    dashboard = Dashboard(context, f"{server.url}?{asked}")
    try:
        dashboard.page.goto(dashboard.url)
        expect(dashboard.page.locator("[data-shapelab-first], #loading")).to_have_count(0)
        yield dashboard.page
        dashboard.assert_no_complaints()
    finally:
        dashboard._leaving = True
        context.close()


def test_a_pitfall_opens(browser: Browser, server: Server) -> None:
    with opened(browser, server, "lesson=pitfalls&pitfall=no_skip") as page:
        expect(page.locator(".sl-pitfall h2, .sl-pitfall :text('No skip')").first).to_be_visible()
        page.get_by_text("VALID in the block").click()
        page.wait_for_url("**/?lesson=pitfalls&pitfall=valid_in_block")


def test_only_named_controls_are_shown(browser: Browser, server: Server) -> None:
    with visiting(browser, server, "show=H,stride") as page:
        fields = page.page.locator(".sl-left .shapelab-control").filter(visible=True)
        expect(fields).to_have_count(2)
        for gone in (".shapelab-preset", ".shapelab-lessons", ".shapelab-link", ".sl-unfold"):
            expect(page.page.locator(gone).filter(visible=True)).to_have_count(0)
        page.set(H=9)
        says(page, "H=9&show=H,stride")


def test_a_locked_page_can_be_looked_at_and_not_changed(browser: Browser, server: Server) -> None:
    with visiting(browser, server, "H=9&lock=1") as page:
        frozen = page.page.locator(
            ":is(.sl-left :is(input, select), .shapelab-preset, .shapelab-lessons button, .sl-toolbar button):visible"
        )
        states = page.until(lambda: frozen.evaluate_all("all => all.map(each => each.disabled)"), all)
        assert len(states) > 15
        assert all(states)
        page.page.keyboard.press("Control+z")
        page.page.mouse.click(*page.place_of("output", 2, 1))
        says(page, "H=9&cell=2,1&lock=1")
        assert page.input_shape() == (9, 7, 3)
        assert page.pinned() == (2, 1)


def test_embedded_it_has_no_frame_of_its_own(browser: Browser, server: Server) -> None:
    with visiting(browser, server, "H=9&embed=1", viewport={"width": 1100, "height": 720}) as page:
        for gone in (".shapelab-header", ".shapelab-lessons", ".sl-toolbar"):
            expect(page.page.locator(gone)).to_be_hidden()
        top = page.page.locator(".sl-answer").evaluate("answer => answer.getBoundingClientRect().top + scrollY")
        assert top < 40
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# -- what is seen first -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["H=9&kernel_h=5&cell=1,1&view=coverage", "show=H,stride&lock=1", "stride=1&embed=1"])
def test_the_first_picture_is_that_of_the_link_and_stays_where_it_is(
    browser: Browser, server: Server, asked: str
) -> None:
    _ask_until_known(browser, server, asked)
    context = browser.new_context(viewport=dict(zip(("width", "height"), SIZES["desk"], strict=True)))  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    waiting: list[Any] = []
    page.route("**/voila.js", lambda route: waiting.append(route))
    page.goto(f"{server.url}?{asked}", wait_until="commit")
    expect(page.locator(f"{FIRST} .sl-arithmetic")).to_be_visible()
    page.wait_for_function("() => document.querySelector('#jupyter-config-data')")
    first = page.evaluate(SEEN, [FIRST, ".sl-first-figure", ".sl-first-control"])
    page.waiting = waiting  # type: ignore[attr-defined]
    let_go(page)
    page.wait_for_function("() => document.querySelectorAll('.shapelab-figure[data-drawn]').length >= 2")
    live = page.evaluate(SEEN, [LIVE, ".shapelab-figure", ".shapelab-control"])
    context.close()
    assert first["texts"] == live["texts"]
    moved = {
        name: (box, live["boxes"].get(name))
        for name, box in first["boxes"].items()
        if "embed" not in asked or not name.startswith("tab")
        if any(abs(a - b) > 1 for a, b in zip(box, live["boxes"][name], strict=True))
    }
    assert not moved


def _ask_until_known(browser: Browser, server: Server, asked: str) -> None:
    """The engine answers who asks first later than a page waits."""
    for _ in range(30):
        _, html = server.get(f"/?{asked}")
        if b'class="sl-arithmetic' in html:
            return
    raise AssertionError("no first picture came")


def test_no_other_picture_comes_first(server: Server) -> None:
    _, html = server.get("/?H=13&W=11&stride=1")
    first = html.split(b'id="rendered_cells"')[0].decode()
    assert "(7, 7, 3)" not in first
    assert "starting…" in first or "(13, 11, 3)" in first


# -- strangers' links ---------------------------------------------------------------------------------------------

HOSTILE = (
    "lesson=<img src=x onerror=window.hit=1>",
    "H=%22%3E%3Cscript%3Ewindow.hit=1%3C/script%3E",
    "<script>window.hit=1</script>",
    "theme=%22%3E%3Cscript%3Ewindow.hit=1%3C/script%3E&embed=%27",
    "%ff=%fe&H=%00",
    "H=1e400&W=" + "9" * 400,
    "compare=compare%3Dcompare%253D%3Cscript%3Ewindow.hit%3D1%3C/script%3E",
    "show=<svg onload=window.hit=1>&lock=javascript:window.hit=1",
    "x" * 8192,
    "&".join(f"{letter}=<b>" for letter in "abcdefghijklmno"),
)


@pytest.mark.parametrize("asked", HOSTILE, ids=range(len(HOSTILE)))
def test_a_strangers_query_runs_nothing_and_the_page_works(browser: Browser, server: Server, asked: str) -> None:
    with visiting(browser, server, asked) as page:
        assert page.page.evaluate("window.hit") is None
        assert page.output_shape() == (4, 4, 4)
        notes = page.page.locator(".sl-link-notes")
        if not asked.startswith("theme"):
            expect(notes).to_be_visible()
        assert page.page.locator(".sl-link-notes :is(img, script, b, svg)").count() == 0
        page.set(H=9)
        says(page, "H=9")
        assert page.page.evaluate("window.hit") is None


def test_a_notice_can_be_sent_away_by_key(browser: Browser, server: Server) -> None:
    with visiting(browser, server, "H=9&Hx=3") as page:
        notes = page.page.locator(".sl-link-notes")
        expect(notes).to_contain_text("Conv2D has no 'Hx', did you mean 'H'?")
        page.page.get_by_role("button", name="Dismiss").press("Enter")
        expect(notes).to_be_hidden()


# -- a picture of one's own ---------------------------------------------------------------------------------------


def test_an_uploaded_picture_outlives_a_reload_but_is_in_no_link(browser: Browser, server: Server) -> None:
    with visiting(browser, server, "H=9") as page:
        page.choose("pattern", "upload")
        give(page, "halves.png", png(halves()))
        says(page, "H=9&picture=kept")
        page.wait_for_values("input")
        expect(page.page.locator(".sl-upload canvas")).to_be_visible()
        before = page.until(lambda: page.values("input"), lambda z: z.size > 0)
        page.reload()
        says(page, "H=9&picture=kept")
        expect(page.page.locator(".sl-upload canvas")).to_be_visible()
        after = page.until(lambda: page.values("input"), lambda z: z.tolist() == before.tolist())
        assert after.tolist() == before.tolist()
        share(page)
        assert page.page.get_by_label("Link", exact=True).input_value() == f"{server.url}?H=9"
        expect(page.page.get_by_text("A picture of your own stays in this tab.")).to_be_visible()


def test_a_picture_of_a_lesson_that_is_not_shown_outlives_a_reload_too(browser: Browser, server: Server) -> None:
    with visiting(browser, server, "H=9") as page:
        page.choose("pattern", "upload")
        give(page, "halves.png", png(halves()))
        before = page.until(lambda: page.values("input").tolist(), lambda z: z[0][0] == z[-1][1] == 1.0)
        page.tool("Compare").click()  # what is pinned is what is shown
        says(page, "H=9&compare=H%3D9&picture=kept")
        page.choose_lesson("Conv1D")
        says(page, "lesson=conv1d&compare=H%3D9")
        page.reload()
        pinned = page.page.locator(".sl-pinned .shapelab-figure").first
        assert page.until(lambda: page.values("input", pinned).tolist(), lambda z: z == before) == before
        page.choose_lesson("Conv2D")
        assert page.until(lambda: page.values("input").tolist(), lambda z: z == before) == before
        says(page, "H=9&compare=H%3D9&picture=kept")


# -- sharing ------------------------------------------------------------------------------------------------------


def share(page: Dashboard) -> None:
    page.page.get_by_role("button", name="Share").click()
    expect(page.page.get_by_role("dialog", name="Share what is shown")).to_be_visible()


def link_of(page: Dashboard) -> str:
    return page.page.get_by_label("Link", exact=True).input_value()


def test_the_dialog_gives_the_link_and_takes_back_the_keys(browser: Browser, server: Server) -> None:
    with visiting(browser, server, "H=9&cell=1,2") as page:
        assert not [each for each in page.requests if "share.js" in each.url or "qr.svg" in each.url]
        share(page)
        assert link_of(page) == f"{server.url}?H=9&cell=1,2"
        assert page.page.evaluate("document.activeElement.closest('dialog') !== null")
        for _ in range(12):
            page.page.keyboard.press("Tab")
            inside = page.page.evaluate(
                "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
            )
            assert inside
        page.page.keyboard.press("Escape")
        expect(page.page.get_by_role("dialog")).to_have_count(0)
        expect(page.page.get_by_role("button", name="Share")).to_be_focused()


@pytest.mark.parametrize("clipboard", [True, False])
def test_copy_works_with_and_without_a_clipboard(browser: Browser, server: Server, clipboard: bool) -> None:
    """Over plain http a page has no clipboard but the old command's."""
    granted = ["clipboard-read", "clipboard-write"] if clipboard else []
    with visiting(browser, server, "H=9", permissions=granted) as page:
        if not clipboard:
            page.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        page.page.evaluate("document.addEventListener('copy', () => (window.copied = String(getSelection())))")
        share(page)
        page.page.get_by_role("button", name="Copy").first.click()
        expect(page.page.get_by_text("Copied.")).to_be_visible()
        read = "navigator.clipboard.readText()" if clipboard else "window.copied"
        assert page.page.evaluate(read) == f"{server.url}?H=9"


def test_what_is_ticked_is_in_the_link_and_in_the_frames_code(browser: Browser, server: Server) -> None:
    with visiting(browser, server, "H=9") as page:
        share(page)
        page.page.get_by_label("lock: nothing can be changed").check()
        assert link_of(page) == f"{server.url}?H=9&lock=1"
        page.page.get_by_label("only these controls:").check()
        boxes = page.page.locator(".sl-share fieldset label")
        expect(boxes.first).to_have_text("H")
        for name in ("H", "stride"):
            page.page.get_by_label(name, exact=True).and_(page.page.locator(".sl-share input")).check()
        page.page.get_by_label("embed:").check()
        link = link_of(page)
        assert link == f"{server.url}?H=9&lock=1&embed=1&show=H,stride"
        frame = page.page.get_by_label("Code of the frame").input_value()
        assert unescape(re.search(r'src="([^"]*)"', frame)[1]) == link  # type: ignore[index]
        page.page.keyboard.press("Escape")
        assert query(page) == "H=9"
    with visiting(browser, server, urlsplit(link).query) as page:
        expect(page.page.locator(".sl-left .shapelab-control").filter(visible=True)).to_have_count(2)
        expect(page.page.locator(".shapelab-header")).to_be_hidden()


PAINTED = """async (image, side) => {
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side * 8;
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0, side * 8, side * 8);
  const { data } = pen.getImageData(0, 0, side * 8, side * 8);
  const dark = (row, column) => data[4 * ((row * 8 + 4) * side * 8 + column * 8 + 4)] < 128;
  return Array.from({ length: side }, (_, row) => Array.from({ length: side }, (_, column) => dark(row, column)));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_room_sees_the_code_of_the_link(browser: Browser, server: Server, scheme: Any) -> None:
    with visiting(browser, server, "H=9&compare=H%3D5", color_scheme=scheme) as page:
        share(page)
        code = page.page.locator(".sl-share img")
        text = f"{server.url}?H=9&compare={quote('H=5')}"
        wanted = [
            [bool(x) for x in row] for row in segno.make_qr(text, error="m", boost_error=False).matrix_iter(border=4)
        ]
        painted = page.until(lambda: code.evaluate(PAINTED, len(wanted)), lambda seen: seen == wanted)
        assert painted == wanted
        page.page.get_by_role("button", name="QR code of the link").click()
        box = code.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 700
        page.page.get_by_role("button", name="QR code of the link").press("Enter")
        expect(page.page.get_by_label("Link", exact=True)).to_be_visible()


def test_a_phone_can_share(browser: Browser, server: Server) -> None:
    with visiting(browser, server, "H=9", viewport={"width": 360, "height": 740}) as page:
        share(page)
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box = page.page.get_by_role("dialog").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        page.page.get_by_role("button", name="Close").click()
        expect(page.page.get_by_role("dialog")).to_have_count(0)
