"""Measures the whole daemon from outside: what it holds, what a message costs, and how soon it answers.

The device runs as it would at home: web chat, a Telegram bot, MQTT to a real mosquitto, metrics scraped once, no model.
The client of the web chat, and the Telegram server with the person who writes to the bot, live in this process, so
their work shares the cores and is part of the times, but not of the CPU that is counted.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.bench.load import Ask, crowded, median_and_p99, paced
from tests.bench.people import Chat, Texter, chatting
from tests.support.broker import running_broker
from tests.support.device import ROOT, Device, running_device, until_ready
from tests.support.fake_telegram import ANN, FakeTelegram
from tests.support.paired import pair
from tests.support.ports import free_port

WARM_UP = 50
SETTLE = 2_000
QUIET_S = 3.0


@dataclass(frozen=True, slots=True)
class Home:
    """A running device and the Telegram server on which its bot is."""

    device: Device
    telegram: FakeTelegram


@asynccontextmanager
async def at_home(folder: Path) -> AsyncIterator[Home]:
    """Run a device in `folder` with a broker and a bot that knows one person; it is at rest when this gives it."""
    person = str(ANN.id)
    await pair(folder / "state", "telegram", person, person)
    with running_broker(folder / "broker") as broker:
        async with FakeTelegram() as telegram:
            more = f"""
[link]
fleet = "bench"
port = {broker.port}
[channels.telegram]
adapter = "telegram"
options = {{ token = "{telegram.token}", api = "{telegram.url}" }}
"""
            async with running_device(folder, more) as device:
                await _scrape(device)
                await telegram.until(lambda: _waits_long(telegram))
                await asyncio.sleep(QUIET_S)
                yield Home(device, telegram)


async def measure(folder: Path, messages: int, log: Path | None = None) -> dict[str, float]:
    """Return the daemon's figures over `messages` messages, half of them on each channel.

    With `log`, also how soon it answers while that is being analysed.
    """
    async with at_home(folder) as home, chatting(home.device) as chat:
        device, texter = home.device, Texter(home.telegram)
        figures = {
            "cpu_to_ready_s": device.cpu_to_ready_s,
            "wall_to_ready_s": device.wall_to_ready_s,
            "idle_pss_mb": device.pss_mb(),
            "idle_rss_mb": device.rss_mb(),
        }
        asks: dict[str, Ask] = {"": chat.ask, "telegram_": texter.ask}
        for name, ask in asks.items():
            figures |= {f"{name}{what}": value for what, value in (await _times(ask)).items()}
            await crowded(ask, min(SETTLE, messages))
        before_mb = device.rss_mb()
        for name, ask in asks.items():
            figures |= {f"{name}{what}": value for what, value in (await _throng(device, ask, messages // 2)).items()}
        figures["growth_mb"] = device.rss_mb() - before_mb
        figures["messages"] = messages // 2 * 2
        if log is not None:
            figures |= await _while_analysing(device, chat, log)
    return figures


async def measure_floor(folder: Path, messages: int) -> float:
    """Return the CPU in ms that a message costs the bare server of floor.py."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.floor", str(folder / "floor.sqlite"), str(port)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    device = Device(process, folder, f"http://127.0.0.1:{port}", "")
    try:
        await until_ready(process, device.url)
        async with aiohttp.ClientSession() as session:
            await _post_all(session, device.url, 500)
            cpu = device.cpu_s()
            await _post_all(session, device.url, messages)
            return (device.cpu_s() - cpu) / messages * 1e3
    finally:
        process.kill()
        await process.wait()


async def _scrape(device: Device) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{device.url}/metrics") as response:
        assert response.status == 200


def _waits_long(telegram: FakeTelegram) -> bool:
    return any(method == "getupdates" and parameters.get("timeout") for method, parameters in telegram.calls)


async def _times(ask: Ask) -> dict[str, float]:
    await paced(ask, WARM_UP)
    median, p99 = median_and_p99(await paced(ask))
    return {"reply_p50_ms": median, "reply_p99_ms": p99}


async def _throng(device: Device, ask: Ask, count: int) -> dict[str, float]:
    cpu = device.cpu_s()
    per_s = await crowded(ask, count)
    return {"messages_per_s": per_s, "cpu_ms_per_message": (device.cpu_s() - cpu) / count * 1e3}


async def _post_all(session: aiohttp.ClientSession, url: str, count: int) -> None:
    for _ in range(count):
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("text", "hello")
        async with session.post(f"{url}/api/v1/messages", data=form) as response:
            assert response.status == 202


async def _while_analysing(device: Device, chat: Chat, log: Path) -> dict[str, float]:
    async with aiohttp.ClientSession(headers=device.headers) as session:
        task_id = await _hand_over(session, device, log)
        times: list[float] = []
        began = time.perf_counter()
        state = "waiting"
        while state in ("waiting", "ready", "running") and len(times) < 3_000:
            times += await paced(chat.ask, 50)
            async with session.get(f"{device.url}/api/v1/tasks/{task_id}") as response:
                state = (await response.json())["state"]
    median, p99 = median_and_p99(times)
    return {
        "reply_p50_ms_while_analysing": median,
        "reply_p99_ms_while_analysing": p99,
        "analysing_watched_s": time.perf_counter() - began,
    }


async def _hand_over(session: aiohttp.ClientSession, device: Device, log: Path) -> str:
    form = aiohttp.FormData(default_to_multipart=True)
    with log.open("rb") as file:
        form.add_field("file", file, filename=log.name)
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        async with session.post(f"{device.url}/api/v1/messages", data=form, headers=headers) as response:
            task_id: str = (await response.json())["task_id"]
    return task_id
