"""``python -m shapelab.engine``: the engine as a service of its own, for the kernels of one server.

It listens where it is told to, and ends when its standard input does: it does not outlive the server that started it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from shapelab.engine.client import TOKEN
from shapelab.engine.service import create_app

MOST_CONNECTIONS = 4096  # at once; a kernel has a handful, and each is a question's
BACKLOG = 1024  # that wait to be accepted while a lecture hall opens its pages


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m shapelab.engine", description=__doc__)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--unix", type=Path, help="path of a Unix socket, in a folder that nobody else may enter")
    place.add_argument("--port", type=int, help="port on the loopback address")
    args = parser.parse_args()
    app = create_app(os.environ[TOKEN])
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=1,
        limit_concurrency=MOST_CONNECTIONS,
    )
    server = uvicorn.Server(config)

    def end_with_input() -> None:
        sys.stdin.buffer.read()
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # whoever asked has ended too: nobody waits
        server.should_exit = True

    threading.Thread(target=end_with_input, daemon=True).start()
    asyncio.run(server.serve(sockets=[_listening(args.unix, args.port)]))


def _listening(path: Path | None, port: int | None) -> socket.socket:
    if path is None:
        listener = socket.socket(socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(BACKLOG)
        return listener
    coming = path.with_suffix(".coming")
    for left in (path, coming):  # by one that was killed
        left.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(coming))
    listener.listen(BACKLOG)
    coming.rename(path)  # whoever sees it can connect
    return listener


if __name__ == "__main__":
    main()
