"""The page: its frame and first picture at once, its widgets when the visitor's kernel has made them."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tornado.web
from jupyter_server.base.handlers import JupyterHandler
from tornado.iostream import StreamClosedError
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler

from shapelab.engine.client import SESSION
from shapelab.hosting.first_picture import FirstPicture
from shapelab.hosting.headers import policy
from shapelab.hosting.metrics import Metrics
from shapelab.hosting.spares import Kernel, Spares
from shapelab.hosting.visitors import Visitor, Visitors

NOT_KEPT = {"Cache-Control": "no-cache, no-store, must-revalidate", "Content-Type": "text/html; charset=utf-8"}
UNREAD = 15.0  # seconds for a visitor to take the beginning of the page, some 20 kB
RETRY = (5, 15)  # seconds after which a page that found no place asks again: not all of them at once


@dataclass(frozen=True)
class Page:
    """What every visitor's page is made of.

    Attributes:
      cells: the code of the notebook.
      config: what Voila's script is told; the visitor's kernel is added.
      spares: gives the visitor's kernel.
      first: what shows until the widgets are there.
      style: for what shows first; the live page brings its own.
      visitors: who is here.
      metrics: told how long a page took.
      frame_ancestors: who may show it in a frame.
    """

    cells: tuple[str, ...]
    config: dict[str, Any]
    spares: Spares
    first: FirstPicture
    style: str
    visitors: Visitors
    metrics: Metrics
    frame_ancestors: Sequence[str]


def code_cells(notebook: Path) -> tuple[str, ...]:
    """The code of a notebook's cells."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return tuple("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


class PageHandler(JupyterHandler):  # type: ignore[misc]
    """Serves the page, in place of Voila's own handler, which sends nothing before the kernel has started."""

    def initialize(self, page: Page) -> None:
        """Take what the page is made of."""
        self.page = page
        self._gone = False

    def on_connection_close(self) -> None:
        """Who asked has left."""
        self._gone = True
        super().on_connection_close()

    @tornado.web.authenticated
    async def get(self, path: str = "") -> None:
        """The page. Reading the token sets the cookie without which the word that a tab was closed is refused."""
        if path:
            raise tornado.web.HTTPError(404)
        self.xsrf_token  # noqa: B018
        self.nonce = secrets.token_urlsafe(16)
        for name, value in NOT_KEPT.items():
            self.set_header(name, value)
        self.set_header("Content-Security-Policy", policy(self.page.frame_ancestors, self.nonce))
        visitor = await self.page.visitors.admit()
        if visitor is None:
            self._turn_away()
            return
        began = time.monotonic()
        kernel = None
        try:
            first = await self.page.first.of(self.request.query)
            await self._send(self._part("opening.html.j2", first=first, style=self.page.style))
            kernel = await self.page.spares.take()
            self.write(await self._widgets(kernel))
            self.kernel_manager.touched(kernel.id)
            self.page.visitors.give(visitor, kernel.id)
            await self.finish()
            self.page.metrics.start.observe(time.monotonic() - began)
        except StreamClosedError:  # who asked has left already, and will not say that the tab was closed
            await self._end(kernel, visitor, "gone")
        except Exception as error:  # the page has begun: what went wrong can only be said in it
            self.log.error("the page did not start: %s: %s", type(error).__name__, error)
            await self._end(kernel, visitor, "died")
            self.finish(self._part("closing.html.j2", config=None, outputs=()))

    async def _send(self, text: str) -> None:
        """Send a part of the page.

        Raises:
          StreamClosedError: when who asked has left, or reads nothing: nobody else would ever have the place.
        """
        self.write(text)
        try:
            await asyncio.wait_for(self.flush(), UNREAD)
        except TimeoutError as error:
            self.request.connection.close()
            raise StreamClosedError(real_error=error) from error

    def _turn_away(self) -> None:
        """All places are taken, or the server is about to end: the page says so, and tries again by itself."""
        seconds = random.randint(*RETRY)
        self.set_status(503)
        self.set_header("Retry-After", str(seconds))
        visitors = self.page.visitors
        self.finish(self._part("full.html.j2", seconds=seconds, most=visitors.most, draining=visitors.draining))

    def write_error(self, status_code: int, **_: Any) -> None:
        """In words alone: Jupyter's own page of errors asks for files that this server has not."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code}: {self._reason}. The page is at {self.base_url}")

    async def _widgets(self, kernel: Kernel) -> str:
        """The end of the page: which kernel is the visitor's, and what it shows.

        Raises:
          StreamClosedError: when who asked has left.
        """
        await kernel.tell({**self._request(), SESSION: secrets.token_urlsafe(12)})
        async with self.page.spares.building:
            if self._gone:  # while it stood in line: nobody should wait for a page that no one reads
                raise StreamClosedError
            outputs = [output for cell in self.page.cells for output in await kernel.run(cell)]
        kernel.leave()
        return self._part("closing.html.j2", config={**self.page.config, "kernelId": kernel.id}, outputs=outputs)

    async def _end(self, kernel: Kernel | None, visitor: Visitor, why: str) -> None:
        if kernel is not None:
            kernel.leave()
            if kernel.id in self.kernel_manager:
                await self.kernel_manager.shutdown_kernel(kernel.id, now=True)
        self.page.visitors.leave(visitor, why)

    def _part(self, name: str, **told: Any) -> str:
        template = self.settings["voila_jinja2_env"].get_template(name)
        text: str = template.render(
            {"base_url": self.base_url, "config": self.page.config, "nonce": self.nonce, **told}
        )
        return text

    def _request(self) -> dict[str, str]:
        """What a notebook is told of its visitor's request, in Voila's words."""
        return {
            "SCRIPT_NAME": self.request.path,
            "QUERY_STRING": self.request.query,
            "VOILA_REQUEST_URL": self.request.full_url(),
        }


class ShutdownHandler(VoilaShutdownKernelHandler):  # type: ignore[misc]
    """Hears that a tab was closed, and frees its place at once."""

    def initialize(self, visitors: Visitors) -> None:
        """Take who is here."""
        self.visitors = visitors

    async def post(self, kernel_id: str) -> None:
        """End the kernel."""
        if kernel_id not in self.kernel_manager:
            raise tornado.web.HTTPError(404)
        self.visitors.closed_tab(kernel_id)
        await super().post(kernel_id)
