"""The dashboard and its peer as processes of their own, each with a fresh home, and the memory they hold."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from shapelab.hosting.ports import free_port
from visits.kernels import is_kernel

PATIENCE = 60.0
WARM_UP = 5.0
"""Seconds that the dashboard's server has been well before its first visitor comes."""
PEER = Path(__file__).resolve().parents[1] / "peer" / "naive.ipynb"


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
      port: where it listens on loopback.
      process: the server; kernels and workers are its descendants.
    """

    port: int
    process: psutil.Process

    def kernel_bytes(self) -> int:
        """Unique memory (USS) of the largest kernel: of the visitor's, where others are spare or just leaving."""
        return max((_unique(process) for process in self._family() if is_kernel(process)), default=0)

    def engine_bytes(self) -> int:
        """Memory of the engine's processes; pages that they share count once (PSS). 0 where there is no engine."""
        engines = [process for process in self._family() if _runs(process, "shapelab.engine", "shapelab/engine")]
        everyone = {child for engine in engines for child in (engine, *_children(engine))}
        return sum(_proportional(process) for process in everyone)

    def _family(self) -> list[psutil.Process]:
        return _children(self.process)


@contextlib.contextmanager
def dashboard(options: Sequence[str] = ()) -> Iterator[Served]:
    """`shapelab serve`, some seconds after it says that it could serve a visitor."""
    port = free_port("127.0.0.1")
    command = [_script("shapelab"), "serve", "--port", str(port), "--no-browser", *options]
    with _served(command, port, "readyz") as server:
        time.sleep(WARM_UP)
        yield server


@contextlib.contextmanager
def peer() -> Iterator[Served]:
    """Plain Voila on the naive notebook. A GET of its page would start a kernel, so a file of it is asked for."""
    port = free_port("127.0.0.1")
    started = [_script("voila"), str(PEER), f"--port={port}", "--no-browser"]
    with _served(started, port, "voila/static/voila.js") as server:
        yield server


@contextlib.contextmanager
def _served(command: list[str], port: int, probe: str) -> Iterator[Served]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        log = home / "server.log"
        with log.open("wb") as out:
            started = subprocess.Popen(
                command,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=home,
                env=_environment(home),
            )
        server = Served(port, psutil.Process(started.pid))
        try:
            _wait(started, f"http://127.0.0.1:{port}/{probe}", log)
            yield server
        finally:
            _end(started, _children(server.process))


def _wait(started: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        if started.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"{url} did not answer within {PATIENCE:.0f} s; the server said:\n{said}")
        with contextlib.suppress(URLError, OSError), urlopen(url, timeout=PATIENCE):
            return
        time.sleep(0.05)


def _end(started: subprocess.Popen[bytes], family: list[psutil.Process]) -> None:
    """End the server, and what it leaves behind: plain Voila forgets the kernels of pages that were closed."""
    started.terminate()
    try:
        started.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON", "XDG_"))}
    return {**kept, "HOME": str(home)}


def _script(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise RuntimeError(f"no {name} beside {sys.executable}: pip install -e .")
    return found


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _runs(process: psutil.Process, *names: str) -> bool:
    try:
        command = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return any(name in command for name in names)


def _unique(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0


def _proportional(process: psutil.Process) -> int:
    try:
        info = process.memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(info, "pss", info.uss))
