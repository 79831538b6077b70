"""Calls of the Bot API: what goes over the wire, and nothing of what it means.

The address of every call holds the token, and errors of the HTTP client hold the address: none of them leaves this
module, not even as the cause of another.
"""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from outpost_agent.channels.telegram import answers
from outpost_agent.channels.telegram.answers import ApiFailed, BrokeOff, NotReached, read_answer
from outpost_agent.channels.telegram.core import served_path
from outpost_sdk.channel import OutgoingFile, Outlet
from outpost_wire.errors import OutpostError

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

T = TypeVar("T")

CONNECT_S = 15.0
CALL_S = 30.0
SLOWEST_UPLOAD = 16 * 1024
"""Bytes a second below which an upload is given up."""
STALLED_S = 30.0
PIECE = 64 * 1024


class FileUnreadable(OutpostError):
    """A file that was to be sent cannot be read; nothing was sent."""

    code = "file_unreadable"


class FileGone(OutpostError):
    """The platform does not give out this file."""

    code = "file_gone"


class BotApi:
    """One bot at one Bot API server.

    `call_s` is how long an answer may take, where nothing else is said. Connections are kept for as long as somebody is
    within `connected`. Calls raise NotReached, BrokeOff or Refused.
    """

    def __init__(self, outlet: Outlet, address: str, token: str, *, call_s: float = CALL_S) -> None:
        self._outlet = outlet
        self._address = address
        self._token = token
        self._call_s = call_s
        self._session: ClientSession | None = None
        self._users = 0

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Keep connections open until left; calls outside of it open one of their own."""
        async with self._client():
            yield

    async def call(self, method: str, *, wait_s: float | None = None, **parameters: Any) -> bytes:
        """Return the result of `method`, as JSON, waiting at most `wait_s` for it."""
        body = msgspec.json.encode(parameters)
        return await self._post(
            method, {"data": body, "headers": {"Content-Type": "application/json"}}, wait_s or self._call_s
        )

    async def upload(self, method: str, field: str, file: OutgoingFile, **parameters: Any) -> bytes:
        """Call `method` with `file` as its `field`, piece by piece, and return the result.

        Raises NotReached also where the connection broke before all of the file was given away, because then nobody
        can have taken it, and FileUnreadable.
        """
        form = _Form(field, file, parameters)
        data = {"data": form.pieces(), "headers": form.headers}
        try:
            return await self._post(method, data, self._call_s + file.size / SLOWEST_UPLOAD)
        except BrokeOff as error:
            if form.failed is not None:
                raise FileUnreadable(f"{file.name} cannot be read: {form.failed}") from form.failed
            if not form.is_given_away:
                raise NotReached(error.cause) from None
            raise

    async def download(self, file_id: str, keep: Callable[[AsyncIterator[bytes]], Awaitable[T]]) -> T:
        """Hand the content of a file to `keep` and return what that returns; raises FileGone for one not given out.

        What `keep` raises comes out as it is.
        """
        found = msgspec.json.decode(await self.call("getFile", file_id=file_id), type=_Found)
        if not found.file_path:
            raise FileGone("the file has no path")
        url = f"{self._address}/file/bot{self._token}/{served_path(found.file_path, self._token)}"
        async with self._client() as session:
            response = await self._reach(session.get(url, **_limits(None)))
            try:
                if response.status in (400, 404):
                    raise FileGone(f"status {response.status}")
                if response.status != 200:
                    read_answer(response.status, await self._read(response.read()))
                    raise BrokeOff(f"status {response.status}")
                return await keep(self._content(response, found.file_size))
            finally:
                response.close()

    async def _content(self, response: ClientResponse, size: int) -> AsyncIterator[bytes]:
        given = 0
        while piece := await self._read(response.content.read(PIECE)):
            given += len(piece)
            yield piece
        if size and given != size:
            raise BrokeOff("the file ended early")

    async def _post(self, method: str, body: Mapping[str, Any], wait_s: float) -> bytes:
        async with self._client() as session:
            url = f"{self._address}/bot{self._token}/{method}"
            response = await self._reach(session.post(url, **body, **_limits(wait_s)))
            try:
                return read_answer(response.status, await self._read(response.read()))
            finally:
                response.release()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[ClientSession]:
        if self._session is None:
            self._session = self._outlet.open()
        session = self._session
        self._users += 1
        try:
            yield session
        finally:
            self._users -= 1
            if not self._users:
                self._session = None
                await session.close()

    async def _reach(self, answer: Awaitable[T]) -> T:
        failure: ApiFailed
        try:
            return await answer
        except Exception as error:  # anything that the client, the proxy or the system may raise
            failure = _failure(error)
        raise failure

    _read = _reach


def _limits(total_s: float | None) -> dict[str, Any]:
    """Return how long a call may take; without a total, how long its answer may stall."""
    from aiohttp import ClientTimeout  # noqa: PLC0415 - only who goes out pays for it

    stalled_s = None if total_s else STALLED_S
    timeout = ClientTimeout(total=total_s, connect=CONNECT_S, sock_connect=CONNECT_S, sock_read=stalled_s)
    return {"timeout": timeout, "allow_redirects": False}


def _failure(error: Exception) -> ApiFailed:
    """Return what an error of the HTTP client means, without anything that it says."""
    import aiohttp  # noqa: PLC0415 - as above

    match error:
        case ApiFailed():
            return error
        case aiohttp.ClientProxyConnectionError():
            return NotReached(answers.PROXY)
        case aiohttp.ClientConnectorCertificateError():
            return NotReached(answers.CERTIFICATE)
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return NotReached(type(error).__name__)
        case aiohttp.ClientError() | TimeoutError() | OSError():
            return BrokeOff(type(error).__name__)
    raise error


class _Found(msgspec.Struct, frozen=True):
    file_path: str = ""
    file_size: int = 0


class _Form:
    """A multipart form (RFC 7578) with one file, of known length, written piece by piece."""

    def __init__(self, field: str, file: OutgoingFile, parameters: Mapping[str, Any]) -> None:
        boundary = secrets.token_hex(16)
        self._file = file
        self._head = b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{_form_value(value)}\r\n'.encode()
            for name, value in parameters.items()
        )
        type_ = file.type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self._head += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{_quoted(file.name)}"\r\n'
            f"Content-Type: {_quoted(type_)}\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self._head) + file.size + len(self._tail)),
        }
        self.is_given_away = False
        self.failed: Exception | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Return the form; `failed` says why where the file could not be read to its end."""
        yield self._head
        given = 0
        try:
            async for piece in self._file.read():
                given += len(piece)
                if given > self._file.size:
                    break
                yield piece
            if given != self._file.size:
                raise FileUnreadable(f"it has {given} bytes or more, not {self._file.size}")
        except (OutpostError, OSError) as error:
            self.failed = error
            raise
        self.is_given_away = True
        yield self._tail


def _form_value(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _quoted(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
