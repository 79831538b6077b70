"""One transaction that takes in a batch of arrivals; what it returns is true once the transaction is committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from outpost_link.core import Placed, Prefix
from outpost_manager.arrival import (
    AnswerArrived,
    Arrival,
    EventArrived,
    ReportedArrived,
    StateArrived,
    TelemetryArrived,
)
from outpost_manager.core import Presence, supersedes
from outpost_manager.orders import take_answer
from outpost_manager.rows import CommandRow
from outpost_wire.errors import BadMessage
from outpost_wire.ids import DeviceId
from outpost_wire.messages import ResultReady, Sample, TaskChanged, TaskFacts, encode

FUTURE_MS = 5 * 60 * 1000

Place = tuple[DeviceId, str]
"""A device and an epoch."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Seqs from `first` to `last` that the device no longer holds; `lost` of them are not in this database."""

    first: int
    last: int
    lost: int


@dataclass(slots=True)
class Committed:
    """What a batch changed. `prefixes` is what may now be acknowledged; `changed` devices have a new row."""

    changed: set[DeviceId] = field(default_factory=set)
    born: set[DeviceId] = field(default_factory=set)
    tasks: list[tuple[DeviceId, TaskFacts]] = field(default_factory=list)
    results: list[tuple[DeviceId, ResultReady]] = field(default_factory=list)
    samples: list[tuple[DeviceId, Sample]] = field(default_factory=list)
    commands: list[CommandRow] = field(default_factory=list)
    prefixes: dict[Place, int] = field(default_factory=dict)
    gaps: list[tuple[Place, Gap]] = field(default_factory=list)
    duplicates: int = 0
    deferred: int = 0
    refused: list[tuple[DeviceId, str]] = field(default_factory=list)


def commit_batch(connection: sqlite3.Connection, batch: Sequence[Arrival], now_ms: int, keep_ms: int) -> Committed:
    """Take in `batch` in its order. Samples older than `keep_ms` or from the future are refused, not stored."""
    work = _Batch(connection, now_ms, keep_ms)
    for arrival in batch:
        match arrival:
            case EventArrived():
                work.event(arrival)
            case TelemetryArrived():
                work.telemetry(arrival)
            case StateArrived():
                work.state(arrival)
            case ReportedArrived():
                work.reported(arrival)
            case AnswerArrived():
                work.answer(arrival)
    return work.finish()


@dataclass(slots=True)
class _Track:
    """What one place has received: as stored, and as it will be."""

    stored: Prefix
    prefix: Prefix


