"""The way out by a proxy: all of the adapter's traffic takes it, names included, and its failures are told apart."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from outpost_agent.egress import Egress
from outpost_agent.outlet import ProxiedOutlet, check_proxy
from outpost_sdk.channel import ChannelDown, SendLater
from outpost_wire.egress import Departure
from outpost_wire.errors import BadSetting
from tests.support.fake_telegram import USERNAME, FakeTelegram
from tests.support.ports import free_port
from tests.support.proxies import HttpProxy, Proxy, Socks5Proxy
from tests.support.telegram_rig import TelegramRig, adapter, file_of

DATA = bytes(range(256)) * 2000


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as telegram:
        yield telegram


@pytest.fixture(params=[HttpProxy, Socks5Proxy])
def kind(request: pytest.FixtureRequest) -> type[Proxy]:
    kind: type[Proxy] = request.param
    return kind


@pytest.mark.parametrize("login", ["", "ann:pass%20word"])
async def test_words_and_files_go_by_the_proxy_both_ways(telegram: FakeTelegram, kind: type[Proxy], login: str) -> None:
    async with kind(login=login.replace("%20", " ")) as proxy:
        url = proxy.url.replace(" ", "%20")
        telegram.url = telegram.url.replace("127.0.0.1", "api.telegram.test")
        proxy.names["api.telegram.test"] = "127.0.0.1"
        async with TelegramRig(telegram, adapter(telegram, proxy=url)).running() as rig:
            await rig.person_says("see", (("a.log", DATA),))
            await rig.context.until_accepted(1)
            await rig.device_says("seen")
            await rig.channel.send(rig.outgoing(file=file_of("b.log", "text/plain", DATA)))
    assert list(rig.context.kept.values()) == [DATA]
    assert [shown.file or shown.text for shown in telegram.shown()] == ["seen", DATA]
    assert {host for host, _ in proxy.asked} == {"api.telegram.test"}
    assert proxy.bytes_out > len(DATA)


@pytest.mark.parametrize("trouble", ["gone", "closed", "login"])
async def test_a_proxy_that_does_not_help_is_named_and_nothing_counts_as_sent(
    telegram: FakeTelegram, kind: type[Proxy], trouble: str
) -> None:
    async with kind(login="ann:right" if trouble == "login" else "") as proxy:
        proxy.is_closed_to_all = trouble == "closed"
        url = proxy.url.replace("right", "wrong")
        if trouble == "gone":
            url = f"{proxy.scheme}://127.0.0.1:{free_port()}"
        rig = TelegramRig(telegram, adapter(telegram, proxy=url))
        with pytest.raises(ChannelDown, match="proxy"):
            await rig.channel.check()
        with pytest.raises(SendLater):
            await rig.device_says("hello")
    assert telegram.calls == []


async def test_what_the_environment_says_of_proxies_is_passed_over(
    telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert await adapter(telegram).check() == f"@{USERNAME}"


@pytest.mark.parametrize(
    "proxy", ["", "http://proxy:3128", "socks5://127.0.0.1:1080", "http://ann:secret@10.0.0.1:8080", "http://[::1]:80/"]
)
def test_takes_the_address_of_a_proxy(proxy: str) -> None:
    check_proxy(proxy)
    ProxiedOutlet(proxy)


NO_PROXIES = (
    "proxy:3128 https://proxy:1 socks4://proxy:1 http://proxy http://:80 http://proxy:99999 http://proxy:1/path "
    "http://proxy:0 http://ann:secret@proxy http://[::1 socks5://proxy:1?x=1"
)


@pytest.mark.parametrize("proxy", NO_PROXIES.split())
def test_refuses_what_is_no_address_of_a_proxy_without_repeating_it(proxy: str) -> None:
    with pytest.raises(ValueError, match="expected http://HOST:PORT"):
        check_proxy(proxy)
    with pytest.raises(BadSetting) as caught:
        ProxiedOutlet(proxy)
    assert "secret" not in caught.value.en + caught.value.zh


def test_what_leaves_is_counted_by_where_it_goes_and_what_it_is() -> None:
    heard: list[Departure] = []
    egress = Egress(heard.append)
    assert egress.leave(Departure(destination="telegram", kind="reply", bytes=5, chat="1"), "hello") == "hello"
    egress.leave(Departure(destination="telegram", kind="reply", bytes=7, chat="2"), b"goodbye")
    egress.leave(Departure(destination="manager", kind="event", bytes=100), b"")
    assert [(destination, kind, left.count, left.bytes) for destination, kind, left in egress.totals()] == [
        ("manager", "event", 1, 100),
        ("telegram", "reply", 2, 12),
    ]
    assert [departure.chat for departure in heard] == ["1", "2", None]
