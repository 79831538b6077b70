"""Outpost and nanobot-ai under the same load in the same run, one after the other.

nanobot answers over its OpenAI-compatible interface, each message in a session of its own so that no history grows, and
asks a model on loopback that says "pong" at once. Outpost has no model yet, so it answers by itself; its web chat, its
Telegram bot, its link and its metrics are on. Both begin in an empty folder and were started once before.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.bench.bench_daemon import QUIET_S, at_home
from tests.bench.load import CROWD, Ask, crowded, median_and_p99, paced
from tests.bench.peer import PeerMissing, installed
from tests.bench.people import DEADLINE_S, chatting
from tests.bench.stub_model import MODEL
from tests.support.device import ROOT, Device, until_ready
from tests.support.ports import free_port

WARM_UP = 20
TEXT = "hello"


async def measure(folder: Path, one_by_one: int, at_once: int) -> dict[str, float]:
    """Return figures of both, `our_…` and `their_…`. Raises PeerMissing."""
    command = await asyncio.to_thread(installed, "nanobot")
    figures: dict[str, float] = {}
    for name, load in (("first", (2, CROWD)), ("measured", (one_by_one, at_once))):
        here = folder / name
        (here / "device").mkdir(parents=True)
        (here / "nanobot").mkdir()
        async with at_home(here / "device") as home, chatting(home.device) as chat:
            figures |= {f"our_{what}": value for what, value in (await _loaded(home.device, chat.ask, *load)).items()}
        async with _nanobot(here / "nanobot", command) as (device, model), _asking(device) as ask:
            await asyncio.sleep(QUIET_S)
            figures |= {f"their_{what}": value for what, value in (await _loaded(device, ask, *load)).items()}
            figures |= await _asked(model, WARM_UP + sum(load))
    return figures


async def _loaded(device: Device, ask: Ask, one_by_one: int, at_once: int) -> dict[str, float]:
    """Return what `device` needs at rest and under load."""
    idle = {"idle_pss_mb": device.pss_mb(), "idle_rss_mb": device.rss_mb()}
    await paced(ask, WARM_UP, TEXT)
    cpu = device.cpu_s()
    times = await paced(ask, one_by_one, TEXT)
    between = device.cpu_s()
    per_s = await crowded(ask, at_once)
    median, p99 = median_and_p99(times)
    return {
        **idle,
        "cpu_to_ready_s": device.cpu_to_ready_s,
        "wall_to_ready_s": device.wall_to_ready_s,
        "cpu_ms_one_by_one": (between - cpu) / len(times) * 1e3,
        "cpu_ms_at_once": (device.cpu_s() - between) / at_once * 1e3,
        "reply_p50_ms": median,
        "reply_p99_ms": p99,
        "messages_per_s": per_s,
        "loaded_pss_mb": device.pss_mb(),
    }


@asynccontextmanager
async def _nanobot(folder: Path, command: Path) -> AsyncIterator[tuple[Device, str]]:
    """Run nanobot with a model in `folder`, its home; give it with the model's address."""
    model_port, port = free_port(), free_port()
    model = f"http://127.0.0.1:{model_port}"
    config = folder / "config.json"
    config.write_text(
        json.dumps(
            {
                "providers": {"custom": {"apiKey": "none", "apiBase": f"{model}/v1"}},
                "agents": {"defaults": {"model": MODEL, "provider": "custom"}},
            }
        )
    )
    home = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    serve = [str(command), "serve", "--config", str(config), "--workspace", str(folder / "work"), "--port", str(port)]
    with (folder / "log").open("wb") as log:
        async with _running(
            [sys.executable, "-m", "tests.bench.stub_model", str(model_port)], None, log.fileno()
        ) as it:
            await until_ready(it, model)
            began = time.monotonic()
            async with _running(serve, home, log.fileno()) as process:
                device = Device(process, folder, f"http://127.0.0.1:{port}", "")
                try:
                    await until_ready(process, device.url, "/health")
                except RuntimeError as error:
                    raise PeerMissing(f"it does not start: {error}") from error
                device.cpu_to_ready_s, device.wall_to_ready_s = device.cpu_s(), time.monotonic() - began
                yield device, model


@asynccontextmanager
async def _running(
    command: Sequence[str], environment: dict[str, str] | None, log: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def _asking(device: Device) -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession() as session:

        async def ask(text: str) -> float:
            body = {"messages": [{"role": "user", "content": text}], "session_id": secrets.token_hex(8)}
            began = time.perf_counter()
            async with (
                asyncio.timeout(DEADLINE_S),
                session.post(f"{device.url}/v1/chat/completions", json=body) as response,
            ):
                answer = await response.json()
            assert answer["choices"][0]["message"]["content"] == "pong", answer
            return time.perf_counter() - began

        yield ask


async def _asked(model: str, messages: int) -> dict[str, float]:
    async with aiohttp.ClientSession() as session, session.get(f"{model}/asked") as response:
        asked = await response.json()
    return {
        "their_model_calls": asked["requests"] / messages,
        "their_prompt_kb": asked["bytes"] / asked["requests"] / 1e3,
    }
