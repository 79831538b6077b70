"""The gate: claiming, coming back, being let in, signing in and out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.device_page import BEARER, PageRig, device_page

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[PageRig]:
    async with device_page(tmp_path) as rig:
        yield rig


async def test_the_gate_says_who_the_device_is_and_little_more(rig: PageRig) -> None:
    assert await rig.browser().get("/api/v1/gate") == {
        "device": {"id": "d1", "name": "Device"},
        "version": "1.2",
        "owned": False,
        "person": None,
        "asks": None,
    }


async def test_the_first_browser_with_the_code_owns_the_device(rig: PageRig) -> None:
    browser, code = rig.browser(FIREFOX), rig.people.claim_code
    assert code is not None
    status, claimed = await browser.ask("POST", "/api/v1/claim", {"code": f"{code[:4].lower()}-{code[4:]}"})
    assert status == 200
    assert "OUTPOST RECOVERY FILE" in claimed["recovery"]
    gate = await browser.get("/api/v1/gate")
    assert (gate["owned"], gate["person"]) == (True, {"id": "owner", "name": "", "role": "owner"})
    assert [each.name for each in rig.people.browsers("owner")] == ["Firefox"]


async def test_a_second_claim_is_refused_with_the_right_code_too(rig: PageRig) -> None:
    code = rig.people.claim_code
    await rig.owner()
    second = rig.browser()
    assert await second.error("POST", "/api/v1/claim", {"code": code}) == (409, "already_claimed")
    assert second.cookies() == set()
    assert await second.error("GET", "/api/v1/me") == (401, "not_signed_in")


async def test_of_many_claims_at_once_one_wins(rig: PageRig) -> None:
    code, browsers = rig.people.claim_code, [rig.browser() for _ in range(8)]
    answers = await asyncio.gather(*(each.ask("POST", "/api/v1/claim", {"code": code}) for each in browsers))
    assert sorted(status for status, _ in answers) == [200, *[409] * 7]
    assert len(rig.people.browsers("owner")) == 1


async def test_a_wrong_code_claims_nothing_and_guessing_is_slowed_down(rig: PageRig) -> None:
    browser = rig.browser()
    assert await browser.error("POST", "/api/v1/claim", {"code": ""}) == (403, "claim_refused")
    assert await browser.error("POST", "/api/v1/claim", {}) == (403, "claim_refused")
    codes = [f"{first}{second}QQQQQQ" for first in "WXYZ" for second in "WXYZ"]
    seen = [(await browser.error("POST", "/api/v1/claim", {"code": code})) for code in codes]
    assert seen[0] == (403, "claim_refused")
    assert seen[-1] == (429, "too_many_tries")
    async with browser.session.post(f"{rig.url}/api/v1/claim", json={"code": "WWQQQQQQ"}) as response:
        assert int(response.headers["Retry-After"]) > 0
    assert not rig.people.is_owned


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"code": 7}', b'{"code": "x", "more": 1}', b"\xff", b"[" * 9000])
async def test_a_body_that_is_none_is_refused_in_a_sentence(rig: PageRig, body: bytes) -> None:
    async with rig.browser().session.post(f"{rig.url}/api/v1/claim", data=body) as response:
        refused = await response.json()
        assert (response.status, refused["error"]["code"]) in ((400, "bad_input"), (403, "claim_refused"))


async def test_a_body_is_bounded(rig: PageRig) -> None:
    async with rig.browser().session.post(f"{rig.url}/api/v1/recover", data=b" " * 200_000) as response:
        assert response.status == 400


async def test_a_lost_owner_comes_back_by_the_recovery_file(rig: PageRig) -> None:
    lost = rig.browser()
    _, claimed = await lost.ask("POST", "/api/v1/claim", {"code": rig.people.claim_code})
    back = rig.browser()
    status, recovered = await back.ask("POST", "/api/v1/recover", {"recovery": claimed["recovery"]})
    assert status == 200
    assert recovered["recovery"] != claimed["recovery"]
    assert (await back.get("/api/v1/me"))["person"]["role"] == "owner"
    assert await lost.error("GET", "/api/v1/me") == (401, "not_signed_in")
    assert await lost.error("POST", "/api/v1/recover", {"recovery": claimed["recovery"]}) == (403, "recovery_refused")


async def test_a_fresh_recovery_file_takes_the_place_of_the_old(rig: PageRig) -> None:
    owner = rig.browser()
    _, claimed = await owner.ask("POST", "/api/v1/claim", {"code": rig.people.claim_code})
    _, fresh = await owner.ask("POST", "/api/v1/recovery")
    other = rig.browser()
    assert await other.error("POST", "/api/v1/recover", {"recovery": claimed["recovery"]}) == (403, "recovery_refused")
    assert (await other.ask("POST", "/api/v1/recover", {"recovery": fresh["recovery"]}))[0] == 200


async def test_an_invitation_signs_in_one_more_browser_once(rig: PageRig) -> None:
    owner = await rig.owner()
    _, invitation = await owner.ask("POST", "/api/v1/invite")
    address, _, code = invitation["link"].partition("/#code=")
    assert address == rig.url
    assert invitation["expires"] == "1970-01-01T00:10:02.000Z"
    phone, thief = rig.browser(), rig.browser()
    assert (await phone.ask("POST", "/api/v1/session", {"code": code}))[0] == 204
    assert (await phone.get("/api/v1/gate"))["person"]["role"] == "owner"
    assert await thief.error("POST", "/api/v1/session", {"code": code}) == (403, "invite_refused")


async def test_the_token_buys_a_session(rig: PageRig) -> None:
    browser = rig.browser()
    assert (await browser.ask("POST", "/api/v1/session", **BEARER))[0] == 204
    assert (await browser.get("/api/v1/me"))["person"]["id"] == "owner"
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert await rig.browser().error("POST", "/api/v1/session", **headers) == (401, "not_signed_in")


async def test_without_a_token_none_is_good(tmp_path: Path) -> None:
    async with device_page(tmp_path, token=None) as rig:
        for given in ("Bearer", "Bearer None", "Bearer "):
            assert await rig.browser().error("GET", "/api/v1/me", Authorization=given) == (401, "not_signed_in")


async def test_signing_out_ends_the_session_and_not_only_the_cookie(rig: PageRig) -> None:
    owner = await rig.owner()
    secret = owner.cookie(rig.guard.cookie)
    assert (await owner.ask("DELETE", "/api/v1/session"))[0] == 204
    assert owner.cookies() == set()
    kept = rig.browser()
    kept.session.cookie_jar.update_cookies({rig.guard.cookie: secret})
    assert await kept.error("GET", "/api/v1/me") == (401, "not_signed_in")


async def test_somebody_is_let_in_by_the_owners_word(rig: PageRig) -> None:
    owner, phone = await rig.owner(), rig.browser()
    status, asked = await phone.ask("POST", "/api/v1/pair", {"name": " May \n Li "})
    assert (status, len(asked["code"])) == (202, 8)
    assert asked["expires"] == "1970-01-01T01:00:01.000Z"
    waiting = await phone.get("/api/v1/gate")
    assert (waiting["person"], waiting["asks"]) == (None, {"state": "pending", **asked})
    assert await phone.error("GET", "/api/v1/messages") == (401, "not_signed_in")

    (request,) = (await owner.get("/api/v1/people"))["requests"]
    assert (request["channel"], request["name"], request["code"]) == ("web", "May Li", asked["code"])
    status, approved = await owner.ask("POST", f"/api/v1/people/requests/{request['id']}/approve", {"role": "user"})
    assert status == 200

    gate = await phone.get("/api/v1/gate")
    assert (gate["person"], gate["asks"]) == (approved["person"], None)
    assert phone.cookies() == {rig.guard.cookie}
    assert (await phone.get("/api/v1/me"))["person"]["name"] == "May Li"


async def test_what_the_owner_sees_of_a_request_lets_nobody_in(rig: PageRig) -> None:
    owner, phone, thief = await rig.owner(), rig.browser(), rig.browser()
    _, asked = await phone.ask("POST", "/api/v1/pair", {"name": "May"})
    (request,) = (await owner.get("/api/v1/people"))["requests"]
    await owner.ask("POST", f"/api/v1/people/requests/{request['id']}/approve", {"role": "user"})
    for known in (request["sender"], request["id"], asked["code"]):
        thief.session.cookie_jar.update_cookies({rig.guard.asks_cookie: known})
        assert (await thief.get("/api/v1/gate"))["person"] is None


async def test_a_granted_wish_lets_a_browser_in_once(rig: PageRig) -> None:
    phone, copy = rig.browser(), rig.browser()
    _, asked = await phone.ask("POST", "/api/v1/pair", {"name": "May"})
    copy.session.cookie_jar.update_cookies({rig.guard.asks_cookie: phone.cookie(rig.guard.asks_cookie)})
    await rig.people.approve(asked["code"])
    gates = await asyncio.gather(phone.get("/api/v1/gate"), copy.get("/api/v1/gate"))
    assert sorted(gate["person"] is None for gate in gates) == [False, True]


async def test_asking_again_shows_the_same_code(rig: PageRig) -> None:
    phone = rig.browser()
    first = await phone.ask("POST", "/api/v1/pair", {"name": "May"})
    assert await phone.ask("POST", "/api/v1/pair", {"name": "May"}) == first
    assert len(rig.people.requests()) == 1


async def test_who_is_turned_down_hears_it(rig: PageRig) -> None:
    owner, phone = await rig.owner(), rig.browser()
    await phone.ask("POST", "/api/v1/pair", {"name": "May"})
    (request,) = rig.people.requests()
    assert (await owner.ask("POST", f"/api/v1/people/requests/{request.id}/refuse"))[0] == 204
    assert (await phone.get("/api/v1/gate"))["asks"]["state"] == "refused"
    assert await phone.error("POST", "/api/v1/pair", {"name": "May"}) == (403, "not_paired")


async def test_at_most_three_wait_at_the_gate(rig: PageRig) -> None:
    for number in range(3):
        assert (await rig.browser().ask("POST", "/api/v1/pair", {"name": f"{number}"}))[0] == 202
    fourth = rig.browser()
    assert await fourth.error("POST", "/api/v1/pair", {"name": "four"}) == (429, "too_many_tries")
    assert fourth.cookies() == set()
    assert (await (await rig.owner()).get("/api/v1/people"))["turned_away"] == 1


@pytest.mark.parametrize("name", ["", "  ", "\u200b\n"])
async def test_who_asks_says_who_they_are(rig: PageRig, name: str) -> None:
    assert await rig.browser().error("POST", "/api/v1/pair", {"name": name}) == (400, "bad_input")


async def test_refusals_are_said_in_the_readers_language(rig: PageRig) -> None:
    await rig.owner()
    for language, begin in (("en", "Sign in first"), ("zh-CN,zh;q=0.9", "请先登录")):
        _, refused = await rig.browser().ask("GET", "/api/v1/me", **{"Accept-Language": language})
        assert refused["error"]["message"].startswith(begin)


async def test_a_day_of_use_gives_the_cookie_its_days_again(rig: PageRig, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = await rig.owner()

    async def renewed(_secret: str) -> bool:
        return True

    async with owner.session.get(f"{rig.url}/api/v1/me") as response:
        assert "Set-Cookie" not in response.headers
    monkeypatch.setattr(rig.people, "renew", renewed)
    for path in ("/api/v1/me", "/api/v1/gate"):
        async with owner.session.get(f"{rig.url}{path}") as response:
            assert "Max-Age=2592000" in response.headers["Set-Cookie"]
