"""Ingest over a loopback broker: events of 1,000 devices, each committed before it is acknowledged.

The devices are one process of their own, so that the CPU counted is the manager's: link, parsing, commit and answers.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from outpost_link import Login, MqttSession, Received
from outpost_manager.config import BrokerConfig
from outpost_manager.hub import Hub
from outpost_manager.ingest import Ingest
from outpost_manager.link import make_login, open_fleet_link, send_acknowledgement
from outpost_manager.metrics import Metrics
from outpost_manager.store import open_store
from outpost_wire.ids import DeviceId, FleetId, Ulids, encode
from outpost_wire.messages import TaskChanged, TaskFacts, Uplink
from outpost_wire.messages import encode as encode_message
from outpost_wire.topics import Leaf, topic
from tests.support.broker import Broker

FLEET = FleetId("bench")
DEVICES = 1_000
EVENTS_PER_DEVICE = 20
ROWS = DEVICES * EVENTS_PER_DEVICE
IN_FLIGHT = 1_000
DEADLINE_S = 120.0


async def measure(folder: Path) -> dict[str, float]:
    """Return `ingest_rows_per_s` and `ingest_cpu_us_per_row` (the manager's process: user and system)."""
    with _quick_broker(folder / "broker") as broker:
        async with open_store(folder / "manager.db", telemetry_days=7) as store, asyncio.TaskGroup() as group:
            metrics = Metrics()
            ingest = Ingest(FLEET, store, Hub("bench"), metrics, now_ms=_now_ms, new_id=Ulids(_now_ms, os.urandom))
            is_up = asyncio.Event()
            login = make_login(BrokerConfig(port=broker.port), FLEET, "manager")
            async with open_fleet_link(login, FLEET, ingest.take, lambda up: is_up.set() if up else None) as session:
                work = group.create_task(ingest.run(partial(send_acknowledgement, session)))
                await is_up.wait()
                cpu_began = time.process_time()
                devices = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "tests.bench.bench_manager",
                    str(broker.port),
                    cwd=Path(__file__).parents[2],
                    stdout=asyncio.subprocess.PIPE,
                )
                assert devices.stdout is not None
                began = float(await devices.stdout.readline())
                async with asyncio.timeout(DEADLINE_S):
                    while _committed(metrics) < ROWS:
                        await asyncio.sleep(0.01)
                wall_s, cpu_s = time.time() - began, time.process_time() - cpu_began
                await devices.wait()
                work.cancel()
    return {"ingest_rows_per_s": ROWS / wall_s, "ingest_cpu_us_per_row": cpu_s / ROWS * 1e6}


@contextmanager
def _quick_broker(folder: Path) -> Iterator[Broker]:
    """Run a broker as a fleet's would be: it does not write its whole memory to the disk after each message.

    Nothing depends on that: an event stays in its device's outbox until the manager has committed it.
    """
    broker = Broker(folder)
    config = folder / "mosquitto.conf"
    text = config.read_text().replace("autosave_on_changes true", "autosave_on_changes false")
    config.write_text(
        text.replace(
            "autosave_interval 1",
            f"autosave_interval 1800\nmax_inflight_messages {IN_FLIGHT}\nmax_queued_messages {ROWS}",
        )
    )
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def _committed(metrics: Metrics) -> float:
    return metrics.registry.get_sample_value("outpost_manager_ingest_rows_total", {"kind": "event"}) or 0.0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _be_devices(port: int) -> None:
    """Publish every device's events as fast as the broker takes them; say the time when that begins."""
    is_up = asyncio.Event()

    async def greet() -> None:
        is_up.set()

    async def handle(message: Received) -> None:
        message.ack()

    login = Login(host="127.0.0.1", port=port, client_id="devices", window=IN_FLIGHT)
    messages = [_message(device, seq) for seq in range(1, EVENTS_PER_DEVICE + 1) for device in range(DEVICES)]
    session = MqttSession(login, handle, greet=greet)
    async with session.opened():
        await is_up.wait()
        sys.stdout.write(f"{time.time()}\n")
        sys.stdout.flush()
        for start in range(0, ROWS, IN_FLIGHT):
            batch = messages[start : start + IN_FLIGHT]
            await asyncio.gather(*(session.publish(name, body) for name, body in batch))


def _message(device: int, seq: int) -> tuple[str, bytes]:
    now_ms = _now_ms()
    number = device * EVENTS_PER_DEVICE + seq
    facts = TaskFacts(
        id=encode(number), kind="log.analyse", state="done", created_ms=now_ms, updated_ms=now_ms, attempt=1
    )
    uplink = Uplink(
        id=encode(number),
        time_ms=now_ms,
        epoch=encode(device + 1),
        seq=seq,
        first=1,
        body=msgspec.Raw(encode_message(TaskChanged(task=facts))),
    )
    return topic(FLEET, DeviceId(f"device-{device}"), Leaf.EVENT), encode_message(uplink)


if __name__ == "__main__":
    asyncio.run(_be_devices(int(sys.argv[1])))
