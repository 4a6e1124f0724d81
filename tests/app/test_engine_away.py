"""A page whose engine dies: it says so, keeps what it shows, and goes on by itself."""

from __future__ import annotations

import re
from pathlib import Path

import psutil
from playwright.sync_api import Browser, expect

from app.dashboard import Dashboard
from app.server import serving


def test_the_page_says_that_the_engine_is_away_and_recovers_by_itself(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as server, Dashboard.visiting(browser, server.url) as page:
        (engine,) = (p for p in psutil.Process(server.process.pid).children() if "shapelab.engine" in p.cmdline())
        engine.kill()
        psutil.wait_procs([engine], timeout=30)
        page.type("H", 23)
        expect(page.notice()).to_have_text(re.compile("engine is away"))
        assert page.output_shape() == (4, 4, 4), "what was shown is gone"
        assert page.setting("H") == 23, "what was typed is gone"
        expect(page.page.locator(".shapelab-output-shape")).to_have_text("(12, 4, 4)")
        expect(page.notice()).to_have_count(0)
        values = page.wait_for_values()
        assert values.shape == (12, 4)
