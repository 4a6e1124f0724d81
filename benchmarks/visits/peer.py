"""A visitor of the naive notebook. Its one callback computes and paints everything, so a move has one time."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Browser, Locator

from visits import gestures
from visits.ours import SETTLE, VIEW
from visits.page import Page
from visits.samples import Plan, Samples
from visits.serving import Served
from visits.wire import Wire

START = {"H": 64, "W": 48, "kernel": 3, "stride": 2, "base_features": 8}
STEP = {"H": 4, "W": 4}
UNSEEN = (("H", "ArrowRight"), ("W", "ArrowRight"), ("kernel", "ArrowRight"), ("stride", "ArrowRight"))


class Visitor:
    """One visit: opens the page, moves its sliders, keeps what each took."""

    def __init__(self, context: Any, url: str, samples: Samples, plan: Plan, cache: str) -> None:
        """Open the page and wait for a slider to answer; ``cache`` names the browser's cache: empty or warm."""
        self._samples = samples
        self._pause = plan.pause
        self._settings = dict(START)
        self._clock = Page(context, url, "peer", _shown(self._settings))
        self.page = self._clock.page
        samples.add(f"first {cache}", self._clock.opened["firstPicture"])
        found = self._press("H", "ArrowRight")
        samples.add(f"live {cache}", found["began"] + found["marks"]["picture"])

    def move(self, field: str, key: str, name: str) -> None:
        """Press a key on a slider."""
        found = self._press(field, key)
        self._samples.add(f"picture {name}", found["marks"]["picture"])
        if found["lost"]:
            self._samples.lose(f"notebook: {field} to {self._settings}; it showed {found['shown']}")
        self.page.wait_for_timeout(self._pause)

    def drag(self, seconds: float) -> None:
        """Drag H; keeps paints a second, and how long after the last move the page is right."""
        handle = self._handle("H")

        def shown() -> dict[str, Any]:
            self._settings["H"] = round(float(handle.get_attribute("aria-valuenow") or "nan"))
            return _shown(self._settings)

        found = self._clock.drag(lambda: gestures.drag(self.page, self._slider("H"), 8, 128, seconds), shown)
        self.page.mouse.up()
        self._samples.add("paints", 1000 * found["paintsWhileMoving"] / found["movedFor"])
        self._samples.add("after", found["marks"]["picture"])

    def leave(self) -> None:
        """Close the page."""
        self._clock.close()
        time.sleep(SETTLE / 1000)

    def _press(self, field: str, key: str) -> dict[str, Any]:
        step = STEP.get(field, 1) * (1 if key == "ArrowRight" else -1)
        self._settings[field] += step
        return self._clock.move(_shown(self._settings), ["picture"], lambda: self._handle(field).press(key))

    def _slider(self, field: str) -> Locator:
        return self.page.locator(".widget-slider").nth(list(START).index(field))

    def _handle(self, field: str) -> Locator:
        return self._slider(field).locator(".noUi-handle")


def measure(browser: Browser, served: Served, wire: Wire, samples: Samples, plan: Plan) -> None:
    """One round: new settings, then back through those seen, a drag, and a second visit."""
    context = browser.new_context(**VIEW)
    url = f"http://127.0.0.1:{wire.port}/"
    wire.taken()
    visitor = Visitor(context, url, samples, plan, "empty")
    samples.add("bytes first", wire.taken())
    for field, key in UNSEEN:
        visitor.move(field, key, "new")
    for field, _ in reversed(UNSEEN):
        visitor.move(field, "ArrowLeft", "seen")
    visitor.move("base_features", "ArrowRight", "new base_features")
    visitor.drag(plan.drag)
    samples.add("kernel", served.kernel_bytes())
    visitor.leave()
    wire.taken()
    other = Visitor(context, url, samples, plan, "warm")
    samples.add("bytes second", wire.taken())
    other.leave()
    context.close()


def _shown(s: dict[str, int]) -> dict[str, Any]:
    """The titles over the two pictures."""
    image = f"({s['H']}, {s['W']}, 3)"
    conv = f"({-(-s['H'] // s['stride'])}, {-(-s['W'] // s['stride'])}, 4)"
    unet = f"({s['H']}, {s['W']}, {s['base_features']})"
    return {
        "titles": [
            f"Conv2D, kernel {s['kernel']}, stride {s['stride']}: {image} → {conv}",
            f"U-Net, base_features {s['base_features']}: {image} → {unet}",
        ]
    }
