"""Ports for servers that are told theirs before they open it, and begin again where they were."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from random import SystemRandom

LOWEST = 20_000
CLIENTS_FROM = 32_768  # Linux' own
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """None that the kernel would give a client: one that asks a dead server again and again gets that very port some
    day, talks to itself, and the server cannot have it back. Raises OSError when none is free."""
    try:
        clients_from = max(int(_RANGE.read_text().split()[0]), LOWEST + 1)
    except (OSError, ValueError):
        clients_from = CLIENTS_FROM
    for _ in range(100):
        port = SystemRandom().randrange(LOWEST, clients_from)
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no port is free from {LOWEST} to {clients_from}")
