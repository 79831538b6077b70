"""Files and folders that are whole or absent after a cut of power."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from outpost_wire.errors import OutpostError


class FolderHeld(OutpostError):
    """Another process owns this folder; `holder` is what it said of itself."""

    code = "folder_held"

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(f"{folder} is in use by {holder or 'another process'}; stop it first or choose another folder")
        self.folder = folder
        self.holder = holder


def replace_file(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Put `content` at `path` so that a reader, and the disk after a cut, has the old or the new content, whole.

    Blocks for two syncs of the disk.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in `folder` on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


SOCKET_PATH_LIMIT = 107


def short_socket_path(folder: Path, name: str) -> Path:
    """Return where a Unix socket `name` of `folder` lies: in it, or, when that is too long for `sun_path`, elsewhere.

    Elsewhere is a folder of this user alone, under the run-time folder or /tmp, and the name comes from a hash of
    `folder`, so that both ends find it. Raises OutpostError when that folder belongs to somebody else.
    """
    direct = folder.resolve() / name
    if len(os.fsencode(direct)) <= SOCKET_PATH_LIMIT:
        return direct
    digest = hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=8).hexdigest()
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp") / f"outpost-{os.getuid()}"  # noqa: S108 - checked below
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = base.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise OutpostError(f"{base} is not a folder of this user alone (mode 0700); remove it and start again")
    return base / f"{digest}-{name}"


class FolderLock:
    """Ownership of a folder by one process, until it ends; the lock file says who holds it.

    Used as a context manager; entering raises FolderHeld when another process is the owner.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder
        self._owner = owner
        self._fd = -1

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 200).decode(errors="replace").strip()
            os.close(fd)
            raise FolderHeld(self._folder, holder) from None
        os.ftruncate(fd, 0)
        os.write(fd, f"{self._owner} (pid {os.getpid()})\n".encode())
        self._fd = fd
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
