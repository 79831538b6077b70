"""The device's server over TLS."""

from __future__ import annotations

from pathlib import Path

from outpost_disk.tls import tls_context
from tests.support.certificates import make_pair
from tests.support.device_page import device_page


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
