"""What the API and the stream tell: typed rows, written as JSON. Shares are 0 to 1, times ISO 8601 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from outpost_wire.messages import (
    ChannelFacts,
    ChannelState,
    OnDevice,
    PairingRequest,
    PersonFacts,
    PersonIdentity,
    Plot,
    Results,
    Role,
    Sample,
    System,
    TaskState,
)

CommandState = Literal["sent", "done", "failed", "expired"]


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


class ChannelBrief(Row, frozen=True, kw_only=True):
    """A channel as the list of devices shows it."""

    name: str
    kind: str
    state: ChannelState


class DeviceFacts(Row, frozen=True, kw_only=True):
    """What is told of a device wherever it is shown.

    `results` is what the device sends of its results, None while it has told nothing.
    """

    id: str
    name: str
    online: bool
    last_seen: str | None
    labels: dict[str, str]
    version: str | None
    board: str | None
    health: Health | None
    tasks: TaskCounts
    owned: bool
    results: Results | None


class DeviceRow(DeviceFacts, frozen=True, kw_only=True):
    """A device as the list shows it; `requests` counts the people who wait to be let in."""

    requests: int
    channels: tuple[ChannelBrief, ...]


class ResultsSetting(Row, frozen=True, kw_only=True):
    """How much of its results a device is to send, and what it says that it sends.

    `desired` is None where that is left to the device. `version` is that of the desired shadow, 0 when there never was
    one; `followed` says that the device has it.
    """

    desired: Results | None
    reported: Results | None
    version: int
    followed: bool


class Settings(Row, frozen=True, kw_only=True):
    """What the operator sets on a device."""

    results: ResultsSetting


class DeviceDetail(DeviceFacts, frozen=True, kw_only=True):
    """A device as its own page shows it, with all that is known of people, requests and channels.

    `lost` counts events that no database has any more; `cut` says that the device left people, requests or channels
    out of its report because they do not fit.
    """

    people: tuple[PersonFacts, ...]
    requests: tuple[PairingRequest, ...]
    turned_away: int
    channels: tuple[ChannelFacts, ...]
    cut: bool
    settings: Settings
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


class ResultName(Row, frozen=True, kw_only=True):
    """A result by its name."""

    id: str
    title: str


class TaskDetail(TaskRow, frozen=True, kw_only=True):
    """A task as its own page shows it: with its chain, first to last, and what came out of it."""

    chain: list[TaskRow]
    result: ResultName | None


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


class CommandRow(Row, frozen=True, kw_only=True):
    """A command and what came of it. `subject` is the id of the request, person or task that it is about.

    Once it is `done` or `failed`, `code` is the device's own, with its sentence in each language.
    """

    id: str
    device: str
    verb: str
    subject: str
    state: CommandState
    code: str | None
    en: str | None
    zh: str | None
    created: str
    updated: str


class OfDevice(Row, frozen=True, kw_only=True):
    """Something that a device reports, in a list of the whole fleet."""

    device: str
    device_name: str
    online: bool


class RequestRow(OfDevice, frozen=True, kw_only=True):
    """Somebody who waits to be let in, as the device reports it."""

    id: str
    code: str
    channel: str
    sender: str
    name: str
    created_ms: int
    expires_ms: int


class PersonRow(OfDevice, frozen=True, kw_only=True):
    """Somebody who may talk to a device, as it reports it."""

    id: str
    name: str
    role: Role
    identities: tuple[PersonIdentity, ...]


class People(Row, frozen=True, kw_only=True):
    """Who waits to be let in, the oldest first, and who may talk to which device."""

    requests: list[RequestRow]
    people: list[PersonRow]


class ChannelRow(OfDevice, frozen=True, kw_only=True):
    """A channel of a device, as it reports it."""

    name: str
    kind: str
    state: ChannelState
    account: str
    en: str
    zh: str
    since_ms: int


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
