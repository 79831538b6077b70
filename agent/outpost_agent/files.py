"""The machine's own files that the owner may name in a chat: those below the allowed roots, and never the state folder.

A path is resolved first and opened as what it resolved to, without following a link any more; then the kernel is asked
what was really opened. So a link may lead from one place below a root to another, but to nowhere else, also when it is
changed in between.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from outpost_wire.errors import BadInput, BadSetting


class FileRefused(BadInput):
    """This file may not be read, or is none."""

    code = "file_refused"


class AllowedFiles:
    """Opens files below `roots`, but for those in `state`, the folder of the daemon itself."""

    def __init__(self, roots: Sequence[str], state: Path) -> None:
        self._state = Path(os.path.realpath(state))
        self._roots = tuple(Path(os.path.realpath(root)) for root in roots)
        for named, root in zip(roots, self._roots, strict=True):
            if root.is_relative_to(self._state):
                raise BadSetting(
                    f"files.roots: {named} is the device's own state folder; name another folder",
                    f"files.roots：{named} 是设备自己的状态文件夹；请指定其他文件夹",
                )

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[int]:
        """Give a descriptor to read the file at `path`, which is absolute; blocks. Raises FileRefused."""
        if not self._roots:
            raise FileRefused(
                "No folder of this device is open to the chat: the setting files.roots names those that are.",
                "本设备没有向聊天开放任何文件夹：由设置 files.roots 指定。",
            )
        real = Path(os.path.realpath(path)) if path.startswith("/") and "\0" not in path else None
        if real is None or not self._may(real):
            raise self._outside()
        try:
            descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise FileRefused(f"{real.name} cannot be read: {reason}.", f"无法读取 {real.name}：{reason}。") from error
        try:
            if not self._may(_opened(descriptor)):
                raise self._outside()
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FileRefused(f"{real.name} is not a file.", f"{real.name} 不是普通文件。")
            yield descriptor
        finally:
            os.close(descriptor)

    def _may(self, path: Path) -> bool:
        return any(path.is_relative_to(root) for root in self._roots) and not path.is_relative_to(self._state)

    def _outside(self) -> FileRefused:
        listed = ", ".join(map(str, self._roots))
        return FileRefused(
            f"Only files in {listed} can be read: give a whole path of one of them.",
            f"只能读取 {listed} 中的文件：请给出完整路径。",
        )


def _opened(descriptor: int) -> Path:
    """Return the path of what `descriptor` stands for, as the kernel knows it."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415

        return Path(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0").decode())
    return Path(f"/proc/self/fd/{descriptor}").readlink()
