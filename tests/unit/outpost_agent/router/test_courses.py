"""What becomes of a message in a busy chat, and when held messages are due: rules without a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.router.core import (
    ALBUM,
    ALBUM_MS,
    BUSY,
    COMING_MS,
    Analyse,
    Coming,
    Command,
    Course,
    Held,
    Intent,
    Said,
    UnknownCommand,
    WhenBusy,
    course_of,
    due,
)

MODES: tuple[WhenBusy, ...] = ("steer", "queue", "collect", "interrupt")
HOME = ("telegram", "7", "ann")
OTHER = ("telegram", "8", "bob")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("is_busy", [False, True])
@pytest.mark.parametrize("intent", [Command("status"), Command("cancel", "2"), UnknownCommand("nothing")])
def test_a_command_is_answered_at_once(intent: Intent, is_busy: bool, mode: WhenBusy) -> None:
    assert course_of(intent, mode, is_busy=is_busy) is Course.ANSWER


@pytest.mark.parametrize("mode", MODES)
def test_a_chat_at_rest_starts_work_for_files_and_answers_words(mode: WhenBusy) -> None:
    assert course_of(Analyse("logins?"), mode, is_busy=False) is Course.START
    assert course_of(Said("hello"), mode, is_busy=False) is Course.ANSWER


@pytest.mark.parametrize(
    ("mode", "files", "words"),
    [
        ("steer", Course.START, Course.STEER),
        ("queue", Course.START, Course.ANSWER),
        ("collect", Course.GATHER, Course.GATHER),
        ("interrupt", Course.INTERRUPT, Course.INTERRUPT),
    ],
)
def test_a_busy_chat_does_as_it_is_set(mode: WhenBusy, files: Course, words: Course) -> None:
    assert course_of(Analyse(), mode, is_busy=True) is files
    assert course_of(Said("only the logins"), mode, is_busy=True) is words


def held(number: int, why: str, created_ms: int, place: tuple[str, str, str] = HOME) -> Held:
    return Held(place, f"M{number}", why, created_ms)


def test_an_album_is_whole_when_nothing_of_it_has_come_for_a_while() -> None:
    album = [held(1, ALBUM + "a", 1_000), held(2, ALBUM + "a", 2_000)]
    assert due(album, {}, 2_000 + ALBUM_MS - 1) == []
    assert due(album, {}, 2_000 + ALBUM_MS) == [album]


def test_a_clock_that_was_set_back_makes_an_album_whole() -> None:
    album = [held(1, ALBUM + "a", 1_000_000)]
    assert due(album, {}, 5_000) == [album]


def test_albums_and_people_are_kept_apart() -> None:
    messages = [
        held(1, ALBUM + "a", 0),
        held(2, ALBUM + "b", 0),
        held(3, ALBUM + "a", 0, OTHER),
        held(4, ALBUM + "a", 0),
    ]
    groups = due(messages, {}, ALBUM_MS)
    assert [[message.message_id for message in group] for group in groups] == [["M1", "M4"], ["M2"], ["M3"]]


def test_what_was_gathered_waits_for_its_own_chat_only() -> None:
    messages = [held(1, BUSY, 0), held(2, BUSY, 0, OTHER), held(3, BUSY, 0)]
    groups = due(messages, {HOME: True, OTHER: False}, 10**9)
    assert [[message.message_id for message in group] for group in groups] == [["M2"]]
    groups = due(messages, {HOME: False, OTHER: False}, 10**9)
    assert [[message.message_id for message in group] for group in groups] == [["M1", "M3"], ["M2"]]


def test_an_album_waits_for_what_is_coming_and_for_the_device_to_have_been_there() -> None:
    album = [held(1, ALBUM + "a", 1_000)]
    assert due(album, {}, 60_000, coming={(HOME, ALBUM + "a")}) == []
    assert due(album, {}, 60_000, coming={(OTHER, ALBUM + "a"), (HOME, ALBUM + "b")}) == [album]
    assert due(album, {}, 60_000, since_ms=60_000 - ALBUM_MS + 1) == []
    assert due(album, {}, 60_000, since_ms=60_000 - ALBUM_MS) == [album]


def test_a_device_that_collects_gathers_albums_with_the_rest() -> None:
    messages = [held(1, BUSY, 0), held(2, ALBUM + "a", 1_000), held(3, BUSY, 1_200), held(4, BUSY, 0, OTHER)]
    assert due(messages, {HOME: True, OTHER: True}, 10**9, is_collecting=True) == []
    assert due(messages, {HOME: False, OTHER: True}, 1_100, is_collecting=True) == []
    (group,) = due(messages, {HOME: False, OTHER: True}, 1_000 + ALBUM_MS, is_collecting=True)
    assert [message.message_id for message in group] == ["M1", "M2", "M3"]


def test_what_is_announced_is_waited_for_until_it_came_or_its_time_is_over() -> None:
    coming = Coming()
    coming.expect(HOME, ALBUM + "a", 1_000)
    coming.expect(OTHER, ALBUM + "a", 1_000)
    coming.came(OTHER, ALBUM + "a")
    coming.came(OTHER, ALBUM + "b")
    assert coming.waited_for(1_000 + COMING_MS - 1) == {(HOME, ALBUM + "a")}
    assert coming.waited_for(1_000 + COMING_MS) == frozenset()
    assert coming.waited_for(999) == frozenset(), "the clock was set back"


MESSAGES = st.lists(
    st.builds(
        Held,
        place=st.sampled_from([HOME, OTHER]),
        message_id=st.uuids().map(str),
        why=st.sampled_from([BUSY, ALBUM + "a", ALBUM + "b"]),
        created_ms=st.integers(0, 10_000),
    ),
    max_size=20,
)


@given(MESSAGES, st.booleans(), st.integers(0, 20_000), st.booleans())
def test_no_message_is_in_two_pieces_of_work_and_none_is_forgotten(
    messages: list[Held], is_busy: bool, now_ms: int, is_collecting: bool
) -> None:
    groups = due(messages, {HOME: is_busy, OTHER: False}, now_ms, is_collecting=is_collecting)
    begun = [message.message_id for group in groups for message in group]
    assert len(begun) == len(set(begun))
    rest = [message for message in messages if message.message_id not in begun]
    later = due(rest, {}, 10**12, is_collecting=is_collecting)
    assert sorted(begun + [message.message_id for group in later for message in group]) == sorted(
        message.message_id for message in messages
    )
