"""The engine beside the server: one process that all kernels ask, started with the server and anew when it dies."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from platformdirs import user_cache_path

from shapelab.engine.client import ADDRESS, TOKEN, Client
from shapelab.hosting.kernels import import_paths
from shapelab.hosting.ports import free_port

log = logging.getLogger("shapelab")

AGAIN = 0.5  # seconds before an engine that died is started anew
SOCKET = "engine.sock"
PATIENCE = 5.0  # seconds for an engine to end by itself
PROBE = 5.0  # seconds from one look at an engine to the next, and for it to say that it is there
DEAF = 20.0  # seconds without such a word after which it is started anew; its own loop computes nothing, however busy
START = 60.0  # further seconds before its first word


class EngineProcess:
    """The engine's service as a child of this process."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="shapelab-"))  # which nobody else may enter
        if hasattr(socket, "AF_UNIX"):
            path = self._folder / SOCKET
            self._place, self.address = ["--unix", str(path)], f"unix:{path}"
        else:
            port = free_port("127.0.0.1")
            self._place, self.address = ["--port", str(port)], f"http://127.0.0.1:{port}"
        self._token = secrets.token_urlsafe(32)
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._watch = threading.Thread(target=self._keep, name="engine", daemon=True)

    @property
    def kernel_environment(self) -> dict[str, str]:
        """What kernels are told, to find it."""
        return {ADDRESS: self.address, TOKEN: self._token}

    def client(self) -> Client:
        """A client for this server's own questions."""
        return Client(self.address, self._token)

    def start(self) -> None:
        """Start it; returns at once. Until it is up, who asks hears that it is away, and asks again."""
        self._start()
        self._watch.start()

    def stop(self) -> None:
        """End it, and take its folder away."""
        self._stopping.set()
        process = self._process
        if process is not None:
            _close_input(process)  # which ends it
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            if self._process is not None:
                self._until_it_ends(self._process)
                _close_input(self._process)
                (self._folder / SOCKET).unlink(missing_ok=True)  # kernels see that nobody listens
            if not self._stopping.wait(AGAIN):
                try:
                    self._start()
                except OSError as error:  # too little of something just now: tried again
                    log.error("the engine cannot be started: %s", error)

    def _until_it_ends(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until an engine has ended; one that says nothing any more is ended."""
        client, heard = self.client(), time.monotonic() + START
        while not self._stopping.is_set():
            try:
                process.wait(PROBE)
                return
            except subprocess.TimeoutExpired:
                if client.healthy(PROBE):
                    heard = time.monotonic()
            if time.monotonic() - heard > DEAF and not self._stopping.is_set():
                log.error("the engine has not answered for %.0f s: it is started anew", DEAF)
                _kill_all(process)
        process.wait()

    def _start(self) -> None:
        command = [sys.executable, "-m", "shapelab.engine", *self._place]
        # In a group of its own: Ctrl-C is for the server, which ends the engine with its input. Not in a session of its
        # own: between sessions Linux may not count niceness (autogroup), and values would weigh as much as pictures.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, env=self._environment(), process_group=0 if os.name == "posix" else None
        )

    def _environment(self) -> dict[str, str]:
        """What the engine is told: that this is a CPU's work, and to keep on disk what took long to compile.

        JAX looks at every entry of its cache whenever it adds one, a tenth of a second and more at a thousand: what
        compiles quicker than that is not worth an entry, and the cache is kept small.
        """
        told = {
            "JAX_COMPILATION_CACHE_DIR": str(user_cache_path("shapelab") / "jax"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.15",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            "JAX_COMPILATION_CACHE_MAX_SIZE": str(8 * 2**20),
            "JAX_PLATFORMS": "cpu",
        }
        return {**told, **os.environ, "PYTHONPATH": os.pathsep.join(import_paths()), TOKEN: self._token}


def _close_input(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def _kill_all(process: subprocess.Popen[bytes]) -> None:
    """End an engine with its workers: one of them may hang, and nobody would be left to give it up."""
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)  # it has a group of its own
    else:
        process.kill()
