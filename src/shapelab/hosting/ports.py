"""Where processes of this machine find each other: ports, and sockets with a name."""

from __future__ import annotations

import os
import random
import socket

FIRST, LAST = 10_000, 31_999  # systems hand out higher ones to whoever asks for any: 32768 and up, 49152 and up
TRIES = 100
NAME_BYTES = 103  # of a socket's name on macOS; Linux allows four more

# The longest names that sockets have in the temporary folder.
OF_KERNELS = "/voila_12345678/kernel-00000000-0000-0000-0000-000000000000-ipc-5"
OF_THE_ENGINE = "/shapelab-12345678/engine.coming"  # those of its workers are no longer


def free_port(host: str) -> int:
    """A port of an address of this machine that nobody listens on just now.

    Nobody who asks the system for any port is given it, so that it is still free when whoever asked comes to listen.

    Raises:
      OSError: there is none, or it is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Not the shared generator: where somebody has seeded that, two processes would choose alike.
    for port in random.SystemRandom().sample(range(FIRST, LAST + 1), TRIES):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                refused = error
            else:
                return port
    raise refused


def can_be_socket(path: str) -> bool:
    """Whether this system has sockets with a name, and this name is not too long for one."""
    return hasattr(socket, "AF_UNIX") and len(os.fsencode(path)) <= NAME_BYTES
