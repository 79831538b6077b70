"""Channels come, go and break while the device runs: each said in one sentence, and nothing else is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outpost_agent.local.errors import CallFailed
from tests.support.doors import OWNER, Doors, doors, telegram_settings
from tests.support.fake_telegram import ANN, USERNAME, FakeTelegram
from tests.support.ports import free_port
from tests.support.proxies import HttpProxy

ACCOUNT = f"@{USERNAME}"
SECRET = "800000002:AAAnotherTokenForTestsOnly_zyxwvutsrq"
REVOKED = "Telegram does not take this bot's token"


def starts(telegram: FakeTelegram) -> int:
    """Return how often a channel was started on a server: each asks once who it is."""
    return Counter(method for method, _ in telegram.calls)["getme"]


def reads(device: Doors) -> int:
    return device.log.count('"settings read"') + device.log.count('"the settings stay as they were"')


async def reload(device: Doors) -> None:
    """Have the device read its settings, and wait until it has."""
    before = reads(device)
    device.reload()
    await device.until(lambda: reads(device) > before, "the settings are read")


async def polls_on(device: Doors, telegram: FakeTelegram) -> None:
    """Wait until a channel has polled its server once more."""
    before = len(telegram.calls)
    await device.until(lambda: "getupdates" in {method for method, _ in telegram.calls[before:]}, "it polls")


@asynccontextmanager
async def two_channels(folder: Path, more: str = "") -> AsyncIterator[tuple[Doors, FakeTelegram, FakeTelegram]]:
    """Run a device with the channels `telegram` and `second`, the latter never by a proxy."""
    async with FakeTelegram(token=SECRET) as second:
        settings = telegram_settings(second, folder / "second_token", name="second", more='proxy = "direct"')
        async with doors(folder, more + settings, known=(ANN,)) as device:
            await device.until_state("on")
            await device.until_state("on", "second")
            yield device, device.telegram, second


async def names(device: Doors) -> list[str]:
    return [each["name"] for each in await device.get("channels")]


def change(device: Doors, before: str, after: str) -> None:
    text = device.settings.read_text("utf-8")
    assert before in text
    device.settings.write_text(text.replace(before, after), encoding="utf-8")


async def test_a_reload_starts_anew_only_the_channel_that_changed(tmp_path: Path) -> None:
    async with two_channels(tmp_path) as (device, first, second):
        assert (starts(first), starts(second)) == (1, 1)
        change(device, 'proxy = "direct"', 'proxy = "direct"\ngroups = ["-5"]')
        await reload(device)
        await device.until(lambda: starts(second) == 2, "the changed one starts anew")
        await device.until_state("on", "second")
        await polls_on(device, first)
        assert starts(first) == 1

        (tmp_path / "second_token").write_text(SECRET + "x")
        await reload(device)
        assert REVOKED in (await device.until_state("refused", "second"))["en"]
        (tmp_path / "second_token").write_text(SECRET)
        await reload(device)
        await device.until_state("on", "second")
        assert starts(first) == 1

        change(device, "[channels.second]", "[channels.third]")
        await reload(device)
        await device.until_state("on", "third")
        assert set(await names(device)) == {"web", "telegram", "third"}
        assert starts(first) == 1
        assert "is up" in await device.asks(ANN, "/status")


WRONG = {
    "[channels.second": "is not TOML",
    '[channels.second]\nadapters = "x"': "channels.second",
    '[channels.second]\nadapter = "telegram"\nproxy = "ftp://x"': "proxy: expected http://HOST:PORT",
    '[channels.web]\nadapter = "telegram"': "channels.web",
    '[channels.added]\nadapter = "no.such:thing"\n[channels.second]\nadapter = "telegram"': "channels.added.adapter",
}


async def test_a_wrong_file_leaves_everything_as_it_was_with_one_line_in_the_log(tmp_path: Path) -> None:
    async with two_channels(tmp_path) as (device, first, second):
        right, before = device.settings.read_text("utf-8"), await names(device)
        for wrong, named in WRONG.items():
            lines = len(device.log.splitlines())
            text = right.replace('proxy = "direct"\n', "").replace('[channels.second]\nadapter = "telegram"', wrong)
            device.settings.write_text(text, "utf-8")
            await reload(device)
            assert [named in line for line in device.log.splitlines()[lines:]] == [True]
        await polls_on(device, first)
        await polls_on(device, second)
        assert (starts(first), starts(second)) == (1, 1)
        assert await names(device) == before
        assert "is up" in await device.asks(ANN, "/status")


async def test_another_proxy_starts_anew_those_that_go_out_by_it(tmp_path: Path) -> None:
    async with HttpProxy() as proxy, two_channels(tmp_path, '[network]\nproxy = ""\n') as (device, first, second):
        change(device, 'proxy = ""', f'proxy = "{proxy.url}"')
        await reload(device)
        await device.until(lambda: starts(first) == 2, "it starts anew")
        await device.until_state("on")
        assert {f"http://{host}:{port}" for host, port in proxy.asked} == {first.url}
        assert "is up" in await device.asks(ANN, "/status")
        await polls_on(device, second)
        assert starts(second) == 1


async def add(device: Doors, telegram: FakeTelegram, token: str, **more: Any) -> Any:
    return await device.call(
        "channels.add", name="mine", kind="telegram", options={"token": token, "api": telegram.url}, **more
    )


def leaks(device: Doors, secret: str) -> list[str]:
    """Return where a secret lies below the state folder, but for its own file, or in the log."""
    own = device.state / "secrets" / "channels"
    files = [path for path in device.state.rglob("*") if path.is_file() and not path.is_relative_to(own)]
    return [str(path) for path in (*files, device.folder / "device.log") if secret.encode() in path.read_bytes()]


async def test_a_channel_is_added_checked_kept_and_removed(tmp_path: Path) -> None:
    secret = SECRET.partition(":")[2]
    async with doors(tmp_path) as device, FakeTelegram(token=SECRET) as telegram:
        own = device.state / "secrets" / "channels" / "mine-token"
        nowhere = f"http://127.0.0.1:{free_port()}"
        sentences = []
        for wrong, api in ((SECRET + "y", telegram.url), (SECRET, nowhere), ("x", telegram.url)):
            with pytest.raises(CallFailed) as caught:
                await device.call("channels.add", name="mine", kind="telegram", options={"token": wrong, "api": api})
            sentences.append((caught.value.fault.code, caught.value.fault.message))
            assert "\n" not in caught.value.fault.message
            assert caught.value.fault.message_zh
            assert secret not in f"{caught.value.fault}"
        assert [code for code, _ in sentences] == ["channel_down", "channel_down", "bad_setting"]
        assert "it is wrong or was revoked" in sentences[0][1]
        assert "check the internet connection" in sentences[1][1]
        assert "in the form 123456:ABC-DEF" in sentences[2][1]
        assert await names(device) == ["web", "telegram"]
        assert not own.exists()

        added = await add(device, telegram, SECRET)
        assert (added["name"], added["account"]) == ("mine", ACCOUNT)
        assert await device.call("channels.test", name="mine") == {"name": "mine", "account": ACCOUNT}
        assert own.read_text() == SECRET
        assert own.stat().st_mode & 0o777 == 0o600
        await device.until_state("on", "mine")
        with pytest.raises(CallFailed, match="already"):
            await add(device, telegram, SECRET)

        await device.restart()
        facts = await device.until_state("on", "mine")
        assert (facts["account"], facts["removable"]) == (ACCOUNT, True)
        telegram.token_works = False
        telegram.cut_connections()
        await device.until_state("refused", "mine")
        status = f"{await device.call('status')} {await device.get('channels')} {await device.get('health')}"
        assert secret not in status
        assert leaks(device, secret) == []

        await device.call("channels.remove", name="mine")
        assert not own.exists()
        assert await names(device) == ["web", "telegram"]
        with pytest.raises(CallFailed, match="There is no channel 'mine'"):
            await device.call("channels.remove", name="mine")
        with pytest.raises(CallFailed, match="stands in the settings file"):
            await device.call("channels.remove", name="telegram")
        await device.restart()
        assert await names(device) == ["web", "telegram"]
        assert leaks(device, secret) == []


async def test_a_channel_whose_token_is_gone_says_so_and_can_be_replaced(tmp_path: Path) -> None:
    async with doors(tmp_path) as device, FakeTelegram(token=SECRET) as telegram:
        await add(device, telegram, SECRET)
        own = device.state / "secrets" / "channels"
        await device.kill()
        (own / "mine-token").unlink()
        (own / "left-token").write_text("of a life that was cut")
        await device.start()
        assert [path.name for path in own.iterdir()] == []
        assert "token_file" in (await device.until_state("broken", "mine"))["en"]
        with pytest.raises(CallFailed, match="token_file"):
            await device.call("channels.test", name="mine")
        await device.call("channels.remove", name="mine")
        assert (await add(device, telegram, SECRET))["account"] == ACCOUNT
        await device.until_state("on", "mine")


async def test_a_channel_of_the_settings_goes_before_one_of_its_name_that_was_added(tmp_path: Path) -> None:
    async with doors(tmp_path) as device, FakeTelegram(token=SECRET) as telegram, FakeTelegram() as other:
        await add(device, telegram, SECRET)
        await device.until_state("on", "mine")
        text = device.settings.read_text("utf-8")
        device.settings.write_text(text + telegram_settings(other, tmp_path / "other", name="mine"), encoding="utf-8")
        await reload(device)
        await device.until(lambda: starts(other) == 1, "that of the settings starts")
        assert (await device.channel("mine"))["removable"] is False
        device.settings.write_text(text, encoding="utf-8")
        before = starts(telegram)
        await reload(device)
        await device.until(lambda: starts(telegram) > before, "the one that was added is back")
        assert (await device.channel("mine"))["removable"] is True


async def test_a_token_that_is_revoked_and_restored_is_told_to_the_owner_once(tmp_path: Path) -> None:
    async with doors(tmp_path, "[notices]\noutage_s = 0.1\n", known=(ANN, OWNER)) as device:
        telegram = device.telegram
        assert "is up" in await device.asks(OWNER, "/status")
        telegram.token_works = False
        refused = await device.until_state("refused")
        assert (REVOKED in refused["en"], refused["account"]) == (True, ACCOUNT)
        telegram.person_says("/help")
        telegram.token_works = True
        await device.until_state("on", wait_s=45)
        told = await device.heard("was not reached for", OWNER)
        assert REVOKED in told.text
        await device.heard("Send a log file")
        await device.quiet()
        assert len([text for text in device.said(OWNER.id) if "was not reached" in text]) == 1
        assert not any("was not reached" in text for text in device.said(ANN.id))


async def test_a_new_token_ends_an_outage_too(tmp_path: Path) -> None:
    async with doors(tmp_path, "[notices]\noutage_s = 0\n", known=(OWNER,)) as device:
        assert "is up" in await device.asks(OWNER, "/status")
        device.telegram.token = SECRET
        await device.until_state("refused")
        (tmp_path / "bot_token").write_text(SECRET)
        await reload(device)
        told = await device.heard("was not reached for", OWNER)
        assert REVOKED in told.text
        await device.quiet()
        assert len([text for text in device.said(OWNER.id) if "was not reached" in text]) == 1
