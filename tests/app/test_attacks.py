"""Strangers against a public server, by its websocket: whatever they say, nothing of theirs runs and visitors go on."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from tornado.httpclient import HTTPClientError

from app.server import Server, environment, serving
from app.visitor import Visitor, do, until, visiting

KINDS = [
    "execute_request",
    "shutdown_request",
    "interrupt_request",
    "debug_request",
    "complete_request",
    "inspect_request",
    "history_request",
    "is_complete_request",
    "input_reply",
    "create_subshell_request",
    "usage_request",
]
CONNECTIONS = 4  # that one page may have

QUICK = """
import sys
from shapelab.cli import main
from shapelab.hosting import page, visitors

visitors.LATE = page.UNREAD = 1.0
sys.exit(main())
"""


@pytest.fixture
def visitor(public: Server) -> Iterator[Visitor]:
    with visiting(public) as one:
        yield one


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A public server of two places, which gives nobody longer than a second to connect where others wait."""
    folder = tmp_path_factory.mktemp("quick")
    options = ["--public", "--max-visitors", "2", "--drain-seconds", "0"]
    start = [sys.executable, "-c", QUICK]
    with serving(folder, start=start, env=environment(folder), options=options) as running:
        yield running


def kernel(public: Server, visitor: Visitor) -> psutil.Process:
    return public.kernel_of(visitor.caller.html)


@contextlib.contextmanager
def flood(visitor: Visitor, said: Sequence[tuple[str, Any]]) -> Iterator[None]:
    """Say all of it at once, over as many connections as there may be; at the end the kernel has heard it all.

    What is said next could overtake what other connections still hold.
    """
    others = [Visitor(type(visitor.caller)(visitor.caller.url, "", visitor.caller.headers)) for _ in range(3)]
    for other in others:
        other.caller.kernel = visitor.kernel
        do(other.caller.connect())

    async def say(callers: Sequence[Any]) -> None:
        for number, (kind, content) in enumerate(said):
            await callers[number % len(callers)].send(kind, content)

    do(say([one.caller for one in (visitor, *others)]))
    yield
    for one in (visitor, *others):
        do(_heard(one.caller))
    for other in others:
        do(other.caller.hang_up())


async def _heard(caller: Any) -> None:
    """Wait until the kernel has taken everything that was sent it over a connection."""

    def replies() -> int:
        return [kind for kind, _ in caller.told].count("kernel_info_reply")

    before = replies()
    await caller.send("kernel_info_request", {})
    await caller.until(lambda: replies() > before)


