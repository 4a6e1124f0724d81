"""Where to listen: tried beforehand, and what is wrong with them in words."""

from __future__ import annotations

import errno
import os
import socket
import tempfile

from shapelab.hosting.options import CannotServeError
from shapelab.hosting.ports import NAME_BYTES, OF_THE_ENGINE, can_be_socket, free_port


def check_free(host: str, port: int) -> None:
    """Try the address before Voila does, so that the answer is a sentence.

    Raises:
      CannotServeError: when it cannot be had.
    """
    try:
        family, kind, _, _, place = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise CannotServeError(f"{host!r} is not an address of this machine: try --host 127.0.0.1") from error
    with socket.socket(family, kind) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
        try:
            probe.bind(place)
        except OSError as error:
            raise CannotServeError(why_not(error, host, port)) from error


def check_temporary_folder() -> None:
    """See that sockets can be made in it, where the system has any.

    Raises:
      CannotServeError: when its name is too long for that.
    """
    folder, room = tempfile.gettempdir(), NAME_BYTES - len(OF_THE_ENGINE)
    if hasattr(socket, "AF_UNIX") and not can_be_socket(folder + OF_THE_ENGINE):
        raise CannotServeError(
            f"the name of the temporary folder, {folder}, has {len(os.fsencode(folder))} bytes, and at most {room}"
            " leave room for sockets in it: set TMPDIR to a folder with a shorter one"
        )


def why_not(error: OSError, host: str, port: int) -> str:
    """What an address cannot be had for, and what to do."""
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
        return f"port {port} is in use, perhaps by another shapelab: stop that one, or try --port {free_port(host)}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} needs rights that you do not have: ports from 1024 up need none, try --port 8866"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host!r} is not an address of this machine: try --host 127.0.0.1"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"
