"""The local socket between real ends: answers, files, bulk, refusals; and after each test no descriptor is left."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import socket
import stat
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outpost_agent.local import bulk, descriptors, server
from outpost_agent.local.answer import Reply
from outpost_agent.local.async_client import AsyncLocalClient
from outpost_agent.local.bulk import compose
from outpost_agent.local.client import LocalClient
from outpost_agent.local.errors import CallFailed, ConnectionLost, NoAnswer, NobodyListens, SocketHeld
from outpost_agent.local.server import Call, LocalServer, echo
from outpost_agent.local.transport import HIGH_WATER
from outpost_wire.errors import BadInput, BadMessage
from outpost_wire.frames import BULK_FROM, DESCRIPTORS_LIMIT, FRAME_LIMIT, Assembler, Body, Fault, encode

BIG = bytes(range(256)) * 8192


class Methods:
    """Methods that the tests call, and what they saw."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.ended = asyncio.Event()
        self.taken: list[int] = []

    def table(self) -> dict[str, server.Method]:
        return {
            "echo": echo,
            "count": self.count,
            "read": self.read,
            "keep": self.keep,
            "wait": self.wait,
            "refuse": self.refuse,
            "break": self.break_down,
            "flood": self.flood,
            "unsendable": self.unsendable,
            "refuse at once": self.refuse_at_once,
            "break at once": self.break_at_once,
            "unsendable at once": self.unsendable_at_once,
        }

    async def count(self, call: Call) -> int:
        for number in range(call.params):
            await call.update(number)
        return int(call.params)

    async def read(self, call: Call) -> list[str]:
        return [os.pread(number, 100, 0).decode() for number in call.fds]

    async def keep(self, call: Call) -> None:
        self.taken.append(call.fds.take(0))

    async def wait(self, call: Call) -> None:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()

    async def refuse(self, call: Call) -> None:
        raise BadInput("This file is empty.", "文件是空的。")

    async def break_down(self, call: Call) -> None:
        raise RuntimeError("the secret text of a chat")

    async def flood(self, call: Call) -> None:
        self.entered.set()
        try:
            while True:
                await call.update(b"x" * 65_536)
        finally:
            self.ended.set()

    async def unsendable(self, call: Call) -> object:
        return object()

    def refuse_at_once(self, call: Call) -> None:
        raise BadInput("This file is empty.", "文件是空的。")

    def break_at_once(self, call: Call) -> None:
        raise RuntimeError("the secret text of a chat")

    def unsendable_at_once(self, call: Call) -> object:
        return object()


@pytest.fixture
async def methods() -> Methods:
    return Methods()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private" / "device.sock"


@pytest.fixture
async def local(path: Path, methods: Methods) -> AsyncIterator[LocalServer]:
    before = open_descriptors()
    async with LocalServer(path, methods.table()) as running:
        yield running
    assert open_descriptors() == before


@pytest.fixture
async def client(local: LocalServer) -> AsyncIterator[AsyncLocalClient]:
    with AsyncLocalClient.connect(local.path) as client:
        yield client


@pytest.fixture
def a_file() -> Iterator[int]:
    number = os.open(__file__, os.O_RDONLY)
    yield number
    os.close(number)


