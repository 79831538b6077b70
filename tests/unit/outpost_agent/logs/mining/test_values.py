"""What varies in a kind of message, and over what."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.logs.mining.core import Miner
from outpost_agent.logs.mining.values import PARTS_LIMIT, Part, Room, Values


def parts(template: str, messages: Iterable[str]) -> tuple[Part, ...]:
    values = Values(template, Room())
    for message in messages:
        values.add(message)
    return values.parts()


def test_numbers_have_a_range_and_words_their_most_frequent() -> None:
    took, user = parts(
        "took <*> ms for <*>", ["took 12 ms for bob", "took  7 ms for eve", "took 2.5 ms\tfor bob\n  at x"]
    )
    assert (took.least, took.most, took.different, took.seen) == (2.5, 12, 3, 3)
    assert (user.least, user.most, user.examples) == (None, None, ("bob", "eve"))


def test_a_unit_that_never_changes_is_told() -> None:
    assert [(part.least, part.most, part.unit) for part in parts("in <*>", ["in 3ms", "in 12ms"])] == [(3, 12, "ms")]
    assert [(part.least, part.unit) for part in parts("in <*>", ["in 3ms", "in 1 s"])] == [(None, "")]


def test_a_missing_value_is_seen_as_empty() -> None:
    assert [part.examples for part in parts("from <*> (<*>)", ["from h ()", "from h ()"])] == [("h",), ("",)]


def test_a_message_that_does_not_fit_is_left_out() -> None:
    (part,) = parts("a <*> b", ["a 1 b", "c 1 d", "a 2 b"])
    assert part.seen == 2


def test_what_is_kept_is_bounded() -> None:
    template = " ".join(["x", *["<*> x"] * 40])
    found = parts(template, (template.replace("<*>", str(number)) for number in range(500)))
    assert len(found) == PARTS_LIMIT
    assert all(part.more and part.different <= 64 for part in found)
    room = Room(3)
    for number in range(9):
        Values("a <*>", room).add(f"a {number}")
    assert room.left == 0


@pytest.mark.parametrize("text", ["x" * 100_000, "a " * 50_000, " " * 100_000, "a 1 " * 20_000])
def test_long_messages_take_linear_time(text: str) -> None:
    parts("a <*> a <*> a <*> b <*> c", [text] * 50)


@given(
    st.lists(st.sampled_from(["open", "file", "17", "a=1", "(x)", "()", "1, 2", "é", "$.*"]), max_size=8).map(" ".join)
)
def test_a_message_fits_its_own_template(message: str) -> None:
    miner = Miner()
    miner.add(message)
    (template,) = miner.result().templates
    values = Values(template.text, Room())
    values.add(message)
    assert all(part.seen == 1 for part in values.parts())
    assert len(values.parts()) == min(PARTS_LIMIT, template.text.count("<*>"))
