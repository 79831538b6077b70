"""An owner without a browser: `outpost claim`, `pair` and `channel` beside a running demo, with a fake Telegram.

The tests share one device; each leaves it as it found it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.support.demo import ROOT, Demo, running_demo
from tests.support.fake_telegram import ANN, TOKEN, USERNAME, FakeTelegram
from tests.support.said import Said

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

WAIT_S = 30.0
WRONG_TOKEN = "700000002:AAWrongTokenForTestsOnly_abcdefghijkl"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo() -> AsyncIterator[Demo]:
    async with running_demo() as demo:
        yield demo


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as telegram:
        yield telegram


async def outpost(demo: Demo, *arguments: str, piped: str = "", language: str = "C.UTF-8") -> Said:
    """Run the command for the device of `demo` as from a script."""
    environment = {**os.environ, "LC_ALL": language}
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "outpost_agent", "--state", str(demo.state), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(WAIT_S):
        out, err = await process.communicate(piped.encode())
    return Said(process.returncode or 0, out.decode(), err.decode())


async def until_channel_is(demo: Demo, state: str) -> dict[str, Any]:
    """Ask how the channel telegram is until it is `state`."""
    async with asyncio.timeout(WAIT_S):
        while True:
            channels = {
                channel["name"]: channel for channel in (await outpost(demo, "channel", "list", "--json")).document
            }
            if channels["telegram"]["state"] == state:
                found: dict[str, Any] = channels["telegram"]
                return found


@pytest_asyncio.fixture(loop_scope="module")
async def connected(demo: Demo, telegram: FakeTelegram) -> AsyncIterator[FakeTelegram]:
    """Connect Telegram, by a token from a pipe."""
    said = await outpost(demo, "channel", "add", "telegram", "--api", telegram.url, piped=f"{TOKEN}\n")
    assert (said.code, said.out) == (0, f"telegram is connected as @{USERNAME}.\n"), said
    await until_channel_is(demo, "on")
    yield telegram
    said = await outpost(demo, "channel", "remove", "telegram")
    assert (said.code, said.out) == (0, "Removed telegram.\n"), said


async def test_the_demo_has_claimed_its_device_and_a_second_claim_is_refused(demo: Demo) -> None:
    shown, taken = await outpost(demo, "claim"), await outpost(demo, "claim", "--take", "--json")

    assert shown.out.startswith(f"This device has an owner. Its page: {demo.first_line['chat']}/\n")
    assert (taken.code, taken.document["error"]["code"]) == (1, "already_claimed")


async def test_a_link_signs_one_browser_in(demo: Demo) -> None:
    link = (await outpost(demo, "claim", "--link", "--json")).document["link"]

    chat, _, code = link.partition("/#code=")
    statuses = []
    for _browser in range(2):
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            async with browser.post(f"{chat}/api/v1/session", json={"code": code}) as response:
                statuses.append(response.status)
            async with browser.get(f"{chat}/api/v1/me") as response:
                statuses.append(response.status)
    assert statuses == [204, 200, 403, 401]


async def test_the_recovery_file_of_the_demo_works_once_and_a_new_one_takes_its_place(
    demo: Demo, tmp_path: Path
) -> None:
    recovery, aside = demo.state / "recovery.txt", tmp_path / "used.txt"
    aside.write_bytes(recovery.read_bytes())

    recovered = await outpost(demo, "claim", "--recover", str(recovery), "--json")
    again = await outpost(demo, "claim", "--recover", str(aside), "--json")
    renewed = await outpost(demo, "claim", "--new-recovery", str(recovery))
    last = await outpost(demo, "claim", "--recover", str(recovery), "--json")
    await outpost(demo, "claim", "--new-recovery", str(recovery))

    assert recovered.document.keys() == {"link", "recovery"}
    assert (again.code, again.document["error"]["code"]) == (1, "recovery_refused")
    assert (renewed.code, last.code) == (0, 0)
    assert recovery.stat().st_mode & 0o777 == 0o600


async def test_somebody_at_a_browser_is_let_in_and_out_again(demo: Demo) -> None:
    chat = demo.first_line["chat"]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.post(f"{chat}/api/v1/pair", json={"name": "Bo"}) as response:
            code = (await response.json())["code"]
        asking = (await outpost(demo, "pair", "list", "--json")).document["requests"]
        approved = await outpost(demo, "pair", "approve", code.lower())
        async with browser.get(f"{chat}/api/v1/gate") as response:
            person = (await response.json())["person"]
        revoked = await outpost(demo, "pair", "revoke", person["id"])
        async with browser.get(f"{chat}/api/v1/me") as response:
            status = response.status

    assert [request["name"] for request in asking] == ["Bo"]
    assert approved.out == "Bo may talk to this device on web now.\n"
    assert (person["name"], person["role"]) == ("Bo", "user")
    assert revoked.out == "Bo may not talk to this device any more.\n"
    assert status == 401


async def test_somebody_on_telegram_gets_a_code_and_after_it_an_answer(demo: Demo, connected: FakeTelegram) -> None:
    connected.person_says("hello")
    await connected.until(lambda: bool(connected.texts()))
    (request,) = (await outpost(demo, "pair", "list", "--json")).document["requests"]
    assert (request["channel"], request["sender"], request["name"]) == ("telegram", str(ANN.id), ANN.name)
    assert f"{request['code'][:4]}-{request['code'][4:]}" in connected.texts()[0]

    approved = await outpost(demo, "pair", "approve", request["code"])
    assert approved.out == "Ann may talk to this device on telegram now.\n"
    await connected.until(lambda: len(connected.texts()) == 2)
    connected.person_says("/help")
    await connected.until(lambda: len(connected.texts()) == 3)
    assert "/status" in connected.texts()[2]

    people = (await outpost(demo, "pair", "list", "--json")).document["people"]
    (ann,) = [person["id"] for person in people if person["name"] == "Ann"]
    said = await outpost(demo, "pair", "revoke", ann, "--channel", "telegram", "--sender", str(ANN.id))
    assert said.out == "Ann may not talk to this device on telegram any more.\n"


async def test_somebody_is_turned_down(demo: Demo) -> None:
    chat = demo.first_line["chat"]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.post(f"{chat}/api/v1/pair", json={"name": "Mallory"}) as response:
            code = (await response.json())["code"]
        refused = await outpost(demo, "pair", "refuse", code, language="zh_CN.UTF-8")
        async with browser.get(f"{chat}/api/v1/gate") as response:
            gate = await response.json()

    assert refused.out == "已拒绝 Mallory。\n"
    assert (gate["person"], gate["asks"]["state"]) == (None, "refused")


async def test_a_channel_is_tested_and_the_doctor_finds_it_well(demo: Demo, connected: FakeTelegram) -> None:
    tested, doctor = await outpost(demo, "channel", "test", "telegram"), await outpost(demo, "doctor", "--json")

    assert tested.out == f"telegram works: it knows us as @{USERNAME}.\n"
    doors = {check["check"]: check["verdict"] for check in doctor.document["checks"]}
    assert {doors[name] for name in ("exposure", "owner", "channel")} == {"ok"}


async def test_a_token_that_was_revoked_is_told_everywhere_in_one_sentence(demo: Demo, connected: FakeTelegram) -> None:
    connected.token_works = False
    connected.cut_connections()
    channel = await until_channel_is(demo, "refused")
    tested, doctor = (
        await outpost(demo, "channel", "test", "telegram", "--json"),
        await outpost(demo, "doctor", "--json"),
    )
    connected.token_works = True

    (found,) = [check for check in doctor.document["checks"] if check["check"] == "channel"]
    assert tested.document["error"] == {"code": "channel_down", "message": channel["en"]}
    assert found["verdict"] == "fail"
    assert found["found"] == f"telegram (@{USERNAME}): {channel['en']}"
    assert "outpost channel remove telegram" in found["remedy"]


@pytest.mark.parametrize(
    ("token", "code"), [(WRONG_TOKEN, "channel_down"), ("nonsense", "bad_setting")], ids=["wrong", "no token"]
)
async def test_a_wrong_token_is_one_sentence_and_leaves_no_channel(
    demo: Demo, telegram: FakeTelegram, token: str, code: str
) -> None:
    said = await outpost(demo, "channel", "add", "telegram", "--api", telegram.url, "--json", piped=token)

    assert (said.code, said.document["error"]["code"]) == (1, code)
    assert said.err.count("\n") == 1
    assert token not in said.out + said.err
    assert [channel["name"] for channel in (await outpost(demo, "channel", "list", "--json")).document] == ["web"]
