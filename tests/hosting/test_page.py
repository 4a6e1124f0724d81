"""The page: begun at once, whole without a spare kernel, and never another visitor's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, MagicMock
from urllib.parse import quote
from urllib.request import urlopen

import psutil
import pytest
from tornado.iostream import StreamClosedError

from app.server import PATIENCE, Server, serving
from shapelab.hosting.page import PageHandler, code_cells
from shapelab.hosting.spares import PATIENCE as A_MINUTE
from shapelab.hosting.spares import Kernel, KernelFailedError, Spares

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("page")) as running:
        yield running


def page_of(server: Server, query: str = "") -> str:
    with urlopen(server.url + query, timeout=PATIENCE) as answer:
        html: str = answer.read().decode()
    return html


def page_with_picture(server: Server) -> str:
    """The page once the engine has started, and has told the first picture and its values."""
    deadline = time.monotonic() + PATIENCE
    while 'sl-arithmetic">' not in (html := page_of(server)):
        assert time.monotonic() < deadline, "the page begins without a picture"
        time.sleep(0.5)
    return html


def test_the_frame_is_sent_while_the_kernel_is_stopped(server: Server) -> None:
    """What comes first waits for no kernel."""
    stopped: list[psutil.Process] = []
    try:
        with urlopen(server.url, timeout=PATIENCE) as answer:
            for kernel in server.kernels():
                kernel.suspend()
                stopped.append(kernel)
            seen = b""
            while b'id="loading"' not in seen:
                more = answer.read1(65536)
                assert more
                seen += more
            assert b"shapelab-header" in seen
    finally:
        for kernel in stopped:
            kernel.resume()


def test_two_visitors_get_two_kernels(server: Server) -> None:
    assert server.kernel_of(page_of(server)) != server.kernel_of(page_of(server))


def test_the_page_comes_also_when_the_spare_has_died(server: Server) -> None:
    for kernel in server.kernels():
        with contextlib.suppress(psutil.Error):
            kernel.kill()
    html = page_of(server)
    assert WIDGET in html
    assert server.kernel_of(html).is_running()


MARK = "x5YpQ"
HOSTILE = (
    f'"><script>alert("{MARK}")</script>',
    f"{MARK}'}}); raise SystemExit #",
    f'\\\\{MARK}"""{{{{7*7}}}}\u2028\x00é',
)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_query_gets_into_the_page(server: Server, text: str) -> None:
    plain = page_with_picture(server)
    html = page_of(server, f"?{quote(text)}&template=nosuch&{quote(text)}={quote(text)}")
    assert WIDGET in html
    assert MARK not in html
    assert without_nonces(html.partition("<main")[0]) == without_nonces(plain.partition("<main")[0])


def without_nonces(html: str) -> str:
    """The page but for what differs each time: by which its own scripts are known."""
    return re.sub(r'nonce="[\w-]{20,}"', "", html)


def test_other_addresses_are_no_page(server: Server) -> None:
    before = server.kernels()
    for path in ("index.html", "voila/render/dashboard.ipynb", "dashboard.ipynb"):
        with pytest.raises(OSError, match="404"):
            page_of(server, path)
    assert server.kernels() - before == set()


def test_the_code_of_a_notebook(tmp_path: Path) -> None:
    cells = [{"cell_type": "markdown", "source": ["text"]}, {"cell_type": "code", "source": ["a = 1\n", "a"]}]
    file = tmp_path / "some.ipynb"
    file.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert code_cells(file) == ("a = 1\na",)


class Manager:
    """Stands in for Jupyter's: starts kernels that are only names."""

    def __init__(self) -> None:
        self.kernels: dict[str, bool] = {}
        """Whether each lives."""
        self.heard: list[str] = []
        self.numbers = count()

    def __contains__(self, kernel_id: str) -> bool:
        return kernel_id in self.kernels

    async def start_kernel(self, **_: Any) -> str:
        name = f"kernel {next(self.numbers)}"
        self.kernels[name] = True
        return name

    def touched(self, kernel_id: str) -> None:
        self.heard.append(kernel_id)

    def get_kernel(self, kernel_id: str) -> Handle:
        return Handle(self, kernel_id)

    async def shutdown_kernel(self, kernel_id: str, now: bool = False) -> None:
        del self.kernels[kernel_id]


class Handle:
    def __init__(self, manager: Manager, kernel_id: str) -> None:
        self.manager, self.id = manager, kernel_id

    async def is_alive(self) -> bool:
        return self.manager.kernels[self.id]

    def client(self) -> Client:
        return Client()


