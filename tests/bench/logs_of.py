"""Makes a log of any size from a seed: syslog lines of several programs with stack traces among them."""

from __future__ import annotations

import random
from pathlib import Path

_LINES = (
    "sshd[{n}]: Accepted publickey for deploy from 10.2.{a}.{b} port {n} ssh2",
    "sshd[{n}]: Failed password for invalid user admin from 203.0.113.{a} port {n} ssh2",
    "nginx: 10.2.{a}.{b} GET /api/v1/items/{n} 200 {b} ms",
    "kernel: eth0: link up, {a}000 Mbps, full duplex",
    "app[{a}]: INFO order {n} accepted for customer {b} in {a} ms",
    "app[{a}]: WARN queue depth {n} is above {b}",
    "app[{a}]: ERROR payment {n} failed: timeout after {b} ms",
    "postgres[{n}]: LOG: checkpoint complete: wrote {n} buffers ({a}.{b}%)",
    "systemd[1]: Started Session {n} of user deploy.",
    "CRON[{n}]: (root) CMD (run-parts /etc/cron.hourly)",
)
_TRACE = (
    "    at org.example.pay.Client.call(Client.java:{a})\n    at org.example.pay.Service.charge(Service.java:{b})\n"
)
_BLOCK_LINES = 20_000


def write_log(path: Path, size_bytes: int, seed: int = 1) -> int:
    """Write a log of at least `size_bytes` and return how many lines it has."""
    chance = random.Random(seed)
    lines = 0
    with path.open("w", encoding="ascii") as file:
        while file.tell() < size_bytes:
            parts = []
            for _ in range(_BLOCK_LINES):
                second = lines // 50
                values = {
                    "n": chance.randrange(10_000, 60_000),
                    "a": chance.randrange(1, 250),
                    "b": chance.randrange(100),
                }
                which = chance.randrange(len(_LINES))
                day, hour, minute = 1 + second // 86_400 % 28, second // 3600 % 24, second // 60 % 60
                stamp = f"Mar {day:2d} {hour:02d}:{minute:02d}:{second % 60:02d}"
                parts.append(f"{stamp} host1 {_LINES[which].format(**values)}\n")
                lines += 1
                if which == 6:
                    parts.append(_TRACE.format(**values))
                    lines += 2
            file.write("".join(parts))
    return lines
