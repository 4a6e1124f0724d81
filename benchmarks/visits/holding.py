"""What a server holds with its engine and kernels: memory, processor time, processes, files, threads."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

import psutil

from visits.kernels import is_kernel, is_nursery

EVERY = 3.0  # seconds from one look to the next


@dataclass(frozen=True)
class Holding:
    """At one moment.

    Attributes:
      bytes: memory by part; pages that processes share count once (PSS), where the system tells.
      seconds: processor time by part since its start, of processes that have ended too.
      kernels: how many there are, spare ones among them.
      files: open files and connections of the server and its engine.
      threads: of the server and its engine.
    """

    bytes: dict[str, int]
    seconds: dict[str, float]
    kernels: int
    files: int
    threads: int

    @property
    def memory(self) -> int:
        """All of it, bytes."""
        return sum(self.bytes.values())


def look(server: psutil.Process) -> Holding:
    """Look at a server and all its descendants."""
    memory, seconds = dict.fromkeys(PARTS, 0), dict.fromkeys(PARTS, 0.0)
    kernels = files = threads = 0
    for process, part, kernel in _parts(server):
        with contextlib.suppress(psutil.Error):
            times, info = process.cpu_times(), process.memory_full_info()
            seconds[part] += times.user + times.system + times.children_user + times.children_system
            memory[part] += int(getattr(info, "pss", info.uss))
            kernels += kernel
            if part != "kernels":
                files += process.num_fds()
                threads += process.num_threads()
    return Holding(memory, seconds, kernels, files, threads)


PARTS = ("server", "engine", "kernels")


def _parts(server: psutil.Process) -> list[tuple[psutil.Process, str, bool]]:
    """Each process, whose part it is, and whether it is a kernel."""
    found = [(server, "server", False)]
    for child in server.children():
        with contextlib.suppress(psutil.Error):
            part = "kernels" if is_nursery(child) or is_kernel(child) else "engine"
            found += [(each, part, is_kernel(each)) for each in (child, *child.children(recursive=True))]
    return found


@dataclass
class Watch:
    """Looks at a server again and again.

    Attributes:
      peak: the look with the most memory so far.
    """

    server: psutil.Process
    peak: Holding = field(init=False)

    def __post_init__(self) -> None:
        self.peak = look(self.server)

    async def keep(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(EVERY)
            now = await asyncio.to_thread(look, self.server)
            self.peak = max(self.peak, now, key=lambda seen: seen.memory)
