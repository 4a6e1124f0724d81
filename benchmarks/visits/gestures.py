"""What a hand does to a slider."""

from __future__ import annotations

import math
import time

from playwright.sync_api import Locator
from playwright.sync_api import Page as BrowserPage

MOVES_A_SECOND = 30


def drag(page: BrowserPage, slider: Locator, low: float, high: float, seconds: float) -> None:
    """Pull a slider's handle to and fro between two values, 30 moves a second, and stop near the higher."""
    handle = slider.locator(".noUi-handle")
    handle.scroll_into_view_if_needed()
    knob, track = handle.bounding_box(), slider.locator(".noUi-base").bounding_box()
    if knob is None or track is None:
        raise RuntimeError("the slider is not on the page")
    first, last = (float(handle.get_attribute(f"aria-value{end}") or "nan") for end in ("min", "max"))
    y = knob["y"] + knob["height"] / 2
    page.mouse.move(knob["x"] + knob["width"] / 2, y)
    page.mouse.down()
    begin = time.perf_counter()
    count = max(int(seconds * MOVES_A_SECOND), 2)
    for number in range(1, count + 1):
        value = low + (high - low) * (0.5 - 0.45 * math.cos(number / count * 3 * math.pi))
        page.mouse.move(track["x"] + track["width"] * (value - first) / (last - first), y)
        time.sleep(max(0.0, begin + number / MOVES_A_SECOND - time.perf_counter()))


def hover(page: BrowserPage, over: Locator) -> None:
    """Move the pointer across a picture."""
    box = over.bounding_box()
    if box is None:
        raise RuntimeError("the picture is not on the page")
    for step in range(1, 40):
        page.mouse.move(box["x"] + box["width"] * step / 40, box["y"] + box["height"] * (0.3 + step % 5 / 10))
        page.wait_for_timeout(10)