def open_descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@asynccontextmanager
async def raw_peer(local: LocalServer) -> AsyncIterator[socket.socket]:
    """Give a connection on which anything may be sent."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.setblocking(False)
    with peer:
        peer.connect(os.fspath(local.path))
        yield peer


async def local_peers(local: LocalServer) -> set[server._Peer]:
    """Return the connections of `local`, of which there is to be one at least."""
    while not local._peers:
        await asyncio.sleep(0)
    return local._peers


async def last_words(peer: socket.socket) -> Fault:
    """Return the fault of the last frame before the other end closes."""
    assembler, fault = Assembler(), Fault("none", "")
    while data := await asyncio.get_running_loop().sock_recv(peer, 65_536):
        assembler.feed(data)
        while (frame := assembler.next()) is not None:
            if isinstance(frame.body.error, Fault):
                fault = frame.body.error
    return fault


async def test_a_value_comes_back(client: AsyncLocalClient) -> None:
    value = {"text": "你好", "numbers": [1, 2.5, None, True], "bytes": b"\0\xff"}

    assert (await client.call("echo", value)).value == value


async def test_calls_at_once_get_their_own_answers(client: AsyncLocalClient) -> None:
    answers = await asyncio.gather(*(client.call("echo", number) for number in range(500)))

    assert [answer.value for answer in answers] == list(range(500))


async def test_updates_come_before_the_answer(client: AsyncLocalClient) -> None:
    seen: list[int] = []

    answer = await client.call("count", 5, on_update=seen.append)

    assert (seen, answer.value) == ([0, 1, 2, 3, 4], 5)


@pytest.mark.parametrize("size", [0, 1, BULK_FROM - 1, BULK_FROM, 1024 * 1024, 20 * 1024 * 1024])
async def test_bulk_of_any_size_comes_back(client: AsyncLocalClient, size: int) -> None:
    piece = (BIG * (size // len(BIG) + 1))[:size]

    answer = await client.call("echo", "kept", bulk=[piece, b"and more"])

    assert answer.value == "kept"
    assert [bytes(view) for view in answer.bulk] == [piece, b"and more"]


async def test_a_frame_larger_than_the_socket_takes_comes_back(client: AsyncLocalClient) -> None:
    value = "x" * (FRAME_LIMIT - 64)

    assert (await client.call("echo", value)).value == value


async def test_files_are_read_by_the_server_and_stay_the_callers(client: AsyncLocalClient, tmp_path: Path) -> None:
    numbers = []
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
        numbers.append(os.open(tmp_path / name, os.O_RDONLY))

    answer = await client.call("read", files=numbers)

    assert answer.value == ["one", "two"]
    assert [os.pread(number, 10, 0) for number in numbers] == [b"one", b"two"]
    descriptors.close_all(numbers)


async def test_files_in_an_answer_are_closed_unless_taken(client: AsyncLocalClient, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")
    number = os.open(tmp_path / "one", os.O_RDONLY)

    with await client.call("echo", files=[number, number]) as answer:
        first, second = answer.files
        kept = answer.files.take(1)

    assert kept == second
    assert os.pread(kept, 10, 0) == b"one"
    with pytest.raises(OSError):
        os.fstat(first)
    descriptors.close_all([number, kept])


async def test_descriptors_that_arrive_are_closed_on_exec(
    client: AsyncLocalClient, methods: Methods, tmp_path: Path
) -> None:
    with (tmp_path / "one").open("w") as file:
        await client.call("keep", files=[file.fileno()])

    (number,) = methods.taken
    assert not os.get_inheritable(number)
    os.close(number)


@pytest.mark.parametrize("method", ["refuse", "refuse at once"])
async def test_our_errors_go_to_the_caller_as_they_are(client: AsyncLocalClient, method: str) -> None:
    with pytest.raises(CallFailed) as caught:
        await client.call(method)

    assert caught.value.fault == Fault("bad_input", "This file is empty.", "文件是空的。")


@pytest.mark.parametrize("method", ["break", "break at once"])
async def test_other_errors_tell_neither_caller_nor_log_their_text(
    client: AsyncLocalClient, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    with pytest.raises(CallFailed) as caught:
        await client.call(method)

    assert caught.value.fault.code == "internal"
    (record,) = caplog.records
    assert (record.method, record.error) == (method, "RuntimeError")  # type: ignore[attr-defined]
    assert "secret" not in caplog.text + str(caught.value)


@pytest.mark.parametrize(
    ("method", "code"),
    [("absent", "no_such_method"), ("unsendable", "bad_message"), ("unsendable at once", "bad_message")],
)
async def test_a_bad_call_leaves_the_connection_as_it_is(
    client: AsyncLocalClient, a_file: int, method: str, code: str
) -> None:
    with pytest.raises(CallFailed) as caught:
        await client.call(method, files=[a_file], bulk=[BIG])

    assert caught.value.fault.code == code
    assert (await client.call("echo", 1)).value == 1


async def test_what_cannot_be_sent_is_refused_here(client: AsyncLocalClient, a_file: int) -> None:
    with pytest.raises(BadMessage):
        await client.call("echo", object(), files=[a_file], bulk=[BIG])
    with pytest.raises(BadMessage):
        await client.call("echo", files=[a_file] * (DESCRIPTORS_LIMIT + 1))

    assert (await client.call("echo", 1)).value == 1


async def test_a_cancelled_call_closes_the_files_of_its_late_answer(local: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")
    number = os.open(tmp_path / "one", os.O_RDONLY)
    with AsyncLocalClient.connect(local.path) as client:
        for turns in range(12):
            call = asyncio.create_task(client.call("echo", files=[number], bulk=[BIG]))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            (answer,) = await asyncio.gather(call, return_exceptions=True)
            if not isinstance(answer, BaseException):
                answer.files.close()
        assert (await client.call("echo", 1)).value == 1
    os.close(number)


async def test_the_end_of_a_connection_ends_its_calls(local: LocalServer, methods: Methods) -> None:
    with AsyncLocalClient.connect(local.path) as client:
        call = asyncio.create_task(client.call("wait"))
        await methods.entered.wait()
        client.close()
        with pytest.raises(ConnectionLost):
            await call

    await methods.ended.wait()


async def test_the_end_of_the_server_ends_calls(path: Path, methods: Methods) -> None:
    async with LocalServer(path, methods.table()) as local:
        client = AsyncLocalClient.connect(local.path)
        call = asyncio.create_task(client.call("wait"))
        await methods.entered.wait()

    with pytest.raises(ConnectionLost):
        await call
    assert methods.ended.is_set()
    assert client.is_closed
    assert not path.exists()


async def test_a_peer_that_does_not_read_stops_the_method(local: LocalServer, methods: Methods) -> None:
    async with raw_peer(local) as peer:
        await asyncio.get_running_loop().sock_sendall(peer, encode(Body(id=1, method="flood")))
        await methods.entered.wait()
        (connection,) = [one._connection for one in local._peers]
        for _ in range(200):
            await asyncio.sleep(0)
        held = connection._unsent_bytes
        assert 0 < held < 2 * 1024 * 1024 + 65_536

    await methods.ended.wait()


@pytest.mark.parametrize(("method", "size", "count"), [("echo", 65_536, 500), ("absent", 0, 500_000)])
async def test_a_peer_that_does_not_read_stops_what_is_answered_at_once(
    local: LocalServer, method: str, size: int, count: int
) -> None:
    request = encode(Body(id=1, method=method, params=b"x" * size))
    async with raw_peer(local) as peer:
        flood = asyncio.create_task(asyncio.get_running_loop().sock_sendall(peer, request * count))
        (one,) = await local_peers(local)
        while one._connection._is_reading:
            await asyncio.sleep(0)
        assert HIGH_WATER <= one._connection._unsent_bytes < HIGH_WATER + server.CALLS_LIMIT * 66_000
        assert not flood.done()
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)


async def test_a_flood_of_calls_is_taken_a_few_at_a_time(local: LocalServer, methods: Methods) -> None:
    async with raw_peer(local) as peer:
        flood = b"".join(encode(Body(id=number, method="wait")) for number in range(1, 2001))
        await asyncio.get_running_loop().sock_sendall(peer, flood)
        await methods.entered.wait()
        for _ in range(50):
            await asyncio.sleep(0)
        (one,) = local._peers
        assert len(one._calls) == server.CALLS_LIMIT


async def test_a_peer_beyond_the_limit_is_told_to_come_back(
    local: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CONNECTIONS_LIMIT", 2)
    async with raw_peer(local), raw_peer(local), raw_peer(local) as third:
        assert (await last_words(third)).code == "too_many_connections"


async def test_a_stranger_is_refused_with_a_sentence(path: Path, methods: Methods) -> None:
    async with LocalServer(path, methods.table(), allowed_uids=[os.getuid() + 1]) as local:
        with AsyncLocalClient.connect(local.path) as client, pytest.raises(CallFailed) as caught:
            await client.call("echo")
        assert caught.value.fault.code == "peer_refused"
        assert str(os.getuid()) in caught.value.fault.message

        with pytest.raises(CallFailed) as caught:
            await asyncio.to_thread(call_blocking, path, "echo")
        assert caught.value.fault.code == "peer_refused"


def send_with_descriptors(peer: socket.socket, data: bytes, count: int) -> None:
    with (Path(__file__)).open("rb") as file:
        socket.send_fds(peer, [data], [file.fileno()] * count)


@pytest.mark.parametrize(
    ("send", "words"),
    [
        (lambda peer: peer.send(struct.pack(">I", FRAME_LIMIT + 1)), "a frame of 8388609 bytes"),
        (lambda peer: peer.send(b"GET / HTTP/1.1\r\n\r\n"), "a frame of"),
        (lambda peer: peer.send(encode(Body(id=1, result=1))), "a request is expected"),
        (lambda peer: peer.send(encode(Body(id=0, method="echo"))), "with an id from 1"),
        (lambda peer: send_with_descriptors(peer, encode(Body(id=1, result=1, descriptors=3)), 3), "a request is"),
        (lambda peer: send_with_descriptors(peer, encode(Body(id=1, method="echo")), 3), "no frame declares"),
        (lambda peer: send_with_descriptors(peer, struct.pack(">I", 2**30), 3), "a frame of"),
        (lambda peer: send_with_descriptors(peer, b"\0\0", DESCRIPTORS_LIMIT + 1), "descriptors were lost"),
        (lambda peer: send_with_descriptors(peer, encode(Body(id=1, method="echo", descriptors=4)), 3), "fds is 4"),
    ],
)
async def test_what_is_no_request_ends_the_connection_with_a_sentence(
    local: LocalServer, send: Callable[[socket.socket], Any], words: str
) -> None:
    async with raw_peer(local) as peer:
        send(peer)
        fault = await last_words(peer)

    assert fault.code == "bad_message"
    assert words in fault.message


async def test_a_call_that_nonsense_follows_leaves_nothing(local: LocalServer, methods: Methods) -> None:
    async with raw_peer(local) as peer:
        send_with_descriptors(peer, encode(Body(id=1, method="wait", descriptors=3)) + b"\0\0\0\0", 3)
        assert (await last_words(peer)).code == "bad_message"

    assert not methods.entered.is_set()


async def test_a_peer_that_leaves_in_the_middle_of_a_frame_leaves_nothing(local: LocalServer, methods: Methods) -> None:
    frame = encode(Body(id=1, method="echo", descriptors=3))
    async with raw_peer(local) as peer:
        send_with_descriptors(peer, frame[:-1], 3)
        with AsyncLocalClient.connect(local.path) as other:
            assert (await other.call("echo", 1)).value == 1


async def test_a_peer_that_only_hangs_about_disturbs_nobody(local: LocalServer, client: AsyncLocalClient) -> None:
    async with raw_peer(local) as one, raw_peer(local) as two:
        one.send(b"\0")
        two.shutdown(socket.SHUT_WR)
        assert (await client.call("echo", "still here")).value == "still here"
        assert (await last_words(two)).code == "none"


def unsealed(seals: int) -> int:
    number = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(number, BIG)
    fcntl.fcntl(number, fcntl.F_ADD_SEALS, seals)
    return number


def pipe_end() -> int:
    reader, writer = os.pipe()
    os.close(writer)
    return reader


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: unsealed(0), "not sealed"),
        (lambda: unsealed(fcntl.F_SEAL_WRITE), "not sealed"),
        (lambda: unsealed(fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL), "not sealed"),
        (lambda: unsealed(fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW), "not sealed"),
        (lambda: bulk.seal(BIG + b"x"), "its memory file has"),
        (lambda: bulk.seal(BIG[:-1]), "its memory file has"),
        (lambda: os.open(__file__, os.O_RDONLY), "no memory file"),
        (pipe_end, "no memory file"),
    ],
)
async def test_a_memory_file_that_could_change_is_refused(
    local: LocalServer, make: Callable[[], int], words: str
) -> None:
    number = make()
    async with raw_peer(local) as peer:
        socket.send_fds(peer, [encode(Body(id=1, method="echo", descriptors=1, bulk=(len(BIG),)))], [number])
        os.close(number)
        assembler = Assembler()
        while (frame := assembler.next()) is None:
            assembler.feed(await asyncio.get_running_loop().sock_recv(peer, 65_536))

    assert isinstance(frame.body.error, Fault)
    assert frame.body.error.code == "bad_message"
    assert words in frame.body.error.message


def test_what_was_sealed_cannot_be_changed() -> None:
    number = bulk.seal(BIG)
    view = bulk.read_sealed(number, len(BIG))

    with pytest.raises(PermissionError):
        os.pwrite(number, b"x", 0)
    with pytest.raises(PermissionError):
        os.truncate(number, 1)
    assert view.readonly
    assert bytes(view) == BIG
    os.close(number)


def test_without_seals_a_piece_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "HAS_SEALS", False)
    number = bulk.seal(BIG)
    view = bulk.read_sealed(number, len(BIG))

    os.pwrite(number, b"changed", 0)

    assert bytes(view) == BIG
    os.close(number)


def test_what_compose_refuses_it_closes(tmp_path: Path) -> None:
    before = open_descriptors()
    number = os.open(__file__, os.O_RDONLY)

    with pytest.raises(BadMessage):
        compose(Body(id=1, result=object()), [number], [BIG])

    assert open_descriptors() == before


async def test_the_socket_is_for_its_owner_alone(local: LocalServer) -> None:
    assert stat.S_IMODE(local.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(local.path.parent.stat().st_mode) == 0o700


async def test_a_dead_daemons_socket_is_replaced(path: Path, methods: Methods) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(os.fspath(path))
        dead.listen()

    async with LocalServer(path, methods.table()):
        with AsyncLocalClient.connect(path) as client:
            assert (await client.call("echo", 1)).value == 1


async def test_a_living_daemons_socket_is_left_alone(local: LocalServer, client: AsyncLocalClient) -> None:
    with pytest.raises(SocketHeld):
        async with LocalServer(local.path, {}):
            pass

    assert (await client.call("echo", 1)).value == 1


async def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")

    with pytest.raises(SocketHeld):
        async with LocalServer(path, {}):
            pass

    assert path.read_text() == "precious"


def call_blocking(path: Path, method: str, params: Any = None, **options: Any) -> Any:
    with LocalClient(path) as client, client.call(method, params, **options) as answer:
        return answer.value, [bytes(view) for view in answer.bulk], [os.pread(number, 10, 0) for number in answer.files]


async def test_the_blocking_client_speaks_the_same(local: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")
    number = os.open(tmp_path / "one", os.O_RDONLY)
    seen: list[int] = []

    echoed = await asyncio.to_thread(call_blocking, local.path, "echo", {"a": 1}, files=[number], bulk=[BIG, b"s"])
    counted = await asyncio.to_thread(call_blocking, local.path, "count", 3, on_update=seen.append)

    assert echoed == ({"a": 1}, [BIG, b"s"], [b"one"])
    assert (counted[0], seen) == (3, [0, 1, 2])
    os.close(number)


async def test_the_blocking_client_does_not_wait_for_ever(local: LocalServer) -> None:
    with pytest.raises(NoAnswer):
        await asyncio.to_thread(call_blocking, local.path, "wait", timeout_s=0.05)


async def test_the_blocking_client_says_that_the_daemon_left(path: Path, methods: Methods) -> None:
    async with LocalServer(path, methods.table()):
        asking = asyncio.create_task(asyncio.to_thread(call_blocking, path, "wait"))
        await methods.entered.wait()

    with pytest.raises(ConnectionLost):
        await asking


def test_where_nobody_listens_one_says_so(tmp_path: Path) -> None:
    before = open_descriptors()

    with pytest.raises(NobodyListens) as caught:
        call_blocking(tmp_path / "absent.sock", "echo")

    assert "outpost run" in str(caught.value)
    assert open_descriptors() == before


def test_a_server_that_speaks_nonsense_is_refused(tmp_path: Path) -> None:
    before = open_descriptors()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(os.fspath(tmp_path / "s"))
        listener.listen()

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(1000)
                send_with_descriptors(peer, b"\xff\xff\xff\xff", 2)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(BadMessage):
            call_blocking(tmp_path / "s", "echo")
        thread.join()

    assert open_descriptors() == before


async def test_a_reply_may_be_only_files(path: Path, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")

    async def give(_call: Call) -> Reply:
        return Reply(files=[os.open(tmp_path / "one", os.O_RDONLY)])

    before = open_descriptors()
    async with LocalServer(path, {"give": give}):
        assert (await asyncio.to_thread(call_blocking, path, "give")) == (None, [], [b"one"])
    assert open_descriptors() == before
