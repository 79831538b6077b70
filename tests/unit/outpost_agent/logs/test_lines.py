"""What is read as a log, what is refused, and with which words."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.logs.lines import LINE_LIMIT_BYTES, LineReader
from outpost_agent.logs.unpack import Counted
from outpost_wire.errors import BadInput

TEXT = "2024-01-02 12:34:56 ERROR 磁盘已满 one\n2024-01-02 12:34:57 INFO two\n"
LINES = ["2024-01-02 12:34:56 ERROR 磁盘已满 one", "2024-01-02 12:34:57 INFO two"]
PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "xz": lzma.compress, "zstd": zstandard.compress}


def reader(data: bytes, name: str = "x.log") -> LineReader:
    return LineReader(Counted(io.BytesIO(data)), name)


def lines(data: bytes) -> list[str]:
    return [line for batch in reader(data).batches() for line in batch]


def refusal(data: bytes, name: str = "x.log") -> BadInput:
    with pytest.raises(BadInput) as caught:
        list(reader(data, name).batches())
    assert name in caught.value.en
    assert name in caught.value.zh
    return caught.value


@pytest.mark.parametrize("packer", PACKERS)
def test_reads_an_archive_as_it_is(packer: str) -> None:
    assert lines(PACKERS[packer](TEXT.encode())) == LINES


@pytest.mark.parametrize("packer", PACKERS)
def test_reads_members_that_follow_one_another(packer: str) -> None:
    pack = PACKERS[packer]
    assert lines(pack(TEXT.encode()) + pack(TEXT.encode())) == LINES * 2


@pytest.mark.parametrize("packer", PACKERS)
def test_says_that_an_archive_breaks_off(packer: str) -> None:
    whole = PACKERS[packer](("".join(f"{n} {n * n}\n" for n in range(5000))).encode())
    assert "breaks off" in refusal(whole[:-20]).en
    assert "不完整" in refusal(whole[: len(whole) // 2]).zh


@pytest.mark.parametrize("packer", PACKERS)
def test_says_that_an_archive_is_damaged(packer: str) -> None:
    whole = bytearray(PACKERS[packer](("".join(f"{n} {n * n}\n" for n in range(5000))).encode()))
    middle = len(whole) // 2
    whole[middle : middle + 40] = bytes(40)
    assert "damaged" in refusal(bytes(whole)).en


def test_reads_padding_and_skippable_frames() -> None:
    assert lines(lzma.compress(TEXT.encode()) + bytes(8)) == LINES
    assert lines(struct.pack("<II", 0x184D2A51, 3) + b"abc" + zstandard.compress(TEXT.encode())) == LINES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_reads_unicode_with_its_mark(encoding: str) -> None:
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    assert lines(marks.get(encoding, b"") + TEXT.encode(encoding)) == LINES


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n \r\n\t\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (bytes(range(256)) * 20, "binary"),
        (bytes(4096), "binary"),
        (b"\x7fELF" + bytes(200), "a program"),
        (b"PK\x03\x04" + bytes(20), "ZIP archive"),
        (gzip.compress(bytes(257) + b"ustar" + bytes(250), mtime=0), "tar archive"),
        (("2024-01-02 Fehler beim Öffnen der Tür\n" * 40).encode("latin-1"), "iconv -f WINDOWS-1252"),
        (("2024-01-02 错误：磁盘已满\n" * 40).encode("gb18030"), "iconv -f GB18030"),
        (TEXT.encode("utf-32"), "iconv -f UTF-32"),
        (b"plain ascii\n".decode().encode("utf-16-le") * 9, "iconv -f UTF-16LE"),
        (b"plain ascii\n".decode().encode("utf-16-be") * 9, "iconv -f UTF-16BE"),
    ],
)
def test_refuses_what_is_no_text_log_in_one_sentence(data: bytes, words: str) -> None:
    error = refusal(data)
    assert words in error.en
    assert error.en.endswith(".")
    assert error.zh.endswith("。")


def test_the_command_it_proposes_is_safe_to_paste() -> None:
    error = refusal("错误：磁盘已满\n".encode("gb18030") * 40, "a b; rm -rf $HOME.log")
    assert "'a b; rm -rf $HOME.log'" in error.en


def test_a_few_stray_bytes_are_replaced_and_counted() -> None:
    read = reader(("fine\n" * 100).encode() + b"bad \xff\xfe byte\n" + TEXT.encode())
    found = [line for batch in read.batches() for line in batch]
    assert found[100] == "bad \ufffd\ufffd byte"
    assert read.replaced == 2


def test_a_gap_of_zeros_after_a_power_cut_is_no_binary_file() -> None:
    assert lines(TEXT.encode() + bytes(4096) + TEXT.encode())[0] == LINES[0]


def test_a_line_without_end_is_cut_and_counted() -> None:
    read = reader(b"x" * (10 << 20) + b"\nnext\n")
    found = [line for batch in read.batches() for line in batch]
    assert [len(line) for line in found] == [LINE_LIMIT_BYTES, 4]
    assert read.cut == 1


def test_a_bomb_is_read_in_blocks() -> None:
    packed = zstandard.ZstdCompressor(level=19).compress(b"\n".join([b"a"] * 20_000_000))
    longest = max(len(batch) for batch in reader(packed).batches())
    assert longest <= 256 * 1024


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["C"]), min_size=1), min_size=1))
def test_every_line_comes_out_once_and_in_order(given_lines: list[str]) -> None:
    text = ["begin", *given_lines]
    assert lines("\n".join(text).encode()) == text
    assert lines(gzip.compress("\r\n".join(text).encode())) == text
