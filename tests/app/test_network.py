"""What a page asks for, of whom, and what is left when it is closed."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

import psutil
import pytest
from playwright.sync_api import Browser

from app.dashboard import FIELDS, Dashboard
from app.server import PATIENCE, Server

NAMESPACES = {"www.w3.org"}
"""Hosts whose addresses are names of XML vocabularies; nobody asks them for anything."""


@pytest.fixture(scope="module")
def html(server: Server) -> str:
    with urlopen(server.url, timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
    return text


def test_every_request_of_every_lesson_stays_on_the_host(shared: Dashboard) -> None:
    for lesson in FIELDS:
        shared.choose_lesson(lesson)
    shared.page.get_by_role("button", name=re.compile("light and dark")).click()
    shared.wait_for_pictures()
    asked = [request.url for request in shared.requests if not request.url.startswith(("data:", "blob:"))]
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(shared.url).netloc}


def test_plotly_is_fetched_once_for_all_pictures_and_kept_by_the_browser(shared: Dashboard) -> None:
    for lesson in FIELDS:
        shared.choose_lesson(lesson)
    fetched = [request for request in shared.requests if "plotly" in request.url]
    assert len(fetched) == 1, [request.url for request in fetched]
    response = fetched[0].response()
    assert response is not None
    headers = response.all_headers()
    assert headers["content-encoding"] == "gzip"
    assert "immutable" in headers["cache-control"]
    assert int(re.findall(r"max-age=(\d+)", headers["cache-control"])[0]) >= 31_536_000
    assert hashlib.sha256(response.body()).hexdigest()[:16] in fetched[0].url, "the address does not follow the content"


def test_the_page_names_no_other_host(server: Server, html: str) -> None:
    loaded = re.findall(r"""(?:src|href|from|import|url)\s*[=(]?\s*[(]?\s*["']?((?:https?:)?//[^"'\s)>]+)""", html)
    hosts = {urlsplit(urljoin(server.url, address)).netloc for address in loaded}
    assert hosts <= {urlsplit(server.url).netloc} | NAMESPACES


def test_the_page_tells_no_path_of_this_machine(server: Server, html: str) -> None:
    for path in (str(server.log.parent), __file__.split("/tests/")[0]):
        assert path not in html


def test_closing_a_page_ends_its_kernel_and_no_other(browser: Browser, server: Server) -> None:
    with Dashboard.visiting(browser, server.url) as staying:
        context = browser.new_context()
        leaving = Dashboard(context, server.url)
        leaving.open()
        own = server.kernel_of(leaving.page.content())
        leaving.page.close(run_before_unload=True)
        _, alive = psutil.wait_procs([own], timeout=PATIENCE)
        assert not alive, "the kernel of a closed page still runs"
        context.close()
        staying.set(H=9)  # is answered
        assert staying.until(lambda: staying.input_shape(), lambda shape: shape[0] == 9)[0] == 9


def test_the_page_is_answered_under_any_query(server: Server) -> None:
    """Neither another template nor text of the visitor's gets into the page."""
    for query in ("?template=lab", "?template=nosuch", "?theme=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"):
        with urlopen(Request(server.url + query), timeout=PATIENCE) as answer:
            html = answer.read().decode()
        assert "shapelab-header" in html, query
        assert "alert(1)" not in html
