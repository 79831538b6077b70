"""Where nothing but a proxy is reachable, the Telegram channel works through it, files too; and not without it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import namespace
from tests.support.fake_telegram import USERNAME, FakeTelegram
from tests.support.namespace import Namespace
from tests.support.proxies import HttpProxy, Proxy, Socks5Proxy

pytestmark = pytest.mark.root

NAME = "api.telegram.test"
DATA = bytes(range(256)) * 4000
DEADLINE_S = 60.0


@pytest.fixture
def alone() -> Iterator[Namespace]:
    """A namespace in which nothing is reachable but what listens on its own loopback."""
    if lack := namespace.lack():
        pytest.skip(lack)
    with namespace.made() as made:
        yield made


async def run_adapter(alone: Namespace, *arguments: str) -> list[dict[str, Any]]:
    """Run the adapter within the namespace and return what it printed."""
    command = alone.command(sys.executable, "-m", "tests.support.telegram_alone", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, pass_fds=(alone.fd,))
    try:
        async with asyncio.timeout(DEADLINE_S):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize("kind", [HttpProxy, Socks5Proxy])
async def test_only_the_proxy_leads_out(alone: Namespace, kind: type[Proxy]) -> None:
    async with FakeTelegram() as telegram, kind(listener=alone.listener) as proxy:
        proxy.names[NAME] = "127.0.0.1"
        address = telegram.url.replace("127.0.0.1", NAME)
        (without,) = await run_adapter(alone, address, telegram.token)
        assert "set a proxy" in without["down"]
        (straight,) = await run_adapter(alone, telegram.url, telegram.token)
        assert "set a proxy" in straight["down"]
        assert (telegram.calls, proxy.asked) == ([], [])

        telegram.person_says("see", (("a.log", DATA),))
        assert await run_adapter(alone, address, telegram.token, proxy.url) == [
            {"account": f"@{USERNAME}"},
            {"bytes": len(DATA)},
        ]
        words, file = telegram.shown()
        assert (words.text, file.file) == (f"{len(DATA)} bytes", DATA)
        assert {host for host, _ in proxy.asked} == {NAME}
