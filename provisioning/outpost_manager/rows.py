"""What the API and the stream tell: typed rows, written as JSON. Shares are 0 to 1, times ISO 8601 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from outpost_wire.messages import OnDevice, Plot, Sample, System, TaskState


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of an answer."""


class Health(Row, frozen=True, kw_only=True):
    """A device's newest sample; `temperature` in °C."""

    cpu: float
    memory: float
    disk: float
    temperature: float | None
    load: float


class TaskCounts(Row, frozen=True, kw_only=True):
    """Tasks that run, that wait, and that failed in the last day."""

    running: int
    waiting: int
    failed: int


class DeviceRow(Row, frozen=True, kw_only=True):
    """A device as the list shows it."""

    id: str
    name: str
    online: bool
    last_seen: str | None
    labels: dict[str, str]
    version: str | None
    board: str | None
    health: Health | None
    tasks: TaskCounts


class DeviceDetail(DeviceRow, frozen=True, kw_only=True):
    """A device as its own page shows it; `lost` counts events that no database has any more."""

    system: System | None
    boot_id: str | None
    created: str
    lost: int


class Series(Row, frozen=True, kw_only=True):
    """Columns as long as `time`; `rss` in bytes, `temperature` in °C."""

    cpu: list[float]
    memory: list[float]
    disk: list[float]
    temperature: list[float | None]
    load: list[float]
    rss: list[int]


class TelemetrySeries(Row, frozen=True, kw_only=True):
    """Health over time, averaged per point; `time` in Unix seconds, ascending."""

    time: list[int]
    series: Series


class TaskRow(Row, frozen=True, kw_only=True):
    """A task; titles and progress do not travel, since they may hold a chat's words."""

    id: str
    kind: str
    state: TaskState
    error: str | None
    attempt: int
    created: str
    updated: str
    message_id: str | None
    parents: list[str]
    title: None = None
    progress: None = None


class ResultRow(Row, frozen=True, kw_only=True):
    """A result as a list shows it; `bytes` is its full size on the device."""

    id: str
    task_id: str
    message_id: str | None
    created: str
    title: str
    bytes: int


class ResultDetail(ResultRow, frozen=True, kw_only=True):
    """A result with its report (Markdown and tree) and its plots; `cut` when some of it stayed on the device."""

    device: str
    report: str
    document: msgspec.Raw
    plots: tuple[Plot, ...]
    on_device: OnDevice | None
    cut: bool


class TaskEvent(Row, frozen=True, kw_only=True):
    """`event: task` of the stream."""

    device: str
    task: TaskRow


class ResultEvent(Row, frozen=True, kw_only=True):
    """`event: result` of the stream."""

    device: str
    result: ResultRow


class TelemetryEvent(Row, frozen=True, kw_only=True):
    """`event: telemetry` of the stream; `time` in Unix seconds."""

    device: str
    time: float
    cpu: float
    memory: float
    disk: float
    temperature: float | None
    load: float
    rss: int


class LinkEvent(Row, frozen=True, kw_only=True):
    """`event: manager` of the stream: whether the manager hears the fleet at all."""

    link: Literal["up", "down"]


def iso(time_ms: int) -> str:
    """Return Unix milliseconds as ISO 8601 in UTC; a time beyond the year 9999 is written as its last moment."""
    moment = datetime.fromtimestamp(min(time_ms, 253_402_300_799_000) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def health(sample: Sample) -> Health:
    """Return what the list shows of a sample."""
    return Health(
        cpu=sample.cpu, memory=sample.memory, disk=sample.disk, temperature=sample.temperature, load=sample.load
    )
