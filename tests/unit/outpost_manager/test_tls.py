"""The console's certificate: taken, or refused in one sentence."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from outpost_manager.app import console_url, open_site
from outpost_manager.config import WebConfig
from outpost_manager.errors import BadCertificate
from outpost_manager.hub import Hub
from outpost_manager.tls import make_tls
from outpost_manager.web import cookie_name

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    for name in ("one", "two"):
        make(made, name, ["-nodes"])
    make(made, "sealed", ["-passout", "pass:secret"])
    (made / "noise.pem").write_bytes(b"\xff\x00 no certificate")
    return made


def make(folder: Path, name: str, options: Sequence[str]) -> None:
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "9"]
    subprocess.run([*command, *options, *subject, *files], check=True, capture_output=True)


async def test_the_console_is_reached_over_tls(folder: Path, unused_tcp_port: int) -> None:
    tls = make_tls(WebConfig(certificate=str(folder / "one.pem"), key=str(folder / "one.key")))
    app = web.Application()
    trusts = ssl.create_default_context(cafile=str(folder / "one.pem"))
    address = console_url(f"127.0.0.1:{unused_tcp_port}", is_secure=True)
    async with (
        open_site(app, Hub("run"), "127.0.0.1", unused_tcp_port, tls),
        aiohttp.ClientSession() as client,
        client.get(f"{address}/", ssl=trusts) as response,
    ):
        assert response.status == 404
    assert address == f"https://127.0.0.1:{unused_tcp_port}"


def test_without_a_certificate_there_is_no_tls() -> None:
    assert make_tls(WebConfig()) is None


@pytest.mark.parametrize(
    ("certificate", "key", "reason"),
    [
        ("one.pem", "two.key", "mismatch"),
        ("noise.pem", "one.key", ""),
        ("one.pem", "noise.pem", ""),
        ("absent.pem", "one.key", "No such file"),
        ("sealed.pem", "sealed.key", "password"),
    ],
)
async def test_what_is_no_pair_is_one_sentence(folder: Path, certificate: str, key: str, reason: str) -> None:
    config = WebConfig(certificate=str(folder / certificate), key=str(folder / key))
    with pytest.raises(BadCertificate) as caught:
        await asyncio.to_thread(make_tls, config)
    assert str(folder / certificate) in str(caught.value)
    assert reason.lower() in str(caught.value).lower()
    assert "\n" not in str(caught.value)
    assert "PEM" in caught.value.zh


def test_the_cookie_belongs_to_this_host_and_port() -> None:
    assert cookie_name(7781, is_secure=False) == "outpost_console_7781"
    assert cookie_name(7781, is_secure=True) == "__Host-outpost_console_7781"
