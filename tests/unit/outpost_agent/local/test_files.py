"""Files and bulk over the local socket: whose they are, what is refused, and that none is left open."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from outpost_agent.local import bulk, descriptors
from outpost_agent.local.answer import Reply
from outpost_agent.local.async_client import AsyncLocalClient
from outpost_agent.local.bulk import compose
from outpost_agent.local.server import Call, LocalServer
from outpost_wire.errors import BadMessage
from outpost_wire.frames import BULK_FROM, Assembler, Body, Fault, encode
from tests.support.local_socket import BIG, Methods, call_blocking, open_descriptors, raw_peer


@pytest.mark.parametrize("size", [0, 1, BULK_FROM - 1, BULK_FROM, 1024 * 1024, 20 * 1024 * 1024])
async def test_bulk_of_any_size_comes_back(client: AsyncLocalClient, size: int) -> None:
    piece = (BIG * (size // len(BIG) + 1))[:size]

    answer = await client.call("echo", "kept", bulk=[piece, b"and more"])

    assert answer.value == "kept"
    assert [bytes(view) for view in answer.bulk] == [piece, b"and more"]


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


async def test_a_reply_may_be_only_files(path: Path, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")

    async def give(_call: Call) -> Reply:
        return Reply(files=[os.open(tmp_path / "one", os.O_RDONLY)])

    before = open_descriptors()
    async with LocalServer(path, {"give": give}):
        assert (await asyncio.to_thread(call_blocking, path, "give")) == (None, [], [b"one"])
    assert open_descriptors() == before


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
