"""Logs that have something in them."""

from __future__ import annotations

import random

_QUIET = (
    "systemd[1]: Started Session {n} of user backup.",
    "CRON[{n}]: (root) CMD (run-parts /etc/cron.hourly)",
    "sshd[{n}]: Accepted publickey for deploy from 192.168.1.{a} port {n} ssh2",
    "nginx[812]: 192.168.1.{a} GET /api/orders/{n} 200 {a} ms",
    "nginx[812]: 192.168.1.{a} GET /api/stock/{n} 200 {a} ms",
    "postgres[655]: LOG: checkpoint complete: wrote {n} buffers",
    "app[931]: INFO order {n} accepted in {a} ms",
)
_SIEGE = "sshd[{n}]: Failed password for invalid user {who} from {source} port {n} ssh2"
_STALL = (
    "app[931]: ERROR payment {n} failed: timeout after 5000 ms",
    "app[931]: WARN queue depth {n} is above 1000",
    "nginx[812]: 192.168.1.{a} POST /api/payments 502 5003 ms",
)
_SOURCES = ("203.0.113.7", "203.0.113.7", "203.0.113.7", "198.51.100.24", "192.0.2.88")


def server_log(seed: int = 7) -> bytes:
    """Return a shop's day as syslog: quiet but for a siege of its logins at 3 and payments that stall at 14."""
    chance = random.Random(seed)
    lines = []
    for minute in range(24 * 60):
        hour = minute // 60
        chosen = [chance.choice(_QUIET) for _ in range(chance.randrange(1, 4 if 8 <= hour < 20 else 2))]
        if 185 <= minute < 205:
            chosen += [_SIEGE] * chance.randrange(8, 20)
        if 850 <= minute < 868:
            chosen += [chance.choice(_STALL) for _ in range(chance.randrange(5, 12))]
        if minute == 851:
            chosen += ["kernel: oom-kill: task=payments, pid=931, uid=1000", "systemd[1]: payments.service: Failed"]
        for at, line in zip(sorted(chance.randrange(60) for _ in chosen), chosen, strict=True):
            said = line.format(
                n=chance.randrange(10_000, 60_000),
                a=chance.randrange(10, 90),
                who=chance.choice(("admin", "oracle", "test", "pi")),
                source=chance.choice(_SOURCES),
            )
            lines.append(f"Nov 12 {hour:02d}:{minute % 60:02d}:{at:02d} shop {said}\n")
    return "".join(lines).encode()


def auth_log(lines: int = 900) -> bytes:
    """Return a log of logins, most of them failed and from 10.0.0.9."""
    return b"".join(
        b"Jun 14 %02d:%02d:%02d combo sshd[%d]: Failed password for root from 10.0.0.9 port %d ssh2\n"
        % (n // 3600 % 24, n // 60 % 60, n % 60, 1000 + n, 2000 + n % 60_000)
        if n % 3
        else b"Jun 14 %02d:%02d:%02d combo CRON[%d]: session opened for user root by uid=0\n"
        % (n // 3600 % 24, n // 60 % 60, n % 60, n)
        for n in range(54_000, 54_000 + lines)
    )
