"""The page as its visitor has it: what can be taken hold of, and what can be read."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    WebSocket,
    expect,
)

from app.server import PATIENCE

expect.set_options(timeout=PATIENCE * 1000)
Seen = TypeVar("Seen")

CELL_ON_SCREEN = """(figure, [name, counts, row, column]) => {
  const stop = figure.querySelector(`[data-stop="${name}"]`), box = stop.getBoundingClientRect();
  const [, ...told] = stop.getAttribute("aria-label").match(/(\\d+) by (\\d+) cells/) ?? [];
  const [rows, columns] = counts ?? told.map(Number);
  return [box.left + ((column + 0.5) * box.width) / columns, box.top + ((row + 0.5) * box.height) / rows];
}"""

LIT = """rects => rects.map(({ className, dataset }) => [
  className.baseVal.replace("shapelab-lit-", ""), dataset.plane, Number(dataset.row), Number(dataset.column)])"""

READ_TRACES = """plot => plot.data.map(trace => ({
  name: trace.name, type: trace.type, zmin: trace.zmin, zmax: trace.zmax, colorscale: trace.colorscale,
  x: Array.from(trace.x ?? []), y: Array.from(trace.y ?? []), z: Array.from(trace.z ?? [], row => Array.from(row)),
}))"""


class Dashboard:
    """One visitor's page."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self.complaints: list[str] = []
        self.requests: list[Request] = []
        self.messages = 0
        """Messages sent to the kernel."""
        self._leaving = False
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"exception in the page: {error}"))
        self.page.on("request", self._on_request)
        self.page.on("requestfailed", self._on_failure)
        self.page.on("response", self._on_response)
        self.page.on("websocket", self._on_websocket)

    @classmethod
    @contextlib.contextmanager
    def visiting(cls, browser: Browser, url: str, **settings: Any) -> Iterator[Dashboard]:
        """A page opened in a context of its own; what went wrong in it fails the test that had it."""
        options = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light", **settings}
        context = browser.new_context(**options)
        dashboard = cls(context, url)
        try:
            dashboard.open()
            yield dashboard
            dashboard.assert_no_complaints()
        finally:
            dashboard._leaving = True
            dashboard.page.close(run_before_unload=False)
            context.close()

    def open(self) -> None:
        """Open the page and wait until it has its first answer and its pictures."""
        self.page.goto(self.url)
        self.wait_until_live()

    def reload(self) -> None:
        self._leaving = True  # requests under way are cut off
        self.page.reload()
        self._leaving = False
        self.wait_until_live()

    def leaves(self) -> None:
        """Its kernel or its page is about to end: what is cut off or refused from now on is no complaint."""
        self._leaving = True

    def wait_until_live(self) -> None:
        expect(self.page.locator("[data-shapelab-first], #loading")).to_have_count(0)
        expect(self.page.locator(".shapelab-output-shape")).to_be_visible()
        expect(self.page.locator(".sl-arithmetic")).to_be_visible()
        self.wait_for_pictures()

    def assert_no_complaints(self) -> None:
        complaints, self.complaints = self.complaints, []
        assert not complaints, "\n".join(complaints)

    def settled_messages(self) -> int:
        """Messages sent so far, once no more come: what was typed last is sent when the kernel has heard the rest."""
        seen = -1
        while seen != self.messages:
            seen = self.messages
            self.page.wait_for_timeout(700)
        return seen

    # -- what can be taken hold of ---------------------------------------------------------------------------------

    def lesson(self, title: str) -> Locator:
        return self.page.locator(".shapelab-lessons").get_by_role("button", name=title, exact=True)

    def choose_tab(self, title: str) -> None:
        self.lesson(title).click()
        expect(self.lesson(title)).to_have_class(re.compile("mod-active"))

    def choose_lesson(self, title: str) -> None:
        if "mod-active" in (self.lesson(title).get_attribute("class") or ""):
            return
        self.choose_tab(title)
        for field in FIELDS[title]:
            expect(self.control(field)).to_be_visible()
        for field in ALL_FIELDS - set(FIELDS[title]):
            expect(self.control(field)).to_be_hidden()
        self.wait_for_pictures()

    def control(self, field: str) -> Locator:
        """A field's number."""
        return self.page.locator(f".shapelab-control-{field} input")

    def handle(self, field: str) -> Locator:
        """A field's slider."""
        return self.page.locator(f".shapelab-control-{field} .noUi-handle")

    def choice(self, word: str, field: str = "library") -> Locator:
        """A word of a field that is one of a few."""
        return self.page.locator(f".shapelab-control-{field}").get_by_role("button", name=word, exact=True)

    def choose(self, field: str, word: str) -> None:
        """Choose from the list of a field that is one of many words."""
        self.page.locator(f".shapelab-control-{field} select").select_option(word)

    def link(self, words: str = "kernel_h = kernel_w") -> Locator:
        """The box that makes fields move together."""
        return self.page.get_by_role("checkbox", name=words)

    def unfold(self) -> None:
        """Show the settings that stand folded."""
        unfold = self.page.locator(".sl-unfold")
        if "mod-active" not in (unfold.get_attribute("class") or ""):
            unfold.click()
        expect(unfold).to_have_class(re.compile("mod-active"))

    def tool(self, name: str) -> Locator:
        """A button of the header: Undo, Redo, Compare."""
        return self.page.locator(".sl-toolbar").get_by_role("button", name=name)

    def type(self, field: str, text: object, *, then: str = "Enter") -> None:
        """Type over a field's number, key by key."""
        self.control(field).click()
        self.control(field).press("Control+a")
        self.page.keyboard.press("Delete")
        self.page.keyboard.type(str(text))
        self.page.keyboard.press(then)

    def set(self, **settings: int) -> None:
        """Type several numbers; wait until the page has taken each, and moved its slider to the nearest stop."""
        for _ in range(3):  # of linked fields a later one may have moved an earlier one meanwhile
            for field, value in settings.items():
                if self.control(field).input_value() != str(value):
                    self._fill(field, str(value))
                    self.control(field).press("Enter")
            self.page.wait_for_timeout(50)
            if self.until(lambda: self._shows(settings), bool, patience=5):
                break
        for field, value in settings.items():
            self.wait_for_setting(field, value)
            step = 4 if "base_features" in self.fields() and field in ("H", "W") else 1
            off = self.until(lambda f=field, v=value: abs(self.slider(f) - v), lambda off, s=step: off < s)  # type: ignore[misc]
            assert off < step, f"the slider of {field} does not stand at {value}"

    def _fill(self, field: str, text: str) -> None:
        """Put a number in place of another; once more where a linked field's came between, and both stand there."""
        self.control(field).fill(text)
        if self.control(field).input_value() != text:
            self.control(field).fill(text)

    def _shows(self, settings: dict[str, int]) -> bool:
        """Whether the numbers say so."""
        return all(self.control(field).input_value() == str(value) for field, value in settings.items())

    def fields(self) -> tuple[str, ...]:
        """The sliders of the lesson that is shown."""
        return FIELDS[self.text(".shapelab-lessons .mod-active").strip()]

    def choose_stage(self, which: int | str, sizes: tuple[int, ...] = ()) -> None:
        """Choose a line of a network's list of stages: by number, negative from the end, or by name and sizes.

        The list comes a moment after the headline: a line is looked for until it is there.
        """
        stages = self.page.locator(".sl-stages select")
        if isinstance(which, int):
            stages.select_option(index=which % stages.locator("option").count())
            return
        shape = r"\D+".join(map(str, sizes))
        starts = re.compile(rf"^{re.escape(which)}\b.*\({shape}\b")
        line = stages.locator("option").filter(has_text=starts).first
        expect(line).to_be_attached()
        stages.select_option(index=line.evaluate("option => option.index"))

    def drag(self, field: str, value: int, *, by_way_of: tuple[int, ...] = ()) -> None:
        """Pull a slider's handle with the mouse to a value's place on the track."""
        self.handle(field).scroll_into_view_if_needed()
        track = self.page.locator(f".shapelab-control-{field} .noUi-base").bounding_box()
        handle = self.handle(field).bounding_box()
        assert track is not None
        assert handle is not None
        low, high = (float(self.handle(field).get_attribute(f"aria-value{end}") or "nan") for end in ("min", "max"))
        y = handle["y"] + handle["height"] / 2
        self.page.mouse.move(handle["x"] + handle["width"] / 2, y)
        self.page.mouse.down()
        for place in (*by_way_of, value):
            fraction = (place - low) / (high - low)
            self.page.mouse.move(track["x"] + track["width"] * fraction, y, steps=1 if by_way_of else 2)
        self.page.mouse.up()

    # -- what can be read ------------------------------------------------------------------------------------------

    def text(self, css: str) -> str:
        return self.page.locator(css).inner_text()

    def code(self) -> Locator:
        """The call as code; of a network another line of code stands below it."""
        return self.page.locator(".sl-right .sl-code").first

    def stage_heading(self) -> Locator:
        """Which stage of a network the right column tells of."""
        return self.page.locator(".sl-right .sl-heading").nth(1)

    def input_shape(self) -> tuple[int, ...]:
        return _numbers(self.text(".sl-answer .sl-input"))

    def output_shape(self) -> tuple[int, ...]:
        """The output shape; empty while there is none."""
        return _numbers(self.text(".shapelab-output-shape"))

    def padding(self) -> dict[str, int]:
        """Padded cells by side."""
        return {side: int(n) for side, n in re.findall(r"([a-z]+) (\d+)", self.text(".shapelab-padding"))}

    def setting(self, field: str) -> int:
        return int(self.control(field).input_value())

    def slider(self, field: str) -> int:
        """Where a slider stands."""
        return int(float(self.handle(field).get_attribute("aria-valuenow") or "nan"))

    def wait_for_setting(self, field: str, value: int) -> None:
        expect(self.control(field)).to_have_value(str(value))

    def notice(self) -> Locator:
        """What the page says of a value that it did not take."""
        return self.page.locator(".sl-notice-text")

    def figure(self) -> Locator:
        """The picture of the lesson, the present one where another is pinned beside it."""
        return self.page.locator(".sl-present .shapelab-figure")

    def maps(self) -> Locator:
        """The feature maps below it."""
        return self.page.locator('.sl-centre .shapelab-figure[data-kind="maps"]:visible')

    def place_of(self, plane: str, row: int, column: int) -> tuple[float, float]:
        """Where on the screen the middle of a cell of the picture is: of "padded", "kernel" or "output"."""
        self.figure().evaluate("figure => figure.scrollIntoView({ block: 'nearest' })")
        x, y = self.figure().evaluate(CELL_ON_SCREEN, [plane, None, row, column])
        return x, y

    def place_in_maps(self, counts: tuple[int, int], row: int, column: int) -> tuple[float, float]:
        """Where on the screen the middle of a cell of the first feature map is, which has so many rows and columns."""
        self.maps().evaluate("figure => figure.scrollIntoView({ block: 'nearest' })")
        x, y = self.maps().evaluate(CELL_ON_SCREEN, ["maps", counts, row, column])
        return x, y

    def lit(self) -> set[tuple[str, str, int, int]]:
        """Kind, plane, row and column of each cell that is lit."""
        found = self.figure().locator(".shapelab-light rect").evaluate_all(LIT)
        return {(kind, plane, row, column) for kind, plane, row, column in found}

    def pinned(self) -> tuple[int, int]:
        """Row and column of the output cell whose window is drawn."""
        row, column = self.figure().locator(".shapelab-pinned").evaluate("e => [e.dataset.row, e.dataset.column]")
        return int(row), int(column)

    def arithmetic(self) -> tuple[tuple[int, ...], float, float, str]:
        """The index, the sum taken apart, what the module returned, and whether the page finds them equal."""
        line = self.text(".sl-arithmetic").replace("\u2212", "-").replace("\n", " ")
        found = re.fullmatch(r"y\[(.*?)\] = .* = (-?[\d.]+)\s+the module says (-?[\d.]+) (.)\s*", line)
        assert found, line
        index = tuple(map(int, found[1].split(", ")))
        return index, float(found[2]), float(found[3]), found[4]

    def wait_for_pictures(self) -> None:
        """Wait until each visible picture is the one last sent to it."""
        self.page.wait_for_function(
            """() => {
              const figures = [...document.querySelectorAll(".shapelab-figure")].filter(f => f.checkVisibility());
              return figures.length > 0 && figures.every(f => {
                const meta = f.querySelector(".js-plotly-plot")?.layout?.meta;
                return meta && meta.alt === f.getAttribute("aria-label")
                  && Math.abs(f.querySelector(".main-svg").clientWidth - f.clientWidth) <= 1;
              });
            }"""
        )

    def traces(self, figure: Locator | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (figure or self.figure()).locator(".js-plotly-plot").evaluate(READ_TRACES)
        return found

    def trace(self, name: str, figure: Locator | None = None) -> dict[str, Any]:
        (found,) = (trace for trace in self.traces(figure) if trace["name"] == name)
        return found

    def values(self, name: str, figure: Locator | None = None) -> np.ndarray[Any, Any]:
        """The numbers that a grid of the picture shows, (rows, columns)."""
        return np.array(self.trace(name, figure)["z"], np.float64)

    def wait_for_values(self, name: str = "output", figure: Locator | None = None) -> np.ndarray[Any, Any]:
        """The numbers of a grid once they have come; until then its cells are all alike."""
        self.wait_for_pictures()
        return self.until(lambda: self.values(name, figure), lambda z: z.size == 1 or float(np.ptp(z)) > 0)

    def map_values(self) -> np.ndarray[Any, Any]:
        """The numbers of the feature maps, (rows, columns, channels), cut apart where nothing is drawn between them."""
        sheet = self.values("maps", self.maps())
        seen = np.isfinite(sheet)
        parts = [sheet[rows][:, columns] for rows in _runs(seen.any(axis=1)) for columns in _runs(seen.any(axis=0))]
        maps = np.stack([part for part in parts if np.isfinite(part).all()], axis=-1)
        return maps[:: _repeats(maps), :: _repeats(maps.transpose(1, 0, 2))]

    def wait_for_maps(self) -> np.ndarray[Any, Any]:
        """The numbers of the feature maps once they have come; until then they are all alike."""
        self.wait_for_pictures()
        expect(self.page.locator(".shapelab-dimmed")).to_have_count(0)
        return self.until(self.map_values, lambda z: float(np.ptp(z)) > 0)

    def until(self, read: Callable[[], Seen], good: Callable[[Seen], bool], *, patience: float = PATIENCE / 2) -> Seen:
        """Read until what is read is good, or patience ends; what was read last, for the caller to judge."""
        deadline = time.monotonic() + patience
        while not good(seen := read()) and time.monotonic() < deadline:
            self.page.wait_for_timeout(20)
        return seen

    # -- what went wrong -------------------------------------------------------------------------------------------

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not self._leaving:
            self.complaints.append(f"the console has an error: {message.text}")

    def _on_request(self, request: Request) -> None:
        self.requests.append(request)
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"asked another host: {request.url}")

    def _on_failure(self, request: Request) -> None:
        if not self._leaving:
            self.complaints.append(f"a request failed: {request.url} ({request.failure})")

    def _on_response(self, response: Any) -> None:
        if response.status >= 400:
            self.complaints.append(f"answered {response.status}: {response.url}")

    def _on_websocket(self, socket: WebSocket) -> None:
        if urlsplit(socket.url).netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"connected to another host: {socket.url}")
        socket.on("framesent", lambda _: setattr(self, "messages", self.messages + 1))


FIELDS = {
    "Conv1D": ("L", "C", "kernel_size", "stride", "features", "seed"),
    "Conv2D": ("H", "W", "C", "kernel_h", "kernel_w", "stride", "features", "seed"),
    "ResNet block": ("H", "W", "C", "features", "stride", "seed"),
    "U-Net": ("H", "W", "C", "base_features", "depth", "seed"),
}
"""The sliders that each lesson shows at first, by its title."""

ALL_FIELDS = {field for fields in FIELDS.values() for field in fields}


def _numbers(shape: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", shape)))


def _repeats(maps: np.ndarray[Any, Any]) -> int:
    """How many rows in a row are drawn for each row of cells, where cells are large."""
    changes = np.flatnonzero(np.abs(np.diff(maps, axis=0)).max(axis=(1, 2)) > 0) + 1
    return int(np.gcd.reduce([*changes, len(maps)])) if len(changes) else 1


def _runs(marked: np.ndarray[Any, Any]) -> list[slice]:
    """Where marked places stand side by side."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(int)))
    return [slice(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]
