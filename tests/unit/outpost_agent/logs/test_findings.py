"""Bursts, the axis, and suspicious logins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.logs.axis import BUCKETS, order_axis, time_axis
from outpost_agent.logs.bursts import strongest_burst
from outpost_agent.logs.logins import Logins, Sighting


def seen(message: str, time: str = "2024-01-02T03:04:05", client: str = "") -> Sighting:
    return Sighting(message, client, time, 7, "")


def test_a_burst_is_found_with_its_flanks() -> None:
    counts = [2, 3, 1, 2, 2, 3, 2, 40, 90, 35, 2, 1, 3, 2, 2, 3]
    burst = strongest_burst(counts, least=10)
    assert burst is not None
    assert (burst.start, burst.end, burst.peak, burst.count, burst.usual) == (7, 10, 8, 165, 2)


@pytest.mark.parametrize(
    "counts",
    [
        [5] * 40,
        [0, 9] * 20,
        [100, 110, 95, 104, 99, 120, 101, 97, 103, 100, 98, 102],
        [0] * 30 + [50] * 20,
        [0, 500],
    ],
)
def test_a_steady_noisy_long_or_tiny_series_has_no_burst(counts: list[int]) -> None:
    assert strongest_burst(counts, least=5) is None


@given(st.floats(0, 4e9), st.floats(0, 4e9))
def test_the_axis_holds_both_ends_in_few_buckets(one: float, other: float) -> None:
    first, last = sorted((one, other))
    axis = time_axis(first, last)
    assert 1 <= axis.count <= BUCKETS
    assert axis.at(0) <= first
    assert last < axis.at(axis.count)


@given(st.integers(0, 10**9))
def test_the_axis_of_an_undated_log_holds_all_events(events: int) -> None:
    axis = order_axis(events)
    assert 1 <= axis.count <= BUCKETS
    assert axis.count * axis.width >= events


@pytest.mark.parametrize(
    ("message", "source", "user"),
    [
        ("Failed password for root from 203.0.113.5 port 4711 ssh2", "203.0.113.5", "root"),
        ("Failed password for invalid user admin from 203.0.113.5 port 4711 ssh2", "203.0.113.5", "admin"),
        ("Invalid user admin from 203.0.113.5", "203.0.113.5", "admin"),
        (
            "authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=evil.example.net  user=bob",
            "evil.example.net",
            "bob",
        ),
        ("authentication failure; logname= uid=0 tty=ssh ruser= rhost=203.0.113.5 ", "203.0.113.5", ""),
        (
            '[client 203.0.113.5:4711] user eve: authentication failure for "/x": Password Mismatch',
            "203.0.113.5",
            "eve",
        ),
        ("Access denied for user 'root'@'203.0.113.5' (using password: YES)", "203.0.113.5", "root"),
        ('FAIL LOGIN: Client "203.0.113.5"', "203.0.113.5", ""),
        ("imap-login: auth failed, 1 attempts: user=<bob>, rip=203.0.113.5, lip=10.0.0.1", "203.0.113.5", "bob"),
        ("Failed password for root from 2001:db8::7 port 4711 ssh2", "2001:db8::7", "root"),
        ("Failed password for root from ::ffff:203.0.113.5 port 4711 ssh2", "203.0.113.5", "root"),
    ],
)
def test_knows_who_failed_from_where(message: str, source: str, user: str) -> None:
    logins = Logins()
    for _ in range(5):
        logins.add(seen(message))
    (login,) = logins.suspicious()
    assert (login.source, login.failures, login.users) == (source, 5, (user,) if user else ())


@pytest.mark.parametrize(
    "message", ["session opened for user root by (uid=0)", "connection from 203.0.113.5", "check pass; user unknown"]
)
def test_ordinary_messages_are_no_failures(message: str) -> None:
    logins = Logins()
    for _ in range(9):
        logins.add(seen(message))
    assert logins.suspicious() == []
    assert logins.total == 0


def test_several_lines_of_one_attempt_count_once() -> None:
    logins = Logins()
    for _ in range(6):
        logins.add(seen("Invalid user admin from 203.0.113.5"))
        logins.add(seen("pam_unix(sshd:auth): authentication failure; logname= uid=0 tty=ssh ruser= rhost=203.0.113.5"))
        logins.add(seen("Failed password for invalid user admin from 203.0.113.5 port 1 ssh2"))
    assert [login.failures for login in logins.suspicious()] == [6]
    assert logins.total == 6


def test_repeated_messages_count_as_often_as_they_say() -> None:
    logins = Logins()
    logins.add(seen("message repeated 5 times: [ Failed password for root from 203.0.113.5 port 1 ssh2]"))
    assert [login.failures for login in logins.suspicious()] == [5]


def test_tells_that_a_login_succeeded_after_failures() -> None:
    logins = Logins()
    for second in range(4):
        logins.add(seen("Failed password for root from 203.0.113.5 port 1 ssh2", f"2024-01-02T03:04:0{second}"))
    logins.add(seen("Accepted password for root from 198.51.100.9 port 1 ssh2", "2024-01-02T03:05:00"))
    logins.add(seen("Accepted password for root from 203.0.113.5 port 1 ssh2", "2024-01-02T03:06:00"))
    (login,) = logins.suspicious()
    assert (login.has_entered, login.entered, login.entered_user) == (True, "2024-01-02T03:06:00", "root")
    assert (login.first, login.last) == ("2024-01-02T03:04:00", "2024-01-02T03:04:03")


def test_one_slip_before_a_login_is_not_suspicious() -> None:
    logins = Logins()
    logins.add(seen("Failed password for bob from 203.0.113.5 port 1 ssh2"))
    logins.add(seen("Accepted password for bob from 203.0.113.5 port 1 ssh2"))
    assert logins.suspicious() == []


def test_refused_requests_count_for_their_client() -> None:
    logins = Logins()
    for _ in range(5):
        logins.add(seen('"GET /admin HTTP/1.1" 401 12', client="203.0.113.5"))
    assert [(login.source, login.failures) for login in logins.suspicious()] == [("203.0.113.5", 5)]


def test_the_sources_kept_are_bounded_and_the_worst_stay() -> None:
    logins = Logins(limit=20)
    for _ in range(50):
        logins.add(seen("Failed password for root from 203.0.113.5 port 1 ssh2"))
    for number in range(500):
        logins.add(seen(f"Failed password for root from 10.0.{number // 250}.{number % 250} port 1 ssh2"))
    assert logins.suspicious()[0].source == "203.0.113.5"
    assert logins.dropped > 400
    assert logins.total == 550
