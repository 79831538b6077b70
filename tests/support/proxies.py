"""Two small proxies for tests: HTTP by CONNECT (RFC 9110, 9.3.6) and SOCKS5 (RFC 1928, with passwords by RFC 1929).

    python -m tests.support.proxies KIND HOST PORT

serves one ("http" or "socks5") and prints its address as a line of JSON.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
import struct
import sys
from abc import ABC, abstractmethod

DEADLINE_S = 10.0
PIECE = 64 * 1024

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Denied(Exception):
    """The client is told no."""


class Proxy(ABC):
    """A proxy on `host`, run for as long as it is entered.

    `asked` has the addresses that clients named, as they named them; those in `names` lead somewhere else. With `login`
    ("user:password") nobody else is let through. `bytes_out` counts what clients sent through it. A `listener` given
    takes the place of `host` and `port`; it may be one in another network namespace.
    """

    scheme = ""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, login: str = "", listener: socket.socket | None = None
    ) -> None:
        self.asked: list[tuple[str, int]] = []
        self.names: dict[str, str] = {}
        self.bytes_out = 0
        self.is_closed_to_all = False
        self._host = host
        self._port = port
        self._login = login
        self._listener = listener
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Return the address as a setting names it."""
        login = f"{self._login}@" if self._login else ""
        return f"{self.scheme}://{login}{self._host}:{self._port}"

    async def __aenter__(self) -> Proxy:
        if self._listener is not None:
            self._server = await asyncio.start_server(self._serve, sock=self._listener)
        else:
            self._server = await asyncio.start_server(self._serve, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    @abstractmethod
    async def _asked_for(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
        """Read what the client wants and return it, or tell it no and raise Denied."""

    @abstractmethod
    def _answer(self, is_connected: bool) -> bytes:
        """Return what the client is told."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(Denied, OSError, EOFError, TimeoutError):
                async with asyncio.timeout(DEADLINE_S):
                    host, port = await self._asked_for(reader, writer)
                self.asked.append((host, port))
                await self._join((reader, writer), self.names.get(host, host), port)
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _join(self, client: Streams, host: str, port: int) -> None:
        try:
            if self.is_closed_to_all:
                raise ConnectionRefusedError
            server = await asyncio.open_connection(host, port)
        except OSError:
            client[1].write(self._answer(False))
            await client[1].drain()
            return
        self._writers.add(server[1])
        try:
            client[1].write(self._answer(True))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(client[0], server[1], counts=True))
                group.create_task(self._carry(server[0], client[1]))
        finally:
            self._writers.discard(server[1])
            server[1].close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool = False) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                self.bytes_out += len(piece) if counts else 0
                writer.write(piece)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()


class HttpProxy(Proxy):
    """CONNECT, and nothing else."""

    scheme = "http"

    async def _asked_for(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        wanted = "Basic " + base64.b64encode(self._login.encode()).decode()
        if self._login and headers.get("proxy-authorization") != wanted:
            await _tell(writer, b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
        if method != "CONNECT":
            await _tell(writer, b"HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\n\r\n")
        host, _, port = target.rpartition(":")
        return host.strip("[]"), int(port)

    def _answer(self, is_connected: bool) -> bytes:
        return b"HTTP/1.1 200 OK\r\n\r\n" if is_connected else b"HTTP/1.1 502 Bad Gateway\r\n\r\n"


class Socks5Proxy(Proxy):
    """CONNECT by IPv4, IPv6 or name."""

    scheme = "socks5"

    async def _asked_for(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
        version, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        method = 2 if self._login else 0
        if version != 5 or method not in methods:
            await _tell(writer, b"\x05\xff")
        writer.write(bytes((5, method)))
        if method == 2:
            await self._check_login(reader, writer)
        _, command, _, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        elif kind == 1:
            host = ".".join(str(part) for part in await reader.readexactly(4))
        else:
            host = ":".join(f"{part:x}" for part in struct.unpack("!8H", await reader.readexactly(16)))
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        if command != 1:
            await _tell(writer, b"\x05\x07\x00\x01" + bytes(6))
        return host, port

    async def _check_login(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        user = await reader.readexactly((await reader.readexactly(1))[0])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        if b":".join((user, password)).decode() != self._login:
            await _tell(writer, b"\x01\x01")
        writer.write(b"\x01\x00")

    def _answer(self, is_connected: bool) -> bytes:
        return bytes((5, 0 if is_connected else 5, 0, 1)) + bytes(6)


async def _tell(writer: asyncio.StreamWriter, answer: bytes) -> None:
    """Send the last word to a client that is not served."""
    writer.write(answer)
    await writer.drain()
    raise Denied


async def serve(kind: str, host: str, port: int) -> None:
    """Serve until stopped; the first line printed says where."""
    proxy: Proxy = HttpProxy(host=host, port=port) if kind == "http" else Socks5Proxy(host=host, port=port)
    async with proxy:
        print(json.dumps({"url": proxy.url}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
