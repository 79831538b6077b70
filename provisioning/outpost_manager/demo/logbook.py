"""A child's log: what it says goes to a file of bounded size, and the last line is at hand for a sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE_LIMIT = 4 * 1024 * 1024
LINE_LIMIT = 400


class Logbook:
    """Appends to `path`; when that has SIZE_LIMIT bytes it becomes `path`.1 and a new one begins."""

    def __init__(self, path: Path, size_limit: int = SIZE_LIMIT) -> None:
        self._path = path
        self._size_limit = size_limit
        self._fd = -1
        self._size = 0
        self._tail = b""

    @property
    def path(self) -> Path:
        """Return where the log lies."""
        return self._path

    @property
    def last_line(self) -> str:
        """Return the last line that is not empty, cut to a length that fits a sentence."""
        lines = [line for line in self._tail.decode(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:LINE_LIMIT] if lines else ""

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Keep the file open for as long as the context lasts."""
        self._open()
        try:
            yield
        finally:
            os.close(self._fd)

    def write(self, piece: bytes) -> None:
        """Append some bytes."""
        if self._size + len(piece) > self._size_limit:
            os.close(self._fd)
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._open()
        os.write(self._fd, piece)
        self._size += len(piece)
        self._tail = (self._tail + piece)[-4 * LINE_LIMIT :]

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size
