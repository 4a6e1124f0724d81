"""``python -m shapelab.hosting.nursery``: has imported what a kernel needs, and forks one whenever it is asked to.

A kernel that is forked is up in a fifth of the processor's time that one takes which is started, and shares the
memory of what was imported. Nothing has run here for anybody, and no thread was started: each fork is as good as new.
Requests come as lines of JSON on standard input, a socket; each is answered by a line with the process's number.
When the input ends all kernels end.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from typing import Any, NoReturn

IMPORTS = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.debugger",  # which every kernel imports and none here needs: half of its start
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "concurrent.futures.thread",
    "faulthandler",
    "psutil",
    "resource",
    "tornado.platform.asyncio",
    "ipywidgets",
    "shapelab.engine.wire",
    "shapelab.explorers.gallery",
    "shapelab.explorers.quiet",
    "shapelab.explorers.show",
    "shapelab.hosting.lean_kernel",
)
MOST_BYTES = 2**16  # of a request


class Nursery:
    """Forks, and buries."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._selector = selectors.DefaultSelector()
        self._selector.register(requests, selectors.EVENT_READ)
        self._living: dict[int, int] = {}  # by the descriptor that tells of its end, a process's number

    def run(self) -> None:
        """Answer requests until there are no more."""
        pending = b""
        while True:
            for key, _ in self._selector.select():
                if key.fd in self._living:
                    self._bury(key.fd)
                    continue
                received = self._requests.recv(MOST_BYTES)
                if not received:
                    return
                *lines, pending = (pending + received).split(b"\n")
                for line in lines:
                    self._requests.sendall(b"%d\n" % self._fork(json.loads(line)))

    def end(self) -> None:
        """End all that live."""
        for pid in self._living.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _fork(self, wanted: dict[str, Any]) -> int:
        pid = os.fork()
        if pid == 0:
            self._become_kernel(wanted)
        ended = os.pidfd_open(pid)
        self._living[ended] = pid
        self._selector.register(ended, selectors.EVENT_READ)
        return pid

    def _bury(self, ended: int) -> None:
        self._selector.unregister(ended)
        os.close(ended)
        os.waitpid(self._living.pop(ended), 0)

    def _become_kernel(self, wanted: dict[str, Any]) -> NoReturn:
        """Leave everything of the nursery behind, and be a kernel until the end."""
        parent = os.getppid()
        try:
            self._selector.close()
            self._requests.close()
            for ended in self._living:
                os.close(ended)
            os.setpgid(0, 0)  # no session of its own: between sessions Linux may not count niceness
            os.chdir(wanted["cwd"])
            os.environ.clear()
            os.environ.update(wanted["env"])
            # It ends when the nursery does, whatever became of that.
            sys.argv = ["kernel", *wanted["arguments"], f"--IPKernelApp.parent_handle={parent}"]
            from shapelab.hosting.kernel_process import main

            main()
            os._exit(0)
        except BaseException as error:
            print(f"a kernel failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)


def _rehearse() -> None:
    """Have remembered what every kernel would find out anew: this machine's addresses, how its arguments are read."""
    from ipykernel.kernelapp import IPKernelApp
    from jupyter_client.localinterfaces import local_ips

    local_ips()
    rehearsal = IPKernelApp()  # type: ignore[no-untyped-call]
    rehearsal.parse_command_line(["-f", os.devnull, "--log-level=ERROR", "--HistoryManager.enabled=False"])


def main() -> None:
    """Import, then fork until standard input ends."""
    requests = socket.socket(fileno=os.dup(0))
    quiet = os.open(os.devnull, os.O_RDONLY)
    os.dup2(quiet, 0)
    os.close(quiet)
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # the debugger would print advice for who debugs
    for name in IMPORTS:
        importlib.import_module(name)
    _rehearse()
    gc.collect()
    gc.freeze()  # what is here is here for good: a collector that looks at it would copy it into every kernel
    nursery = Nursery(requests)
    try:
        nursery.run()
    finally:
        nursery.end()


if __name__ == "__main__":
    main()
