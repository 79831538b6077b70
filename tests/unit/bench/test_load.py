"""The load that everything is put under that answers messages."""

from __future__ import annotations

import asyncio

from tests.bench.load import CROWD, crowded, median_and_p99, paced


async def test_asks_one_by_one_and_gives_milliseconds() -> None:
    under_way = 0

    async def ask(text: str) -> float:
        nonlocal under_way
        under_way += 1
        await asyncio.sleep(0)
        assert (text, under_way) == ("hello", 1)
        under_way -= 1
        return 0.004

    assert await paced(ask, 3, "hello") == [4.0, 4.0, 4.0]


async def test_asks_as_often_as_was_said_and_so_many_at_once() -> None:
    asked, under_way, most = 0, 0, 0

    async def ask(_text: str) -> float:
        nonlocal asked, under_way, most
        asked, under_way = asked + 1, under_way + 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return 0.0

    assert await crowded(ask, 3 * CROWD + 1) > 0
    assert (asked, most) == (3 * CROWD + 1, CROWD)


def test_gives_the_median_and_the_99th_percentile() -> None:
    median, p99 = median_and_p99([float(number) for number in range(1, 1000)])
    assert (median, p99) == (500.0, 990.0)
