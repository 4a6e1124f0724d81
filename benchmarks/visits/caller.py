"""A visitor without a browser: asks for the page, reads its widgets from the kernel, moves them, waits for answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from tornado.websocket import WebSocketClientConnection, websocket_connect

PROTOCOL = "v1.kernel.websocket.jupyter.org"
PATIENCE = 60.0
KERNEL = re.compile(r'"kernelId": "([0-9a-f-]{36})"')
METADATA = {"version": "1.0.0"}  # of the protocol by which all widgets are read
LARGEST = 64 * 2**20  # bytes of a message from the kernel
Told = tuple[str, dict[str, Any]]


class TurnedAwayError(Exception):
    """The server answered with something else than the page; the answer is ``args[0]``."""


class Caller:
    """One visit.

    Attributes:
      html: the page.
      page_seconds: from asking for it to its last byte.
      kernel: number of its kernel.
      models: state of each widget, as the kernel has told it so far.
      told: type and content of every message of the kernel's that changed no widget.
      socket: the connection.
    """

    def __init__(self, url: str, query: str = "", headers: Mapping[str, str] | None = None) -> None:
        """Set up; nothing is asked yet.

        Args:
          url: of the page, without a query.
          query: the page's, without its question mark.
          headers: sent with every request.
        """
        self.url, self._query = url, query
        self.headers = dict(headers or {})
        self.html, self.kernel, self.page_seconds = "", "", 0.0
        self.models: dict[str, dict[str, Any]] = {}
        self.told: list[Told] = []
        self.socket: WebSocketClientConnection | None = None
        self._session = uuid.uuid4().hex
        self._readings = 0
        self._news = asyncio.Condition()
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Ask for the page, connect to its kernel and read all widgets.

        Raises:
          TurnedAwayError: when there was no place.
          TimeoutError: when the widgets did not come.
        """
        began = time.perf_counter()
        answer = await self.ask("GET", f"?{self._query}" if self._query else "")
        self.page_seconds = time.perf_counter() - began
        if answer.code != 200:
            raise TurnedAwayError(answer)
        self.html = answer.body.decode()
        cookies = [line.partition(";")[0] for line in answer.headers.get_list("Set-Cookie")]
        self.headers["Cookie"] = "; ".join([*filter(None, [self.headers.get("Cookie")]), *cookies])
        named = KERNEL.search(self.html)
        if named is None:
            raise TurnedAwayError(answer)
        self.kernel = named[1]
        await self.connect()
        await self.read_widgets()

    async def connect(self, **headers: str) -> None:
        """Connect to the kernel; a connection that was there before ends."""
        await self.hang_up()
        self.socket = await dial(self.url, self.kernel, self._session, {**self._from_here(), **headers})
        self._reading = asyncio.create_task(self._read(self.socket))

    async def read_widgets(self) -> None:
        """Ask for the state of all widgets, as a page does, and wait for it."""
        control, before = uuid.uuid4().hex, self._readings
        await self.send("comm_open", {"comm_id": control, "target_name": "jupyter.widget.control", "data": {}})
        await self.send("comm_msg", {"comm_id": control, "data": {"method": "request_states"}})
        await self.until(lambda: self._readings > before)
        await self.send("comm_close", {"comm_id": control, "data": {}})
        for address in [model for model, told in self.models.items() if "sl-address" in told.get("_dom_classes", ())]:
            await self.say(address, {"say": "ready"})

    async def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> HTTPResponse:
        """Any request to the server, redirects not followed."""
        request = HTTPRequest(
            self.url + path,
            method=method,
            headers={**self._from_here(), **headers},
            body=body,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            request_timeout=PATIENCE,
            connect_timeout=PATIENCE,
        )
        return await _client().fetch(request, raise_error=False)

    # -- to the kernel -------------------------------------------------------------------------------------------------

    async def send(
        self, kind: Any, content: Any, channel: str = "shell", buffers: Sequence[bytes] = (), **metadata: Any
    ) -> None:
        """Send any message."""
        told = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": self._session, "username": "", "date": ""}
        parts = [
            json.dumps(part).encode() for part in ({**told, "version": "5.3"}, {}, {**METADATA, **metadata}, content)
        ]
        await self.throw(serialize_msg_to_ws_v1([*parts, *buffers], channel))

    async def throw(self, frame: bytes | str) -> None:
        """Send any bytes, or any text."""
        assert self.socket is not None, "connect first"
        await self.socket.write_message(frame, binary=isinstance(frame, bytes))

    async def set(self, model: str, **state: Any) -> None:
        """Set traits of a widget, whatever it is; as in a browser they hold until the kernel says otherwise."""
        self.models.setdefault(model, {}).update(state)
        data = {"method": "update", "state": state, "buffer_paths": []}
        await self.send("comm_msg", {"comm_id": model, "data": data})

    async def say(self, model: str, content: Any) -> None:
        """Send a widget a message of its own kind: of a button, ``{"event": "click"}``."""
        await self.send("comm_msg", {"comm_id": model, "data": {"method": "custom", "content": content}})

    async def until(self, seen: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait until what the kernel has told makes something true.

        Raises:
          TimeoutError: when it does not, or the connection is lost meanwhile.
        """
        async with asyncio.timeout(patience), self._news:
            while not seen():
                if self.is_cut_off:
                    raise TimeoutError("the connection is lost")
                await self._news.wait()

    # -- what the page has ---------------------------------------------------------------------------------------------

    def root(self) -> str:
        """The widget that the page shows."""
        found = re.search(r'"model_id": "([0-9a-f]{32})"', self.html)
        assert found, "the page shows no widget"
        return found[1]

    def below(self, model: str) -> list[str]:
        """A widget and all below it, those that are hidden left out."""
        state = self.models.get(model, {})
        layout = self.models.get(str(state.get("layout", "")).removeprefix("IPY_MODEL_"), {})
        if layout.get("display") == "none":
            return []
        return [model, *(one for child in children(state) for one in self.below(child))]

    def with_class(self, name: str) -> list[str]:
        """The shown widgets of a CSS class."""
        return [model for model in self.below(self.root()) if name in self.models[model].get("_dom_classes", ())]

    def slider(self, field: str) -> str:
        """The slider of a field of the lesson that is shown."""
        return children(self.models[self.with_class(f"shapelab-control-{field}")[0]])[0]

    def pictures(self) -> list[Mapping[str, Any]]:
        """The specification of every picture shown."""
        return [self.models[m]["spec"] for m in self.below(self.root()) if self.models[m].get("spec")]

    def alt(self) -> str:
        """What the first picture says of itself."""
        pictures = self.pictures()
        return str(pictures[0]["layout"].get("meta", {}).get("alt", "")) if pictures else ""

    def words(self) -> str:
        """All text that is shown, as HTML."""
        return "\n".join(str(self.models[m].get("value", "")) for m in self.below(self.root()))

    # -- the end -------------------------------------------------------------------------------------------------------

    @property
    def is_cut_off(self) -> bool:
        """Whether the connection has ended."""
        return self._reading is not None and self._reading.done()

    async def stop_reading(self) -> None:
        """Take nothing more from the connection, which stays."""
        assert self._reading is not None, "connect first"
        self._reading.cancel()

    async def hang_up(self) -> None:
        """Lose the connection, without a word."""
        if self.socket is not None:
            self.socket.close()
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=PATIENCE)

    async def leave(self) -> HTTPResponse:
        """Close the tab."""
        await self.hang_up()
        xsrf = re.search(r"_xsrf=([^;]+)", self.headers.get("Cookie", ""))
        path = f"voila/api/shutdown/{self.kernel}"
        return await self.ask("POST", f"{path}?_xsrf={xsrf[1] if xsrf else ''}", b"")

    def _from_here(self) -> dict[str, str]:
        return {"Origin": "{0.scheme}://{0.netloc}".format(urlsplit(self.url)), **self.headers}

    async def _read(self, socket: WebSocketClientConnection) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while (message := await socket.read_message()) is not None:
                if isinstance(message, bytes):
                    self._take(message)
                    async with self._news:
                        self._news.notify_all()
        async with self._news:
            self._news.notify_all()

    def _take(self, message: bytes) -> None:
        _, parts = deserialize_msg_from_ws_v1(message)
        kind, content = json.loads(bytes(parts[0]))["msg_type"], json.loads(bytes(parts[3]))
        data = content.get("data") or {}
        if data.get("method") == "update_states":
            self.models = {model: told["state"] for model, told in data["states"].items()}
            self._readings += 1
        elif data.get("method") == "update":
            self.models.setdefault(content["comm_id"], {}).update(data["state"])
        elif data.get("method") == "custom" and "changes" in data["content"]:
            for model, state, _ in data["content"]["changes"]:
                self.models.setdefault(model, {}).update(state)
        elif kind == "comm_open":
            self.models[content["comm_id"]] = data.get("state", {})
        elif kind == "comm_close":
            self.models.pop(content["comm_id"], None)
        else:
            self.told.append((kind, content))


def children(state: Mapping[str, Any]) -> list[str]:
    """The widgets directly below one."""
    return [child.removeprefix("IPY_MODEL_") for child in state.get("children", ())]


async def dial(url: str, kernel: str, session: str, headers: Mapping[str, str]) -> WebSocketClientConnection:
    """Connect to a kernel of the server whose page is at an address."""
    place = f"ws{url.removeprefix('http')}api/kernels/{kernel}/channels?session_id={session}"
    request = HTTPRequest(place, headers=dict(headers), connect_timeout=PATIENCE)
    return await websocket_connect(request, subprotocols=[PROTOCOL], max_message_size=LARGEST, compression_options={})


def _client() -> AsyncHTTPClient:
    """Each event loop's own; it may ask for as many things at once as there are visitors."""
    return SimpleAsyncHTTPClient(max_clients=1000, max_body_size=LARGEST)
