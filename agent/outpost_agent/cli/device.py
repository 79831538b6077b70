"""Finds the daemon that a command is meant for, and connects to it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from outpost_agent.local.client import LocalClient
from outpost_wire.errors import OutpostError

SYSTEM_STATE = Path("/var/lib/outpost")
DEMO_STATE = Path(".state")
RUN_FILE = "run.json"
SOCKET_NAME = "device.sock"


class BadRunFile(OutpostError):
    """The file in which a demo says where its socket is cannot be read."""

    code = "bad_run_file"


class _Run(msgspec.Struct):
    """What is wanted of a demo's run.json."""

    socket: str


def connect(options: argparse.Namespace) -> LocalClient:
    """Return a client of the daemon that `options` or the environment name, to be entered."""
    return LocalClient(find_socket(options.socket, options.folder, os.environ))


def find_socket(socket: Path | None, folder: Path | None, environment: Mapping[str, str]) -> Path:
    """Return the daemon's socket: of the arguments, of the environment, of this system, or of a demo in this folder."""
    if socket is not None:
        return socket
    if folder is not None:
        return socket_in(folder)
    if environment.get("OUTPOST_SOCKET"):
        return Path(environment["OUTPOST_SOCKET"])
    if environment.get("OUTPOST_STATE"):
        return socket_in(Path(environment["OUTPOST_STATE"]))
    if not SYSTEM_STATE.exists() and (DEMO_STATE / RUN_FILE).exists():
        return socket_in(DEMO_STATE)
    return socket_in(SYSTEM_STATE)


def socket_in(folder: Path) -> Path:
    """Return the socket of a state folder, or of the demo in `folder`; raises BadRunFile."""
    try:
        raw = (folder / RUN_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return _of_device(folder)
    try:
        return Path(msgspec.json.decode(raw, type=_Run).socket)
    except msgspec.DecodeError as error:
        raise BadRunFile(f"{folder / RUN_FILE}: {error}; start the demo again") from error


def _of_device(folder: Path) -> Path:
    socket = folder / SOCKET_NAME
    if socket.exists():
        return socket
    from outpost_disk import short_socket_path  # noqa: PLC0415 - it brings the event loop, seldom needed here

    return short_socket_path(folder, SOCKET_NAME)
