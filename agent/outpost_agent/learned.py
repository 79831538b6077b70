"""What the device has learned of the sources it was sent files from: one file for each, kept for the next time.

The file is what a step made (`File.learns`), opaque here. It is replaced only when all the work is done, so a step that
is tried again starts from what was known before. The number of sources is bounded; the one used least lately gives way.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from outpost_disk import sync_folder

SOURCES_LIMIT = 200


class LearnedFolder:
    """The files, named by the hash of their source."""

    def __init__(self, folder: Path, limit: int = SOURCES_LIMIT) -> None:
        self._folder = folder
        self._limit = limit
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def find(self, source: str) -> Path | None:
        """Return the file that was kept for `source`, or None."""
        path = self._path(source)
        return path if path.is_file() else None

    def keep(self, source: str, made: Path) -> None:
        """Keep a file that a task made, whole or not at all, in place of what was kept before; blocks for syncing.

        Raises OSError, and then what was kept before is still there.
        """
        beside = self._folder / f".{self._path(source).name}.new"
        beside.unlink(missing_ok=True)
        beside.hardlink_to(made)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(self._path(source))
        self._path(source).touch()
        self._prune()
        sync_folder(self._folder)

    def _path(self, source: str) -> Path:
        return self._folder / hashlib.blake2b(source.encode(), digest_size=16).hexdigest()

    def _prune(self) -> None:
        kept = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[: max(0, len(kept) - self._limit)]:
            path.unlink()
