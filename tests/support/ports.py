"""Ports that a server of a test may leave and come back to."""

from __future__ import annotations

import random
import socket

# Below the range from which the kernel takes ports for outgoing connections (ip_local_port_range), so that none of
# those can have the port while its server is being restarted.
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Return a loopback port that nobody listens on, hardly ever one that was returned to somebody else."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
