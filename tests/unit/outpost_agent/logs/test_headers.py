"""What the header parser finds in the usual formats and in anything else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.logs.headers import Header, HeaderParser
from outpost_agent.logs.levels import LEVELS
from outpost_agent.logs.times import Clock, seconds_of, written

NOW = datetime(2025, 11, 24, tzinfo=UTC)


def parser() -> HeaderParser:
    return HeaderParser(Clock(NOW))


def parsed(line: str) -> Header:
    header = parser().parse(line)
    assert header is not None
    return header


@pytest.mark.parametrize(
    ("line", "time", "level", "component", "message"),
    [
        (
            "2015-10-18 18:01:47,978 INFO [main] org.example.App: Created App",
            "2015-10-18T18:01:47.978",
            "info",
            "org.example.App",
            "Created App",
        ),
        (
            "081109 203615 148 INFO dfs.Data$Node: block <1>",
            "2008-11-09T20:36:15",
            "info",
            "dfs.Data$Node",
            "block <1>",
        ),
        ("17/06/09 20:10:40 WARN exec.Backend: gone", "2017-06-09T20:10:40", "warn", "exec.Backend", "gone"),
        ("[Sun Dec 04 04:47:44 2005] [error] state 6", "2005-12-04T04:47:44", "error", "", "state 6"),
        ("Jun 14 15:16:01 box sshd(pam_unix)[19]: no way", "2025-06-14T15:16:01", None, "sshd(pam_unix)", "no way"),
        ("Jul  4 23:22:09 box Some App[14463]: hi", "2025-07-04T23:22:09", None, "Some App", "hi"),
        ("Dec 31 23:22:09 box cron[1]: hi", "2024-12-31T23:22:09", None, "cron", "hi"),
        ("<34>1 2003-10-11T22:14:15.003Z box su 1 ID47 - no", "2003-10-11T22:14:15.003Z", "fatal", "su", "no"),
        ("<13>Oct 11 22:14:15 box su: no", "2025-10-11T22:14:15", "notice", "su", "no"),
        ("2024-01-02T03:04:05+01:00 box sshd[1]: hi", "2024-01-02T02:04:05Z", None, "sshd", "hi"),
        ("2024-01-02 12:34:56.789 [main] DEBUG c.Bar - hi", "2024-01-02T12:34:56.789", "debug", "c.Bar", "hi"),
        ("2024-01-02 12:34:56,789 - a.b - WARNING - low", "2024-01-02T12:34:56.789", "warn", "a.b", "low"),
        ("2015-07-29 17:41:41,536 - INFO  [main:Q@9] - set", "2015-07-29T17:41:41.536", "info", "main:Q@9", "set"),
        ("2024/01/02 12:34:56 [error] 123#0: *1 open()", "2024-01-02T12:34:56", "error", "", "*1 open()"),
        ("[2024-01-02T12:34:56,789][INFO ][o.e.Node] up", "2024-01-02T12:34:56.789", "info", "o.e.Node", "up"),
        ("2024-01-02T12:34:56.789Z 0 [Warning] [MY-1] [Server] x", "2024-01-02T12:34:56.789Z", "warn", "Server", "x"),
        ("2024-01-02 12:34:56 ERROR it broke: x", "2024-01-02T12:34:56", "error", "", "it broke: x"),
        ("03-17 16:13:38.811  1702  2395 W Tag: hi", "2025-03-17T16:13:38.811", "warn", "Tag", "hi"),
        ("E0102 15:04:05.123456   12 main.go:12] hi", "2025-01-02T15:04:05.123456", "error", "main.go", "hi"),
        ("46 node-2 unix.hw state.gone 1077804742 1 it is gone", "2004-02-26T14:12:22Z", None, "unix.hw", "it is gone"),
        ("1612345678 INFO hi there", "2021-02-03T09:47:58Z", "info", "", "hi there"),
        ('{"time":"2024-01-02T12:34:56Z","level":"error","msg":"boom"}', "2024-01-02T12:34:56Z", "error", "", "boom"),
        ('{"level":30,"time":1531171074631,"msg":"hi"}', "2018-07-09T21:17:54.631000Z", "info", "", "hi"),
        ('ts=2024-01-02T12:34:56Z level=warn msg="a \\"b\\""', "2024-01-02T12:34:56Z", "warn", "", 'a "b"'),
        (
            "2025-06-24 14:36:25 install libc6:amd64 <none> 2.36",
            "2025-06-24T14:36:25",
            None,
            "",
            "install libc6:amd64 <none> 2.36",
        ),
        ("2025-06-24T14:36:25Z host app[12]: hi", "2025-06-24T14:36:25Z", None, "app", "hi"),
        ("2025-06-24T14:36:25Z host kernel:[ 0.1] hi", "2025-06-24T14:36:25Z", None, "kernel", "[ 0.1] hi"),
        ("2025-06-24T14:36:25Z host app:", "2025-06-24T14:36:25Z", None, "app", ""),
        ("[    0.123456] Linux version", None, None, "", "Linux version"),
        ("ERROR: no time at all", None, "error", "", "no time at all"),
    ],
)
def test_reads_the_usual_formats(line: str, time: str | None, level: str | None, component: str, message: str) -> None:
    header = parsed(line)
    assert (header.time, header.level, header.component, header.message) == (time, level, component, message)


def test_an_access_log_is_mined_by_request_and_status() -> None:
    header = parsed('10.0.0.7 - eve [10/Oct/2000:13:55:36 -0700] "GET /a.gif?x=1 HTTP/1.0" 503 2326 "-" "UA 1.0"')
    assert (header.time, header.level, header.component) == ("2000-10-10T20:55:36Z", "error", "10.0.0.7")
    assert header.message == '"GET /a.gif?x=1 HTTP/1.0" 503 2326 "-" "UA 1.0"'
    assert header.pattern == "GET:Service-Unavailable /a.gif"


def test_the_request_that_a_line_belongs_to_is_no_part_of_its_pattern() -> None:
    header = parsed("x.log 2017-05-16 00:00:00.008 25746 INFO nova.api [req-38101a0b 113d 54fa - - -] all fine")
    assert (header.message, header.pattern) == ("[req-38101a0b 113d 54fa - - -] all fine", "all fine")


@pytest.mark.parametrize(
    "line", ["", "   at org.example.App.run(App.java:12)", "ValueError: no", "}", "{not json", "2015-10-18", "x=1 y"]
)
def test_finds_no_header_in_a_line_without_one(line: str) -> None:
    assert parser().parse(line) is None


def test_follows_a_format_that_changes() -> None:
    mixed = parser()
    lines = [
        "2024-01-02 12:34:56,789 INFO [main] a.B: one",
        "17/06/09 20:10:40 WARN exec.Backend: two",
        "2024-01-02 12:34:57 three",
        "2024-01-02 12:34:58,789 ERROR [main] a.B: four",
    ]
    headers = [mixed.parse(line) for line in lines]
    assert [header and header.level for header in headers] == ["info", "warn", None, "error"]
    assert mixed.formats == {"java": 2, "level and component": 1, "date": 1}


def test_a_level_alone_is_no_header_among_dated_lines() -> None:
    mixed = parser()
    assert mixed.parse("2024-01-02 12:34:56 ERROR request failed") is not None
    assert mixed.parse("ERROR: second line of the same") is None


def test_the_year_goes_on_at_new_year() -> None:
    clock = Clock(datetime(2025, 2, 1, tzinfo=UTC))
    times = [clock.read("syslog", text) for text in ("Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:59")]
    assert [moment and moment[1][:4] for moment in times] == ["2024", "2025", "2024"]
    assert clock.assumed_year == 2024


def test_a_leap_day_without_a_year_gets_a_leap_year() -> None:
    moment = Clock(datetime(2026, 5, 1, tzinfo=UTC)).read("syslog", "Feb 29 12:00:00")
    assert moment is not None
    assert moment[1] == "2024-02-29T12:00:00"


@pytest.mark.parametrize("text", ["2015-13-18 18:01:47", "2015-02-30 18:01:47", "2015-02-03 25:01:47"])
def test_a_date_that_is_none_leaves_the_time_open(text: str) -> None:
    header = parsed(f"{text} INFO [main] a.B: hi")
    assert (header.time, header.seconds, header.message) == (None, None, "hi")


def test_a_header_is_found_before_a_very_long_message() -> None:
    header = parsed("2024-01-02 12:34:56,789 INFO [main] a.B: " + "x" * 1_000_000)
    assert (header.component, len(header.message), len(header.pattern)) == ("a.B", 1_000_000, 8192 - 41)


@given(st.text(max_size=300))
def test_any_text_is_parsed_or_not_but_never_fails(line: str) -> None:
    header = parser().parse(line)
    assert header is None or header.level in {None, *LEVELS}


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2090, 1, 1)),  # noqa: DTZ001 - written without zone
    st.sampled_from(["INFO", "WARN", "ERROR"]),
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1),
)
def test_a_written_header_is_read_back(when: datetime, level: str, message: str) -> None:
    header = parsed(f"{when.isoformat(sep=' ', timespec='seconds')} {level} [main] a.B: {message}")
    assert header.time == when.isoformat(timespec="seconds")
    assert header.seconds == seconds_of(header.time)
    assert written(header.seconds) == header.time
    assert (header.level, header.message) == (level.lower(), message)


@pytest.mark.parametrize("unit", ["[", "a=", '"', "<1>", "- ", "1.", ":", "\\", "[[", "a::", '="\\'])
def test_repeated_signs_take_linear_time(unit: str) -> None:
    line = "2024-01-02 12:34:56 " + unit * 300_000
    assert parser().parse(line) is not None
    parser().parse(unit * 300_000)
