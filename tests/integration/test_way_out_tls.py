"""Telegram as it is in the world: TLS all the way, through a proxy that sees names and nothing else."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.certificates import make_pair
from tests.support.device import running_device
from tests.support.fake_telegram import ANN, TOKEN, FakeTelegram
from tests.support.paired import pair
from tests.support.proxies import HttpProxy, Proxy, Socks5Proxy

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not installed")

DEADLINE_S = 20.0


@asynccontextmanager
async def behind_tls(telegram: FakeTelegram, made: str, key: str) -> AsyncIterator[str]:
    """Give an https address that leads to `telegram`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made, key)
    host, port = telegram.url.removeprefix("http://").split(":")

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    server = await asyncio.start_server(join, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize("kind", [HttpProxy, Socks5Proxy])
async def test_words_and_files_go_by_the_proxy_in_tls_and_only_a_trusted_certificate_is_spoken_to(
    tmp_path: Path, kind: type[Proxy]
) -> None:
    made, key = make_pair(tmp_path, "telegram")
    await pair(tmp_path / "state", "telegram", str(ANN.id), str(ANN.id))
    (tmp_path / "bot-token").write_text(TOKEN)
    async with FakeTelegram() as telegram, behind_tls(telegram, made, key) as address, kind() as proxy:
        settings = f"""
[channels.telegram]
adapter = "telegram"
proxy = "{proxy.url}"
options = {{ token_file = "{tmp_path / "bot-token"}", api = "{address}", poll_s = 1 }}
"""
        async with running_device(tmp_path, settings, environment={"SSL_CERT_FILE": made}):
            telegram.person_says("", (("a.log", b"2026-01-02 03:04:05 ERROR no room\n" * 50),))
            await telegram.until(lambda: any("a.log" in text for text in telegram.texts(ANN.id)), DEADLINE_S)
        assert {name for name, _ in proxy.asked} == {"localhost"}

        asked = len(telegram.calls)
        async with running_device(tmp_path, settings, environment={"SSL_CERT_FILE": "/dev/null"}) as device:
            async with asyncio.timeout(DEADLINE_S):
                while "certificate is not trusted" not in (device.folder / "device.log").read_text():
                    await asyncio.sleep(0.05)
        assert len(telegram.calls) == asked
