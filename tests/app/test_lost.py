"""A page that loses its kernel: it says so, and comes back as it was, by itself or with its visitor."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from app.dashboard import Dashboard
from app.server import PATIENCE, Server, serving


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
