"""Reads a file as it is or unpacks it while it is read: gzip, xz and zstd, told by their first bytes.

Members or frames that follow one another are read as one file, as their own tools do. Output comes in blocks of
bounded size whatever the archive claims, so a small archive of a huge file takes time and not memory.
"""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from typing import BinaryIO

import zstandard

from outpost_wire.errors import BadInput

BLOCK = 256 * 1024
UNPACKED_LIMIT_BYTES = 64 << 30
_XZ_MEMORY_BYTES = 100 << 20
_ZSTD_WINDOW_BYTES = 1 << 27
_ZSTD_SLICE = 256  # a block of 128 KiB takes at least 4 bytes, so one slice gives at most 8 MiB
_NO_MEMORY = ("Memory usage limit", "too much memory")


class Counted(BufferedIOBase):
    """Reads from another file and counts the bytes, so that progress is that of the file as it was handed in."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = self._file.read(-1 if size is None else size)
        self.count += len(data)
        return data

    def readable(self) -> bool:
        return True


def unpacked(file: Counted, name: str) -> Iterator[bytes]:
    """Yield the content of `file` in blocks, unpacked if it is a known archive.

    Raises BadInput, which calls the file `name`, if an archive breaks off, is damaged or is too large.
    """
    start = file.read(BLOCK)
    total = 0
    try:
        for block in _reader(start, file):
            total += len(block)
            if total > UNPACKED_LIMIT_BYTES:
                raise _too_large(name)
            for position in range(0, len(block), BLOCK):
                yield block[position : position + BLOCK]
    except EOFError as error:
        raise BadInput(
            f"The archive “{name}” breaks off before its end: send it again, or unpack what is left of it first.",
            f"压缩文件“{name}”不完整，在结尾之前就中断了：请重新发送，或先解压出剩余的内容。",
        ) from error
    except (zlib.error, gzip.BadGzipFile, lzma.LZMAError, zstandard.ZstdError) as error:
        if any(words in str(error) for words in _NO_MEMORY):
            raise BadInput(
                f"Unpacking “{name}” takes too much memory: pack it again with the usual settings, without --long.",
                f"解压“{name}”需要的内存过大：请用常规设置（不带 --long）重新压缩。",
            ) from error
        raise BadInput(
            f"The archive “{name}” is damaged and cannot be unpacked: send it again or send the file unpacked.",
            f"压缩文件“{name}”已损坏，无法解压：请重新发送，或发送解压后的文件。",
        ) from error


def _reader(start: bytes, file: Counted) -> Iterator[bytes]:
    if start.startswith(b"\x1f\x8b\x08"):
        return _gzip(start, file)
    if start.startswith(b"\xfd7zXZ\x00"):
        return _xz(start, file)
    if start.startswith(b"\x28\xb5\x2f\xfd") or (start[1:4] == b"\x2a\x4d\x18" and 0x50 <= start[0] <= 0x5F):
        return _zstd(start, file)
    return _plain(start, file)


def _plain(start: bytes, file: Counted) -> Iterator[bytes]:
    while start:
        yield start
        start = file.read(BLOCK)


def _gzip(start: bytes, file: Counted) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=_Rejoined(start, file), mode="rb") as members:
        while block := members.read(BLOCK):
            yield block


def _xz(pending: bytes, file: Counted) -> Iterator[bytes]:
    while pending:
        stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)
        while not stream.eof:
            if stream.needs_input and not pending:
                pending = _more(file)
            block = stream.decompress(pending if stream.needs_input else b"", BLOCK)
            pending = b"" if stream.needs_input or stream.eof else pending
            if block:
                yield block
        pending = stream.unused_data.lstrip(b"\0")
        while not pending and (padding := file.read(BLOCK)):
            pending = padding.lstrip(b"\0")


def _zstd(pending: bytes, file: Counted) -> Iterator[bytes]:
    while pending:
        frame = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
        position = 0
        while not frame.eof:
            if position >= len(pending):
                pending, position = _more(file), 0
            block = frame.decompress(pending[position : position + _ZSTD_SLICE])
            position += _ZSTD_SLICE
            if block:
                yield block
        pending = frame.unused_data + pending[position:] or file.read(BLOCK)


def _more(file: Counted) -> bytes:
    """Return the next bytes of an archive that is not complete; raises EOFError if there are none."""
    data = file.read(BLOCK)
    if not data:
        raise EOFError
    return data


class _Rejoined(BufferedIOBase):
    """A file whose first bytes were read already."""

    def __init__(self, start: bytes, file: Counted) -> None:
        self._start = start
        self._file = file

    def read(self, size: int | None = -1) -> bytes:
        if not self._start:
            return self._file.read(size)
        if size is None or size < 0:
            size = len(self._start)
        data, self._start = self._start[:size], self._start[size:]
        return data

    def readable(self) -> bool:
        return True


def _too_large(name: str) -> BadInput:
    gibibytes = UNPACKED_LIMIT_BYTES >> 30
    return BadInput(
        f"Unpacked, “{name}” is larger than {gibibytes} GiB: send a part of it.",
        f"“{name}”解压后超过 {gibibytes} GiB：请只发送其中一部分。",
    )
