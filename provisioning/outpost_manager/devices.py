"""Devices as they are told: rows of the database and what devices report of themselves, made into answers.

A list of thousands reads only the few fields that it shows; what a device of an older release does not report is at
its default.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict

from outpost_manager.columns import by_column
from outpost_manager.orders import results_setting
from outpost_manager.rows import (
    ChannelBrief,
    ChannelRow,
    DeviceDetail,
    DeviceRow,
    People,
    PersonRow,
    RequestRow,
    Settings,
    TaskCounts,
    health,
    iso,
)
from outpost_wire.ids import DeviceId
from outpost_wire.messages import Reported, Results, Sample

DAY_MS = 86_400_000

_DEVICES = """
SELECT device.*, desired.version AS desired_version, desired.body AS desired_body,
    (SELECT count(*) FROM task WHERE device = key AND state = 'running') AS running,
    (SELECT count(*) FROM task WHERE device = key AND state IN ('waiting', 'ready')) AS waiting,
    (SELECT count(*) FROM task WHERE device = key AND state = 'failed' AND updated_ms > :day_ago) AS failed
FROM device LEFT JOIN desired ON desired.device = key
WHERE :only IS NULL OR id IN (SELECT value FROM json_each(:only))
ORDER BY id
"""


class _Board(msgspec.Struct, frozen=True):
    board: str = ""


class _Brief(msgspec.Struct, frozen=True):
    """What the list shows of a reported shadow."""

    name: str = ""
    release: str = ""
    labels: dict[str, str] = {}
    system: _Board = _Board()
    owned: bool = False
    results: Results = "full"
    requests: tuple[msgspec.Raw, ...] = ()
    channels: tuple[ChannelBrief, ...] = ()


_read_brief = msgspec.json.Decoder(_Brief).decode
_read_reported = msgspec.json.Decoder(Reported).decode
_read_sample = msgspec.json.Decoder(Sample).decode


def device_rows(db: sqlite3.Connection, now_ms: int, only: Sequence[DeviceId] | None) -> list[DeviceRow]:
    """Return the devices by id; only those of `only` when given."""
    return [_row(values) for values in _select(db, now_ms, only)]


def device_detail(db: sqlite3.Connection, device: DeviceId, now_ms: int) -> DeviceDetail | None:
    """Return all that is known of one device, None when it is unknown."""
    for values in _select(db, now_ms, [device]):
        (lost,) = db.execute("SELECT coalesce(sum(lost), 0) FROM gap WHERE device = ?", (values["key"],)).fetchone()
        return _detail(values, lost)
    return None


def people(db: sqlite3.Connection) -> People:
    """Return who waits to be let in somewhere, the oldest first, and who may talk to which device.

    Whether a request is still good is for the device to say, whose clock may be another.
    """
    requests: list[RequestRow] = []
    known: list[PersonRow] = []
    for of_device, reported in _reports(db):
        requests += [RequestRow(**of_device, **asdict(each)) for each in reported.requests]
        known += [PersonRow(**of_device, **asdict(each)) for each in reported.people]
    return People(requests=sorted(requests, key=lambda row: (row.created_ms, row.id)), people=known)


def channels(db: sqlite3.Connection) -> list[ChannelRow]:
    """Return the channels of all devices."""
    return [ChannelRow(**of_device, **asdict(each)) for of_device, it in _reports(db) for each in it.channels]


def _reports(db: sqlite3.Connection) -> Iterator[tuple[dict[str, Any], Reported]]:
    rows = db.execute("SELECT id, online, reported FROM device WHERE reported IS NOT NULL ORDER BY id")
    for device, online, raw in rows:
        reported = _read_reported(raw)
        yield {"device": device, "device_name": reported.name or device, "online": bool(online)}, reported


def _select(db: sqlite3.Connection, now_ms: int, only: Sequence[DeviceId] | None) -> Iterator[dict[str, Any]]:
    chosen = None if only is None else msgspec.json.encode(only).decode()
    return by_column(db.execute(_DEVICES, {"day_ago": now_ms - DAY_MS, "only": chosen}))


def _facts(row: dict[str, Any], reported: _Brief | Reported | None) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": (reported and reported.name) or row["id"],
        "online": bool(row["online"]),
        "last_seen": iso(row["last_seen_ms"]) if row["last_seen_ms"] else None,
        "labels": reported.labels if reported else {},
        "version": (reported and reported.release) or None,
        "board": (reported and reported.system.board) or None,
        "health": health(_read_sample(row["sample"])) if row["sample"] else None,
        "tasks": TaskCounts(running=row["running"], waiting=row["waiting"], failed=row["failed"]),
        "owned": reported.owned if reported else False,
        "results": reported.results if reported else None,
    }


def _row(row: dict[str, Any]) -> DeviceRow:
    brief = _read_brief(row["reported"]) if row["reported"] else None
    return DeviceRow(
        **_facts(row, brief),
        requests=len(brief.requests) if brief else 0,
        channels=brief.channels if brief else (),
    )


def _detail(row: dict[str, Any], lost: int) -> DeviceDetail:
    reported = _read_reported(row["reported"]) if row["reported"] else None
    return DeviceDetail(
        **_facts(row, reported),
        people=reported.people if reported else (),
        requests=reported.requests if reported else (),
        turned_away=reported.turned_away if reported else 0,
        channels=reported.channels if reported else (),
        cut=reported.cut if reported else False,
        settings=Settings(results=results_setting(reported, row["desired_version"], row["desired_body"])),
        system=reported.system if reported else None,
        boot_id=row["boot_id"],
        created=iso(row["created_ms"]),
        lost=lost,
    )
