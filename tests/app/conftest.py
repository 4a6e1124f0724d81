"""One server for all of these tests, one browser, and pages that no error of the browser's escapes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from app.dashboard import Dashboard
from app.server import Server, environment, serving

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running
        assert running.process.poll() is None, f"the server died:\n{running.printed()}"


@pytest.fixture(scope="package")  # not of the session: while it lives, no other test could run an event loop
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        executable = found or (own if Path(own).exists() else None)
        if executable is None:
            pytest.fail(
                f"no browser: neither {', '.join(BROWSERS)} nor playwright's own is here. Get one with: "
                "python -m playwright install chromium",
                pytrace=False,
            )
        launched = playwright.chromium.launch(executable_path=executable, args=QUIET)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Dashboard]:
    """A visitor of its own."""
    with Dashboard.visiting(browser, server.url) as dashboard:
        yield dashboard


@pytest.fixture(scope="module")
def _visitor(browser: Browser, server: Server) -> Iterator[Dashboard]:
    with Dashboard.visiting(browser, server.url) as dashboard:
        yield dashboard


@pytest.fixture
def shared(_visitor: Dashboard) -> Iterator[Dashboard]:
    """One visitor for the tests of a file; each finds the page in whatever state the one before it left."""
    _visitor.page.set_viewport_size({"width": 1440, "height": 900})
    yield _visitor
    _visitor.assert_no_complaints()


SECRETS = {"SHAPELAB_TEST_SECRET": "open-sesame-1", "AWS_SECRET_ACCESS_KEY": "open-sesame-2"}
PLACES = 4


@pytest.fixture(scope="package")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for strangers with few places, which knows secrets that none of them may learn."""
    folder = tmp_path_factory.mktemp("public")
    options = ["--public", "--max-visitors", str(PLACES), "--drain-seconds", "0"]
    with serving(folder, env=environment(folder, **SECRETS), options=options) as running:
        yield running
        assert running.process.poll() is None, f"the server died:\n{running.printed()}"
