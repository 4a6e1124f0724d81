"""From the request to the live page: what is seen first is what stays, and what it costs on the wire."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from app.dashboard import Dashboard
from app.server import PATIENCE, Server

FIRST, LIVE = "[data-shapelab-first]", "#rendered_cells"
SIZES = {"desk": (1440, 900), "notebook": (1000, 800), "phone": (390, 844), "projector": (1920, 1080)}

SEEN = """([root, figure, control]) => {
  const top = document.querySelector(root);
  const boxes = {}, texts = {};
  const add = (name, element) => {
    const box = element.getBoundingClientRect();
    boxes[name] = [box.left, box.top + scrollY, box.width, box.height].map(Math.round);
  };
  for (const css of [".sl-answer", ".sl-answer .sl-output", ".sl-rules", ".sl-said", ".sl-code", ".sl-table"])
    add(css, top.querySelector(css));
  const figures = [...top.querySelectorAll(figure)].filter(each => each.checkVisibility());
  figures.forEach((each, i) => add(`figure ${i}`, each));
  const controls = [...top.querySelectorAll(control)].filter(each => each.checkVisibility());
  controls.forEach((each, i) => add(`control ${i}`, each));
  [...top.querySelectorAll(".shapelab-lessons .jupyter-button")].forEach((each, i) => add(`tab ${i}`, each));
  for (const css of [".sl-answer", ".sl-rules", ".sl-said", ".sl-code", ".sl-table"])
    texts[css] = top.querySelector(css).innerText.trim();
  figures.forEach((each, i) => {
    texts[`figure ${i}`] = [...each.querySelectorAll("svg text")].map(text => text.textContent);
    [...each.querySelectorAll("svg text")].forEach((text, j) => add(`text ${i} ${j}`, text));
  });
  return { boxes, texts };
}"""

COLOURS = """(root) => {
  const wanted = [".sl-answer .sl-input", ".sl-answer .sl-output", ".sl-rule .sl-padding", ".sl-rule b", ".sl-code"];
  const colour = css => getComputedStyle(document.querySelector(`${root} ${css}`)).color;
  const seen = Object.fromEntries(wanted.map(css => [css, colour(css)]));
  const marks = [...document.querySelectorAll(`${root} .sl-centre svg text`)].filter(text => text.checkVisibility());
  seen.marks = [...new Set(marks.map(text => getComputedStyle(text).fill))].sort();
  return seen;
}"""


@pytest.fixture(scope="module")
def _known(browser: Browser, server: Server) -> None:
    """One visitor comes before the others, and the engine has answered."""
    context = browser.new_context()
    page = context.new_page()
    for _ in range(30):
        page.goto(server.url)
        if page.locator(f"{FIRST} .sl-arithmetic").count():
            break
        page.wait_for_timeout(500)
    context.close()


def held_back(browser: Browser, server: Server, size: tuple[int, int], scheme: Any = "light") -> Page:
    """A page whose script does not come before it is let."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.add_init_script(
        """window.shifts = 0;
        new PerformanceObserver(list => list.getEntries().forEach(each => (window.shifts += each.value)))
          .observe({ type: "layout-shift", buffered: true });"""
    )
    waiting: list[Any] = []
    page.route("**/voila.js", lambda route: waiting.append(route))
    page.goto(server.url, wait_until="commit")
    expect(page.locator(f"{FIRST} .sl-arithmetic")).to_be_visible()
    page.wait_for_function("() => document.querySelector('#jupyter-config-data')")
    page.waiting = waiting  # type: ignore[attr-defined]
    return page


def let_go(page: Page) -> None:
    while not page.waiting:  # type: ignore[attr-defined]
        page.wait_for_timeout(20)
    page.waiting[0].continue_()  # type: ignore[attr-defined]
    expect(page.locator(FIRST)).to_have_count(0)


@pytest.mark.usefixtures("_known")
@pytest.mark.parametrize("size", SIZES)
def test_the_live_page_is_where_the_first_one_was_and_says_the_same(
    browser: Browser, server: Server, size: str
) -> None:
    page = held_back(browser, server, SIZES[size])
    first = page.evaluate(SEEN, [FIRST, ".sl-first-figure", ".sl-first-control"])
    let_go(page)
    page.wait_for_function("() => document.querySelectorAll('.shapelab-figure[data-drawn]').length >= 2")
    live = page.evaluate(SEEN, [LIVE, ".shapelab-figure", ".shapelab-control"])
    shifts = page.evaluate("window.shifts")
    page.context.close()
    assert first["texts"] == live["texts"]
    moved = {
        name: (box, live["boxes"][name])
        for name, box in first["boxes"].items()
        if any(abs(a - b) > 1 for a, b in zip(box, live["boxes"][name], strict=True))
    }
    assert not moved
    assert shifts < 0.01


@pytest.mark.usefixtures("_known")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_page_wears_the_colours_of_the_live_one(browser: Browser, server: Server, scheme: str) -> None:
    page = held_back(browser, server, SIZES["desk"], scheme)
    first = page.evaluate(COLOURS, FIRST)
    let_go(page)
    live = page.evaluate(COLOURS, LIVE)
    page.context.close()
    assert first == live


@pytest.mark.usefixtures("_known")
def test_the_first_page_can_be_looked_at_and_nothing_else(browser: Browser, server: Server) -> None:
    page = held_back(browser, server, SIZES["desk"])
    for _ in range(12):
        page.keyboard.press("Tab")
        assert not page.evaluate(f"document.activeElement.closest('{FIRST}') !== null")
    told = page.locator("body").aria_snapshot()
    assert "starting" in told
    assert "(4, 4, 4)" not in told
    page.context.close()


@pytest.mark.usefixtures("_known")
def test_the_page_has_one_plotly(browser: Browser, server: Server) -> None:
    with Dashboard.visiting(browser, server.url) as dashboard:
        scripts = [request for request in dashboard.requests if "plotly" in request.url]
        assert len(scripts) == 1, [request.url for request in scripts]


class Wire:
    """A port in front of the server that counts what passes, both ways."""

    def __init__(self, server: Server) -> None:
        there = urlsplit(server.url)
        self.bytes = 0
        self._there = (there.hostname, there.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def close(self) -> None:
        hang_up(self._listener)
        for connection in self._open:
            hang_up(connection)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _listen(self) -> None:
        with self._listener, contextlib.suppress(OSError):
            while True:
                self._threads.append(threading.Thread(target=self._connect, args=(self._listener.accept()[0],)))
                self._threads[-1].start()

    def _connect(self, browser: socket.socket) -> None:
        with browser, socket.create_connection(self._there) as server:
            self._open += [browser, server]
            back = threading.Thread(target=self._pass, args=(server, browser))
            back.start()
            self._pass(browser, server)
            back.join()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                self.bytes += len(chunk)
                target.sendall(chunk)
        hang_up(source)
        hang_up(target)


def hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    running = Wire(server)
    yield running
    running.close()


@pytest.mark.usefixtures("_known")
def test_bytes_of_a_first_and_a_second_visit(browser: Browser, wire: Wire) -> None:
    """Everything that passes: HTTP with its headers, and the websocket."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    spent = []
    for _ in ("first", "second"):
        before = wire.bytes
        dashboard = Dashboard(context, wire.url)
        dashboard.open()
        dashboard.settled_messages()
        spent.append(wire.bytes - before)
        dashboard._leaving = True
        dashboard.page.close()
    context.close()
    assert spent[0] < 3_000_000, f"a first visit takes {spent[0]:,} bytes"
    assert spent[1] < 300_000, f"a second visit takes {spent[1]:,} bytes"
