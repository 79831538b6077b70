"""How lines become events."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.logs.events import EVENT_CHARACTERS, EVENT_LINES, Event, Grouper, Tally
from outpost_agent.logs.headers import HeaderParser
from outpost_agent.logs.mining.core import Miner
from outpost_agent.logs.times import Clock

HEAD = "2024-01-02 12:34:56,789 ERROR [main] a.B: boom"


def grouped(lines: list[str]) -> list[Event]:
    grouper = Grouper(HeaderParser(Clock(datetime(2025, 1, 1, tzinfo=UTC))), Miner(), Tally())
    return [*grouper.feed(lines), *grouper.close()]


def test_a_stack_trace_stays_with_its_event() -> None:
    trace = [HEAD, "java.io.IOException: no", "\tat a.B.run(B.java:1)", "Caused by: x", "", HEAD]
    first, second = grouped(trace)
    assert (first.line, first.lines, first.level) == (1, 5, "error")
    assert first.message == "boom\njava.io.IOException: no\n\tat a.B.run(B.java:1)\nCaused by: x"
    assert (second.line, second.lines, second.message) == (6, 1, "boom")
    assert first.template == second.template


def test_lines_of_a_file_without_headers_are_events_of_their_own() -> None:
    events = grouped(["first thing", "  more of it", "second thing"])
    assert [(event.line, event.lines) for event in events] == [(1, 2), (3, 1)]


def test_blank_lines_at_the_start_belong_to_the_first_event() -> None:
    assert [(event.line, event.lines) for event in grouped(["", " ", HEAD, "", HEAD])] == [(1, 4), (5, 1)]


def test_an_event_that_does_not_end_is_bounded() -> None:
    events = grouped([HEAD, *["z" * 400] * 3000])
    assert events[0].lines == EVENT_LINES
    assert len(events[0].message) <= EVENT_CHARACTERS
    assert len(events) == 1 + 3001 - EVENT_LINES


def test_times_far_from_the_rest_do_not_count_for_the_span() -> None:
    tally = Tally()
    tally.add(None, 0.0, "1970-01-01T00:00:00")
    for second in range(1000):
        tally.add("info", 1.7e9 + second, "2023-11-14T22:13:20")
    span = tally.span()
    assert span is not None
    assert (span.count, span.first, span.last) == (1000, 1.7e9, 1.7e9 + 999)


def test_the_days_that_are_told_apart_are_bounded() -> None:
    tally = Tally(days=10)
    for day in range(100):
        tally.add(None, day * 86_400.0, "1970-01-01T00:00:00")
    span = tally.span()
    assert span is not None
    assert (span.count, tally.dated) == (10, 100)


@given(st.lists(st.sampled_from([HEAD, "", "  indented", "plain", "\t", "17/06/09 20:10:40 WARN a: x", "ERROR: x"])))
def test_every_line_belongs_to_exactly_one_event(lines: list[str]) -> None:
    events = grouped(lines)
    following = 1
    for event in events:
        assert event.line == following
        assert event.lines >= 1
        following += event.lines
    assert following - 1 == len(lines) or not any(line.strip() for line in lines)
