"""Tells from the start of a file whether it is text and in which encoding, or says what it is instead."""

from __future__ import annotations

import re
import shlex

from outpost_wire.errors import BadInput

SAMPLE_BYTES = 256 * 1024

_UTF16_LE, _UTF16_BE = b"\xff\xfe", b"\xfe\xff"
_UTF32 = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")

# First bytes, at an offset: what the file is, in both languages, and what to do instead.
_KNOWN: tuple[tuple[int, bytes, str, str, str, str], ...] = (
    (0, b"PK\x03\x04", "a ZIP archive", "ZIP 压缩包", "unpack it and send the log in it", "请解压后发送其中的日志"),
    (0, b"BZh", "a bzip2 archive", "bzip2 压缩文件", "unpack it with bunzip2 first", "请先用 bunzip2 解压"),
    (
        0,
        b"7z\xbc\xaf\x27\x1c",
        "a 7z archive",
        "7z 压缩包",
        "unpack it and send the log in it",
        "请解压后发送其中的日志",
    ),
    (0, b"Rar!", "a RAR archive", "RAR 压缩包", "unpack it and send the log in it", "请解压后发送其中的日志"),
    (0, b"\x04\x22\x4d\x18", "an LZ4 archive", "LZ4 压缩文件", "unpack it with lz4 -d first", "请先用 lz4 -d 解压"),
    (
        257,
        b"ustar",
        "a tar archive",
        "tar 归档",
        "unpack it with tar xf and send the log in it",
        "请用 tar xf 解开后发送其中的日志",
    ),
    (
        0,
        b"LPKSHHRH",
        "a systemd journal",
        "systemd 日志库",
        "write it out with journalctl --file FILE -o short-iso",
        "请用 journalctl --file 文件 -o short-iso 导出为文本",
    ),
    (0, b"ElfFile\x00", "a Windows event log", "Windows 事件日志", "export it as text", "请导出为文本"),
    (0, b"\x7fELF", "a program", "程序文件", "send a text log", "请发送文本日志"),
    (0, b"%PDF-", "a PDF document", "PDF 文档", "send a text log", "请发送文本日志"),
    (0, b"\x89PNG", "a picture", "图片", "send the log as a text file", "请以文本文件发送日志"),
    (0, b"\xff\xd8\xff", "a picture", "图片", "send the log as a text file", "请以文本文件发送日志"),
    (0, b"GIF8", "a picture", "图片", "send the log as a text file", "请以文本文件发送日志"),
    (0, b"SQLite format 3\x00", "a database", "数据库文件", "export the log from it as text", "请从中导出文本日志"),
    (0, b"\xd4\xc3\xb2\xa1", "a network capture", "网络抓包文件", "send a text log", "请发送文本日志"),
)
_CONTROL = re.compile(rb"\x00+|[\x01-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")


def encoding_of(sample: bytes, name: str) -> str:
    """Return the encoding of the text that starts with `sample`: `utf-8-sig`, `utf-16-le` or `utf-16-be`.

    The last two only with a byte order mark. Some bytes that are not UTF-8 are tolerated, some control characters
    and gaps of zeros (a cut of power leaves them) too. Raises BadInput, which calls the file `name`, if the sample is
    not text or is text in another encoding.
    """
    for offset, magic, en, zh, todo_en, todo_zh in _KNOWN:
        if sample.startswith(magic, offset):
            raise BadInput(
                f"“{name}” is {en}, not a text log: {todo_en}.", f"“{name}”是{zh}，不是文本日志：{todo_zh}。"
            )
    if sample.startswith(_UTF32):
        raise _wrong_encoding(name, "UTF-32")
    if sample.startswith(_UTF16_LE):
        return "utf-16-le"
    if sample.startswith(_UTF16_BE):
        return "utf-16-be"
    if guess := _unmarked_utf16(sample):
        raise _wrong_encoding(name, guess)
    _refuse_binary(sample, name)
    _refuse_other_encodings(sample, name)
    return "utf-8-sig"


def _unmarked_utf16(sample: bytes) -> str | None:
    """Return the encoding of mostly Latin text in UTF-16 without a byte order mark, or None."""
    half = len(sample) // 2
    if half < 2:
        return None
    even, odd = sample[0 : 2 * half : 2].count(0), sample[1 : 2 * half : 2].count(0)
    if odd * 10 > half * 7 and even * 10 < half:
        return "UTF-16LE"
    if even * 10 > half * 7 and odd * 10 < half:
        return "UTF-16BE"
    return None


def _refuse_binary(sample: bytes, name: str) -> None:
    printable = len(sample) - sample.count(0)
    odd = len(_CONTROL.findall(sample))
    if odd * 50 > printable or (odd and not printable):
        raise BadInput(
            f"“{name}” is a binary file, not a text log: send the log as plain text, or packed with gzip, xz or zstd.",
            f"“{name}”是二进制文件，不是文本日志：请发送纯文本日志，或用 gzip、xz、zstd 压缩后发送。",
        )


def _refuse_other_encodings(sample: bytes, name: str) -> None:
    """Raise BadInput if more than a tenth of the lines, and most of what is not ASCII, is not UTF-8."""
    whole = sample[: sample.rfind(b"\n") + 1] or sample[:-3]
    try:
        whole.decode()
    except UnicodeDecodeError:
        lines = whole.split(b"\n")
        damaged = [line for line in lines if not _is_utf8(line)]
        wrong = sum(line.decode(errors="replace").count("\ufffd") for line in damaged)
        right = sum(1 for character in whole.decode(errors="ignore") if character > "\x7f")
        if wrong >= 2 and wrong > right and len(damaged) * 10 > len(lines):
            raise _wrong_encoding(name, _guess(b"\n".join(damaged))) from None


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _guess(text: bytes) -> str:
    """Return the most likely encoding: in GB 18030 characters come in pairs of high bytes, in Western text alone."""
    runs = _HIGH_RUN.findall(text)
    paired = sum(1 for run in runs if len(run) > 1)
    return "GB18030" if paired * 2 > len(runs) else "WINDOWS-1252"


def _wrong_encoding(name: str, encoding: str) -> BadInput:
    command = f"iconv -f {encoding} -t UTF-8 {shlex.quote(name)} > utf8.log"
    return BadInput(
        f"“{name}” is not UTF-8 (it looks like {encoding}): convert it with `{command}` and send that.",
        f"“{name}”不是 UTF-8 编码（看起来是 {encoding}）：请用 `{command}` 转换后再发送。",
    )
