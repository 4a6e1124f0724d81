"""The engine beside the server: there when asked, back when killed, gone with the server."""

import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from shapelab.engine.client import Client
from shapelab.engine.spec import check
from shapelab.errors import EngineAwayError
from shapelab.hosting import engine_process
from shapelab.hosting.engine_process import EngineProcess

PATIENCE = 60.0


def until_it_answers(ask: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except EngineAwayError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def services_of(parent: psutil.Process) -> list[psutil.Process]:
    return [p for p in parent.children() if p.status() != psutil.STATUS_ZOMBIE and "shapelab.engine" in p.cmdline()]


def test_a_killed_engine_comes_back_and_a_stopped_one_leaves_nothing() -> None:
    engine = EngineProcess()
    engine.start()
    client = Client.from_environment(engine.kernel_environment)
    assert client is not None
    try:
        shape = until_it_answers(lambda: client.trace(check("conv2d", {}))).outputs[0].shape
        assert shape == (4, 4, 4)
        (first,) = services_of(psutil.Process())
        first.kill()
        psutil.wait_procs([first], timeout=PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while not services_of(psutil.Process()):
            assert time.monotonic() < deadline, "the engine does not come back"
            time.sleep(0.05)
        assert until_it_answers(lambda: client.trace(check("conv2d", {"H": 8}))).outputs[0].shape == (4, 4, 4)
        (second,) = services_of(psutil.Process())
        family = [second, *second.children(recursive=True)]
        assert first not in family
        if engine.address.startswith("unix:"):
            folder = Path(engine.address.removeprefix("unix:")).parent
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        engine.stop()
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert not alive
    assert not folder.exists()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped here")
def test_an_engine_that_hangs_is_started_anew_and_its_workers_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_process, "PROBE", 1.0)
    monkeypatch.setattr(engine_process, "DEAF", 3.0)
    engine = EngineProcess()
    engine.start()
    try:
        client = engine.client()
        until_it_answers(lambda: client.trace(check("conv2d", {})))
        (first,) = services_of(psutil.Process())
        family = [first, *first.children(recursive=True)]
        assert len(family) > 1
        first.suspend()
        _, alive = psutil.wait_procs(family, timeout=PATIENCE)
        assert not alive
        assert until_it_answers(lambda: client.trace(check("conv2d", {"H": 8}))).outputs[0].shape == (4, 4, 4)
    finally:
        engine.stop()


def test_without_a_server_there_is_no_client() -> None:
    assert Client.from_environment({}) is None
