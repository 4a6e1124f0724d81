"""What stands before several servers: who goes where, who stays, and what happens when one is full or dies."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.server import PATIENCE
from deploy.proxies import FILES, found, proxy

SAYS_FULL = "all places are taken"


class Stand(ThreadingHTTPServer):
    """In the place of a server: says its name and what it was asked with."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, name: str) -> None:
        self.name, self.full = name, False
        super().__init__(("127.0.0.1", 0), Answering)

    def handle_error(self, *_: Any) -> None:
        """A proxy that leaves in the middle is no error here."""


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stand

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "websocket":
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")  # to the one key asked with
            self.end_headers()
            self.wfile.write(self.rfile.read(4))
            self.close_connection = True
            return
        refused = self.server.full and self.path.partition("?")[0] in ("/", "/readyz")
        told = "\n".join([self.server.name, *(f"{name}: {value}" for name, value in self.headers.items())])
        body = (SAYS_FULL if refused else told).encode()
        self.send_response(503 if refused else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "public, max-age=31536000, immutable")
        self.send_header("ETag", '"as it is"')
        if refused:
            self.send_header("Retry-After", "3")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silence."""


@dataclass
class Visitor:
    """A browser as far as cookies go."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str = "/", **headers: str) -> tuple[int, dict[str, str], str]:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        kept = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        connection.request("GET", path, headers={**kept, **{k.replace("_", "-"): v for k, v in headers.items()}})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self.cookies[cookie] = content
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body

    def server(self, path: str = "/") -> str:
        status, _, body = self.get(path)
        assert status == 200, (status, body)
        return body.partition("\n")[0]


@pytest.fixture
def stands() -> Iterator[dict[str, Stand]]:
    made = {name: Stand(name) for name in ("one", "two")}
    for stand in made.values():
        threading.Thread(target=stand.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    for stand in made.values():
        stand.shutdown()
        stand.server_close()


@pytest.fixture(params=FILES)
def url(request: pytest.FixtureRequest, tmp_path: Path, stands: dict[str, Stand]) -> Iterator[str]:
    found(request.param)
    with proxy(request.param, tmp_path, [stand.server_port for stand in stands.values()]) as address:
        yield address


def new_visitors_go_to(url: str, name: str) -> bool:
    """Whether six new visitors in a row all get one server, before patience ends."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if {Visitor(url).server() for _ in range(6)} == {name}:
            return True
        time.sleep(0.05)
    return False


def test_new_visitors_are_spread_and_each_stays_where_they_are(url: str) -> None:
    visitors = [Visitor(url) for _ in range(4)]
    first = [visitor.server() for visitor in visitors]
    assert sorted(first) == ["one", "one", "two", "two"]
    for visitor, name in zip(visitors, first, strict=True):
        assert {visitor.server(path) for path in ("/?H=9", "/shapelab/kernel/1", "/api/kernels/1", "/")} == {name}


def test_a_full_server_gets_nobody_new_and_keeps_whom_it_has(url: str, stands: dict[str, Stand]) -> None:
    visitor = Visitor(url)
    own = visitor.server()
    other = "two" if own == "one" else "one"
    stands[own].full = True
    assert new_visitors_go_to(url, other)
    assert {visitor.server("/shapelab/kernel/1") for _ in range(6)} == {own}


def test_who_reloads_at_a_full_server_is_given_another_and_stays_there(url: str, stands: dict[str, Stand]) -> None:
    visitor = Visitor(url)
    own = visitor.server()
    stands[own].full = True
    other = visitor.server("/?H=9")
    assert other != own
    assert {visitor.server("/api/kernels/1") for _ in range(6)} == {other}


def test_when_all_are_full_their_own_page_says_so(url: str, stands: dict[str, Stand]) -> None:
    visitor = Visitor(url)
    own = visitor.server()
    for stand in stands.values():
        stand.full = True
    deadline = time.monotonic() + 1  # before and after the proxy has noticed
    while time.monotonic() < deadline:
        status, headers, body = Visitor(url).get("/?H=9")
        assert (status, body) == (503, SAYS_FULL)
        assert headers["retry-after"] == "3"
        assert visitor.server("/shapelab/kernel/1") == own, "who was there already is moved"
    stands["two"].full = False
    early = Visitor(url)  # let in before the proxy has noticed that there is a place
    deadline = time.monotonic() + PATIENCE
    while early.get("/?H=9")[0] == 503:
        assert time.monotonic() < deadline, "nobody is let in"
        early.cookies.clear()
    assert {early.server(path) for path in ("/shapelab/kernel/1", "/api/kernels/1", "/")} == {"two"}
    assert new_visitors_go_to(url, "two")


def test_the_visitors_of_a_dead_server_go_to_the_other(url: str, stands: dict[str, Stand]) -> None:
    visitors = [Visitor(url) for _ in range(2)]
    first = {visitor.server(): visitor for visitor in visitors}
    stands["one"].shutdown()
    stands["one"].server_close()
    assert first["one"].server("/shapelab/kernel/1") == "two"
    assert {first["one"].server(path) for path in ("/?H=9", "/api/kernels/1", "/")} == {"two"}
    assert first["two"].server("/api/kernels/1") == "two"


def test_when_none_is_there_the_page_tries_again(url: str, stands: dict[str, Stand]) -> None:
    for stand in stands.values():
        stand.shutdown()
        stand.server_close()
    status, headers, body = Visitor(url).get("/?H=9")
    assert status == 503
    assert int(headers["retry-after"]) > 0
    assert "http-equiv=refresh" in body


def test_servers_hear_whom_they_serve_by_which_name_and_what_the_visitor_accepts(url: str) -> None:
    heard = Visitor(url).get("/", X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="https", Accept_Encoding="gzip")[2]
    told = dict(line.lower().split(": ", 1) for line in heard.splitlines()[1:])
    assert told["x-forwarded-for"] == "127.0.0.1"
    assert told["x-forwarded-proto"] == "http"
    assert told["host"] == urlsplit(url).netloc, "a websocket's origin would not match"
    assert told["accept-encoding"] == "gzip"


def test_what_a_server_says_of_caching_passes_and_its_counts_do_not(url: str) -> None:
    visitor = Visitor(url)
    visitor.server()
    _, headers, _ = visitor.get("/shapelab/assets/0/x.js")
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["etag"] == '"as it is"'
    assert visitor.get("/metrics")[0] == 404


def test_websockets_pass(url: str) -> None:
    with socket.create_connection(tuple(urlsplit(url).netloc.split(":")), PATIENCE) as connection:
        connection.sendall(
            b"GET /api/kernels/1/channels HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nping"
        )
        heard = b""
        while not heard.endswith(b"ping"):
            part = connection.recv(4096)
            assert part, heard
            heard += part
    assert heard.startswith(b"HTTP/1.1 101")
