"""A visitor of the dashboard, and another who comes after."""

from __future__ import annotations

import time
from itertools import cycle, islice
from typing import Any

from playwright.sync_api import Browser

from visits import gestures
from visits.lessons import CONV2D, LESSONS, UNET, Lesson, Move, Settings, Unseen
from visits.page import Page
from visits.samples import Plan, Samples
from visits.serving import Served
from visits.wire import Wire

SETTLE = 1500
"""Milliseconds for the server to clear up behind a visitor."""
VIEW: Any = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"}


class Visitor:
    """One visit of the dashboard: opens the page, moves its controls, keeps what each took."""

    def __init__(self, context: Any, url: str, samples: Samples, plan: Plan, cache: str) -> None:
        """Open the page and wait for a control to answer; ``cache`` names the browser's cache: empty or warm."""
        self._samples = samples
        self._pause = plan.pause
        self.settings: dict[str, Settings] = {lesson.title: dict(lesson.start) for lesson in LESSONS}
        self._clock = Page(context, url, "dashboard", CONV2D.shown(self.settings["Conv2D"]))
        self.page = self._clock.page
        samples.add(f"first {cache}", self._clock.opened["firstPicture"])
        samples.add(f"controls {cache}", self._clock.opened["controls"])
        samples.add(f"live {cache}", self._first_answer())

    def move(self, lesson: Lesson, move: Move, name: str) -> None:
        """Move a control of the lesson on the page; "picture" and "values" are kept under ``name``."""
        after = lesson.after(self.settings[lesson.title], move.field, move.value)
        found = self._clock.move(lesson.shown(after), ["picture", "values"], lambda: self._act(move))
        self.settings[lesson.title] = after
        self._keep(found, name, f"{lesson.title}: {move}")
        self.page.wait_for_timeout(self._pause)

    def choose(self, lesson: Lesson) -> None:
        """Turn to a lesson, with its pictures and values there."""
        button = self.page.locator(".shapelab-lessons").get_by_role("button", name=lesson.title, exact=True)
        shown = lesson.shown(self.settings[lesson.title])
        self._clock.move(shown, ["picture", "values"], button.click, on=None)
        self.page.wait_for_timeout(self._pause)

    def drag(self, lesson: Lesson, seconds: float) -> None:
        """Drag the lesson's slider; keeps paints a second, and how long after the last move the page is right."""
        control = self.page.locator(f".shapelab-control-{lesson.drag}")
        handle = control.locator(".noUi-handle")
        settings = self.settings[lesson.title]

        def shown() -> dict[str, Any]:
            settings[lesson.drag] = _value(handle)
            return lesson.shown(settings)

        low, high, _ = lesson.moves[lesson.drag]
        found = self._clock.drag(lambda: gestures.drag(self.page, control, low, high, seconds), shown)
        self.page.mouse.up()
        self._samples.add(f"paints {lesson.title}", 1000 * found["paintsWhileMoving"] / found["movedFor"])
        self._samples.add(f"after {lesson.title}", found["marks"]["picture"])
        if found["lost"]:
            self._samples.lose(f"{lesson.title}: drag to {settings}; it showed {found['shown']}")
        self._clock.move(lesson.shown(settings), ["picture", "values"], lambda: None, on=None)
        self.page.wait_for_timeout(self._pause)

    def hover(self) -> None:
        """Move the pointer over the picture; keeps the messages that it sent."""
        self.page.wait_for_timeout(SETTLE)
        before = self._clock.messages
        gestures.hover(self.page, self.page.locator(".sl-centre .shapelab-figure:visible").first)
        self.page.wait_for_timeout(SETTLE / 2)
        self._samples.add("hover", self._clock.messages - before)

    def leave(self) -> None:
        """Close the page."""
        self._clock.close()
        time.sleep(SETTLE / 1000)

    def _first_answer(self) -> float:
        """Milliseconds from the request to the shapes of the first key pressed; pressed again if it was lost."""
        handle = self.page.locator(".shapelab-control-H .noUi-handle")
        for patience in (3_000, 6_000, None):
            settings = {**self.settings["Conv2D"], "H": _value(handle) + 1}
            found = self._clock.move(
                CONV2D.shown(settings), ["shapes"], lambda: handle.press("ArrowRight"), patience=patience
            )
            self.settings["Conv2D"] = settings
            if not found["lost"]:
                break
        self._clock.move(CONV2D.shown(settings), ["picture", "values"], lambda: None, on=None)
        return float(found["began"] + found["marks"]["shapes"])

    def _act(self, move: Move) -> None:
        control = self.page.locator(f".shapelab-control-{move.field}")
        if move.key:
            control.locator(".noUi-handle").press(move.key)
        else:
            control.locator("input").fill(str(move.value))
            control.locator("input").press("Enter")

    def _keep(self, found: dict[str, Any], name: str, what: str) -> None:
        for mark, took in found["marks"].items():
            self._samples.add(f"{mark} {name}", took)
        if found["lost"]:
            self._samples.lose(f"{what}; it showed {found['shown']}")


def measure(
    browser: Browser, served: Served, wire: Wire, unseen: Unseen, samples: Samples, plan: Plan, minutes: float
) -> None:
    """One round: a first visit that goes where nobody was, then another visitor's to the same places."""
    context = browser.new_context(**VIEW)
    url = f"http://127.0.0.1:{wire.port}/"
    wire.taken()
    visitor = Visitor(context, url, samples, plan, "empty")
    samples.add("bytes first", wire.taken())
    unseen.saw(CONV2D, visitor.settings["Conv2D"])
    trails = {lesson.title: _explore(visitor, lesson, unseen, plan) for lesson in LESSONS}
    visitor.choose(CONV2D)
    visitor.hover()
    for lesson in LESSONS:
        visitor.choose(lesson)
        visitor.drag(lesson, plan.drag)
        unseen.saw(lesson, visitor.settings[lesson.title])
    _use(visitor, unseen, minutes)
    samples.add("kernel", served.kernel_bytes())
    samples.add("engine", served.engine_bytes())
    visitor.leave()
    wire.taken()
    other = Visitor(context, url, samples, plan, "warm")
    samples.add("bytes second", wire.taken())
    for lesson in LESSONS:
        if lesson is not CONV2D:
            other.choose(lesson)
        for move in trails[lesson.title]:
            other.move(lesson, Move(move.field, move.value, key=None), f"seen {lesson.title}")
    other.leave()
    context.close()


def _explore(visitor: Visitor, lesson: Lesson, unseen: Unseen, plan: Plan) -> list[Move]:
    """Moves where nobody was; those that build other channels of a U-Net are kept apart."""
    if lesson is not CONV2D:
        visitor.choose(lesson)
    fields = list(islice(cycle(field for field in lesson.moves if field != "base_features"), plan.moves))
    fields += ["base_features"] * (max(plan.moves // 2, 1) if lesson is UNET else 0)
    trail = []
    for move in unseen.moves(lesson, visitor.settings[lesson.title], fields):
        visitor.move(lesson, move, "new base_features" if move.field == "base_features" else f"new {lesson.title}")
        trail.append(move)
    return trail


def _use(visitor: Visitor, unseen: Unseen, minutes: float) -> None:
    """Go on using the page, for what it does to memory."""
    end = time.monotonic() + 60 * minutes
    for lesson in cycle(LESSONS):
        if time.monotonic() >= end:
            return
        visitor.choose(lesson)
        for move in unseen.moves(lesson, visitor.settings[lesson.title], list(lesson.moves)):
            visitor.move(lesson, move, "use")


def _value(handle: Any) -> int:
    return round(float(handle.get_attribute("aria-valuenow") or "nan"))
