"""The device's server over TLS."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from outpost_agent.server import tls_context
from outpost_wire.errors import BadSetting
from tests.support.device_page import device_page


def make_pair(folder: Path, name: str, *, password: str = "") -> tuple[str, str]:
    """Make a self-signed certificate and its key; return their paths."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    sealing = ["-passout", f"pass:{password}"] if password else ["-nodes"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"]
    subject = ["-subj", "/CN=127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *sealing, *subject], check=True, capture_output=True)
    return str(certificate), str(key)


def test_without_files_there_is_no_tls() -> None:
    assert tls_context("", "") is None


async def test_over_tls_cookies_are_bound_to_the_host(tmp_path: Path) -> None:
    context = tls_context(*make_pair(tmp_path, "own"))
    async with device_page(tmp_path, context=context) as rig:
        browser = rig.browser()
        async with browser.session.post(f"{rig.url}/api/v1/pair", json={"name": "May"}) as response:
            (asks,) = response.headers.getall("Set-Cookie")
        async with browser.session.post(f"{rig.url}/api/v1/claim", json={"code": rig.people.claim_code}) as response:
            session, settled = response.headers.getall("Set-Cookie")
        assert asks.startswith("__Host-outpost_asks=")
        assert session.startswith("__Host-outpost_chat=")
        assert settled.startswith('__Host-outpost_asks=""')
        for cookie in (asks, session, settled):
            attributes = {part.strip().partition("=")[0].lower() for part in cookie.split(";")[1:]}
            assert {"httponly", "secure", "samesite", "path"} <= attributes
            assert "domain" not in attributes
        assert (await browser.get("/api/v1/me"))["person"]["role"] == "owner"
        assert (await browser.ask("POST", "/api/v1/invite", Origin=rig.url))[0] == 200
        clear = rig.url.replace("https", "http")
        assert await browser.error("POST", "/api/v1/invite", Origin=clear) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda own, _other, _sealed: ("/nowhere.pem", own[1]),
            "web.certificate: /nowhere.pem cannot be read: No",
        ),
        (lambda own, _other, _sealed: (own[0], "/nowhere.key"), "web.key: /nowhere.key cannot be read: No such file"),
        (lambda own, other, _sealed: (own[0], other[1]), "does not belong to the certificate"),
        (lambda own, _other, _sealed: (own[1], own[1]), "are not a certificate and its key in PEM"),
        (lambda own, _other, _sealed: (own[0], own[0]), "are not a certificate and its key in PEM"),
        (lambda _own, _other, sealed: sealed, "wants a password"),
    ],
)
def test_files_that_cannot_be_used_are_named_in_a_sentence(tmp_path: Path, spoil: object, says: str) -> None:
    own, other = make_pair(tmp_path, "own"), make_pair(tmp_path, "other")
    sealed = make_pair(tmp_path, "sealed", password="secret")
    assert callable(spoil)
    with pytest.raises(BadSetting, match=says) as refused:
        tls_context(*spoil(own, other, sealed))
    assert "\n" not in str(refused.value)
    assert refused.value.zh
