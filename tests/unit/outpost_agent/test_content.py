"""The content folder: whole or absent, once, bounded."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outpost_agent.content import BLOCK, ContentFolder
from outpost_sdk.channel import AttachmentTooLarge, DeviceFull
from outpost_wire.ids import Ulids


def make(folder: Path, limit_bytes: int = 1 << 22, high_water: float = 1.0) -> ContentFolder:
    return ContentFolder(folder, limit_bytes=limit_bytes, high_water=high_water, new_id=Ulids(lambda: 1, bytes))


async def pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17])
async def test_keeps_the_bytes_under_their_hash(tmp_path: Path, size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    kept = await make(tmp_path).keep("a.log", "text/plain", pieces(data, 65_536))
    assert (kept.id, kept.size) == (hashlib.blake2b(data, digest_size=16).hexdigest(), size)
    assert names(tmp_path) == [kept.id]
    assert make(tmp_path).path(kept.id).read_bytes() == data


async def test_the_same_bytes_are_kept_once(tmp_path: Path) -> None:
    content = make(tmp_path)
    first = await content.keep("a", "t", pieces(b"same"))
    second = await content.keep("b", "t", pieces(b"same"))
    assert first.id == second.id
    assert names(tmp_path) == [first.id]


async def test_a_file_beyond_the_limit_leaves_nothing(tmp_path: Path) -> None:
    content = make(tmp_path, limit_bytes=BLOCK)
    with pytest.raises(AttachmentTooLarge) as caught:
        await content.keep("big.log", "t", pieces(bytes(BLOCK + 1), BLOCK))
    assert "big.log" in caught.value.en
    assert "big.log" in caught.value.zh
    assert names(tmp_path) == []


async def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(BLOCK)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await make(tmp_path).keep("a", "t", broken())
    assert names(tmp_path) == []


async def test_a_full_disk_takes_nothing(tmp_path: Path) -> None:
    content = make(tmp_path, high_water=1e-9)
    with pytest.raises(DeviceFull):
        await content.keep("a", "t", pieces(b"x"))
    assert names(tmp_path) == []


def test_adopts_what_a_task_made(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "events.jsonl.zst").write_bytes(b"compressed")
    content = make(tmp_path / "content")
    kept = content.adopt(work / "events.jsonl.zst", "events.jsonl", "application/x-ndjson", "zstd")
    assert (kept.name, kept.size, kept.encoding) == ("events.jsonl", 10, "zstd")
    assert content.path(kept.id).read_bytes() == b"compressed"
    assert (work / "events.jsonl.zst").exists()


async def test_sweeps_what_no_message_names_after_a_while(tmp_path: Path) -> None:
    content = make(tmp_path)
    named = await content.keep("a", "t", pieces(b"named"))
    stray = await content.keep("b", "t", pieces(b"stray"))
    (tmp_path / ".half.part").write_bytes(b"half")
    assert content.sweep([named.id], before_s=0.0) == 0
    assert content.sweep([named.id], before_s=2**40) == 2
    assert names(tmp_path) == [named.id]
    assert not content.path(stray.id).exists()
