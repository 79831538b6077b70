"""What is surely a value, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.logs.mining import masks
from outpost_agent.logs.mining.masks import Masker, masked_word, words


def shape(message: str) -> str:
    return " ".join(words(Masker().mask(message), 128))


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("from 10.0.0.1:50010 to [2001:db8::7] via aa:bb:cc:dd:ee:0f", "from <*> to [<*>] via <*>"),
        ("host node7.rack12.example.net and app.example.com:8080", "host <*> and <*>"),
        ("get https://example.com/a?b=c, then mail bob@example.com", "get <*>, then mail <*>"),
        ("open /var/log/app.log and C:\\Windows\\x.dll now", "open <*> and <*> now"),
        ("id 123e4567-e89b-42d3-a456-426614174000 hash 9f86d081884c7d65", "id <*> hash <*>"),
        ("key AKIAIOSFODNN7EXA2PL3 at 0xFFab", "key <*> at <*>"),
        ("block blk_-38 attempt_14_0020_m_3 rdd_2", "block blk_<*> attempt_<*>_m_<*> rdd_<*>"),
        ("took 12ms or 1.5 s, 64% of 3.2GB", "took <*> or <*> s, <*> of <*>"),
        ("uid=0 size=67108864 ok=true", "uid=<*> size=<*> ok=<*>"),
        ("at Fri Jun 17 07:07:00 2005", "at <*>"),
        ("on 17 Jun 2005, 07:07 once", "on <*> once"),
        ("speeds ( 1 2 3 ) and 4, 5, 6", "speeds ( <*> ) and <*>"),
        ("from host () or [] of a=''", "from host (<*>) or [<*>] of a='<*>'"),
        ("a=1,b=x,c=2", "a=<*>, b=x, c=<*>"),
        ("unit R03-M0-N3-C:J06-U11 failed", "unit <*> failed"),
    ],
)
def test_values_are_masked(message: str, masked: str) -> None:
    assert shape(message) == masked


@pytest.mark.parametrize(
    "message",
    [
        "workers2 jk2_init() eth0 IPv6 log4j",
        "org.example.app.Main: I/O error, and/or none",
        "state changed from NEW to RUNNING",
        "/admin is the page",
        "a falsehood is untrue",
    ],
)
def test_words_stay(message: str) -> None:
    assert shape(message) == message


def test_what_spans_words_is_one_word() -> None:
    assert words('said "no such table" to [TERM, HUP, INT] after <*> ms', 128) == (
        "said",
        '"no such table"',
        "to",
        "[TERM, HUP, INT]",
        "after",
        "<*> ms",
    )


def test_a_shape_has_at_most_so_many_words() -> None:
    assert words(" ".join(["ab", "cd"] * 500), 16) == ("ab", "cd") * 8 + ("<*>",)


@given(st.text(max_size=200), st.integers(1, 40))
def test_any_text_has_a_bounded_shape(message: str, width: int) -> None:
    found = words(Masker().mask(message), width)
    assert 1 <= len(found) <= width + 1
    assert "\x1f" not in "".join(found) or "\x1f" in message


@given(st.text("0123456789.,:/_-+%[](){}<>\"'=#;!?ax", max_size=14))
def test_the_short_way_masks_as_the_long_one(token: str) -> None:
    assert masked_word(token) == masks._VARIABLE.sub(masks.WILDCARD, token)


@given(st.lists(st.text(max_size=40), max_size=20))
def test_what_was_masked_before_does_not_matter(messages: list[str]) -> None:
    masker = Masker()
    assert [masker.mask(message) for message in messages] == [Masker().mask(message) for message in messages]
