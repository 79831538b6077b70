"""Logs that have something in them."""

from __future__ import annotations


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
