"""`python -m outpost_agent.worker`: runs handlers for the daemon that connects to the socket it was given."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
from collections.abc import Mapping

from outpost_agent.local.descriptors import peer_uid
from outpost_agent.worker.limits import MIB, limit_this_process
from outpost_agent.worker.orders import FIRST_PASSED
from outpost_agent.worker.process import Worker
from outpost_wire.errors import OutpostError


class NoSocket(OutpostError):
    """The process was not started with a listening socket."""

    code = "no_socket"


def main() -> int:
    """Serve the first allowed connection to the socket passed in; returns the exit code."""
    arguments = _parser().parse_args()
    # A parent that passes more than it meant to must not give its sockets and files to strangers' code.
    os.closerange(FIRST_PASSED + 1, os.sysconf("SC_OPEN_MAX"))
    limit_this_process(arguments.nice, arguments.memory * MIB)
    try:
        with passed_socket(os.environ) as listener:
            connection = _accept(listener, arguments.idle, {os.getuid(), 0, *arguments.allow_uid})
        if connection is not None:
            Worker(connection, dict(arguments.handler), arguments.idle).serve()
    except OutpostError as error:
        sys.stderr.write(f"worker: {error}\n")
        return 1
    return 0


def passed_socket(environment: Mapping[str, str]) -> socket.socket:
    """Return the listening socket given as systemd gives it (sd_listen_fds(3)), or raise NoSocket.

    LISTEN_PID may be missing: a parent that spawns without forking cannot know it.
    """
    if environment.get("LISTEN_FDS") != "1" or environment.get("LISTEN_PID", str(os.getpid())) != str(os.getpid()):
        raise NoSocket("a worker is started by the daemon or by its socket unit, which pass it one listening socket")
    try:
        return socket.socket(fileno=FIRST_PASSED)
    except OSError as error:
        raise NoSocket(f"descriptor {FIRST_PASSED} is not the listening socket it should be") from error


def _accept(listener: socket.socket, wait_s: float, allowed_uids: set[int]) -> socket.socket | None:
    """Return the first connection of an allowed user, or None when none comes for `wait_s`."""
    listener.settimeout(wait_s)
    while True:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            return None
        if peer_uid(connection) in allowed_uids:
            return connection
        connection.close()


def _handler(text: str) -> tuple[str, str]:
    kind, equals, target = text.partition("=")
    module, colon, function = target.partition(":")
    if not (kind and equals and module and colon and function):
        raise argparse.ArgumentTypeError(f"{text!r} is not KIND=MODULE:FUNCTION")
    return kind, target


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="outpost_agent.worker", description=__doc__)
    parser.add_argument("--handler", action="append", default=[], type=_handler, metavar="KIND=MODULE:FUNCTION")
    parser.add_argument("--memory", type=int, default=512, metavar="MIB", help="limit of private memory")
    parser.add_argument("--nice", type=int, default=10, metavar="N", help="how far to step back")
    parser.add_argument("--idle", type=float, default=30.0, metavar="S", help="end after so long without a job")
    parser.add_argument("--allow-uid", type=int, action="append", default=[], metavar="UID", help="who may connect")
    return parser


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
