"""The rules of letting people in: codes as they are typed, how requests stand, what limits tries."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.people import core
from outpost_agent.people.core import ALPHABET, Answer, Bucket, Tries

CODES = st.text(alphabet=ALPHABET, min_size=8, max_size=8)
HOUR = core.REQUEST_MS
YEARS = 10 * 365 * 24 * HOUR


def test_the_alphabet_has_32_characters_and_none_that_looks_like_another() -> None:
    assert len(set(ALPHABET)) == 32
    assert not set(ALPHABET) & set("0O1I")


@given(st.binary(min_size=8, max_size=8))
def test_a_code_has_eight_characters_of_the_alphabet(drawn: bytes) -> None:
    code = core.new_code(lambda count: drawn[:count])
    assert len(code) == 8
    assert set(code) <= set(ALPHABET)


def test_every_character_is_as_likely_as_any_other() -> None:
    code = core.new_code(lambda _count: bytes(range(256)), 256)
    assert {code.count(character) for character in ALPHABET} == {8}


@given(CODES, st.lists(st.sampled_from([" ", "-", "–", "\u3000", "\n", ".", "−"]), max_size=9), st.randoms())
def test_a_code_is_read_in_any_case_and_with_anything_between(
    code: str, between: list[str], chance: random.Random
) -> None:
    typed = [character.lower() if chance.random() < 0.5 else character for character in code]
    for separator in between:
        typed.insert(chance.randrange(len(typed) + 1), separator)
    assert core.parse_code("".join(typed)) == code


@given(CODES)
def test_a_code_is_read_as_a_chinese_keyboard_types_it(code: str) -> None:
    wide = "".join(chr(ord(character) + 0xFEE0) for character in core.shown(code))
    assert core.parse_code(wide) == code


def test_one_and_i_are_read_as_the_l_they_were_taken_for() -> None:
    assert core.parse_code("1i1I-LlLl") == "LLLLLLLL"


@given(st.text(max_size=40))
def test_what_is_read_is_a_code_or_nothing(text: str) -> None:
    code = core.parse_code(text)
    assert code is None or (len(code) == 8 and set(code) <= set(ALPHABET))


@pytest.mark.parametrize("typed", ["", "ABCDEFG", "ABCDEFGH2", "ABCD-EFG0", "ABCD-EFGO", "ABCD/EFGH", "A" * 10_000])
def test_what_is_no_code_is_not_read_as_one(typed: str) -> None:
    assert core.parse_code(typed) is None


@given(st.text(max_size=600))
def test_a_clean_name_is_one_short_visible_line(name: str) -> None:
    cleaned = core.clean_name(name)
    assert len(cleaned) <= core.NAME_LIMIT
    assert cleaned == cleaned.strip()
    assert cleaned.isprintable()
    assert core.clean_name(cleaned) == cleaned
    cleaned.encode()


def test_a_name_cannot_turn_the_writing_round_or_break_the_line() -> None:
    assert core.clean_name("Ann\n  \u202eLee\u200b\x00 \ud800") == "Ann Lee"
    assert core.clean_name("李雷 👋") == "李雷 👋"


@given(st.sampled_from(["pending", "refused"]), st.integers(-core.SKEW_MS, HOUR - 1))
def test_a_request_stands_for_its_hour(decided: core.Standing, later: int) -> None:
    assert core.standing(decided, YEARS, YEARS + HOUR, YEARS + later) == decided


@given(
    st.sampled_from(["pending", "refused"]), st.one_of(st.integers(HOUR, YEARS), st.integers(-YEARS, -core.SKEW_MS - 1))
)
def test_a_request_is_over_after_its_hour_and_when_the_clock_was_set_back(decided: core.Standing, later: int) -> None:
    assert core.standing(decided, YEARS, YEARS + HOUR, YEARS + later) == "expired"


@pytest.mark.parametrize(
    ("known", "told_lately", "in_channel", "pending", "has_room", "expected"),
    [
        (None, False, 0, 0, True, Answer.NEW),
        (None, False, 2, 63, True, Answer.NEW),
        (None, False, 3, 3, True, Answer.TURNED_AWAY),
        (None, False, 0, 64, True, Answer.TURNED_AWAY),
        (None, False, 0, 0, False, Answer.TURNED_AWAY),
        ("pending", False, 3, 64, False, Answer.AGAIN),
        ("pending", True, 3, 3, True, Answer.SILENCE),
        ("refused", False, 0, 0, True, Answer.SILENCE),
        ("expired", True, 0, 0, True, Answer.NEW),
        ("expired", False, 3, 3, True, Answer.TURNED_AWAY),
        ("approved", False, 0, 0, True, Answer.NEW),
    ],
)
def test_what_a_stranger_is_answered(
    known: core.Standing | None, told_lately: bool, in_channel: int, pending: int, has_room: bool, expected: Answer
) -> None:
    answer = core.judge(
        known, told_lately=told_lately, pending_in_channel=in_channel, pending=pending, has_room=has_room
    )
    assert answer is expected


@given(st.integers(1, 6), st.integers(1, 1_000), st.lists(st.tuples(st.integers(0, 3_000), st.booleans())))
def test_a_bucket_never_gives_more_than_its_rate_and_never_waits_longer_than_for_one(
    size: int, every_ms: int, moves: list[tuple[int, bool]]
) -> None:
    bucket, now, given_at = Bucket(size, every_ms), 0, []
    for step, insists in moves:
        now += step
        wait = bucket.wait_ms(now)
        assert 0 <= wait <= every_ms
        if wait == 0:
            given_at.append(now)
            bucket.spend(now)
        elif insists:
            bucket.spend(now)
    for first, last in itertools.combinations(range(len(given_at)), 2):
        assert last - first + 1 <= size + (given_at[last] - given_at[first]) // every_ms


def test_a_bucket_gives_again_after_its_wait() -> None:
    bucket = Bucket(1, 100)
    bucket.spend(1_000)
    assert bucket.wait_ms(1_000) == 100
    assert bucket.wait_ms(1_099) == 1
    assert bucket.wait_ms(1_100) == 0


def test_one_who_guesses_is_slowed_down_and_others_are_not() -> None:
    tries = Tries()
    for _ in range(5):
        assert tries.wait_ms("mallory", 0) == 0
        tries.failed("mallory", 0)
    assert tries.wait_ms("mallory", 0) == 30_000
    assert tries.wait_ms("ann", 0) == 0
    assert tries.wait_ms("mallory", 30_000) == 0


def test_all_together_are_limited_whoever_they_say_they_are() -> None:
    tries, now = Tries(), 0
    for number in range(100):
        tries.failed(f"{number}", now)
    assert 0 < tries.wait_ms("ann", now) <= 100
    assert tries.wait_ms("ann", now + 100) == 0


def test_only_so_many_sources_are_remembered() -> None:
    tries = Tries(sources_limit=4)
    for number in range(50):
        tries.failed(f"{number}", number * 1_000)
    assert len(tries._sources) == 4
