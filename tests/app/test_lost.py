"""A page that loses its kernel: it says so, and comes back as it was, by itself or with its visitor."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, Route, expect

from app.dashboard import Dashboard
from app.server import PATIENCE, Server, serving

SCRIPT = re.compile(r"/voila/voila\.js$")
KERNEL_IS_GONE = """async () => {
  const { baseUrl, kernelId } = JSON.parse(document.getElementById("jupyter-config-data").textContent);
  return (await fetch(`${baseUrl}shapelab/kernel/${kernelId}`)).status === 404;
}"""


def moved(page: Dashboard) -> None:
    page.choose_lesson("Conv1D")
    page.set(L=9, stride=3)
    expect(page.page).to_have_url(re.compile(r"L=9.*stride=3|stride=3.*L=9"))


def as_it_was(page: Dashboard) -> None:
    page.wait_until_live()
    assert (page.setting("L"), page.setting("stride")) == (9, 3)
    assert page.output_shape() == (3, 4)
    page.set(L=12)  # and it goes on
    expect(page.page.locator(".shapelab-output-shape")).to_have_text("(4, 4)")
    page.complaints.clear()  # requests to what was gone


def test_a_kernel_that_dies_takes_nothing_with_it(browser: Browser, server: Server) -> None:
    with Dashboard.visiting(browser, server.url) as page:
        moved(page)
        kernel = server.kernel_of(page.page.content().replace("&quot;", '"'))
        with page.page.expect_navigation():
            kernel.kill()
        as_it_was(page)


def test_a_page_that_is_left_alone_goes_on_when_somebody_comes(browser: Browser, tmp_path: Path) -> None:
    with (
        serving(tmp_path, options=["--public", "--idle-minutes", "0.25"]) as server,
        Dashboard.visiting(browser, server.url) as page,
    ):
        moved(page)
        banner = page.page.locator(".shapelab-banner")
        expect(banner).to_contain_text("left alone", timeout=2 * PATIENCE * 1000)
        expect(banner.get_by_role("button")).to_have_text("Reload")
        assert "shapelab_visitors 0.0" in server.get("/metrics")[1].decode(), "nobody is there, and a place is taken"
        with page.page.expect_navigation():
            page.page.mouse.move(300, 300)
        page.wait_until_live()
        assert (page.setting("L"), page.setting("stride")) == (9, 3)
        page.complaints.clear()


def test_a_page_whose_kernel_ends_while_its_scripts_are_on_their_way_begins_anew(
    browser: Browser, server: Server
) -> None:
    context = browser.new_context()
    page = Dashboard(context, server.url + "?lesson=conv1d&L=9&stride=3")
    page.leaves()
    held: list[Route] = []
    page.page.route(SCRIPT, lambda route: held.append(route), times=1)
    page.page.goto(page.url, wait_until="commit")
    expect(page.page.locator("#jupyter-config-data")).to_be_attached()
    server.kernel_of(page.page.content()).kill()
    page.page.wait_for_function(KERNEL_IS_GONE)
    with page.page.expect_navigation():
        held.pop().continue_()
    as_it_was(page)
    context.close()


def test_two_frames_of_one_tab_each_come_back_as_they_were(browser: Browser, server: Server) -> None:
    frames = (
        '<iframe src="/?H=9" width="1200" height="800"></iframe><iframe src="/?H=9" width="1200" height="800"></iframe>'
    )
    context = browser.new_context(viewport={"width": 1300, "height": 1700})
    page = context.new_page()
    page.route("**/course.html", lambda route: route.fulfill(body=frames, content_type="text/html"))
    page.goto(f"{server.url}course.html")
    first, second = (page.frame_locator(f"iframe >> nth={which}") for which in (0, 1))
    size = ".shapelab-output-shape"
    for frame, stride in ((first, 1), (second, 3)):
        frame.locator(".shapelab-control-stride input").fill(str(stride))
        frame.locator(".shapelab-control-stride input").press("Enter")
    expect(first.locator(size)).to_have_text("(9, 7, 4)")
    expect(second.locator(size)).to_have_text("(3, 3, 4)")
    for frame, which, stride in ((page.frames[1], first, 1), (page.frames[2], second, 3)):
        frame.wait_for_url(re.compile(f"stride={stride}"))
        with page.expect_event("framenavigated", lambda navigated, frame=frame: navigated == frame):
            frame.evaluate("location.reload()")
        expect(which.locator(".shapelab-starting")).to_have_count(0)
        which.get_by_role("button", name="Undo").click()
        expect(which.locator(size)).to_have_text("(5, 4, 4)")
        expect(which.get_by_role("button", name="Undo")).to_be_disabled()
    context.close()


def test_settings_of_other_lessons_and_what_can_be_undone_come_back(browser: Browser, server: Server) -> None:
    with Dashboard.visiting(browser, server.url) as page:
        size = page.page.locator(".shapelab-output-shape")
        page.set(H=9, stride=3)
        page.choose_lesson("U-Net")
        page.set(H=32)
        page.set(base_features=4)
        expect(page.page).to_have_url(re.compile(r"lesson=unet&H=32&base_features=4"))
        page.tool("Undo").click()
        expect(page.page).to_have_url(re.compile(r"lesson=unet&H=32$"))
        kernel = server.kernel_of(page.page.content().replace("&quot;", '"'))
        with page.page.expect_navigation():
            kernel.kill()
        expect(size).to_have_text("(32, 48, 8)")
        page.tool("Redo").click()
        expect(size).to_have_text("(32, 48, 4)")
        page.choose_lesson("Conv2D")
        expect(size).to_have_text("(3, 3, 4)")
        assert (page.setting("H"), page.setting("stride")) == (9, 3)
        expect(page.page).to_have_url(re.compile(r"\?H=9&stride=3$"))
        page.reload()
        for shown in ("(32, 48, 4)", "(32, 48, 8)", "(64, 48, 8)", "(3, 3, 4)"):
            page.tool("Undo").click()
            expect(size).to_have_text(shown)
        page.page.goto(f"{server.url}?lesson=conv1d&L=12")  # somebody else's link, in this tab
        expect(size).to_have_text("(12, 4)")
        expect(page.tool("Undo")).to_be_disabled()
        page.choose_lesson("Conv2D")
        expect(size).to_have_text("(4, 4, 4)")
        page.complaints.clear()  # requests to what was gone
