"""The load that everything is put under that answers messages: one by one at a pace, then many at once."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

PACED = 400
PACE_S = 0.02
CROWD = 16

Ask = Callable[[str], Awaitable[float]]
"""Says something and returns the seconds until the answer to it was heard."""


async def paced(ask: Ask, count: int = PACED, text: str = "/tasks") -> list[float]:
    """Ask `count` times, one every PACE_S unless the answer takes longer; return the times to the answers in ms."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        times.append(await ask(text) * 1e3)
        await asyncio.sleep(max(0.0, PACE_S - (time.perf_counter() - began)))
    return times


async def crowded(ask: Ask, count: int) -> float:
    """Ask `count` times, CROWD at once; return messages per second."""
    left = iter(range(count))

    async def one_of_many() -> None:
        for _ in left:
            await ask("hello")

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CROWD):
            group.create_task(one_of_many())
    return count / (time.perf_counter() - began)


def median_and_p99(times: list[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile."""
    return statistics.median(times), statistics.quantiles(times, n=100)[-1]
