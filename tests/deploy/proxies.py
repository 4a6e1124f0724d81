"""The proxies of `deploy/` as processes, with their own files but for the addresses."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from app.server import PATIENCE
from shapelab.hosting.ports import free_port

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMMANDS = {
    "haproxy": ("haproxy", "-db", "-f", "{file}"),
    "nginx": ("nginx", "-c", "{file}", "-p", "{folder}", "-g", "daemon off; pid {folder}/pid; error_log stderr;"),
}
FILES = {"haproxy": "haproxy.cfg", "nginx": "nginx.conf"}


def found(name: str) -> str:
    """Where a proxy's program is; the test that needs it is skipped where there is none."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        pytest.skip(f"{name} is not here; on Debian and its kin: sudo apt-get install {name}")
    return path


@contextlib.contextmanager
def proxy(name: str, folder: Path, ports: Sequence[int]) -> Iterator[str]:
    """Run a proxy before servers at some ports of this machine; the address of its page."""
    program, port = found(name), free_port("127.0.0.1")
    text = (DEPLOY / FILES[name]).read_text(encoding="utf-8")
    for number, server in zip((11, 12), ports, strict=True):
        text = text.replace(f"10.88.66.{number}:8866", f"127.0.0.1:{server}")
        text = text.replace(rf"10\.88\.66\.{number}:8866", rf"127\.0\.0\.1:{server}")
    text, count = re.subn(r"(?m)^( *(?:bind|listen)) :?8080\b", rf"\1 127.0.0.1:{port}", text)
    assert count == 1, "the file does not listen on 8080"
    file = folder / FILES[name]
    file.write_text(text.replace("inter 2s", "inter 100ms"), encoding="utf-8")
    command = [program, *(part.format(file=file, folder=folder) for part in COMMANDS[name][1:])]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(port, process, folder / f"{name}.log")
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.02)
