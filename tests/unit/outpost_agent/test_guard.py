"""Who may use the device's web server."""

from __future__ import annotations

import pytest

from outpost_agent.channels.web.guard import SESSION_S, Guard, NotAllowed, NotSignedIn

NOW = 1_800_000_000.0


@pytest.fixture
def guard() -> Guard:
    return Guard("the-token", ("Outpost.local", "fd00::7"), 7780)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:7780", "localhost:7780", "[::1]:7780", "outpost.local:7780", "[fd00::7]:7780", "LOCALHOST"]
)
def test_its_own_names_are_let_in(guard: Guard, host: str) -> None:
    guard.check_host(host)
    assert guard.refusals.host == 0


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7780", "127.0.0.1:80", "", "127.0.0.1:7780.evil.example"]
)
def test_a_foreign_name_is_refused(guard: Guard, host: str) -> None:
    with pytest.raises(NotAllowed):
        guard.check_host(host)
    assert guard.refusals.host == 1


def test_a_page_of_the_device_may_act(guard: Guard) -> None:
    guard.check_origin("http://localhost:7780", "localhost:7780")
    guard.check_origin(None, "localhost:7780")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:7781", "null", "", "http://localhost:77800"]
)
def test_a_page_of_another_site_may_not(guard: Guard, origin: str) -> None:
    with pytest.raises(NotAllowed):
        guard.check_origin(origin, "localhost:7780")
    assert guard.refusals.origin == 1


@pytest.mark.parametrize("authorization", ["Bearer the-token", "bearer  the-token "])
def test_the_token_is_let_in(guard: Guard, authorization: str) -> None:
    guard.check_token(authorization, None, NOW)


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer the-toke", "Basic the-token", "the-token", "Bearer tökén"]
)
def test_anything_else_is_not(guard: Guard, authorization: str) -> None:
    with pytest.raises(NotSignedIn):
        guard.check_token(authorization, None, NOW)
    assert guard.refusals.token == 1


def test_a_session_is_good_until_its_end(guard: Guard) -> None:
    session = guard.new_session(NOW)
    guard.check_token("", session, NOW + SESSION_S - 1)
    with pytest.raises(NotSignedIn):
        guard.check_token("", session, NOW + SESSION_S)


def test_a_session_of_another_token_or_with_another_end_is_not(guard: Guard) -> None:
    until, _, seal = guard.new_session(NOW).partition(".")
    other = Guard("another-token", (), 7780).new_session(NOW)
    for session in (other, f"{int(until) + 1}.{seal}", until, f"{until}.", "", "x.y", f"-1.{seal}"):
        with pytest.raises(NotSignedIn):
            guard.check_token("", session, NOW)


def test_the_cookie_belongs_to_the_port() -> None:
    assert Guard("t", (), 1).cookie != Guard("t", (), 2).cookie
