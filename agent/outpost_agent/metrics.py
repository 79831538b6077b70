"""What Prometheus reads, in four groups: system, tasks, model, security. Names follow its conventions.

Gauges are set when somebody asks; counters and histograms live in a registry of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from outpost_agent.egress import Left
from outpost_hw.health import Health
from outpost_wire.messages import TaskState

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 1800)
_STATES: tuple[TaskState, ...] = ("waiting", "ready", "running", "done", "failed", "cancelled")


class Metrics:
    """All metrics of a device."""

    def __init__(self, device: str, release: str) -> None:
        registry = self._registry = CollectorRegistry()
        info = Gauge("outpost_device_info", "This device; always 1.", ("device", "release"), registry=registry)
        info.labels(device, release).set(1)

        self._cpu = Gauge("outpost_system_cpu_ratio", "Share of CPU in use.", registry=registry)
        self._memory = Gauge("outpost_system_memory_ratio", "Share of memory in use.", registry=registry)
        self._disk = Gauge("outpost_system_disk_ratio", "Share of the state's disk in use.", registry=registry)
        self._load = Gauge("outpost_system_load1", "Load over one minute.", registry=registry)
        self._temperature = Gauge("outpost_system_temperature_celsius", "Temperature.", registry=registry)
        self._resident = Gauge("outpost_system_resident_memory_bytes", "Memory of the daemon.", registry=registry)
        self._uptime = Gauge("outpost_system_uptime_seconds", "Time since the machine started.", registry=registry)
        self._link = Gauge("outpost_system_link_connected", "Whether the broker is reached.", registry=registry)
        self._outbox = Gauge("outpost_system_link_outbox_rows", "Events that wait for the manager.", registry=registry)

        self._dropped = Gauge(
            "outpost_system_telemetry_dropped", "Batches of telemetry that gave way, ever.", registry=registry
        )

        self._tasks = Gauge("outpost_tasks", "Tasks by state.", ("state",), registry=registry)
        self.attempts = Histogram(
            "outpost_tasks_attempt_seconds", "How long attempts took.", ("kind",), buckets=_SECONDS, registry=registry
        )
        self.messages = Counter(
            "outpost_tasks_messages", "Messages by channel and direction.", ("channel", "direction"), registry=registry
        )
        self._undelivered = Gauge(
            "outpost_tasks_messages_undelivered",
            "Answers not delivered, by state; unknown ones may have been shown.",
            ("state",),
            registry=registry,
        )

        self._models = Gauge("outpost_model_configured", "Language models configured.", registry=registry)

        self._refused = Gauge(
            "outpost_security_refused_requests",
            "Requests refused since the start, by reason.",
            ("reason",),
            registry=registry,
        )
        self._turned_away = Gauge(
            "outpost_security_strangers_turned_away", "Strangers who got no code since the start.", registry=registry
        )
        self._requests = Gauge("outpost_security_pairing_requests", "Requests to pair that wait.", registry=registry)
        self._left = Gauge(
            "outpost_security_left_bytes",
            "What left the device since the start.",
            ("destination", "kind"),
            registry=registry,
        )

    def set_people(self, turned_away: int, waiting: int) -> None:
        """Set how many strangers got no code since the start, and how many requests to pair wait."""
        self._turned_away.set(turned_away)
        self._requests.set(waiting)

    def set_left(self, totals: Iterable[tuple[str, str, Left]]) -> None:
        """Set what has left the device since the start."""
        for destination, kind, left in totals:
            self._left.labels(destination, kind).set(left.bytes)

    def set_system(self, health: Health, *, link: bool | None, outbox: int, dropped: int) -> None:
        """Set the group `system`; `link` is None for a device without a manager.

        `outbox` is in rows, `dropped` in batches of telemetry.
        """
        self._cpu.set(health.cpu)
        self._memory.set(health.memory)
        self._disk.set(health.disk)
        self._load.set(health.load)
        self._temperature.set(math.nan if health.temperature is None else health.temperature)
        self._resident.set(health.rss)
        self._uptime.set(health.uptime_s)
        self._link.set(float(bool(link)))
        self._outbox.set(outbox)
        self._dropped.set(dropped)

    def set_tasks(self, counts: Mapping[TaskState, int], undelivered: Mapping[str, int]) -> None:
        """Set the group `tasks`; `undelivered` has the answers on their way out by state."""
        for state in _STATES:
            self._tasks.labels(state).set(counts.get(state, 0))
        for out_state in ("queued", "sending", "unknown", "refused"):
            self._undelivered.labels(out_state).set(undelivered.get(out_state, 0))

    def set_refused(self, **reasons: int) -> None:
        """Set the group `security`."""
        for reason, count in reasons.items():
            self._refused.labels(reason).set(count)

    def render(self) -> bytes:
        """Return everything in the text format."""
        return generate_latest(self._registry)