@pytest.mark.parametrize("channel", ["shell", "control", "stdin", "iopub"])
def test_no_message_that_runs_or_ends_anything_reaches_a_kernel(
    public: Server, visitor: Visitor, channel: str, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    code = f"open({str(marker)!r}, 'w')"
    content = {"code": code, "silent": False, "restart": False, "expression": code, "cursor_pos": 3, "value": code}
    before = len(visitor.caller.told)
    for kind in KINDS:
        do(visitor.caller.send(kind, {**content, "allow_stdin": True, "user_expressions": {"x": code}}, channel))
    assert visitor.answers()
    assert not marker.exists()
    assert kernel(public, visitor).is_running()
    assert {kind for kind, _ in visitor.caller.told[before:]} <= {"status"}, "something was answered"


def test_code_beside_a_message_that_may_pass_does_not_run(public: Server, visitor: Visitor, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    code = {"code": f"open({str(marker)!r}, 'w')"}
    for kind in (["comm_msg", "execute_request"], {"comm_msg": "execute_request"}, "comm_msg\0", "COMM_MSG", None, ""):
        do(visitor.caller.send(kind, code))
    do(visitor.caller.send("comm_info_request", {**code, "msg_type": "execute_request"}))
    assert visitor.answers()
    assert not marker.exists()


@pytest.mark.parametrize(
    "state",
    [
        {"max": 10**6, "value": 10**5},
        {"min": -5, "value": -3},
        {"step": 0},
        {"value": None},
        {"value": "7; import os"},
        {"value": 1e308},
        {"value": -0.5},
        {"value": 10**400},
        {"value": float("nan")},
        {"value": float("inf")},
        {"value": [7]},
        {"value": {"__class__": "int"}},
        {"options": ["x"], "index": 99},
        {"layout": "IPY_MODEL_nobody", "style": None, "_model_module": "https://evil.example/x.js"},
        {"children": [], "_dom_classes": ["x"], "_esm": "alert(1)", "disabled": True},
    ],
    ids=str,
)
def test_no_value_of_any_trait_leads_where_a_hand_could_not(visitor: Visitor, state: dict[str, Any]) -> None:
    (number,) = (m for m in visitor.caller.below(visitor.caller.with_class("shapelab-control-H")[0])[2:3])
    shown, before = visitor.caller.alt(), set(visitor.caller.models)
    for model in (visitor.slider("H"), number, *visitor.caller.with_class("shapelab-lessons")):
        for name, value in state.items():
            visitor.set(model, **{name: value})
    do(visitor.caller.read_widgets())
    assert visitor.value("H") in range(1, 65)
    assert visitor.is_right() or visitor.caller.alt() == shown
    assert visitor.answers()
    assert len(set(visitor.caller.models) - before) == 0, "widgets were made"


def test_hidden_and_disabled_widgets_act_on_nothing(visitor: Visitor) -> None:
    shown = set(visitor.caller.below(visitor.caller.root()))
    held = {m: s for m, s in visitor.caller.models.items() if "value" in s or "index" in s or "Button" in str(s)}
    closed = {m: s for m, s in held.items() if m not in shown or s.get("disabled")}
    assert any(s["_model_name"] == "ButtonModel" and s["disabled"] for s in closed.values()), "nothing disabled to try"
    assert any(m not in shown for m in closed), "nothing hidden to try"
    picture = visitor.caller.alt()
    for model, state in closed.items():
        do(visitor.caller.say(model, {"event": "click"}))
        visitor.set(model, disabled=False, **{name: 1 for name in ("value", "index") if name in state})
        do(visitor.caller.say(model, {"event": "click"}))
    do(visitor.caller.read_widgets())
    assert visitor.caller.alt() == picture
    assert visitor.answers()


@pytest.mark.parametrize("target", ["jupyter.widget", "jupyter.widget.version", "os.system", "", None, ["x"]], ids=str)
def test_a_page_opens_no_channel_but_the_one_to_read_widgets(visitor: Visitor, target: Any) -> None:
    before = len(visitor.caller.models)
    forged = {
        "_model_module": "@jupyter-widgets/controls",
        "_model_name": "ButtonModel",
        "_model_module_version": "2.0",
    }
    content = {"comm_id": "forged", "target_name": target, "data": {"state": forged, "buffer_paths": []}}
    do(visitor.caller.send("comm_open", content))
    do(visitor.caller.send("comm_open", {**content, "target_module": "os", "comm_id": visitor.slider("H")}))
    do(visitor.caller.send("comm_close", {"comm_id": visitor.slider("H")}))
    assert visitor.answers()
    do(visitor.caller.read_widgets())
    assert "forged" not in visitor.caller.models
    assert len(visitor.caller.models) == before


def test_no_traceback_of_the_kernel_s_reaches_a_page(visitor: Visitor) -> None:
    do(visitor.caller.send("comm_open", {"comm_id": "c", "target_name": "jupyter.widget.control"}, version="0"))
    for data in ({"method": "custom"}, {"method": []}, [], None, "x"):
        do(visitor.caller.send("comm_msg", {"comm_id": "c", "data": data}))
        do(visitor.caller.send("comm_msg", {"comm_id": visitor.slider("H"), "data": data}))
    assert visitor.answers()
    assert {kind for kind, _ in visitor.caller.told} <= {"status"}
    assert "Traceback" not in str(visitor.caller.told)


def test_three_thousand_widgets_are_not_made(public: Server, visitor: Visitor) -> None:
    process, before = kernel(public, visitor), len(visitor.caller.models)
    held = process.memory_info().rss
    opened = [{"comm_id": f"{i:032}", "target_name": "jupyter.widget", "data": {"state": {}}} for i in range(1500)]
    opened += [{"comm_id": f"{i:032}", "target_name": "jupyter.widget.control"} for i in range(1500)]
    with visiting(public) as other, flood(visitor, [("comm_open", content) for content in opened]):
        assert other.answers()
    visitor.reconnect()
    assert len(visitor.caller.models) == before
    assert visitor.answers()
    assert process.memory_info().rss < held + 20 * 2**20


def test_two_thousand_clicks_hold_nobody_up(public: Server, visitor: Visitor) -> None:
    visitor.move(H=8, W=9)
    models = visitor.caller.models
    (undo,) = (m for m in visitor.caller.below(visitor.caller.root()) if models[m].get("description") == "Undo")
    assert not models[undo]["disabled"]
    click = {"comm_id": undo, "data": {"method": "custom", "content": {"event": "click"}}}
    with visiting(public) as other, flood(visitor, [("comm_msg", click)] * 2000):
        assert other.answers()
    visitor.until(lambda: models[undo]["disabled"] and visitor.is_right())
    assert visitor.answers()


@pytest.mark.parametrize(
    "frame",
    [
        "text, and no message",
        "{}",
        b"",
        b"\0" * 7,
        b"\xff" * 64,
        (2**63).to_bytes(8, "little") * 9,
        (5).to_bytes(8, "little") + (2**62).to_bytes(8, "little") * 5,
        b"x" * (2 * 2**20),
    ],
    ids=lambda frame: f"{type(frame).__name__} of {len(frame)}",
)
def test_who_sends_what_is_no_message_is_cut_off_and_may_come_again(visitor: Visitor, frame: str | bytes) -> None:
    do(visitor.caller.throw(frame))
    until(lambda: visitor.caller.is_cut_off, "the connection stays")
    visitor.reconnect()
    assert visitor.answers()


def test_a_page_has_a_few_connections_and_not_a_thousand(visitor: Visitor) -> None:
    made = []
    for _ in range(CONNECTIONS + 3):
        other = Visitor(type(visitor.caller)(visitor.caller.url, "", visitor.caller.headers))
        other.caller.kernel = visitor.kernel
        do(other.caller.connect())
        made.append(other)
    until(lambda: sum(one.caller.is_cut_off for one in made) == 4, "the wrong number of connections lives")
    assert visitor.answers()
    for one in made:
        do(one.caller.hang_up())


def test_connections_that_end_as_they_begin_take_nobody_s_place(visitor: Visitor) -> None:
    with begun_to_connect(visitor) as line:
        assert line.recv(12) == b"HTTP/1.1 101"
    for i in range(8 * CONNECTIONS):
        with begun_to_connect(visitor):
            time.sleep(i % 8 / 1000)
    visitor.reconnect()
    assert visitor.answers()


def begun_to_connect(visitor: Visitor) -> socket.socket:
    """A line on which the kernel of a visitor's was asked for a moment ago; closed, it is gone without a word."""
    where = urlsplit(visitor.caller.url)
    asked = {
        "Host": where.netloc,
        "Origin": f"http://{where.netloc}",
        "Cookie": visitor.caller.headers["Cookie"],
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "v1.kernel.websocket.jupyter.org",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in asked.items())
    line = socket.create_connection((where.hostname, where.port))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing it resets it
    asked_for = f"/api/kernels/{visitor.kernel}/channels?session_id={uuid.uuid4().hex}"
    line.sendall(f"GET {asked_for} HTTP/1.1\r\n{head}\r\n".encode())
    return line


def test_other_sites_scripts_do_not_reach_a_kernel(visitor: Visitor) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1", "https://127.0.0.1.evil.example"):
        with pytest.raises(HTTPClientError) as refused:
            do(visitor.caller.connect(Origin=origin))
        assert refused.value.code == 403, origin
    visitor.reconnect()
    assert visitor.answers()


def test_a_kernel_that_is_not_there_cannot_be_connected_to(visitor: Visitor) -> None:
    own, visitor.caller.kernel = visitor.kernel, "00000000-0000-4000-8000-000000000000"
    try:
        with pytest.raises(HTTPClientError) as refused:
            do(visitor.caller.connect())
        assert refused.value.code == 404
    finally:
        visitor.caller.kernel = own


def test_two_visitors_do_not_meet(public: Server) -> None:
    with visiting(public, "H=11&nobodysfield=onlymine") as one, visiting(public, "H=12") as other:
        assert one.kernel != other.kernel
        assert (one.value("H"), other.value("H")) == (11, 12)
        assert not set(one.caller.models) & set(other.caller.models), "they share a widget"
        before = dict(other.caller.models[other.slider("W")])
        one.move(W=19, H=21)
        assert other.caller.models[other.slider("W")] == before
        other.move(H=13)
        assert (one.value("H"), one.value("W"), other.value("H")) == (21, 19, 13)
        for secret in ("onlymine", one.kernel):
            assert secret not in other.caller.html
            assert secret not in str(other.caller.models)
        other.set(one.slider("H"), value=5)  # through another's connection a widget is not there
        assert other.answers()
        assert one.value("H") == 21


def test_who_never_reads_costs_the_server_little(public: Server, visitor: Visitor) -> None:
    server, before = psutil.Process(public.process.pid), psutil.Process(public.process.pid).memory_info().rss
    deaf = Visitor(type(visitor.caller)(visitor.caller.url, "", visitor.caller.headers))
    deaf.caller.kernel = visitor.kernel
    do(deaf.caller.connect())
    do(deaf.caller.stop_reading())
    for number in range(300):
        visitor.set(visitor.slider("H"), value=number % 60 + 4)
    visitor.until(lambda: visitor.value("H") == 299 % 60 + 4 and visitor.is_right())
    assert server.memory_info().rss < before + 40 * 2**20
    do(deaf.caller.hang_up())


def test_a_kernel_s_environment_holds_nothing_of_the_server_s(public: Server, visitor: Visitor) -> None:
    told = Path(f"/proc/{kernel(public, visitor).pid}/environ")
    if not told.exists():
        pytest.skip("this system does not show it")
    assert b"open-sesame" in Path(f"/proc/{public.process.pid}/environ").read_bytes()
    assert b"open-sesame" not in told.read_bytes()
    assert os.environ.get("HOME", "").encode() not in told.read_bytes().split(b"\0")


def test_who_asks_for_the_page_without_a_browser_keeps_nobody_out(quick: Server) -> None:
    with visiting(quick) as visitor:
        with ThreadPoolExecutor() as at_once:
            answers = at_once.map(lambda _: quick.get("/")[0].status, range(3))
        assert sorted(answers) == [200, 503, 503], "the house is not full"
        with visiting(quick) as other:
            assert other.answers()
            assert quick.get("/")[0].status == 503, "somebody who is there was to give way"
        assert visitor.answers()


def test_who_does_not_read_the_page_keeps_nobody_out(quick: Server) -> None:
    until(lambda: b"shapelab_visitors 0.0" in quick.get("/metrics")[1], "somebody is there")
    deaf = [ask_and_read_nothing(quick) for _ in range(2)]
    until(lambda: b"shapelab_visitors 2.0" in quick.get("/metrics")[1], "the house is not full")
    with visiting(quick) as visitor:
        assert visitor.answers()
    for line in deaf:
        line.close()


def ask_and_read_nothing(server: Server) -> socket.socket:
    """Ask for the page over a line that takes next to nothing, so that it stays at the server."""
    line = socket.socket()
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    where = urlsplit(server.url)
    line.connect((where.hostname, where.port))
    line.sendall(f"GET / HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
    return line
