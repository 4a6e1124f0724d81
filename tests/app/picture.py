"""One picture in a browser, without a kernel behind it."""

from __future__ import annotations

import base64
import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route

from shapelab.explorers.figure_view import to_send
from shapelab.explorers.front import module, style

HERE = Path(__file__).parent


def as_json(spec: dict[str, Any]) -> str:
    """A specification as it travels, its bytes in base 64."""
    return json.dumps(to_send(spec), default=lambda data: base64.b64encode(data).decode())


@contextmanager
def picture_page(browser: Browser, **options: Any) -> Iterator[Page]:
    """A page with one picture and a model that leads nowhere."""
    plotly = importlib.util.find_spec("plotly")
    assert plotly is not None
    assert plotly.origin is not None
    bundle = Path(plotly.origin).parent / "package_data" / "plotly.min.js"
    files = {
        "/": ("text/html", (HERE / "figure_page.html").read_text(encoding="utf-8")),
        "/plotly.js": ("text/javascript", bundle.read_text(encoding="utf-8")),
        "/figure_view.js": ("text/javascript", module()),
        "/explorer.css": ("text/css", style()),
    }

    def answer(route: Route) -> None:
        kind, body = files["/" + route.request.url.split("/", 3)[3]]
        route.fulfill(content_type=kind, body=body)

    page = browser.new_page(**{"viewport": {"width": 900, "height": 800}, "color_scheme": "light", **options})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route("**/*", answer)
    page.goto("http://picture.test/")
    page.wait_for_function("globalThis.show !== undefined")
    yield page
    page.close()
    assert not complaints


def shows(page: Page, spec: dict[str, Any]) -> None:
    """Show a picture and wait until it is drawn."""
    before = page.evaluate("Number(document.getElementById('place').dataset.drawn ?? 0)")
    page.evaluate("json => show(json)", as_json(spec))
    page.wait_for_function("n => Number(document.getElementById('place').dataset.drawn ?? 0) > n", arg=before)
    assert page.locator("#place").get_attribute("aria-label") == spec["layout"]["meta"]["alt"]
