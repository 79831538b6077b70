"""Round trips over the local socket between two processes: asyncio at both ends, and the blocking client."""

from __future__ import annotations

import asyncio
import contextlib
import json
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
SMALL_ROUNDS, LARGE_ROUNDS, WARM_UP = 4_000, 600, 50


def measure(folder: Path) -> dict[str, float]:
    """Return p50 and p99 of a round trip in µs; the socket is made in `folder`.

    `ipc_*` is asyncio at both ends, `ipc_cli_*` the blocking client against the same server. A round trip of 1 MB
    carries 1 MiB there and back, copied out of memory that both ends share.
    """
    path = folder / "bench.sock"
    with _server(path):
        figures = asyncio.run(_measure_async(path))
        figures |= _measure_blocking(path)
    return figures


async def _measure_async(path: Path) -> dict[str, float]:
    async def small() -> None:
        answer = await client.call("echo", SMALL)
        assert answer.value == SMALL

    async def large() -> None:
        answer = await client.call("echo", bulk=[LARGE])
        assert len(answer.bulk[0]) == len(LARGE)

    with AsyncLocalClient.connect(path) as client:
        return _figures("ipc_1kb", await _times_async(small, SMALL_ROUNDS)) | _figures(
            "ipc_1mb", await _times_async(large, LARGE_ROUNDS)
        )


def _measure_blocking(path: Path) -> dict[str, float]:
    with LocalClient(path) as client:
        return _figures("ipc_cli_1kb", _times(lambda: client.call("echo", SMALL), SMALL_ROUNDS)) | _figures(
            "ipc_cli_1mb", _times(lambda: client.call("echo", bulk=[LARGE]), LARGE_ROUNDS)
        )


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
    async with LocalServer(path, {"echo": echo}):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve(Path(sys.argv[2])))
    else:
        with tempfile.TemporaryDirectory() as name:
            print(json.dumps(measure(Path(name))))
