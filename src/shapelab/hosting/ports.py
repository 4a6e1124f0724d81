"""Ports of this machine."""

from __future__ import annotations

import socket


def free_port(host: str) -> int:
    """A port of an address of this machine that nobody listens on just now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
