"""What ``shapelab serve`` is told, checked before anything is started."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

TOKEN_VARIABLE = "SHAPELAB_TOKEN"
KERNEL_BYTES = 64 * 2**20  # of one visitor's kernel that it shares with nobody, a long visit's growth included
SERVER_BYTES = 1024 * 2**20  # of the server and its engine, caches full
MOST_VISITORS = 1000
SHORTEST_TOKEN = 8
GATEWAYS = ("JUPYTER_GATEWAY_URL", "JUPYTER_GATEWAY_WS_URL")

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]|[0-9a-f:]+")
_SOURCE = re.compile(r"\*|'self'|'none'|(https?://)?(\*\.)?[A-Za-z0-9.\[\]:-]+(:\*)?")
_LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")


class CannotServeError(Exception):
    """The server cannot start; the message says why and what to do."""


@dataclass(frozen=True)
class Options:
    """How to serve.

    Attributes:
      host: address to listen on.
      port: port to listen on, 1 to 65535.
      browser: whether to open a browser where there is a screen.
      public: whether strangers come: shorter patience with idle pages, structured logs, a patient end.
      max_visitors: visitors at once; None for what memory allows.
      token: a password, "" for none.
      base_url: path under which everything is served, "/" or "/…/".
      allowed_hosts: names by which the server may be called; empty for any name.
      frame_ancestors: who may show the page in a frame, as in a Content-Security-Policy.
      idle_minutes: how long a page may be left alone before its kernel is ended.
      drain_seconds: how long visitors may go on after SIGTERM.

    Raises:
      CannotServeError: for a value that cannot be served with.
    """

    host: str = "127.0.0.1"
    port: int = 8866
    browser: bool = False
    public: bool = False
    max_visitors: int | None = None
    token: str = ""
    base_url: str = "/"
    allowed_hosts: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ("'self'",)
    idle_minutes: float = 60.0
    drain_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.max_visitors is not None and not 1 <= self.max_visitors <= MOST_VISITORS:
            raise CannotServeError(
                f"--max-visitors {self.max_visitors} is out of range: it goes from 1 to {MOST_VISITORS}"
            )
        if not (self.idle_minutes > 0 and self.drain_seconds >= 0):
            raise CannotServeError(
                f"--idle-minutes {self.idle_minutes:g}, --drain-seconds {self.drain_seconds:g}: one is more than 0, "
                "the other 0 or more"
            )
        if self.token and len(self.token) < SHORTEST_TOKEN:
            raise CannotServeError(
                f"--token has {len(self.token)} characters: a password that nobody guesses has {SHORTEST_TOKEN} or more"
            )
        if not re.fullmatch(r"/([A-Za-z0-9._~-]+/)*", self.base_url):
            raise CannotServeError(f"--base-url {self.base_url!r} is no path: it looks like /lab/shapes/")
        for name in self.allowed_hosts:
            if not _HOST.fullmatch(name):
                raise CannotServeError(f"--allow-host {name!r} is no name of a host: it looks like shapes.example.org")
        for source in self.frame_ancestors:
            if not _SOURCE.fullmatch(source):
                raise CannotServeError(
                    f"--frame-ancestors {source!r} is no source: it looks like https://course.example.org, 'self' or *"
                )

    @property
    def most_visitors(self) -> int:
        """Visitors at once: what was asked for, or what memory allows."""
        return self.max_visitors or visitors_in(memory())


def base_url(text: str) -> str:
    """A path as people write it, with both its slashes: ``lab`` is ``/lab/``."""
    return f"/{text.strip('/')}/" if text.strip("/") else "/"


def visitors_in(memory_bytes: int) -> int:
    """Visitors that a machine with so much memory holds beside server and engine: four fifths of it, at least one."""
    return max(1, min(MOST_VISITORS, int((0.8 * memory_bytes - SERVER_BYTES) // KERNEL_BYTES)))


def memory(root: Path = Path("/")) -> int:
    """Bytes of memory that this machine, or the container around this process, may use."""
    found: int = psutil.virtual_memory().total
    for name in _LIMITS:
        try:
            limit = (root / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if limit.isdecimal():  # "max" is none
            found = min(found, int(limit))
    return found


def refuse_gateway(variables: Mapping[str, str] = os.environ) -> None:
    """Refuse to stand before a gateway: there Voila's filter of messages is lost, and anyone could run code.

    Raises:
      CannotServeError: when one is configured.
    """
    for name in GATEWAYS:
        if variables.get(name):
            raise CannotServeError(
                f"{name} is set: behind a Jupyter gateway visitors could run code of their own. Unset it; "
                "kernels of this server run on this machine"
            )
