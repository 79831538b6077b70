"""A device that kills itself (SIGKILL) at the n-th edge: `python -m tests.support.crash_device CONFIG N`.

An edge is a point just before or just after something becomes true outside the process's memory: a commit of the
database, a call of a channel to send. With N = 0 it only runs.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

from outpost_agent import app
from outpost_agent.outbound.driver import Outbound
from outpost_disk.database import Database


class Edges:
    """Counts edges and dies at the one that was asked for."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.count = 0

    def pass_by(self) -> None:
        """Pass one edge."""
        self.count += 1
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Run the device of the given settings."""
    edges = Edges(int(sys.argv[2]))
    plain_run, plain_call = Database._run, Outbound._call

    def run(self: Database, connection: sqlite3.Connection, batch: list[Any]) -> None:
        is_durable = any(work.durable for work in batch)
        if is_durable:
            edges.pass_by()
        plain_run(self, connection, batch)
        if is_durable:
            edges.pass_by()

    async def call(self: Outbound, outgoing: Any, attempt: int) -> Any:
        edges.pass_by()
        outcome = await plain_call(self, outgoing, attempt)
        edges.pass_by()
        return outcome

    Database._run = run  # type: ignore[method-assign]
    Outbound._call = call  # type: ignore[method-assign]
    return app.main(Path(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
