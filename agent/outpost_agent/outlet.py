"""The way to the world outside: HTTP by the proxy that is set, or straight.

No other module of the daemon opens a connection to another machine; the link, which is MQTT, opens its own. Names are
resolved by the proxy, so that nothing else need be reachable, and what the environment says of proxies is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from outpost_wire.errors import BadSetting

if TYPE_CHECKING:
    from aiohttp import BaseConnector, ClientSession, ClientTimeout

SCHEMES = ("http", "socks5")

EXPECTED = "proxy: expected http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ where it wants them"
EXPECTED_ZH = "proxy：应为 http://主机:端口 或 socks5://主机:端口，需要登录时写成 用户:密码@主机:端口"


def check_proxy(proxy: str) -> None:
    """Raise ValueError unless `proxy` is empty or scheme://[user:password@]host:port with a scheme of SCHEMES."""
    if not proxy:
        return
    try:
        parts = urlsplit(proxy)
        is_whole = parts.scheme in SCHEMES and bool(parts.hostname) and bool(parts.port)
    except ValueError:
        is_whole = False
    if not is_whole or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(EXPECTED)


class ProxiedOutlet:
    """The `Outlet` of one channel.

    A proxy that is not reached, or refuses, raises aiohttp's ClientProxyConnectionError: nothing was sent then.
    """

    def __init__(self, proxy: str = "") -> None:
        try:
            check_proxy(proxy)
        except ValueError as error:
            raise BadSetting(EXPECTED, EXPECTED_ZH) from error
        self._proxy = proxy

    def open(self, *, timeout: ClientTimeout | None = None) -> ClientSession:
        """Return a client; whoever asked for it closes it."""
        import aiohttp  # noqa: PLC0415 - only who goes out pays for it

        return aiohttp.ClientSession(
            connector=_proxied(self._proxy) if self._proxy else None,
            timeout=timeout or aiohttp.ClientTimeout(),
            trust_env=False,
        )


def _proxied(proxy: str) -> BaseConnector:
    """Return a connector by way of `proxy` whose errors are aiohttp's own."""
    import ssl  # noqa: PLC0415 - as above

    import aiohttp  # noqa: PLC0415
    from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError  # noqa: PLC0415

    class Connector(ProxyConnector):
        async def _wrap_create_connection(self, *args: Any, **kwargs: Any) -> Any:
            key = kwargs["req"].connection_key
            try:
                return await super()._wrap_create_connection(*args, **kwargs)
            except (ProxyConnectionError, ProxyTimeoutError, ProxyError) as error:
                reason = OSError(getattr(error, "error_code", None) or 0, f"proxy: {error}")
                raise aiohttp.ClientProxyConnectionError(key, reason) from error
            except ssl.SSLCertVerificationError as error:
                raise aiohttp.ClientConnectorCertificateError(key, error) from error
            except OSError as error:
                raise aiohttp.ClientConnectorError(key, error) from error

    return Connector.from_url(proxy, rdns=True)
