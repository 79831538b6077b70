"""The way to the world outside: HTTP by the proxy that is set, or straight."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from outpost_wire.errors import BadSetting

if TYPE_CHECKING:
    from aiohttp import BaseConnector, ClientSession, ClientTimeout

SCHEMES = ("http", "socks5")


def check_proxy(proxy: str) -> None:
    """Raise ValueError unless `proxy` is empty or scheme://[user:password@]host:port with a scheme of SCHEMES."""
    if not proxy:
        return
    parts = urlsplit(proxy)
    try:
        is_whole = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port is not None
    except ValueError:
        is_whole = False
    if not is_whole or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("proxy: expected http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ where it wants them")


class ProxiedOutlet:
    """The `Outlet` of one channel. Names are resolved by the proxy, so that nothing else need be reachable."""

    def __init__(self, proxy: str = "") -> None:
        try:
            check_proxy(proxy)
        except ValueError as error:
            raise BadSetting(str(error), str(error)) from error
        self._proxy = proxy

    def open(self, *, timeout: ClientTimeout | None = None) -> ClientSession:
        """Return a client; whoever asked for it closes it."""
        import aiohttp  # noqa: PLC0415 - only who goes out pays for it

        return aiohttp.ClientSession(
            connector=self._connector(), timeout=timeout or aiohttp.ClientTimeout(), trust_env=False
        )

    def _connector(self) -> BaseConnector | None:
        if not self._proxy:
            return None
        from aiohttp_socks import ProxyConnector  # noqa: PLC0415

        return ProxyConnector.from_url(self._proxy, rdns=True)
