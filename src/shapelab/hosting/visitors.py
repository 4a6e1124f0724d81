"""Who is here: how many may be, whose kernel is whose, and whose is to be ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shapelab.hosting.metrics import Metrics

UNSEEN = 60.0  # seconds for a page to connect after its kernel is there: who left before the script ran never will
LATE = 15.0  # the same where somebody else wants the place: a browser takes 3, and 12 for its 3 MB over 2 Mbit/s
GONE = 30.0  # seconds without a connection after which the tab is closed, or its computer asleep
LOOK = 2.0  # seconds from one look to the next
REMEMBERED = 1000  # kernels that were ended as idle, for their pages to ask

log = logging.getLogger("shapelab")


@dataclass(eq=False)
class Visitor:
    """One place, taken from the page's request until its kernel ends.

    Attributes:
      kernel: number of the kernel, "" while it starts.
      sockets: the page's connections just now; each can be closed.
      since: when the last of them was lost, or the kernel was given; seconds of the clock.
      seen: whether the page ever connected.
      yields: whether its place is just being given to somebody else.
    """

    kernel: str = ""
    sockets: set[Any] = field(default_factory=set)
    since: float = field(default_factory=time.monotonic)
    seen: bool = False
    yields: bool = False

    def is_late(self, now: float) -> bool:
        """Whether no page connects, though a browser would have by now: who asks without one keeps nobody out."""
        return bool(self.kernel) and not self.seen and not self.yields and now - self.since > LATE

    def is_gone(self, now: float) -> bool:
        """Whether nobody sits before this page any more."""
        return bool(self.kernel) and not self.sockets and now - self.since > (GONE if self.seen else UNSEEN)


class Visitors:
    """All of them.

    Attributes:
      most: how many may be here at once.
      draining: whether the server is about to end, and takes no more.
    """

    def __init__(self, manager: Any, most: int, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up.

        Args:
          manager: the server's kernel manager.
          most: how many visitors may be here at once.
          metrics: told who comes and goes.
          clock: tells seconds.
        """
        self.most, self.draining = most, False
        self._manager, self._metrics, self._clock = manager, metrics, clock
        self._here: set[Visitor] = set()
        self._idled: deque[str] = deque(maxlen=REMEMBERED)
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._here)

    @property
    def full(self) -> bool:
        """Whether nobody more may come."""
        return not self._is_room and self._late() is None

    async def admit(self) -> Visitor | None:
        """A place, or None when there is none.

        In a full house it is that of the page that has been late for longest; its kernel is ended first.
        """
        while not (self.draining or self._is_room) and (late := self._late()) is not None:
            late.yields = True
            try:
                await self._end(late, "late")
            except Exception as error:  # another may be late
                log.error("a kernel could not be ended: %s", type(error).__name__)
        if self.draining or not self._is_room:
            self._metrics.refused("draining" if self.draining else "full")
            return None
        visitor = Visitor(since=self._clock())
        self._here.add(visitor)
        self._empty.clear()
        self._metrics.visitors.set(len(self._here))
        return visitor

    def give(self, visitor: Visitor, kernel: str) -> None:
        """The visitor's kernel is there; from now on the page should connect."""
        visitor.kernel, visitor.since = kernel, self._clock()

    def leave(self, visitor: Visitor, why: str) -> None:
        """Free a place; a page that is still connected hears it."""
        if visitor in self._here:
            self._here.remove(visitor)
            for socket in list(visitor.sockets):
                socket.close()
            self._metrics.left(why)
            self._metrics.visitors.set(len(self._here))
        if not self._here:
            self._empty.set()

    def sockets(self, kernel: str) -> int:
        """How many connections a kernel has."""
        visitor = self._of(kernel)
        return len(visitor.sockets) if visitor is not None else 0

    def knows(self, kernel: str) -> bool:
        """Whether a kernel is a visitor's who is here."""
        return self._of(kernel) is not None

    def connected(self, kernel: str, socket: Any) -> bool:
        """A page has connected to a kernel; whether for the first time."""
        visitor = self._of(kernel)
        if visitor is None:
            return False
        first, visitor.seen = not visitor.seen, True
        visitor.sockets.add(socket)
        return first

    def disconnected(self, kernel: str, socket: Any) -> None:
        """A page has lost its connection, or closed it."""
        visitor = self._of(kernel)
        if visitor is not None:
            visitor.sockets.discard(socket)
            visitor.since = self._clock()

    def closed_tab(self, kernel: str) -> None:
        """A page has said that it is being closed."""
        visitor = self._of(kernel)
        if visitor is not None:
            self.leave(visitor, "closed")

    def idled(self, kernel: str) -> bool:
        """Whether a kernel was ended because its page was left alone."""
        return kernel in self._idled

    async def closed(self) -> None:
        """Wait until nobody is here any more."""
        await self._empty.wait()

    async def watch(self) -> None:
        """For ever: end the kernels of who has gone, and free the places of kernels that have died."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.look()
            except Exception as error:  # the next look may fare better
                log.error("looking after kernels failed: %s", type(error).__name__)

    async def look(self) -> None:
        """Look after every visitor once."""
        for visitor in list(self._here):
            if not visitor.kernel:
                continue
            if visitor.kernel not in self._manager:  # Jupyter has culled it
                self._idled.append(visitor.kernel)
                self.leave(visitor, "idle")
            elif not await self._lives(visitor.kernel):
                await self._end(visitor, "died")
            elif visitor.is_gone(self._clock()):
                await self._end(visitor, "gone")

    @property
    def _is_room(self) -> bool:
        return len(self._here) < self.most

    def _late(self) -> Visitor | None:
        """Of the pages that are late, the one that has been for longest."""
        now = self._clock()
        return min((one for one in self._here if one.is_late(now)), key=lambda one: one.since, default=None)

    async def _end(self, visitor: Visitor, why: str) -> None:
        if visitor.kernel in self._manager:
            await self._manager.shutdown_kernel(visitor.kernel, now=True)
        self.leave(visitor, why)

    async def _lives(self, kernel: str) -> bool:
        return bool(await self._manager.get_kernel(kernel).is_alive())

    def _of(self, kernel: str) -> Visitor | None:
        return next((visitor for visitor in self._here if visitor.kernel == kernel), None)
