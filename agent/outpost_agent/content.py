"""The content folder: files of messages and results, each named by the BLAKE2b-128 hash of its bytes.

A file here is whole, on the disk and never changed; the same bytes are kept once. What no message names any more is
swept after a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO, Literal

from outpost_disk import sync_folder
from outpost_sdk.channel import Attachment, AttachmentTooLarge, DeviceFull

BLOCK = 1 << 20
_DIGEST_SIZE = 16


class ContentFolder:
    """Keeps files by their content; `high_water` is the share of the disk in use from which it takes no more."""

    def __init__(self, folder: Path, *, limit_bytes: int, high_water: float, new_id: Callable[[], str]) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._high_water = high_water
        self._new_id = new_id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, content: str) -> Path:
        """Return where content lies; `content` is an id that `keep` or `adopt` gave."""
        return self._folder / content

    def check_room(self, more_bytes: int = 0) -> None:
        """Raise DeviceFull when the disk is, or with `more_bytes` would be, fuller than the high-water mark."""
        usage = shutil.disk_usage(self._folder)
        if usage.used + more_bytes > (usage.used + usage.free) * self._high_water:
            raise DeviceFull(
                f"The device's disk is over {self._high_water:.0%} full, so it takes nothing new: free some space.",
                f"设备磁盘已使用超过 {self._high_water:.0%}，暂不接收新内容：请先释放一些空间。",
            )

    async def keep(self, name: str, type_: str, content: AsyncIterator[bytes]) -> Attachment:
        """Stream `content` to the disk. Raises AttachmentTooLarge or DeviceFull, having kept nothing."""
        beside = self._folder / f".{self._new_id()}.part"
        digest = hashlib.blake2b(digest_size=_DIGEST_SIZE)
        size = 0
        try:
            file = await asyncio.to_thread(beside.open, "xb", 0)
            try:
                async for block in _blocks(content):
                    size += len(block)
                    if size > self._limit_bytes:
                        raise AttachmentTooLarge(
                            f"{name} is larger than this device takes ({self._limit_bytes:,} bytes).",
                            f"{name} 超过了本设备的上限（{self._limit_bytes:,} 字节）。",
                        )
                    self.check_room()
                    await asyncio.to_thread(_append, file, digest, block)
                await asyncio.to_thread(os.fsync, file.fileno())
            finally:
                file.close()
            identity = digest.hexdigest()
            await asyncio.to_thread(self._settle, beside, identity)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                beside.unlink()
            raise
        return Attachment(id=identity, name=name, type=type_, size=size)

    def adopt(self, path: Path, name: str, type_: str, encoding: Literal["", "zstd"] = "") -> Attachment:
        """Keep a file that a task made, leaving the original; blocks for reading and syncing it."""
        with path.open("rb") as file:
            identity = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=_DIGEST_SIZE)).hexdigest()
            os.fsync(file.fileno())
            size = file.seek(0, os.SEEK_END)
        beside = self._folder / f".{self._new_id()}.part"
        beside.hardlink_to(path)
        self._settle(beside, identity)
        return Attachment(id=identity, name=name, type=type_, size=size, encoding=encoding)

    def sweep(self, named: Iterable[str], before_s: float) -> int:
        """Remove what is not `named`, or never became whole, and was kept before `before_s` (Unix); blocks.

        Returns how many files that were.
        """
        keep = frozenset(named)
        swept = [path for path in self._folder.iterdir() if path.name not in keep and path.stat().st_ctime < before_s]
        for path in swept:
            path.unlink()
        return len(swept)

    def _settle(self, beside: Path, identity: str) -> None:
        beside.replace(self.path(identity))
        sync_folder(self._folder)


async def _blocks(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    pending = bytearray()
    async for piece in content:
        pending += piece
        if len(pending) >= BLOCK:
            yield bytes(pending)
            pending.clear()
    if pending:
        yield bytes(pending)


def _append(file: RawIOBase, digest: hashlib.blake2b, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[file.write(view) :]
    digest.update(block)


async def read_blocks(descriptor: int) -> AsyncIterator[bytes]:
    """Give what the file behind `descriptor` holds, from its beginning, whatever its position is."""
    offset = 0
    while block := await asyncio.to_thread(os.pread, descriptor, BLOCK, offset):
        offset += len(block)
        yield block


def unpacked(stored: BinaryIO, encoding: str) -> BinaryIO:
    """Return a reader of the plain content of a file that is stored in `encoding` ("" or "zstd")."""
    if not encoding:
        return stored
    import zstandard  # noqa: PLC0415 - only content that is stored compressed needs it

    return zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True)
