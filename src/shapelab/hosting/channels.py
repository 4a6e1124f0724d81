"""The websocket between a page and its kernel: what may pass, how fast, and how long the answer takes."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.iostream import StreamBufferFullError
from tornado.websocket import WebSocketClosedError
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from shapelab.hosting.metrics import Metrics
from shapelab.hosting.visitors import Visitors

MOST_BYTES = 512 * 2**10  # of one message from a page; an uploaded picture is 48 KiB
RATE = 120.0  # messages a second that pass; a drag sends 60
BURST = 400.0  # messages that pass at once
MOST_UNSENT = 8 * 2**20  # bytes that wait for a page to read them, after which it is given up
MOST_SOCKETS = 4  # connections to one kernel: a page has one, and for a while the one that it lost

PASS = {"comm_msg", "comm_info_request", "kernel_info_request"}
CONTROL = "jupyter.widget.control"  # by which a page reads all widgets at once; it opens no other
MOST_CONTROLS = 32  # of these that one connection may open
MOST_PARTS = 16  # of a message: five, its places' end, and what an upload brings beside them
PICTURE = b'"spec"'  # in a message that brings a picture
TOLD = {"comm_open", "comm_msg", "comm_close", "comm_info_reply", "kernel_info_reply", "shutdown_reply", "status"}
"""What a page is told. What a kernel prints is not for it: a traceback has paths of this machine."""


class MalformedError(Exception):
    """Bytes that are no message."""


class Door:
    """What one connection lets pass."""

    def __init__(self) -> None:
        self._controls: set[str] = set()

    def kind(self, message: bytes | str) -> str | None:
        """The type of a message that may pass; None for one that a page has no business sending.

        Raises:
          MalformedError: for what is no message at all.
        """
        if not isinstance(message, bytes):
            raise MalformedError
        try:
            _check_places(message)
            channel, parts = deserialize_msg_from_ws_v1(message)
            kind = str(json.loads(bytes(parts[0]))["msg_type"])
            content = json.loads(bytes(parts[3])) if kind in ("comm_open", "comm_close") else {}
            fine = channel == "shell" and (kind in PASS or self._is_control(kind, content))
        except Exception as error:  # whatever it is, it is no message
            raise MalformedError from error
        return kind if fine else None

    def _is_control(self, kind: str, content: dict[str, Any]) -> bool:
        """Whether a channel is opened by which a page reads its widgets, or that one closed again."""
        name = str(content.get("comm_id"))
        if kind == "comm_open" and content["target_name"] == CONTROL and len(self._controls) < MOST_CONTROLS:
            self._controls.add(name)
            return True
        return kind == "comm_close" and name in self._controls


class Pace:
    """A bucket of messages that fills with time: who sends faster waits, and with it the whole connection."""

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at = burst, time.monotonic()

    def wait(self, now: float) -> float:
        """Seconds to wait before the next message passes."""
        self._left = min(self._left + (now - self._at) * self._rate, self._burst) - 1
        self._at = now
        return max(-self._left / self._rate, 0.0)


class ChannelsHandler(VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """Voila's, with a guard at the door."""

    def initialize(self, visitors: Visitors, metrics: Metrics) -> None:
        """Take who is told of connections."""
        self.visitors, self.metrics = visitors, metrics
        self._pace, self._door = Pace(), Door()
        self._counted = self._gone = False  # a page may go before it is connected
        self._asked: float | None = None  # when a control last moved that no picture has answered

    async def get(self, kernel_id: str) -> None:
        """Connect, unless that kernel has gone."""
        if kernel_id in self.kernel_manager:
            try:
                await super().get(kernel_id=kernel_id)  # for as long as the page stays
                return
            except TimeoutError:  # it went while it was waited for
                pass
            finally:
                self._forget()
        self.set_status(404)
        self.finish()  # nobody waits for it to arrive: who asked may have gone as well

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """The one way of writing messages that the guard reads; every page of ours offers it."""
        wanted = "v1.kernel.websocket.jupyter.org"
        return wanted if wanted in subprotocols else None

    async def open(self, kernel_id: str) -> None:
        """Begin, if page and kernel are still there, and the page speaks the one protocol."""
        if self._gone:
            return
        if kernel_id not in self.kernel_manager or not self.visitors.knows(kernel_id):
            self.close(1001, "its kernel has gone, or is about to")
            return
        if self.selected_subprotocol is None:
            self._refuse("protocol")
            return
        if self.visitors.sockets(kernel_id) >= MOST_SOCKETS:
            self._refuse("sockets")
            return
        self._counted = True
        if self.visitors.connected(kernel_id, self):
            self.kernel_manager.touched(kernel_id)
        self.ws_connection.stream.max_write_buffer_size = MOST_UNSENT
        try:
            await super().open(kernel_id)
        except Exception as error:  # tornado would never say that it has closed
            self.log.error("a page could not be connected to its kernel: %s", type(error).__name__)
            self.close(1011, "its kernel does not answer")

    async def on_message(self, ws_message: bytes | str) -> None:
        """Pass a message on, drop it, or end the connection of who sends what is none."""
        try:
            kind = self._door.kind(ws_message)
        except MalformedError:
            self._refuse("malformed")
            return
        pause = self._pace.wait(time.monotonic())
        if pause:
            self.metrics.refused("pace")
            await asyncio.sleep(pause)  # the next message is read only after this one: the flood stays outside
        if kind is None:
            self.metrics.refused("message: kind")
            return
        if not self._counted or self.connection is None:  # never begun, or closed meanwhile
            return
        if kind == "comm_msg":
            self._asked = time.monotonic()
            self.kernel_manager.touched(self.kernel_id)
        super().on_message(ws_message)

    def on_close(self) -> None:
        """The page has gone, perhaps while it was still connecting."""
        self._gone = True
        if self._counted:
            self.visitors.disconnected(self.kernel_id, self)
            super().on_close()

    def _forget(self) -> None:
        """Jupyter keeps each page from before it is connected, and lets go only of those that were."""
        kept = ZMQChannelsWebsocketConnection._open_sessions
        for name in [name for name, page in kept.items() if page is self]:
            del kept[name]
        asking = getattr(getattr(self, "connection", None), "kernel_info_channel", None)
        if asking is not None and not asking.closed():  # the kernel went before it answered
            asking.close()

    def write_message(self, message: bytes | dict[str, Any], binary: bool = False) -> Any:
        """Send a message, if it is for pages; that the page has gone is no error."""
        if isinstance(message, bytes) and _kind(message) not in TOLD:
            return None
        if self._asked is not None and isinstance(message, bytes) and PICTURE in message:
            self.metrics.move.observe(time.monotonic() - self._asked)
            self._asked = None
        try:
            sent = super().write_message(message, binary)
        except WebSocketClosedError:
            return None
        except StreamBufferFullError:
            self.ws_connection.stream.close()  # a last word would find no room either
            return None
        if sent is not None:
            sent.add_done_callback(lambda done: done.cancelled() or done.exception())
        return sent

    def _refuse(self, why: str) -> None:
        self.metrics.refused(f"message: {why}")
        self.close(1008, "not for this server")


def _check_places(message: bytes) -> None:
    """See that a message's parts are few and lie one after the other, before anybody counts or copies them.

    Jupyter believes the count in the first eight bytes, and would make a list of 2**63 numbers.

    Raises:
      MalformedError: when they do not.
    """
    count = int.from_bytes(message[:8], "little")
    if not 6 <= count <= MOST_PARTS:
        raise MalformedError
    places = [int.from_bytes(message[8 * i + 8 : 8 * i + 16], "little") for i in range(count)]
    if [8 * (count + 1), *places, len(message)] != sorted([8 * (count + 1), *places, len(message)]):
        raise MalformedError


def _kind(message: bytes) -> str:
    """The type of a message of the kernel's."""
    start, end = (int.from_bytes(message[8 * place : 8 * place + 8], "little") for place in (2, 3))
    return str(json.loads(message[start:end])["msg_type"])
