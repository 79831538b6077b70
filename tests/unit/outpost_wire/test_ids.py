from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_wire.ids import Ulids, encode, is_ulid


def test_encodes_time_and_chance_as_the_specification_does() -> None:
    assert encode((1469918176385 << 80) | 0) == "01ARYZ6S410000000000000000"
    assert encode(2**128 - 1) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"


@given(st.lists(st.integers(0, 2**48 - 2), min_size=2, max_size=30))
def test_ids_rise_strictly_whatever_the_clock_does(times: list[int]) -> None:
    clock = iter(times)
    new_id = Ulids(lambda: next(clock), lambda count: b"\xff" * count)
    ids = [new_id() for _ in times]
    assert ids == sorted(set(ids))


@given(st.integers(0, 2**128 - 1))
def test_what_is_encoded_is_a_ulid(value: int) -> None:
    assert is_ulid(encode(value))


@pytest.mark.parametrize("text", ["", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01ARYZ6S41000000000000000I", "0" * 25, "0" * 27])
def test_knows_what_is_no_ulid(text: str) -> None:
    assert not is_ulid(text)
