"""Turns a file's bytes into lines of text, with a bound on every line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from outpost_agent.logs.sniff import SAMPLE_BYTES, encoding_of
from outpost_agent.logs.unpack import Counted, unpacked
from outpost_wire.errors import BadInput

LINE_LIMIT_BYTES = 1 << 20


class LineReader:
    """Reads the lines of one file; lines end with a newline, and carriage returns before it are dropped.

    Counts `replaced` (characters that were not valid in the encoding, read as U+FFFD) and `cut` (lines of which what
    lies past the first MiB was skipped).
    """

    def __init__(self, file: Counted, name: str) -> None:
        self.replaced = 0
        self.cut = 0
        self._file = file
        self._name = name

    def batches(self) -> Iterator[list[str]]:
        """Yield lists of lines in order.

        Raises BadInput if the file is empty or blank, is not text, is in another encoding, or is a broken archive.
        """
        is_blank = True
        for text in self._texts():
            lines = [line.rstrip("\r") for line in text.split("\n")]
            if is_blank:
                is_blank = not text.strip("\ufeff\0 \t\r\n\v\f")
            yield lines
        if is_blank:
            raise BadInput(
                f"“{self._name}” is empty: there is no log line in it.", f"“{self._name}”是空文件：其中没有任何日志行。"
            )

    def _texts(self) -> Iterator[str]:
        """Yield whole lines, joined by newlines and without the last one's."""
        kept = b""
        is_skipping = False
        for block in self._utf8():
            rest = block
            if is_skipping:
                _, newline, rest = block.partition(b"\n")
                if not newline:
                    continue
                is_skipping = False
                yield self._decoded(kept)
                kept = b""
            head, newline, tail = rest.rpartition(b"\n")
            if newline:
                yield self._decoded(kept + head)
                kept = tail
            else:
                kept += tail
            if len(kept) > LINE_LIMIT_BYTES:
                self.cut += 1
                kept, is_skipping = kept[:LINE_LIMIT_BYTES], True
        if kept:
            yield self._decoded(kept)

    def _utf8(self) -> Iterator[bytes]:
        """Yield the file's content as UTF-8 without a byte order mark."""
        blocks = unpacked(self._file, self._name)
        sample = b""
        for block in blocks:
            sample += block
            if len(sample) >= SAMPLE_BYTES:
                break
        encoding = encoding_of(sample[:SAMPLE_BYTES], self._name)
        if encoding == "utf-8-sig":
            yield sample.removeprefix(codecs.BOM_UTF8)
            yield from blocks
            return
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        yield decoder.decode(sample[2:]).encode()
        for block in blocks:
            yield decoder.decode(block).encode()
        yield decoder.decode(b"", final=True).encode()

    def _decoded(self, text: bytes) -> str:
        try:
            return text.decode()
        except UnicodeDecodeError:
            decoded = text.decode(errors="replace")
            self.replaced += decoded.count("\ufffd")
            return decoded
