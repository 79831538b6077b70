"""What the device says about itself: to the manager, to the command line, and to Prometheus."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from outpost_agent.channels.web import Guard
from outpost_agent.config import Config
from outpost_agent.conversation import counts
from outpost_agent.egress import Egress
from outpost_agent.metrics import Metrics
from outpost_agent.page.state import LinkState
from outpost_agent.people import People
from outpost_agent.remote import RemoteControl
from outpost_disk import Database
from outpost_hw.health import Health, HealthReader, read_machine
from outpost_link import DeviceLink
from outpost_link.outbox import telemetry_dropped
from outpost_sdk.tasks import TaskEngine
from outpost_wire.errors import OutpostError
from outpost_wire.messages import ChannelFacts, Reported, Sample, System, TaskState, Telemetry

log = logging.getLogger(__name__)

COUNT_EVERY_S = 30.0
TEXT_LIMIT = 256


class Reporter:
    """Knows how the device is doing; `task_counts` is as of the last count."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        *,
        release: str,
        boot_id: str,
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
    ) -> None:
        self._config = config
        self._folder = folder
        self._release = release
        self._boot_id = boot_id
        self._link: DeviceLink | None = None
        self._new_id = new_id
        self._clock_ms = clock_ms
        self._started_ms = clock_ms()
        self._started = time.monotonic()
        self._version = 0
        self._machine = read_machine(folder)
        self._reader = HealthReader(folder)
        self.metrics = Metrics(config.device.id, release)
        self.task_counts: Mapping[TaskState, int] = {}

    def attach(self, link: DeviceLink) -> None:
        """Report by `link` from now on."""
        self._link = link

    @property
    def name(self) -> str:
        """Return what people call the device."""
        return self._config.device.name or self._config.device.id

    def health(self) -> Health:
        """Return how the machine is doing now."""
        return self._reader.read()

    def is_linked(self) -> bool | None:
        """Say whether the manager's broker is reached; None for a device that works alone."""
        return self._link.is_connected if self._link else None

    def link_state(self) -> LinkState | None:
        """Return how the link is; None for a device that works alone."""
        return {"connected": self._link.is_connected, "outbox": self._link.depth} if self._link else None

    def open_tasks(self) -> int:
        """Return how many tasks wait, as of the last count."""
        return self.task_counts.get("waiting", 0) + self.task_counts.get("ready", 0)

    def about(self) -> dict[str, Any]:
        """Return what the chat's page needs to know."""
        limits = self._config.limits
        return {
            "device": {"id": self._config.device.id, "name": self.name},
            "version": self._release,
            "languages": ["en", "zh"],
            "limits": {
                "attachment_bytes": limits.attachment_bytes,
                "files": limits.attachments_per_message,
                "text": limits.text_characters,
            },
        }

    def reported(self, people: People, channels: Sequence[ChannelFacts], remote: RemoteControl) -> Reported:
        """Return the reported shadow; each has a higher version than the one before."""
        machine = self._machine
        self._version = max(self._version + 1, self._clock_ms())
        return Reported(
            id=self._new_id(),
            time_ms=self._clock_ms(),
            version=self._version,
            desired_version=remote.desired_version,
            results=remote.results,
            owned=people.is_owned,
            people=people.facts(),
            requests=people.requests(),
            turned_away=people.turned_away,
            channels=tuple(channels),
            name=self.name[:TEXT_LIMIT],
            release=self._release,
            labels=self._config.device.labels,
            boot_ms=self._started_ms,
            system=System(
                os=machine.os[:TEXT_LIMIT],
                kernel=machine.kernel[:TEXT_LIMIT],
                arch=machine.arch,
                board=machine.board[:TEXT_LIMIT],
                cpus=machine.cpus,
                memory_bytes=machine.memory_bytes,
                disk_bytes=machine.disk_bytes,
            ),
        )

    async def run(self, engine: TaskEngine) -> None:
        """Count tasks and tell the manager how the device is doing, until cancelled."""
        period_s = self._config.link.telemetry_s if self._config.link else COUNT_EVERY_S
        while True:
            try:
                self.task_counts = await engine.counts()
                if self._link:
                    batch = Telemetry(id=self._new_id(), time_ms=self._clock_ms(), samples=(self._sample(),))
                    await self._link.add_telemetry(batch)
            except OutpostError as error:
                log.warning("telemetry not kept", extra={"reason": str(error)})
            await asyncio.sleep(period_s)

    async def status(
        self, engine: TaskEngine, address: str, channels: Sequence[ChannelFacts], *, is_owned: bool
    ) -> dict[str, Any]:
        """Return what `outpost status` shows."""
        health = self.health()
        return {
            "device": {"id": self._config.device.id, "name": self.name},
            "release": self._release,
            "state": "ready",
            "uptime_s": round(time.monotonic() - self._started, 1),
            "boot_id": self._boot_id,
            "pid": os.getpid(),
            "chat": address,
            "health": {
                "cpu": health.cpu,
                "memory": health.memory,
                "disk": health.disk,
                "load": health.load,
                "temperature": health.temperature,
                "rss": health.rss,
            },
            "tasks": dict(await engine.counts()),
            "link": self.link_state(),
            "owned": is_owned,
            "channels": [
                {"id": channel.name, "kind": channel.kind, "state": channel.state, "account": channel.account}
                for channel in channels
            ],
        }

    async def render_metrics(
        self, database: Database, engine: TaskEngine, guard: Guard, people: People, egress: Egress
    ) -> bytes:
        """Return what Prometheus reads."""
        depth = self._link.depth if self._link else 0
        dropped = await database.read(telemetry_dropped) if self._link else 0
        self.metrics.set_system(self.health(), link=self.is_linked(), outbox=depth, dropped=dropped)
        self.metrics.set_tasks(await engine.counts(), await database.read(counts))
        refused = guard.refusals
        self.metrics.set_refused(token=refused.token, origin=refused.origin, host=refused.host, owner=refused.owner)
        self.metrics.set_people(people.turned_away, len(people.requests()))
        self.metrics.set_left(egress.totals())
        return self.metrics.render()

    def _sample(self) -> Sample:
        health = self.health()
        return Sample(
            time_ms=self._clock_ms(),
            cpu=health.cpu,
            memory=health.memory,
            disk=health.disk,
            load=health.load,
            temperature=health.temperature,
            rss=health.rss,
            running=self.task_counts.get("running", 0),
            waiting=self.open_tasks(),
            failed=self.task_counts.get("failed", 0),
            outbox=self._link.depth if self._link else 0,
        )
