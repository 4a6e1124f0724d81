"""Two servers behind the HAProxy of `deploy/`: one is killed, and its visitor goes on at the other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from app.dashboard import Dashboard
from app.server import serving
from deploy.proxies import found, proxy

pytestmark = pytest.mark.page

COOKIE = "shapelab-server"
PUBLIC = ["--public", "--drain-seconds", "0"]


@contextlib.contextmanager
def visitor_of(browser: Browser, url: str, server: str) -> Iterator[Dashboard]:
    """A visitor whom the proxy sends to one of the servers, as if they had been there before."""
    cookie = {"name": COOKIE, "value": server, "domain": urlsplit(url).hostname, "path": "/", "expires": -1}
    kept: dict[str, Any] = {
        "cookies": [{**cookie, "httpOnly": True, "secure": False, "sameSite": "Lax"}],
        "origins": [],
    }
    with Dashboard.visiting(browser, url, storage_state=kept) as page:
        yield page


def server_of(page: Dashboard) -> str:
    (name,) = (cookie["value"] for cookie in page.page.context.cookies() if cookie["name"] == COOKIE)
    return str(name)


def set_up(page: Dashboard, **settings: int) -> None:
    """Type settings; wait until the address holds them, which is what brings them back."""
    for field, value in settings.items():
        page.type(field, value)

    def held() -> bool:
        query = parse_qs(urlsplit(page.page.url).query)
        return all(query.get(field) == [str(value)] for field, value in settings.items())

    assert page.until(held, bool), f"the address does not follow: {page.page.url}"


@pytest.mark.timeout(420)  # two servers and two pages start, on a machine that may do much else
def test_the_visitor_of_a_killed_server_goes_on_at_the_other(browser: Browser, tmp_path: Path) -> None:
    found("haproxy")
    folders = {name: tmp_path / name for name in ("one", "two")}
    for folder in folders.values():
        folder.mkdir()
    with (
        serving(folders["one"], options=PUBLIC) as one,
        serving(folders["two"], options=PUBLIC) as two,
        proxy("haproxy", tmp_path, [urlsplit(each.url).port or 0 for each in (one, two)]) as url,
        visitor_of(browser, url, "one") as moved,
        visitor_of(browser, url, "two") as other,
    ):
        set_up(moved, H=23, stride=3)
        set_up(other, H=11)
        expect(moved.page.locator(".shapelab-output-shape")).to_have_text("(8, 3, 4)")
        expect(other.page.locator(".shapelab-output-shape")).to_have_text("(6, 4, 4)")
        assert (server_of(moved), server_of(other)) == ("one", "two")
        other.page.evaluate("() => { window.sameAsBefore = true; }")

        with moved.page.expect_event("load", timeout=90_000):  # by itself
            one.process.kill()
        moved.wait_until_live()
        assert server_of(moved) == "two"
        assert (moved.setting("H"), moved.setting("stride")) == (23, 3)
        expect(moved.page.locator(".shapelab-output-shape")).to_have_text("(8, 3, 4)")
        moved.complaints.clear()  # that the connection was lost
        moved.type("H", 24)
        moved.type("W", 14)
        expect(moved.page.locator(".shapelab-output-shape")).to_have_text("(8, 5, 4)")

        assert other.page.evaluate("() => window.sameAsBefore === true"), "the other visitor's page was loaded anew"
        other.type("W", 16)
        expect(other.page.locator(".shapelab-output-shape")).to_have_text("(6, 8, 4)")
        expect(other.page.locator(".shapelab-banner")).to_have_count(0)
        assert two.process.poll() is None