class _Batch:
    def __init__(self, connection: sqlite3.Connection, now_ms: int, keep_ms: int) -> None:
        self._db = connection
        self._now_ms = now_ms
        self._keep_ms = keep_ms
        self._keys: dict[DeviceId, int] = {}
        self._seen: dict[int, int] = {}
        self._tracks: dict[Place, _Track] = {}
        self._tasks: list[tuple[object, ...]] = []
        self._samples: list[tuple[object, ...]] = []
        self._newest: dict[DeviceId, Sample] = {}
        self._out = Committed()

    def event(self, arrival: EventArrived) -> None:
        device, uplink = arrival.device, arrival.uplink
        key = self._see(device, self._now_ms)
        place = (device, str(uplink.epoch))
        track = self._track(place, key)
        self._note_gap(place, key, track.prefix, uplink.first)
        track.prefix, placed = track.prefix.add(uplink.seq, uplink.first)
        match placed:
            case Placed.DUPLICATE:
                self._out.duplicates += 1
            case Placed.REFUSED:
                self._out.deferred += 1
            case Placed.NEW:
                self._effect(key, arrival)

    def telemetry(self, arrival: TelemetryArrived) -> None:
        device = arrival.device
        key = self._see(device, self._now_ms)
        for sample in arrival.batch.samples:
            if not self._now_ms - self._keep_ms < sample.time_ms < self._now_ms + FUTURE_MS:
                self._out.refused.append((device, f"sample of {sample.time_ms} ms: the device's clock is wrong"))
                continue
            self._samples.append(
                (
                    key,
                    sample.time_ms,
                    sample.cpu,
                    sample.memory,
                    sample.disk,
                    sample.temperature,
                    sample.load,
                    sample.rss,
                )
            )
            newest = self._newest.get(device)
            if newest is None or sample.time_ms >= newest.time_ms:
                self._newest[device] = sample

    def state(self, arrival: StateArrived) -> None:
        device, state = arrival.device, arrival.state
        key = self._see(device, min(state.time_ms, self._now_ms) if arrival.retained or not state.online else None)
        row = self._db.execute("SELECT online, boot_id, connection FROM device WHERE key = ?", (key,)).fetchone()
        known = Presence(bool(row[0]), row[1], row[2]) if row[1] is not None else None
        new = Presence(state.online, str(state.boot_id), state.seq)
        if state.online:
            self._out.born.add(device)
        if not supersedes(new, known):
            return
        self._db.execute(
            "UPDATE device SET online = ?, boot_id = ?, connection = ? WHERE key = ?",
            (new.online, new.boot_id, new.connection, key),
        )
        self._out.changed.add(device)

    def reported(self, arrival: ReportedArrived) -> None:
        device, reported = arrival.device, arrival.reported
        key = self._see(device, min(reported.time_ms, self._now_ms) if arrival.retained else None)
        self._db.execute(
            "UPDATE device SET reported = ?, reported_version = ? WHERE key = ?",
            (encode(reported), reported.version, key),
        )
        self._out.changed.add(device)

    def answer(self, arrival: AnswerArrived) -> None:
        key = self._see(arrival.device, self._now_ms)
        row = take_answer(self._db, key, arrival.done, self._now_ms)
        if row is None:
            self._out.duplicates += 1
        else:
            self._out.commands.append(row)

    def finish(self) -> Committed:
        """Write what was gathered."""
        self._db.executemany(_TASK, self._tasks)
        self._db.executemany(_SAMPLE, self._samples)
        for device, sample in self._newest.items():
            self._db.execute(
                "UPDATE device SET sample = ?, sample_ms = ? WHERE key = ? AND sample_ms <= ?",
                (encode(sample), sample.time_ms, self._keys[device], sample.time_ms),
            )
            self._out.samples.append((device, sample))
        for place, track in self._tracks.items():
            self._store(place, track)
            self._out.prefixes[place] = track.prefix.through
        self._db.executemany(
            "UPDATE device SET last_seen_ms = max(coalesce(last_seen_ms, 0), ?) WHERE key = ?",
            [(time_ms, key) for key, time_ms in self._seen.items()],
        )
        return self._out

    def _effect(self, key: int, arrival: EventArrived) -> None:
        device, uplink = arrival.device, arrival.uplink
        match arrival.event:
            case TaskChanged(task=task):
                self._tasks.append(_task_values(key, task, str(uplink.epoch), uplink.seq))
                self._out.tasks.append((device, task))
                self._out.changed.add(device)
            case ResultReady() as result:
                self._result(key, device, result)
            case BadMessage() as error:
                self._out.refused.append((device, str(error)))

    def _result(self, key: int, device: DeviceId, result: ResultReady) -> None:
        added = self._db.execute(_RESULT, _result_values(key, result)).rowcount
        if added:
            self._out.results.append((device, result))
        else:
            self._out.refused.append((device, f"result {result.result_id} is there already"))

    def _see(self, device: DeviceId, time_ms: int | None) -> int:
        """Return the device's key, made when it is new, and note that it was there at `time_ms` (None: now)."""
        key = self._keys.get(device)
        if key is None:
            row = self._db.execute("SELECT key FROM device WHERE id = ?", (device,)).fetchone()
            if row is None:
                row = self._db.execute(
                    "INSERT INTO device (id, created_ms) VALUES (?, ?) RETURNING key", (device, self._now_ms)
                ).fetchone()
                self._out.changed.add(device)
            key = self._keys[device] = int(row[0])
        self._seen[key] = max(self._seen.get(key, 0), self._now_ms if time_ms is None else time_ms)
        return key

    def _note_gap(self, place: Place, key: int, prefix: Prefix, first: int) -> None:
        lost = prefix.missed(first)
        if not lost:
            return
        gap = Gap(prefix.through + 1, first - 1, lost)
        self._out.gaps.append((place, gap))
        self._db.execute(
            "INSERT INTO gap (device, epoch, first, last, lost, noticed_ms) VALUES (?, ?, ?, ?, ?, ?)",
            (key, place[1], gap.first, gap.last, gap.lost, self._now_ms),
        )

    def _track(self, place: Place, key: int) -> _Track:
        track = self._tracks.get(place)
        if track is None:
            stored = _read_prefix(self._db, key, place[1])
            track = self._tracks[place] = _Track(stored, stored)
        return track

    def _store(self, place: Place, track: _Track) -> None:
        key, epoch = self._keys[place[0]], place[1]
        if track.prefix.through != track.stored.through:
            self._db.execute(
                "INSERT INTO received (device, epoch, prefix) VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET prefix = excluded.prefix",
                (key, epoch, track.prefix.through),
            )
        if track.prefix.ahead == track.stored.ahead:
            return
        before, after = set(track.stored.ahead), set(track.prefix.ahead)
        self._db.executemany(
            "DELETE FROM received_ahead WHERE device = ? AND epoch = ? AND seq = ?",
            [(key, epoch, seq) for seq in before - after],
        )
        self._db.executemany(
            "INSERT INTO received_ahead (device, epoch, seq) VALUES (?, ?, ?)",
            [(key, epoch, seq) for seq in after - before],
        )


