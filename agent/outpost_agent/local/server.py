"""The daemon's end of the local socket: methods that processes of allowed users may call.

A method that is a plain function is answered as its call is read. An `async` one is a task of its own, which ends with
its connection. A connection that has many calls under way, or leaves its answers unread, is not read from until it has
fewer, so what a peer can make this process hold is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import socket
import stat
import traceback
from collections.abc import Callable, Collection, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec import UNSET

from outpost_agent.local.answer import Reply
from outpost_agent.local.bulk import compose, unpack
from outpost_agent.local.descriptors import Descriptors, close_all, peer_uid
from outpost_agent.local.errors import SocketHeld
from outpost_agent.local.transport import Connection
from outpost_wire.errors import BadMessage, OutpostError
from outpost_wire.frames import NO_CALL, Body, Fault, Frame, encode

CONNECTIONS_LIMIT = 64
CALLS_LIMIT = 32
BACKLOG = 64
ACCEPT_AGAIN_S = 1.0

_INTERNAL = Fault("internal", "the device failed at this; its log says where", "设备处理时出错，详见设备日志")
_CROWDED = Fault("too_many_connections", "too many programs talk to this device; try again", "连接过多，请稍后再试")

log = logging.getLogger(__name__)


class Call:
    """One call of a method. `fds` are closed after the method has returned, except those that it takes."""

    __slots__ = ("_connection", "bulk", "fds", "id", "method", "params", "uid")

    def __init__(self, connection: Connection, body: Body, fds: Descriptors, bulk: tuple[memoryview, ...], *, uid: int):
        self._connection = connection
        self.id = body.id
        self.method = body.method
        self.params: Any = body.params
        self.fds = fds
        self.bulk = bulk
        self.uid = uid

    async def update(self, value: Any) -> None:
        """Tell the caller something before the answer; waits while it does not read. Raises BadMessage."""
        self._connection.send(encode(Body(id=self.id, update=value)))
        await self._connection.drained()


# An `async` function, or a plain one that does not block.
Method = Callable[[Call], Any]


def echo(call: Call) -> Reply:
    """Return what came: the method by which a round trip is measured."""
    return Reply(call.params, files=[call.fds.take(index) for index in range(len(call.fds))], bulk=call.bulk)


class LocalServer:
    """Offers `methods` on a Unix socket at `path` to processes of `allowed_uids`, by default this user's and root's.

    Used in an `async with`. A method returns any plain value or a Reply; an OutpostError that it raises goes to the
    caller as it is, and anything else as "internal", told to the log by its type alone. Entering raises SocketHeld
    when somebody listens at `path`.
    """

    def __init__(self, path: Path, methods: Mapping[str, Method], allowed_uids: Collection[int] | None = None) -> None:
        self._path = path
        self._methods = {name: (method, inspect.iscoroutinefunction(method)) for name, method in methods.items()}
        self._allowed_uids = frozenset({os.getuid(), 0} if allowed_uids is None else allowed_uids)
        self._peers: set[_Peer] = set()
        self._listener: socket.socket | None = None
        self._retry: asyncio.TimerHandle | None = None

    @property
    def path(self) -> Path:
        """Return where the socket lies."""
        return self._path

    async def __aenter__(self) -> Self:
        self._listener = _listen(self._path)
        self._loop = asyncio.get_running_loop()
        self._start_accepting()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._retry is not None:
            self._retry.cancel()
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
        for peer in tuple(self._peers):
            await peer.end()

    def _start_accepting(self) -> None:
        assert self._listener is not None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            peer, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            # No descriptor is free. The event would come again at once, for as long as that lasts.
            log.warning("connection not accepted", extra={"error": error.strerror})
            self._loop.remove_reader(self._listener)
            self._retry = self._loop.call_later(ACCEPT_AGAIN_S, self._start_accepting)
            return
        peer.setblocking(False)
        uid = peer_uid(peer)
        if uid not in self._allowed_uids:
            log.warning("connection refused", extra={"uid": uid})
            _refuse(peer, _stranger(uid))
        elif len(self._peers) >= CONNECTIONS_LIMIT:
            _refuse(peer, _CROWDED)
        else:
            self._peers.add(_Peer(peer, uid, self._methods, self._peers.discard))


class _Peer:
    """One connection and its calls."""

    def __init__(
        self,
        peer: socket.socket,
        uid: int,
        methods: Mapping[str, tuple[Method, bool]],
        on_end: Callable[[_Peer], None],
    ) -> None:
        self._uid = uid
        self._methods = methods
        self._on_end = on_end
        self._calls: set[asyncio.Task[None]] = set()
        self._connection = Connection(peer, self._take, self._lost)

    async def end(self) -> None:
        """Close the connection and end its calls."""
        self._connection.close()
        calls = tuple(self._calls)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        self._on_end(self)

    def _take(self, frame: Frame) -> None:
        self._begin(frame)
        if self._connection.is_full:
            self._start(self._connection.drained(), Descriptors())

    def _begin(self, frame: Frame) -> None:
        body = frame.body
        fds = Descriptors(frame.files)
        if body.method is UNSET or body.id == NO_CALL:
            fds.close()
            close_all(frame.sealed)
            self._lost(BadMessage("frame: a request is expected, with an id from 1"))
            return
        try:
            bulk = unpack(frame)
        except BadMessage as error:
            fds.close()
            self._fail(body.id, _fault(error))
            return
        if body.method not in self._methods:
            fds.close()
            self._fail(body.id, Fault("no_such_method", f"this device has no method {body.method!r}"))
            return
        method, is_async = self._methods[body.method]
        call = Call(self._connection, body, fds, bulk, uid=self._uid)
        if is_async:
            self._start(self._answer_later(method, call), fds)
        else:
            self._answer_at_once(method, call)

    def _answer_at_once(self, method: Method, call: Call) -> None:
        try:
            self._answer(call, method(call))
        except Exception as error:
            self._explain(call, error)
        finally:
            call.fds.close()

    async def _answer_later(self, method: Method, call: Call) -> None:
        try:
            self._answer(call, await method(call))
        except Exception as error:
            self._explain(call, error)
        await self._connection.drained()

    def _answer(self, call: Call, value: Any) -> None:
        reply = value if isinstance(value, Reply) else Reply(value)
        body = Body(id=call.id, result=reply.value)
        self._connection.send(*compose(body, reply.files, reply.bulk, self._connection.slots))

    def _explain(self, call: Call, error: Exception) -> None:
        if isinstance(error, OutpostError):
            self._fail(call.id, _fault(error))
            return
        # The text of the error, and so its traceback, may hold what somebody wrote.
        facts = {"method": call.method, "error": type(error).__name__, "at": _place(error)}
        log.error("method failed", extra=facts)
        self._fail(call.id, _INTERNAL)

    def _start(self, work: Coroutine[Any, Any, None], fds: Descriptors) -> None:
        """Run `work` as one of the calls under way; `fds` are closed at its end, even if it is cancelled unbegun."""
        task = asyncio.create_task(work)
        self._calls.add(task)
        task.add_done_callback(lambda task: self._finished(task, fds))
        if len(self._calls) >= CALLS_LIMIT:
            self._connection.pause()

    def _finished(self, task: asyncio.Task[None], fds: Descriptors) -> None:
        fds.close()
        self._calls.discard(task)
        if len(self._calls) < CALLS_LIMIT:
            self._connection.resume()

    def _fail(self, number: int, fault: Fault) -> None:
        self._connection.send(encode(Body(id=number, error=fault)))

    def _lost(self, error: OutpostError) -> None:
        if isinstance(error, BadMessage):
            log.warning("connection closed", extra={"reason": str(error), "uid": self._uid})
            self._fail(NO_CALL, _fault(error))
        self._connection.close()
        for call in self._calls:
            call.cancel()
        self._on_end(self)


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(os.fspath(path))
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SocketHeld(f"{path}: the local socket cannot be made: {error.strerror}") from error
    return listener


def _clear(path: Path) -> None:
    """Remove the socket that a dead process left at `path`; raises SocketHeld for anything else."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketHeld(f"{path} is not a socket; move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:
            raise SocketHeld(f"{path}: {error.strerror}") from error
    raise SocketHeld(f"another process listens at {path}; stop it first")


def _refuse(peer: socket.socket, fault: Fault) -> None:
    with peer, contextlib.suppress(OSError):
        peer.send(encode(Body(id=NO_CALL, error=fault)))


def _stranger(uid: int) -> Fault:
    return Fault(
        "peer_refused", f"user {uid} may not talk to this device; use its owner's account", f"用户 {uid} 无权访问本设备"
    )


def _fault(error: OutpostError) -> Fault:
    return Fault(error.code, str(error), getattr(error, "zh", ""))


def _place(error: Exception) -> str:
    """Return where `error` was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
