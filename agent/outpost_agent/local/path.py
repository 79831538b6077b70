"""Where the daemon's socket lies: in its state folder, or, when that name is too long for a socket, in a short one."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from outpost_wire.errors import OutpostError

SOCKET_NAME = "device.sock"
# sun_path has 108 bytes on Linux and 104 on macOS, the closing zero included (unix(7), unix(4)).
NAME_LIMIT = 103 if sys.platform == "darwin" else 107


class NoPlaceForSocket(OutpostError):
    """No folder was found that is short enough and belongs to this user alone."""

    code = "no_place_for_socket"


def socket_path(folder: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the daemon of state folder `folder` listens, and make the folder of a short name if need be.

    Raises NoPlaceForSocket.
    """
    for path in _candidates(folder, environment):
        if path.parent == folder or _make_private(path.parent):
            return path
    raise NoPlaceForSocket(
        f"the name of {folder} is too long for a socket and no private folder could be made in /run or /tmp; "
        "choose a state folder with a shorter name"
    )


def find_socket(folder: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the daemon of `folder` listens, or would; the caller may have another environment than it."""
    paths = list(_candidates(folder, environment))
    owner = _owner(folder)
    found = (path for path in paths if path.is_socket() and (path.parent == folder or _is_private(path.parent, owner)))
    return next(found, paths[0])


def _candidates(folder: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    inside = folder / SOCKET_NAME
    if len(os.fsencode(inside)) <= NAME_LIMIT:
        yield inside
        return
    short = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16] + ".sock"
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    own = f"outpost-{_owner(folder)}"
    parents = [Path("/run") / own, Path("/tmp") / own]  # noqa: S108 - used only when it is its owner's alone
    if runtime.startswith("/"):
        parents.insert(0, Path(runtime) / "outpost")
    yield from (parent / short for parent in parents if len(os.fsencode(parent / short)) <= NAME_LIMIT)


def _owner(folder: Path) -> int:
    """Return who owns the state folder, which is who runs its daemon; a folder yet to be made will be ours."""
    try:
        return folder.stat().st_uid
    except FileNotFoundError:
        return os.getuid()


def _make_private(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return False
    return _is_private(folder, os.getuid())


def _is_private(folder: Path, owner: int) -> bool:
    """Say whether `folder` is a real folder of `owner` that nobody else may enter."""
    try:
        facts = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == owner and not facts.st_mode & 0o077
