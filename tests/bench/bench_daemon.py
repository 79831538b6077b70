"""Measures the whole daemon from outside: what it holds, what a message costs, and how soon it answers.

The device runs as it would at home: web chat, one bot (the fake platform's adapter), MQTT to a real mosquitto, metrics
scraped once, no model. The client speaks HTTP and the WebSocket from this process, so its work shares the cores.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.support.broker import running_broker
from tests.support.device import ROOT, Device, running_device, until_ready
from tests.support.fake_platform import FakePlatform
from tests.support.ports import free_port

PACED = 400
PACE_S = 0.02
CROWD = 16


@asynccontextmanager
async def at_home(folder: Path) -> AsyncIterator[Device]:
    """Run a device with a broker and a bot in `folder`."""
    with running_broker(folder / "broker") as broker:
        async with FakePlatform() as platform:
            more = f"""
[link]
fleet = "bench"
port = {broker.port}
[channels.bot]
adapter = "tests.support.fake_platform:PushChannel"
options = {{ url = "{platform.url}" }}
"""
            async with running_device(folder, more) as device:
                yield device


class Chat:
    """A person in the web chat, by HTTP for what is said and by WebSocket for what is heard."""

    def __init__(self, device: Device, session: aiohttp.ClientSession, stream: aiohttp.ClientWebSocketResponse) -> None:
        self._device = device
        self._session = session
        self._stream = stream
        self._waiting: dict[str, asyncio.Future[float]] = {}
        self._early: dict[str, float] = {}
        self.heard = 0

    async def listen(self) -> None:
        """Hear answers until cancelled."""
        async for frame in self._stream:
            said = frame.json()
            if said["type"] != "message" or said["message"]["direction"] != "out":
                continue
            now = time.perf_counter()
            self.heard += 1
            if self.heard % 50 == 0:
                await self._stream.send_json({"type": "ack", "seq": said["message"]["seq"]})
            waiting = self._waiting.pop(said["message"]["reply_to"], None)
            if waiting is None:
                self._early[said["message"]["reply_to"]] = now
            else:
                waiting.set_result(now)

    async def ask(self, text: str) -> float:
        """Say `text` and return the seconds until the answer was heard."""
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("text", text)
        began = time.perf_counter()
        async with self._session.post(
            f"{self._device.url}/api/v1/messages",
            data=form,
            headers={**self._device.headers, "Idempotency-Key": secrets.token_hex(8)},
        ) as response:
            answer = await response.json()
            assert response.status == 202, answer
        if answer["message_id"] in self._early:
            return self._early.pop(answer["message_id"]) - began
        heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting[answer["message_id"]] = heard
        return await asyncio.wait_for(heard, 30) - began


@asynccontextmanager
async def chatting(device: Device) -> AsyncIterator[Chat]:
    """Open a chat with `device`."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{device.url}/api/v1/ws?after=0", headers=device.headers, max_msg_size=0) as stream,
    ):
        chat = Chat(device, session, stream)
        listening = asyncio.create_task(chat.listen())
        try:
            yield chat
        finally:
            listening.cancel()


async def paced(chat: Chat, count: int = PACED) -> list[float]:
    """Ask `count` times, one every PACE_S; return the times to the answers in ms."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        times.append(await chat.ask("/tasks") * 1e3)
        await asyncio.sleep(max(0.0, PACE_S - (time.perf_counter() - began)))
    return times


async def crowded(chat: Chat, count: int) -> float:
    """Ask `count` times, CROWD at once; return messages per second."""
    left = iter(range(count))

    async def one_of_many() -> None:
        for _ in left:
            await chat.ask("hello")

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CROWD):
            group.create_task(one_of_many())
    return count / (time.perf_counter() - began)


async def measure(folder: Path, messages: int, log: Path | None = None) -> dict[str, float]:
    """Return the daemon's figures over `messages` messages; with `log`, also answers while it is being analysed."""
    figures: dict[str, float] = {}
    async with at_home(folder) as device, aiohttp.ClientSession() as session:
        async with session.get(f"{device.url}/metrics") as response:
            assert response.status == 200
        await asyncio.sleep(3.0)
        figures["cpu_to_ready_s"] = device.cpu_to_ready_s
        figures["wall_to_ready_s"] = device.wall_to_ready_s
        figures["idle_pss_mb"] = device.pss_mb()
        async with chatting(device) as chat:
            await paced(chat, 50)
            times = await paced(chat)
            figures["reply_p50_ms"] = statistics.median(times)
            figures["reply_p99_ms"] = statistics.quantiles(times, n=100)[-1]
            await crowded(chat, 2_000)
            before_mb, cpu = device.rss_mb(), device.cpu_s()
            figures["messages_per_s"] = await crowded(chat, messages)
            figures["cpu_ms_per_message"] = (device.cpu_s() - cpu) / messages * 1e3
            figures[f"growth_mb_over_{messages}"] = device.rss_mb() - before_mb
            if log is not None:
                figures |= await _while_analysing(device, session, chat, log)
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


async def _post_all(session: aiohttp.ClientSession, url: str, count: int) -> None:
    for _ in range(count):
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("text", "hello")
        async with session.post(f"{url}/api/v1/messages", data=form) as response:
            assert response.status == 202


async def _while_analysing(device: Device, session: aiohttp.ClientSession, chat: Chat, log: Path) -> dict[str, float]:
    form = aiohttp.FormData(default_to_multipart=True)
    with log.open("rb") as file:
        form.add_field("file", file, filename=log.name)
        headers = {**device.headers, "Idempotency-Key": secrets.token_hex(8)}
        async with session.post(f"{device.url}/api/v1/messages", data=form, headers=headers) as response:
            task_id = (await response.json())["task_id"]
    times: list[float] = []
    began = time.perf_counter()
    state = "waiting"
    while state in ("waiting", "ready", "running") and len(times) < 3_000:
        times += await paced(chat, 50)
        async with session.get(f"{device.url}/api/v1/tasks/{task_id}", headers=device.headers) as response:
            state = (await response.json())["state"]
    return {
        "reply_p50_ms_while_analysing": statistics.median(times),
        "reply_p99_ms_while_analysing": statistics.quantiles(times, n=100)[-1],
        "analysing_watched_s": time.perf_counter() - began,
    }
