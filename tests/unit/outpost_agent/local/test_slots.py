"""Slots: used again once copied, never before, and never mapped."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator

import pytest

from outpost_agent.local import bulk
from outpost_agent.local.slots import SLOT_LIMIT, SLOTS, Slots
from outpost_wire.errors import BadMessage


@pytest.fixture
def slots() -> Iterator[Slots]:
    slots = Slots()
    yield slots
    slots.close()


def place(slots: Slots, data: bytes) -> int:
    number = slots.place(data)
    assert number is not None
    return number


def test_a_slot_is_used_again_once_it_was_copied(slots: Slots) -> None:
    first = place(slots, b"a" * 100_000)
    seen = bulk.read_sealed(first, 100_000)
    second = place(slots, b"b" * 50_000)

    assert os.fstat(first).st_ino == os.fstat(second).st_ino
    assert bytes(seen) == b"a" * 100_000
    assert bytes(bulk.read_sealed(second, 50_000)) == b"b" * 50_000
    os.close(first)
    os.close(second)


def test_a_slot_is_left_alone_until_it_was_copied(slots: Slots) -> None:
    numbers = [place(slots, bytes([index]) * 70_000) for index in range(SLOTS)]

    assert slots.place(b"more") is None
    for index, number in enumerate(numbers):
        assert bytes(bulk.read_sealed(number, 70_000)) == bytes([index]) * 70_000
        os.close(number)
    os.close(place(slots, b"more"))


def test_what_is_too_long_or_too_late_finds_no_slot(slots: Slots) -> None:
    assert slots.place(bytes(SLOT_LIMIT + 1)) is None
    slots.close()
    assert slots.place(b"late") is None


def test_a_slots_size_cannot_be_changed_under_its_reader(slots: Slots) -> None:
    number = place(slots, b"x")

    with pytest.raises(PermissionError):
        os.truncate(number, 0)
    os.close(number)


def test_more_than_a_slot_holds_is_refused(slots: Slots) -> None:
    number = place(slots, b"x")

    with pytest.raises(BadMessage):
        bulk.read_sealed(number, SLOT_LIMIT + 1)
    os.close(number)


def test_a_file_that_only_looks_like_a_slot_is_refused() -> None:
    number = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(number, SLOT_LIMIT + 4096)
    fcntl.fcntl(number, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)

    with pytest.raises(BadMessage, match="not sealed"):
        bulk.read_sealed(number, 100)
    os.close(number)


def test_a_reader_without_the_right_to_write_still_reads(slots: Slots) -> None:
    number = place(slots, b"x" * 70_000)
    read_only = os.open(f"/proc/self/fd/{number}", os.O_RDONLY)

    assert bytes(bulk.read_sealed(read_only, 70_000)) == b"x" * 70_000
    os.close(number)
    os.close(read_only)
