"""Kernels from the nursery: how the server has one forked, and how Jupyter takes hold of it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

NAME = "shapelab-nursery"
PATIENCE = 30.0  # seconds for the nursery to import everything, and to answer
BURIED = 0.02  # seconds between two looks whether a process has ended

CAN_FORK = sys.platform.startswith("linux") and hasattr(os, "pidfd_open")
"""Elsewhere system libraries do not survive a fork; there each kernel is started."""


class ForkedProcess:
    """A process that somebody else forked, with what Jupyter asks of a ``subprocess.Popen``."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """None while it lives, then -1: how it ended is not known."""
        if self.returncode is None:
            try:
                os.kill(self.pid, 0)
            except ProcessLookupError:
                self.returncode = -1
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("kernel", timeout or 0.0)
            time.sleep(BURIED)
        return -1

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Nursery:
    """The process that forks kernels, as the server sees it: started when first asked, and anew if it has died."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Set up; nothing is started yet.

        Args:
          environment: of the nursery; each kernel is given one of its own.
        """
        self._environment = dict(environment)
        self._asking = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def fork(self, arguments: Sequence[str], env: Mapping[str, str], cwd: str) -> ForkedProcess:
        """A new kernel; blocks while it is made.

        Raises:
          OSError: when there is none to be had.
        """
        request = json.dumps({"arguments": list(arguments), "env": dict(env), "cwd": cwd}).encode() + b"\n"
        with self._asking:
            line = self._started()
            try:
                line.sendall(request)
                answer = line.recv(64)
            except OSError:
                self._end()
                raise
            if not answer:
                self._end()
                raise ConnectionError("the nursery has died")
            return ForkedProcess(int(answer))

    def end(self) -> None:
        """End it, and with it all its kernels."""
        with self._asking:
            self._end()

    def _started(self) -> socket.socket:
        if self._line is not None and self._process is not None and self._process.poll() is None:
            return self._line
        self._end()
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "shapelab.hosting.nursery"],
                stdin=theirs.fileno(),
                env=self._environment,
                process_group=0,  # Ctrl-C is for the server; no session, between which niceness may not count
            )
        self._line = ours
        return ours

    def _end(self) -> None:
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = self._line = None


class ForkedProvisioner(LocalProvisioner):  # type: ignore[misc]
    """Jupyter's own, but for where the process comes from."""

    nursery: ClassVar[Nursery | None] = None

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Have a kernel forked; where that fails, start one."""
        arguments, env, cwd = cmd[cmd.index("-f") :], kwargs["env"], kwargs.get("cwd") or os.getcwd()
        try:
            if self.nursery is None:
                raise OSError
            self.process = await asyncio.to_thread(self.nursery.fork, arguments, env, cwd)
        except OSError:
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.process.pid
        self.pgid = None  # it makes a group of its own only after it was forked
        return self.connection_info


def provide(environment: Mapping[str, str]) -> Nursery:
    """Have Jupyter take its kernels from a nursery from now on."""
    nursery = ForkedProvisioner.nursery = Nursery(environment)
    entry = EntryPoint(NAME, f"{__name__}:ForkedProvisioner", KernelProvisionerFactory.GROUP_NAME)
    KernelProvisionerFactory.provisioners[NAME] = entry
    return nursery