def _read_prefix(db: sqlite3.Connection, key: int, epoch: str) -> Prefix:
    row = db.execute("SELECT prefix FROM received WHERE device = ? AND epoch = ?", (key, epoch)).fetchone()
    ahead = db.execute("SELECT seq FROM received_ahead WHERE device = ? AND epoch = ? ORDER BY seq", (key, epoch))
    return Prefix(row[0] if row else 0, tuple(seq for (seq,) in ahead))


# Within an epoch the seq tells which news of a task is the later; across epochs only the device's clock can.
_TASK = """
INSERT INTO task (device, id, kind, state, created_ms, updated_ms, attempt, priority, message_id, parents, error,
                  epoch, seq)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET kind = excluded.kind, state = excluded.state, updated_ms = excluded.updated_ms,
    attempt = excluded.attempt, priority = excluded.priority, message_id = excluded.message_id,
    parents = excluded.parents, error = excluded.error, epoch = excluded.epoch, seq = excluded.seq
WHERE CASE WHEN excluded.epoch = task.epoch THEN excluded.seq > task.seq
      ELSE excluded.updated_ms >= task.updated_ms END
"""

_SAMPLE = """
INSERT OR IGNORE INTO telemetry (device, time_ms, cpu, memory, disk, temperature, load, rss)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""

_RESULT = """
INSERT INTO result (id, device, task_id, message_id, created_ms, title, bytes, report, document, plots, on_device, cut)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""


def _task_values(key: int, task: TaskFacts, epoch: str, seq: int) -> tuple[object, ...]:
    return (
        key,
        task.id,
        task.kind,
        task.state,
        task.created_ms,
        task.updated_ms,
        task.attempt,
        task.priority,
        task.message_id,
        msgspec.json.encode(task.parents),
        task.error,
        epoch,
        seq,
    )


def _result_values(key: int, result: ResultReady) -> tuple[object, ...]:
    return (
        result.result_id,
        key,
        result.task_id,
        result.message_id,
        result.created_ms,
        result.title,
        result.bytes,
        result.report,
        msgspec.json.encode(result.document),
        msgspec.json.encode(result.plots),
        msgspec.json.encode(result.on_device) if result.on_device else None,
        result.cut,
    )
