"""Who may use the device's web server."""

from __future__ import annotations

from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from outpost_agent.channels.web.guard import WHO, Access, Guard, NotAllowed, NotSignedIn, OwnerOnly
from outpost_agent.people import People
from outpost_agent.people.who import Who

OWNER = Who(person="owner", name="", role="owner")
MAY = Who(person="P1", name="May", role="user")


class Signed:
    """People of whom only the browsers matter."""

    def __init__(self) -> None:
        self.owner = OWNER
        self.browsers = {"mine": OWNER, "hers": MAY}

    def browser(self, secret: str) -> Who | None:
        return self.browsers.get(secret)


@pytest.fixture
def people() -> Signed:
    return Signed()


def make(people: Signed, token: str | None = "the-token", *, is_tls: bool = False, port: int = 7780) -> Guard:
    return Guard(cast("People", people), token, ("Outpost.local", "fd00::7"), port, is_tls=is_tls)


@pytest.fixture
def guard(people: Signed) -> Guard:
    return make(people)


def request(authorization: str = "", cookie: str = "") -> web.Request:
    headers = {"Authorization": authorization} if authorization else {}
    return make_mocked_request("GET", "/", headers={**headers, **({"Cookie": cookie} if cookie else {})})


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
    guard.check_origin("https://localhost:7780", "localhost:7780")
    guard.check_origin(None, "localhost:7780")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:7781", "null", "", "http://localhost:77800"]
)
def test_a_page_of_another_site_may_not(guard: Guard, origin: str) -> None:
    with pytest.raises(NotAllowed):
        guard.check_origin(origin, "localhost:7780")
    assert guard.refusals.origin == 1


def test_over_tls_a_page_that_came_in_the_clear_may_not(people: Signed) -> None:
    guard = make(people, is_tls=True)
    guard.check_origin("https://localhost:7780", "localhost:7780")
    with pytest.raises(NotAllowed):
        guard.check_origin("http://localhost:7780", "localhost:7780")


@pytest.mark.parametrize("authorization", ["Bearer the-token", "bearer  the-token "])
def test_the_token_acts_as_the_owner(guard: Guard, authorization: str) -> None:
    asks = request(authorization)
    guard.let_in(asks, Access.OWNER)
    assert asks[WHO] == OWNER


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer the-toke", "Basic the-token", "the-token", "Bearer tökén"]
)
def test_anything_else_is_nobody(guard: Guard, authorization: str) -> None:
    for access in (Access.PERSON, Access.OWNER):
        with pytest.raises(NotSignedIn):
            guard.let_in(request(authorization), access)
    assert guard.refusals.token == 2


@pytest.mark.parametrize("token", [None, ""])
@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Bearer None"])
def test_without_a_token_no_bearer_is_let_in(people: Signed, token: str | None, authorization: str) -> None:
    with pytest.raises(NotSignedIn):
        make(people, token).let_in(request(authorization), Access.PERSON)


def test_a_browser_acts_as_who_is_signed_in_there(guard: Guard) -> None:
    asks = request(cookie=f"{guard.cookie}=hers")
    guard.let_in(asks, Access.PERSON)
    assert asks[WHO] == MAY


@pytest.mark.parametrize(
    "cookie", ["outpost_chat_7780=other", "outpost_chat_7780=", "outpost_chat_7781=mine", "x=mine"]
)
def test_a_session_that_nobody_has_is_nobodys(guard: Guard, cookie: str) -> None:
    with pytest.raises(NotSignedIn):
        guard.let_in(request(cookie=cookie), Access.PERSON)


def test_what_is_the_owners_is_refused_to_others(guard: Guard) -> None:
    with pytest.raises(OwnerOnly):
        guard.let_in(request(cookie=f"{guard.cookie}=hers"), Access.OWNER)
    guard.let_in(request(cookie=f"{guard.cookie}=mine"), Access.OWNER)
    assert guard.refusals.owner == 1
    assert guard.refusals.token == 0


def test_an_open_route_knows_who_asks_where_somebody_does(guard: Guard) -> None:
    nobody, somebody = request(), request(cookie=f"{guard.cookie}=hers")
    guard.let_in(nobody, Access.OPEN)
    guard.let_in(somebody, Access.OPEN)
    assert nobody.get(WHO) is None
    assert somebody[WHO] == MAY


def test_a_request_that_began_signed_in_may_not_go_on_signed_out(guard: Guard, people: Signed) -> None:
    asks = request(cookie=f"{guard.cookie}=hers")
    guard.let_in(asks, Access.PERSON)
    guard.check_still(asks)
    people.browsers["hers"] = Who(person="P1", name="Another name", role="user")
    guard.check_still(asks)
    people.browsers["hers"] = Who(person="P2", name="May", role="user")
    with pytest.raises(NotSignedIn):
        guard.check_still(asks)
    del people.browsers["hers"]
    with pytest.raises(NotSignedIn):
        guard.check_still(asks)


def test_a_cookie_belongs_to_its_port_and_over_tls_to_its_host(people: Signed) -> None:
    assert make(people, port=1).cookie != make(people, port=2).cookie
    secure = make(people, is_tls=True)
    assert (secure.cookie, secure.asks_cookie) == ("__Host-outpost_chat", "__Host-outpost_asks")


@pytest.mark.parametrize("is_tls", [False, True])
def test_cookies_are_for_our_page_alone(people: Signed, *, is_tls: bool) -> None:
    guard, response = make(people, is_tls=is_tls), web.Response()
    guard.note_asks(response, "s")
    guard.sign_in(response, "s")
    assert len(response.cookies) == 2
    for cookie in response.cookies.values():
        assert cookie["httponly"] is True
        assert cookie["samesite"] == "Strict"
        assert cookie["path"] == "/"
        assert not cookie["domain"]
        assert bool(cookie["secure"]) is is_tls


def test_signing_in_settles_what_was_asked_and_signing_out_ends_it(guard: Guard) -> None:
    response = web.Response()
    guard.sign_in(response, "s")
    assert int(response.cookies[guard.asks_cookie]["max-age"]) == 0
    assert int(response.cookies[guard.cookie]["max-age"]) == 30 * 24 * 3600
    guard.sign_out(response)
    assert int(response.cookies[guard.cookie]["max-age"]) == 0
