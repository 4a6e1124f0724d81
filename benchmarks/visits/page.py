"""One page in the browser, with the clock inside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, WebSocket

PROBE = (Path(__file__).parent / "probe.js").read_text(encoding="utf-8")
PATIENCE = {"dashboard": 30_000.0, "peer": 180_000.0}
"""Milliseconds after which a page that does not show what it should has lost a move; the move counts as that long."""


class Page:
    """A visit, from the request on.

    Attributes:
      page: playwright's.
      opened: milliseconds from the request to the first picture ("firstPicture") and the first slider ("controls").
      messages: websocket messages sent to the kernel so far.
    """

    def __init__(self, context: BrowserContext, url: str, site: str, first: Mapping[str, Any]) -> None:
        """Ask for a page and wait for its first picture and its controls.

        Args:
          context: its cache is warm from the second visit on.
          url: of the page.
          site: whose checks of `probe.js` apply.
          first: what the first picture must show.
        """
        self._site, self._patience = site, PATIENCE[site]
        self.messages = 0
        self.page = context.new_page()
        self.page.on("websocket", self._on_websocket)
        goal = self._goal(first, ["firstPicture", "controls"], None, self._patience)
        self.page.add_init_script(f"{PROBE}\nbench.arm({json.dumps(goal)});")
        self.page.goto(url, wait_until="commit", timeout=self._patience)
        found = self._finished(self._patience)
        if found["lost"]:
            raise RuntimeError(f"{url}: no first picture and no slider within {self._patience / 1000:.0f} s")
        self.opened: dict[str, float] = found["marks"]

    def move(
        self,
        shown: Mapping[str, Any],
        wanted: list[str],
        act: Callable[[], None],
        *,
        on: str | None = "keydown",
        patience: float | None = None,
    ) -> dict[str, Any]:
        """Do something to the page; milliseconds from the event until each wanted state is painted.

        Args:
          shown: what the page must show for it, as the site's checks read it.
          wanted: names of those checks.
          act: makes the event.
          on: the kind of event that starts the clock; None waits for the states alone.
          patience: milliseconds; without it the site's.

        Returns:
          "marks": milliseconds by name; "began": milliseconds from the page's request to the event.
        """
        patience = patience or self._patience
        self.page.evaluate("goal => void bench.arm(goal)", self._goal(shown, wanted, on, patience))
        act()
        return self._finished(patience)

    def drag(self, act: Callable[[], None], shown: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Drag; the clock starts at the last pointer move. Also counts paints while it moves."""
        self.page.evaluate("goal => void bench.arm(goal)", self._goal({}, [], "pointermove", self._patience))
        act()
        self.page.evaluate("more => void bench.amend(more)", {**shown(), "wanted": ["picture"]})
        return self._finished(self._patience)

    def close(self) -> None:
        """Leave, as a visitor does; the server is left a moment to clear up."""
        self.page.close(run_before_unload=False)

    def _goal(self, shown: Mapping[str, Any], wanted: list[str], on: str | None, patience: float) -> dict[str, Any]:
        return {**shown, "site": self._site, "wanted": wanted, "on": on, "patience": patience}

    def _finished(self, patience: float) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("() => bench.finished()")
        found["lost"] = any(took is None for took in found["marks"].values())
        found["marks"] = {name: patience if took is None else took for name, took in found["marks"].items()}
        return found

    def _on_websocket(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda _: setattr(self, "messages", self.messages + 1))
