"""Round trips over the local socket between two processes: asyncio at both ends, the blocking client, and a floor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from outpost_agent.local.async_client import AsyncLocalClient
from outpost_agent.local.client import LocalClient
from outpost_agent.local.server import LocalServer, echo

SMALL, LARGE = b"x" * 1024, b"x" * 1024 * 1024
SERVERS, SMALL_ROUNDS, LARGE_ROUNDS, WARM_UP = 5, 1_000, 150, 50

Times = dict[str, list[float]]


def measure(folder: Path) -> dict[str, float]:
    """Return p50 and p99 of a round trip in µs; the sockets are made in `folder`.

    `ipc_*` is asyncio at both ends, `ipc_cli_*` the blocking client against the same server, `floor_ipc_*` bare sockets
    on two event loops that send the same bytes back. A round trip of 1 MB carries 1 MiB there and back, copied out of
    memory that both ends share. What a round trip takes hangs on which cores the system gives the two processes: to
    wake one that sleeps on another core can cost more than all the rest, in a virtual machine above all. So each figure
    is of rounds with several servers, and `one_core_*` has both ends on one core, where nothing is asleep.
    """
    figures = _measure_servers(folder)
    if sys.platform == "linux":
        with _on_one_core():
            figures |= {f"one_core_{name}": figure for name, figure in _measure_servers(folder).items()}
    return figures


def _measure_servers(folder: Path) -> dict[str, float]:
    times: Times = {}
    for _ in range(SERVERS):
        with tempfile.TemporaryDirectory(dir=folder) as own:
            path = Path(own) / "s"
            with _server(path):
                parts = (asyncio.run(_measure_floor(path)), asyncio.run(_measure_async(path)), _measure_blocking(path))
        for name, some in (item for part in parts for item in part.items()):
            times.setdefault(name, []).extend(some)
    return {name: figure for group, some in times.items() for name, figure in _figures(group, some).items()}


@contextlib.contextmanager
def _on_one_core() -> Iterator[None]:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


async def _measure_async(path: Path) -> Times:
    async def small() -> None:
        answer = await client.call("echo", SMALL)
        assert answer.value == SMALL

    async def large() -> None:
        answer = await client.call("echo", bulk=[LARGE])
        assert len(answer.bulk[0]) == len(LARGE)

    with AsyncLocalClient.connect(path) as client:
        return {
            "ipc_1kb": await _times_async(small, SMALL_ROUNDS),
            "ipc_1mb": await _times_async(large, LARGE_ROUNDS),
        }


def _measure_blocking(path: Path) -> Times:
    with LocalClient(path) as client:
        return {
            "ipc_cli_1kb": _times(lambda: client.call("echo", SMALL), SMALL_ROUNDS),
            "ipc_cli_1mb": _times(lambda: client.call("echo", bulk=[LARGE]), LARGE_ROUNDS),
        }


async def _measure_floor(path: Path) -> Times:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    async def small() -> None:
        nonlocal answer
        answer = loop.create_future()
        peer.send(SMALL)
        assert await answer == SMALL

    with socket.socket(socket.AF_UNIX) as peer:
        peer.setblocking(False)
        peer.connect(os.fspath(_floor_path(path)))
        loop.add_reader(peer, lambda: answer.set_result(peer.recv(65_536)))
        times = await _times_async(small, SMALL_ROUNDS)
        loop.remove_reader(peer)
    return {"floor_ipc_1kb": times}


async def _times_async(once: Callable[[], Awaitable[None]], rounds: int) -> list[float]:
    for _ in range(WARM_UP):
        await once()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await once()
        times.append(time.perf_counter() - begun)
    return times


def _times(once: Callable[[], object], rounds: int) -> list[float]:
    for _ in range(WARM_UP):
        once()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        once()
        times.append(time.perf_counter() - begun)
    return times


def _figures(name: str, times: list[float]) -> dict[str, float]:
    times.sort()
    return {
        f"{name}_p50_us": round(times[len(times) // 2] * 1e6, 1),
        f"{name}_p99_us": round(times[len(times) * 99 // 100] * 1e6, 1),
    }


@contextlib.contextmanager
def _server(path: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, __file__, "serve", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        assert server.stdout.readline() == b"ready\n"
        try:
            yield
        finally:
            server.stdin.close()


async def _serve(path: Path) -> None:
    loop = asyncio.get_running_loop()

    def accept() -> None:
        peer, _ = listener.accept()
        peer.setblocking(False)
        loop.add_reader(peer, lambda: send_back(peer))

    def send_back(peer: socket.socket) -> None:
        data = peer.recv(65_536)
        if data:
            peer.send(data)
        else:
            loop.remove_reader(peer)
            peer.close()

    async with LocalServer(path, {"echo": echo}):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.fspath(_floor_path(path)))
            listener.listen()
            loop.add_reader(listener, accept)
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.read)
            loop.remove_reader(listener)


def _floor_path(path: Path) -> Path:
    return path.with_suffix(".floor")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve(Path(sys.argv[2])))
    else:
        with tempfile.TemporaryDirectory() as name:
            print(json.dumps(measure(Path(name))))
