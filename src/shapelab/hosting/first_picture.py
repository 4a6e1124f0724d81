"""The first picture: of the page as it begins, asked of the engine once for all visitors, and of each link."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from shapelab.engine.answers import Activations
from shapelab.engine.spec import Spec
from shapelab.errors import EngineAwayError
from shapelab.explorers.first_view import first_view
from shapelab.explorers.links import Link, read, write
from shapelab.explorers.network_pictures import shown_stages
from shapelab.tracing.records import Trace

LONE = ("conv1d", "conv2d")  # lessons that begin with a picture that can be made ahead
SOON = 0.3  # seconds that a page waits for the picture of its link
AT_ONCE = 2  # pictures of links under way; who asks meanwhile sees that the page starts
KEPT = 64  # pictures of links, of some 70 kB each
PAUSE = 0.25  # seconds between two tries, while the engine starts

log = logging.getLogger("shapelab")


class Engine(Protocol):
    """What is asked of an engine."""

    def trace(self, spec: Spec) -> Trace:
        """The trace of a specification."""

    def run(self, spec: Spec, stages: Sequence[int]) -> Activations | None:
        """The values of some stages."""


class FirstPicture:
    """The HTML of the first picture, as soon as the engine has told it.

    Attributes:
      html: "" until then; a page that is asked for meanwhile shows that it starts.
    """

    def __init__(self, engine: Engine | None) -> None:
        """Set up; nothing is asked yet.

        Args:
          engine: whom to ask, off the event loop; None for no first picture.
        """
        self.html = ""
        self._engine = engine
        self._known: OrderedDict[str, str] = OrderedDict()
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def find(self) -> None:
        """Ask until the engine has answered."""
        while self._engine is not None:
            try:
                await self._ask(self._engine)
                return
            except EngineAwayError:
                await asyncio.sleep(PAUSE)
            except Exception as error:  # pages begin without it
                log.error("no first picture: %s: %s", type(error).__name__, error)
                return

    async def of(self, query: str) -> str:
        """The picture that a page with this query begins with; "" for another kind, or one that does not come soon.

        Args:
          query: of the page's address, whatever it holds.
        """
        link = replace(read(query), theme="", embed=False)  # neither changes what is drawn
        key = write(link)
        if not key:
            return self.html
        if key not in self._known:
            await self._find_soon(key, link)
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key, "")

    async def _find_soon(self, key: str, link: Link) -> None:
        """Ask for a link's picture, and wait a little; it is kept when it comes later."""
        if self._engine is None or link.spec.lesson_name not in LONE or link.pitfall or link.compare is not None:
            return
        if key not in self._asking and len(self._asking) < AT_ONCE:
            self._asking[key] = asyncio.create_task(self._find_link(self._engine, key, link))
        if key in self._asking:
            await asyncio.wait([self._asking[key]], timeout=SOON)

    async def _find_link(self, engine: Engine, key: str, link: Link) -> None:
        try:
            trace = await asyncio.to_thread(engine.trace, link.spec)
            self._keep(key, first_view(link, trace, None))
            if not link.kept:  # the values are then of another picture
                values = await asyncio.to_thread(engine.run, link.spec, shown_stages(trace, None))
                self._keep(key, first_view(link, trace, values))
        except Exception as error:  # the page says it, when it is live
            log.debug("no first picture of a link: %s", type(error).__name__)
        finally:
            del self._asking[key]

    def _keep(self, key: str, html: str) -> None:
        self._known[key] = html
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    async def _ask(self, engine: Engine) -> None:
        """The trace first: what it shows is true without values. Asked as pages ask, so that they find it known."""
        link = read("")
        trace = await asyncio.to_thread(engine.trace, link.spec)
        self.html = first_view(link, trace, None)
        stages = shown_stages(trace, None)
        self.html = first_view(link, trace, await asyncio.to_thread(engine.run, link.spec, stages))
