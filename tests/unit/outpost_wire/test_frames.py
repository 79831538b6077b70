"""Frames of the local socket: whole however they are cut, bounded, and every descriptor accounted for."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from outpost_wire.errors import BadMessage
from outpost_wire.frames import (
    BULK_LIMIT,
    DESCRIPTORS_LIMIT,
    FRAME_LIMIT,
    Assembler,
    Body,
    Fault,
    Frame,
    decode,
    encode,
)

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
ids = st.integers(0, 2**53)
faults = st.builds(Fault, st.text(max_size=64), st.text(max_size=50), st.text(max_size=20))
bodies = st.one_of(
    st.builds(lambda number, name, value: Body(id=number, method=name, params=value), ids, st.text(max_size=20), plain),
    st.builds(lambda number, value: Body(id=number, update=value), ids, plain),
    st.builds(lambda number, value: Body(id=number, result=value), ids, plain),
    st.builds(lambda number, fault: Body(id=number, error=fault), ids, faults),
)


@given(bodies)
def test_a_body_comes_back_as_it_went(body: Body) -> None:
    assert decode(encode(body)[4:]) == body


def test_the_wire_has_short_names() -> None:
    body = Body(id=7, method="run", params=[1], descriptors=2, bulk=(b"x", 70_000))

    raw = encode(body)

    assert struct.unpack(">I", raw[:4]) == (len(raw) - 4,)
    assert msgspec.msgpack.decode(raw[4:]) == {"id": 7, "m": "run", "p": [1], "fds": 2, "b": [b"x", 70_000]}


@given(st.lists(st.tuples(bodies, st.integers(0, 3)), max_size=6), st.data())
def test_frames_are_whole_however_they_are_cut(sent: list[tuple[Body, int]], data: st.DataObject) -> None:
    wire, arrivals, expected, number = b"", [], [], 100
    for body, count in sent:
        numbers = tuple(range(number, number + count))
        number += count
        whole = msgspec.structs.replace(body, descriptors=count)
        arrivals.append((len(wire), numbers))
        wire += encode(whole)
        expected.append(Frame(whole, numbers))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(wire)), max_size=8)) | {0, len(wire)})
    assembler, received = Assembler(), []

    for begin, end in pairwise(cuts):
        numbers = tuple(number for at, numbers in arrivals if begin <= at < end for number in numbers)
        assembler.feed(wire[begin:end], numbers)
        while (frame := assembler.next()) is not None:
            received.append(frame)

    assert received == expected
    assert assembler.is_between_frames
    assert assembler.abandon() == ()


@given(st.lists(st.tuples(st.binary(max_size=60), st.lists(st.integers(0, 10**6), max_size=5)), max_size=8))
def test_any_input_is_refused_or_waits_and_no_descriptor_is_lost(pieces: list[tuple[bytes, list[int]]]) -> None:
    assembler = Assembler()
    fed: list[int] = []
    handed: list[int] = []
    try:
        for data, numbers in pieces:
            fed += numbers
            assembler.feed(data, numbers)
            while (frame := assembler.next()) is not None:
                handed += [*frame.files, *frame.sealed]
    except BadMessage as error:
        assert str(error)
    handed += assembler.abandon()

    assert sorted(handed) == sorted(fed)


def frame_of(value: Any) -> bytes:
    raw = msgspec.msgpack.encode(value)
    return struct.pack(">I", len(raw)) + raw


DEEP: list[Any] = []
for _ in range(10_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (struct.pack(">I", 0), "a frame of 0 bytes"),
        (struct.pack(">I", FRAME_LIMIT + 1), f"a frame of {FRAME_LIMIT + 1} bytes"),
        (b"\xff\xff\xff\xff", "a frame of 4294967295 bytes"),
        (struct.pack(">I", 1) + b"\xc1", "frame: "),
        (frame_of([1, 2]), "frame: Expected `object`"),
        (frame_of({"m": "x"}), "`id`"),
        (frame_of({"id": -1, "m": "x"}), "`$.id`"),
        (frame_of({"id": "1", "m": "x"}), "`$.id`"),
        (frame_of({"id": 1}), "exactly one of m, u, r and e"),
        (frame_of({"id": 1, "m": "x", "r": 1}), "exactly one of m, u, r and e"),
        (frame_of({"id": 1, "m": "x" * 65}), "`$.m`"),
        (frame_of({"id": 1, "e": {"code": "x"}}), "`message`"),
        (frame_of({"id": 1, "m": "x", "fds": -1}), "`$.fds`"),
        (frame_of({"id": 1, "m": "x", "fds": DESCRIPTORS_LIMIT + 1}), "`$.fds`"),
        (frame_of({"id": 1, "m": "x", "fds": 1}), "fds is 1, but 0 descriptors came"),
        (frame_of({"id": 1, "m": "x", "b": [70_000]}), "more memory files than fds"),
        (frame_of({"id": 1, "m": "x", "b": [b""] * 17}), "`$.b`"),
        (frame_of({"id": 1, "m": "x", "fds": 1, "b": [0]}), "a length in b"),
        (frame_of({"id": 1, "m": "x", "fds": 1, "b": [BULK_LIMIT + 1]}), "a length in b"),
        (struct.pack(">I", 20_000) + b"\x91" * 20_000, "frame: "),
        (struct.pack(">I", 9) + b"\x82\xa2id\x01\xa1m\xa1\xff", "frame: "),
    ],
)
def test_what_is_no_frame_is_refused_with_the_field_at_fault(raw: bytes, sentence: str) -> None:
    assembler = Assembler()
    assembler.feed(raw)

    with pytest.raises(BadMessage) as caught:
        assembler.next()

    assert sentence in str(caught.value)


def test_a_length_is_judged_before_its_bytes_come() -> None:
    assembler = Assembler()
    assembler.feed(struct.pack(">I", 2**31))

    with pytest.raises(BadMessage):
        assembler.next()


def test_descriptors_that_no_frame_declares_are_refused_and_given_back() -> None:
    assembler = Assembler()
    assembler.feed(encode(Body(id=1, result=None)), [5, 6])
    assert assembler.next() == Frame(Body(id=1, result=None))

    with pytest.raises(BadMessage, match="no frame declares"):
        assembler.next()

    assert assembler.abandon() == (5, 6)


def test_descriptors_beyond_the_limit_are_refused_and_given_back() -> None:
    assembler = Assembler()
    numbers = list(range(DESCRIPTORS_LIMIT + 1))

    with pytest.raises(BadMessage, match="before the end of their frame"):
        assembler.feed(b"\0", numbers)

    assert list(assembler.abandon()) == numbers


def test_memory_files_come_after_the_files() -> None:
    body = Body(id=1, method="put", descriptors=4, bulk=(70_000, b"short", 80_000))
    assembler = Assembler()
    assembler.feed(encode(body), [10, 11, 12, 13])

    assert assembler.next() == Frame(body, (10, 11), (12, 13))


def test_a_frame_too_long_is_not_sent() -> None:
    with pytest.raises(BadMessage, match="send bytes as bulk"):
        encode(Body(id=1, result=b"x" * FRAME_LIMIT))


@pytest.mark.parametrize("value", [object(), {"deep": DEEP}, 2**70])
def test_what_msgpack_cannot_hold_is_not_sent(value: Any) -> None:
    with pytest.raises(BadMessage, match="cannot be sent"):
        encode(Body(id=1, result=value))


def test_a_result_of_nothing_is_a_result() -> None:
    body = decode(encode(Body(id=1, result=None))[4:])

    assert body.result is None
    assert body.update is UNSET