class Client:
    """Answers as a kernel whose cells raise when they say so."""

    def start_channels(self, **_: Any) -> None: ...

    def stop_channels(self) -> None: ...

    async def wait_for_ready(self, timeout: float) -> None: ...

    async def execute_interactive(self, code: str, *, output_hook: Any, **_: Any) -> Any:
        output_hook({"msg_type": "stream", "content": {"text": "noise"}})
        if code == "wait":
            await asyncio.Event().wait()
        if code == "late":
            raise TimeoutError
        if code == "raise":
            return {"content": {"status": "error", "ename": "ValueError", "evalue": "seven"}}
        output_hook({"msg_type": "execute_result", "content": {"data": {"text/plain": code}}})
        return {"content": {"status": "ok"}}


async def stocked(manager: Manager) -> Spares:
    """Spares of which one is ready."""
    spares = Spares(manager, {})
    spares.begin()
    for _ in range(50):  # turns of the loop, in which nothing waits for anything
        await asyncio.sleep(0)
    return spares


def test_a_spare_is_given_to_one_visitor() -> None:
    async def visits() -> None:
        manager = Manager()
        spares = await stocked(manager)
        (ready,) = manager.kernels
        assert not manager.heard
        assert (await spares.take()).id == ready
        assert manager.heard == [ready], "it would be culled for the time in which nobody had it"
        assert (await spares.take()).id != ready
        await spares.end()

    asyncio.run(visits())


def test_a_dead_spare_is_given_to_nobody_and_ended() -> None:
    async def visit() -> None:
        manager = Manager()
        spares = await stocked(manager)
        (dead,) = manager.kernels
        manager.kernels[dead] = False
        taken = await spares.take()
        assert list(manager.kernels) == [taken.id] != [dead]
        await spares.end()

    asyncio.run(visit())


def test_a_culled_spare_is_given_to_nobody() -> None:
    async def visit() -> None:
        manager = Manager()
        spares = await stocked(manager)
        manager.kernels.clear()
        assert (await spares.take()).id in manager.kernels
        await spares.end()

    asyncio.run(visit())


def test_a_kernel_that_does_not_get_ready_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: Client, timeout: float) -> None:
        raise RuntimeError("Kernel died before replying")

    async def visit() -> None:
        manager = Manager()
        with pytest.raises(RuntimeError, match="died"):
            await Spares(manager, {}).take()
        assert not manager.kernels

    monkeypatch.setattr(Client, "wait_for_ready", never)
    asyncio.run(visit())


def test_one_that_does_not_get_ready_is_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = iter([RuntimeError("Address already in use")])

    async def second_time(_: Client, timeout: float) -> None:
        for error in tries:
            raise error

    async def visit() -> None:
        manager = Manager()
        taken = await Spares(manager, {}).take()
        assert list(manager.kernels) == [taken.id]

    monkeypatch.setattr(Client, "wait_for_ready", second_time)
    asyncio.run(visit())


async def lives() -> bool:
    return True


async def died() -> bool:
    return False


def test_who_waits_for_a_kernel_that_has_died_does_not_wait_out_the_minute() -> None:
    began = time.monotonic()
    with pytest.raises(KernelFailedError, match="died"):
        asyncio.run(Kernel("kernel", Client(), died).run("wait"))
    assert time.monotonic() - began < A_MINUTE / 2


def test_for_who_has_left_nothing_is_built() -> None:
    kernel = MagicMock(tell=AsyncMock(), run=AsyncMock(return_value=[]))
    page = MagicMock(cells=("dashboard()",), spares=Spares(Manager(), {}))
    handler = PageHandler(MagicMock(ui_methods={}, settings={}), MagicMock(), page=page)
    handler.on_connection_close()
    with pytest.raises(StreamClosedError):
        asyncio.run(handler._widgets(kernel))
    kernel.run.assert_not_awaited()
    assert not page.spares.building.locked()


def test_what_a_cell_shows_and_what_it_raises() -> None:
    kernel = Kernel("kernel", Client(), lives)
    assert asyncio.run(kernel.run("1 + 1")) == [{"output_type": "execute_result", "data": {"text/plain": "1 + 1"}}]
    with pytest.raises(KernelFailedError, match="ValueError: seven"):
        asyncio.run(kernel.run("raise"))
    with pytest.raises(KernelFailedError, match="60 s"):
        asyncio.run(kernel.run("late"))
