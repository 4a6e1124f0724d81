"""A dashboard of its own for tests: `shapelab serve` as a process, its address and what it printed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import psutil

from shapelab.hosting.ports import free_port

PATIENCE = 30.0
"""Seconds after which something that takes one or two has gone wrong."""

LISTENING_TO_CTRL_C = [
    sys.executable,
    "-c",
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])",
]
"""Starts a command that hears SIGINT, also where these tests themselves run in the background of a shell."""


@dataclass(frozen=True)
class Server:
    """A running `shapelab serve`."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
        """Ask for a path as it is written; ``_`` in a header's name is ``-``."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body

    def kernels(self) -> set[psutil.Process]:
        """The kernels' processes: one of each visitor, and one that waits for the next."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return {child for child in children if _is_kernel(child)}

    def kernel_of(self, html: str) -> psutil.Process:
        """The process of the visitor who got this page: the one that listens where the page's kernel is reached."""
        named = re.search(r'"kernelId": "([0-9a-f-]{36})"', html)
        assert named, "the page names no kernel"
        (told,) = Path(tempfile.gettempdir()).glob(f"voila_*/kernel-{named[1]}.json")
        where = json.loads(told.read_text())
        reached = f"{where['ip']}-{where['shell_port']}" if where["transport"] == "ipc" else where["shell_port"]
        (found,) = (kernel for kernel in self.kernels() if reached in listens(kernel))
        return found

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        """End it as a person or a supervisor would, and give its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        return self.process.wait(PATIENCE)


def command() -> list[str]:
    """The `shapelab` script that lies beside this interpreter."""
    script = shutil.which("shapelab", path=str(Path(sys.executable).parent))
    assert script, f"no shapelab beside {sys.executable}: pip install -e ."
    return [script]


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment with a home of its own: no settings, no kernels and no cache of the user's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON", "XDG_"))}
    return {**kept, "HOME": str(home), "PYTHONWARNINGS": "", **more}


@contextlib.contextmanager
def serving(
    folder: Path,
    *,
    start: list[str] | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    port: int | None = None,
    options: Sequence[str] = (),
    base_url: str = "/",
) -> Iterator[Server]:
    """Serve until the block ends. Fails with what the server printed when it does not come up or prints a traceback."""
    log = folder / "server.log"
    port = port or free_port("127.0.0.1")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*LISTENING_TO_CTRL_C, *(start or command()), "serve", "--port", str(port), "--no-browser", *options],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=cwd or folder,
            env=dict(env or environment(folder)),
        )
    server = Server(f"http://127.0.0.1:{port}{base_url}", process, log)
    try:
        _wait_for_address(server)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    assert "Traceback" not in server.printed(), server.printed()


def _wait_for_address(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE
    while not re.search(rf"is at {re.escape(server.url)}", server.printed()):
        assert server.process.poll() is None, f"the server ended by itself:\n{server.printed()}"
        assert time.monotonic() < deadline, f"the server did not name its address:\n{server.printed()}"
        time.sleep(0.05)
    with urlopen(f"{server.url}healthz", timeout=PATIENCE) as answer:
        assert answer.read() == b"ok"


def _is_kernel(process: psutil.Process) -> bool:
    """Whether it was forked by the nursery, or started as a kernel where there is none."""
    try:
        parent = process.parent()
        forked = "shapelab.hosting.nursery" in process.cmdline() and parent is not None
        started = "shapelab.hosting.kernel_process" in process.cmdline()
        return started or (forked and "shapelab.hosting.nursery" in parent.cmdline())
    except psutil.Error:
        return False


def listens(process: psutil.Process) -> set[int | str]:
    """The ports and the sockets at which somebody can reach it."""
    ports = {connection.laddr.port for connection in process.net_connections("tcp") if connection.status == "LISTEN"}
    return ports | {connection.laddr for connection in process.net_connections("unix") if connection.laddr}
