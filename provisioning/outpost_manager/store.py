"""The manager's memory: what is known of the fleet, and who is signed in.

Everything above this module speaks in arrivals and rows, so another database can stand behind the same methods.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from outpost_disk import Database, open_database
from outpost_manager.arrival import Arrival
from outpost_manager.chains import task_detail, task_row
from outpost_manager.columns import by_column
from outpost_manager.commit import Committed, commit_batch
from outpost_manager.devices import DAY_MS, channels, device_detail, device_rows, people
from outpost_manager.orders import Orders
from outpost_manager.rows import (
    ChannelRow,
    DeviceDetail,
    DeviceRow,
    People,
    ResultDetail,
    ResultRow,
    Series,
    TaskDetail,
    TaskRow,
    TelemetrySeries,
    iso,
)
from outpost_manager.schema import SCHEMA
from outpost_wire.ids import DeviceId
from outpost_wire.messages import OnDevice, Plot

POINTS_LIMIT = 1000
PRUNE_DEVICES = 50


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are."""

    online: int
    offline: int
    sessions: int


class FleetStore:
    """Access to the manager's database; every method runs on its one thread. `orders` is what the operator asked."""

    def __init__(self, database: Database, *, keep_ms: int) -> None:
        self._database = database
        self._keep_ms = keep_ms
        self.orders = Orders(database)

    async def commit(self, batch: Sequence[Arrival], now_ms: int) -> Committed:
        """Take in `batch`, all or nothing; it is on the disk when this returns. Raises DatabaseFailed."""
        return await self._database.write(lambda db: commit_batch(db, batch, now_ms, self._keep_ms))

    async def prefixes(self, devices: Sequence[DeviceId]) -> dict[tuple[DeviceId, str], int]:
        """Return what is committed of every epoch of `devices`."""

        def query(db: sqlite3.Connection) -> dict[tuple[DeviceId, str], int]:
            rows = db.execute(
                "SELECT id, epoch, prefix FROM received JOIN device ON key = device"
                " WHERE id IN (SELECT value FROM json_each(?))",
                (_json(devices),),
            )
            return {(DeviceId(device), epoch): prefix for device, epoch, prefix in rows}

        return await self._database.read(query)

    async def devices(self, now_ms: int, only: Sequence[DeviceId] | None = None) -> list[DeviceRow]:
        """Return the devices by id; only those of `only` when given."""
        return await self._database.read(lambda db: device_rows(db, now_ms, only))

    async def device(self, device: DeviceId, now_ms: int) -> DeviceDetail | None:
        """Return one device, None when it is unknown."""
        return await self._database.read(lambda db: device_detail(db, device, now_ms))

    async def people(self) -> People:
        """Return who waits to be let in and who may talk to which device."""
        return await self._database.read(people)

    async def channels(self) -> list[ChannelRow]:
        """Return the channels of all devices."""
        return await self._database.read(channels)

    async def task(self, device: DeviceId, task: str) -> TaskDetail | None:
        """Return one task with its chain, None when it is unknown."""
        return await self._database.read(lambda db: task_detail(db, device, task))

    async def knows(self, device: DeviceId) -> bool:
        """Say whether there is such a device."""
        return await self._database.read(
            lambda db: db.execute("SELECT 1 FROM device WHERE id = ?", (device,)).fetchone() is not None
        )

    async def telemetry(self, device: DeviceId, from_ms: int, now_ms: int) -> TelemetrySeries:
        """Return health between two times in at most POINTS_LIMIT points, each the average of its share of time."""
        step_ms = max(1000, -(-(now_ms - from_ms) // (POINTS_LIMIT - 1)))

        def query(db: sqlite3.Connection) -> TelemetrySeries:
            rows = db.execute(_TELEMETRY, {"device": device, "from": from_ms, "to": now_ms, "step": step_ms}).fetchall()
            columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(7)]
            time, cpu, memory, disk, temperature, load, rss = columns
            series = Series(cpu=cpu, memory=memory, disk=disk, temperature=temperature, load=load, rss=rss)
            return TelemetrySeries(time=time, series=series)

        return await self._database.read(query)

    async def tasks(self, device: DeviceId, limit: int, before: str | None = None) -> list[TaskRow]:
        """Return the newest tasks of a device that are older than the task `before`, newest first."""

        def query(db: sqlite3.Connection) -> list[TaskRow]:
            rows = db.execute(
                "SELECT task.* FROM task JOIN device ON key = device WHERE device.id = ?1 AND (?3 IS NULL OR"
                " (task.created_ms, task.id) < (SELECT created_ms, id FROM task WHERE device = key AND id = ?3))"
                " ORDER BY task.created_ms DESC, task.id DESC LIMIT ?2",
                (device, limit, before),
            )
            return [task_row(row) for row in by_column(rows)]

        return await self._database.read(query)

    async def results(self, device: DeviceId, limit: int, before: str | None = None) -> list[ResultRow]:
        """Return the newest results of a device that are older than the result `before`, newest first."""

        def query(db: sqlite3.Connection) -> list[ResultRow]:
            rows = db.execute(
                "SELECT result.id, task_id, message_id, result.created_ms, title, bytes FROM result"
                " JOIN device ON key = device WHERE device.id = ?1 AND (?3 IS NULL OR"
                " (result.created_ms, result.id) < (SELECT created_ms, id FROM result WHERE id = ?3))"
                " ORDER BY result.created_ms DESC, result.id DESC LIMIT ?2",
                (device, limit, before),
            )
            return [ResultRow(**_result_facts(row)) for row in by_column(rows)]

        return await self._database.read(query)

    async def result(self, result: str) -> ResultDetail | None:
        """Return one result with its report and plots, None when it is unknown."""

        def query(db: sqlite3.Connection) -> ResultDetail | None:
            rows = db.execute(
                "SELECT result.*, device.id AS device_id FROM result JOIN device ON key = device WHERE result.id = ?",
                (result,),
            )
            return next(map(_result, by_column(rows)), None)

        return await self._database.read(query)

    async def sign_in(self, session: bytes, now_ms: int, expires_ms: int) -> None:
        """Remember a session by its hash; sessions that are over are forgotten."""

        def insert(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM session WHERE expires_ms <= ?", (now_ms,))
            db.execute("INSERT INTO session VALUES (?, ?, ?)", (session, now_ms, expires_ms))

        await self._database.write(insert)

    async def session_expiry(self, session: bytes) -> int:
        """Return when a session ends, in Unix milliseconds; 0 when there is none."""

        def query(db: sqlite3.Connection) -> int:
            row = db.execute("SELECT expires_ms FROM session WHERE hash = ?", (session,)).fetchone()
            return int(row[0]) if row else 0

        return await self._database.read(query)

    async def sign_out(self, session: bytes) -> None:
        """Forget a session."""
        await self._database.write(lambda db: db.execute("DELETE FROM session WHERE hash = ?", (session,)))

    async def is_unused(self) -> bool:
        """Say whether nobody is signed in."""
        return await self._database.read(lambda db: db.execute("SELECT 1 FROM session LIMIT 1").fetchone() is None)

    async def counts(self, now_ms: int) -> Counts:
        """Return how many devices and sessions there are."""

        def query(db: sqlite3.Connection) -> Counts:
            total, online = db.execute("SELECT count(*), coalesce(sum(online), 0) FROM device").fetchone()
            (sessions,) = db.execute("SELECT count(*) FROM session WHERE expires_ms > ?", (now_ms,)).fetchone()
            return Counts(online, total - online, sessions)

        return await self._database.read(query)

    async def prune(self, now_ms: int) -> int:
        """Delete telemetry that is too old and return how many rows that were.

        A few devices at a time, so that no commit waits long behind it.
        """
        keys = await self._database.read(lambda db: [key for (key,) in db.execute("SELECT key FROM device")])
        before_ms = now_ms - self._keep_ms
        deleted = 0
        for start in range(0, len(keys), PRUNE_DEVICES):
            chosen = [(key, before_ms) for key in keys[start : start + PRUNE_DEVICES]]
            deleted += await self._database.write(
                lambda db, chosen=chosen: (
                    db.executemany(  # type: ignore[misc]
                        "DELETE FROM telemetry WHERE device = ? AND time_ms <= ?", chosen
                    ).rowcount
                ),
                durable=False,
            )
        return deleted


@asynccontextmanager
async def open_store(path: Path, *, telemetry_days: int) -> AsyncIterator[FleetStore]:
    """Open the database at `path` for as long as the context lasts. Raises DatabaseFailed or DatabaseTooNew."""
    async with open_database(path, SCHEMA) as database:
        yield FleetStore(database, keep_ms=telemetry_days * DAY_MS)


_TELEMETRY = """
SELECT CAST(avg(time_ms) / 1000 AS INTEGER), avg(cpu), avg(memory), avg(disk), avg(temperature), avg(load),
    CAST(avg(rss) AS INTEGER)
FROM telemetry
WHERE device = (SELECT key FROM device WHERE id = :device) AND time_ms > :from AND time_ms <= :to
GROUP BY (time_ms - :from) / :step
ORDER BY (time_ms - :from) / :step
"""


def _json(values: Sequence[str]) -> str:
    return msgspec.json.encode(values).decode()


def _result_facts(row: dict[str, Any]) -> dict[str, Any]:
    facts = {name: row[name] for name in ("id", "task_id", "message_id", "title", "bytes")}
    return {**facts, "created": iso(row["created_ms"])}


def _result(row: dict[str, Any]) -> ResultDetail:
    return ResultDetail(
        **_result_facts(row),
        device=row["device_id"],
        report=row["report"],
        document=msgspec.Raw(row["document"]),
        plots=msgspec.json.decode(row["plots"], type=tuple[Plot, ...]),
        on_device=msgspec.json.decode(row["on_device"], type=OnDevice) if row["on_device"] else None,
        cut=bool(row["cut"]),
    )
