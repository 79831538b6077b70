"""The console over TLS."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from outpost_disk.tls import tls_context
from outpost_manager.app import console_url, open_site, serve
from outpost_manager.config import Config, ManagerConfig, WebConfig
from outpost_manager.hub import Hub
from outpost_manager.web import cookie_name
from outpost_wire.errors import BadSetting
from tests.support.certificates import make_pair


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not installed")
async def test_the_console_is_reached_over_tls(tmp_path: Path, unused_tcp_port: int) -> None:
    certificate, key = make_pair(tmp_path, "own")
    app = web.Application()
    trusts = ssl.create_default_context(cafile=certificate)
    address = console_url(f"127.0.0.1:{unused_tcp_port}", is_secure=True)
    async with (
        open_site(app, Hub("run"), "127.0.0.1", unused_tcp_port, tls_context(certificate, key)),
        aiohttp.ClientSession() as client,
        client.get(f"{address}/", ssl=trusts) as response,
    ):
        assert response.status == 404
    assert address == f"https://127.0.0.1:{unused_tcp_port}"


async def test_a_manager_does_not_start_without_the_certificate_that_was_set(tmp_path: Path) -> None:
    state = tmp_path / "state"
    web_config = WebConfig(certificate=str(tmp_path / "absent.pem"), key=str(tmp_path / "absent.key"))
    config = Config(manager=ManagerConfig(fleet="home", state=str(state)), web=web_config)
    with pytest.raises(BadSetting, match=r"web\.certificate: .*absent\.pem cannot be read: No such file"):
        await serve(config, asyncio.Event(), None)
    assert not state.exists()


def test_the_cookie_belongs_to_this_host_and_port() -> None:
    assert cookie_name(7781, is_secure=False) == "outpost_console_7781"
    assert cookie_name(7781, is_secure=True) == "__Host-outpost_console_7781"
