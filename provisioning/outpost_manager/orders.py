"""What the operator asked of devices, and what came of it: commands and desired shadows, as they are stored.

A command is `sent` from the moment it is written, before it leaves, so that no answer can come for one that nobody
knows. An answer counts even after the command was given up: what the device says it did is true.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from outpost_disk import Database
from outpost_manager.errors import DeviceUnknown, TooManyCommands
from outpost_manager.rows import CommandRow, CommandState, ResultsSetting, Settings, iso
from outpost_wire.ids import DeviceId
from outpost_wire.messages import CommandDone, Desired, Reported, Results, encode

KEPT_PER_DEVICE = 200
OPEN_PER_DEVICE = 32
OK = "ok"

_read_reported = msgspec.json.Decoder(Reported).decode
_read_desired = msgspec.json.Decoder(Desired).decode


class Orders:
    """The tables `command` and `desired` of the manager's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, id: str, device: DeviceId, verb: str, subject: str, *, now_ms: int, expires_ms: int
    ) -> CommandRow:
        """Write a command that is about to be sent. Raises DeviceUnknown or TooManyCommands."""

        def transaction(db: sqlite3.Connection) -> CommandRow:
            key = _key(db, device)
            (waiting,) = db.execute(
                "SELECT count(*) FROM command WHERE device = ? AND state = 'sent'", (key,)
            ).fetchone()
            if waiting >= OPEN_PER_DEVICE:
                raise TooManyCommands(device, waiting)
            db.execute(
                "INSERT INTO command (id, device, verb, subject, state, created_ms, updated_ms, expires_ms)"
                " VALUES (?, ?, ?, ?, 'sent', ?, ?, ?)",
                (id, key, verb, subject, now_ms, now_ms, expires_ms),
            )
            db.execute(
                "DELETE FROM command WHERE device = ?1 AND number <= (SELECT number FROM command WHERE device = ?1"
                " ORDER BY number DESC LIMIT 1 OFFSET ?2)",
                (key, KEPT_PER_DEVICE),
            )
            return _one(db, id)

        return await self._database.write(transaction)

    async def fail(self, id: str, code: str, en: str, zh: str, now_ms: int) -> CommandRow:
        """Note that a command could not be sent, and why."""

        def transaction(db: sqlite3.Connection) -> CommandRow:
            _settle(db, id, "failed", (code, en, zh), now_ms)
            return _one(db, id)

        return await self._database.write(transaction)

    async def expire(self, now_ms: int) -> tuple[list[CommandRow], int | None]:
        """Give up the commands whose time is over; return them, and when the next one's is."""

        def transaction(db: sqlite3.Connection) -> tuple[list[CommandRow], int | None]:
            ids = [
                id
                for (id,) in db.execute(
                    "UPDATE command SET state = 'expired', updated_ms = ?1 WHERE state = 'sent' AND expires_ms <= ?1"
                    " RETURNING id",
                    (now_ms,),
                ).fetchall()
            ]
            (next_ms,) = db.execute("SELECT min(expires_ms) FROM command WHERE state = 'sent'").fetchone()
            return [_one(db, id) for id in ids], next_ms

        return await self._database.write(transaction)

    async def commands(self, device: DeviceId, limit: int) -> list[CommandRow]:
        """Return the commands of a device, newest first. Raises DeviceUnknown."""

        def query(db: sqlite3.Connection) -> list[CommandRow]:
            rows = db.execute(f"{_SELECT} WHERE device.key = ? ORDER BY number DESC LIMIT ?", (_key(db, device), limit))
            return [_row(values) for values in rows]

        return await self._database.read(query)

    async def set_results(self, device: DeviceId, results: Results | None, id: str, now_ms: int) -> Desired:
        """Write how much of its results a device is to send, under a new version; return the desired shadow.

        What is so already stays as it is. A version is above that which the device follows, so that a manager whose
        database was lost is followed all the same. Raises DeviceUnknown.
        """

        def transaction(db: sqlite3.Connection) -> Desired:
            key = _key(db, device)
            stored = db.execute("SELECT body FROM desired WHERE device = ?", (key,)).fetchone()
            known = _read_desired(stored[0]) if stored else None
            if known is not None and known.results == results:
                return known
            (raw,) = db.execute("SELECT reported FROM device WHERE key = ?", (key,)).fetchone()
            followed = _read_reported(raw).desired_version if raw else 0
            version = max(known.version if known else 0, followed) + 1
            desired = Desired(id=id, time_ms=now_ms, version=version, results=results)
            db.execute(
                "INSERT INTO desired VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET version = excluded.version, body = excluded.body",
                (key, version, encode(desired)),
            )
            return desired

        return await self._database.write(transaction)

    async def settings(self, device: DeviceId) -> Settings:
        """Return what is set on a device and whether it follows. Raises DeviceUnknown."""

        def query(db: sqlite3.Connection) -> Settings:
            raw, version, body = db.execute(
                "SELECT reported, version, body FROM device LEFT JOIN desired ON desired.device = key WHERE key = ?",
                (_key(db, device),),
            ).fetchone()
            return Settings(results=results_setting(_read_reported(raw) if raw else None, version, body))

        return await self._database.read(query)

    async def desired(self, after: DeviceId | None, limit: int) -> Sequence[tuple[DeviceId, bytes]]:
        """Return desired shadows as they are published, of the devices whose id follows `after`, by id."""

        def query(db: sqlite3.Connection) -> Sequence[tuple[DeviceId, bytes]]:
            rows = db.execute(
                "SELECT id, body FROM desired JOIN device ON key = device WHERE id > ? ORDER BY id LIMIT ?",
                (after or "", limit),
            )
            return [(DeviceId(id), bytes(body)) for id, body in rows]

        return await self._database.read(query)


def take_answer(db: sqlite3.Connection, key: int, done: CommandDone, now_ms: int) -> CommandRow | None:
    """Write what the device `key` says came of a command; None when it is not one that waits for its answer."""
    asked = db.execute("SELECT 1 FROM command WHERE id = ? AND device = ?", (done.command, key)).fetchone()
    state: CommandState = "done" if done.code == OK else "failed"
    if asked is None or not _settle(db, done.command, state, (done.code, done.en, done.zh), now_ms):
        return None
    return _one(db, done.command)


def results_setting(reported: Reported | None, version: int | None, body: bytes | None) -> ResultsSetting:
    """Return the setting as it is wanted and as the device reports it."""
    wanted = version or 0
    return ResultsSetting(
        desired=_read_desired(body).results if body else None,
        reported=reported.results if reported else None,
        version=wanted,
        followed=(reported.desired_version if reported else 0) == wanted,
    )


_SELECT = """
SELECT command.id, device.id, verb, subject, state, code, en, zh, command.created_ms, updated_ms
FROM command JOIN device ON device.key = command.device
"""


def _settle(db: sqlite3.Connection, id: str, state: CommandState, said: tuple[str, str, str], now_ms: int) -> bool:
    """Write the end of a command that has no answer yet, with code and sentences; return whether it had none."""
    cursor = db.execute(
        "UPDATE command SET state = ?, code = ?, en = ?, zh = ?, updated_ms = ?"
        " WHERE id = ? AND state IN ('sent', 'expired')",
        (state, *said, now_ms, id),
    )
    return cursor.rowcount > 0


def _key(db: sqlite3.Connection, device: DeviceId) -> int:
    row = db.execute("SELECT key FROM device WHERE id = ?", (device,)).fetchone()
    if row is None:
        raise DeviceUnknown(device)
    return int(row[0])


def _one(db: sqlite3.Connection, id: str) -> CommandRow:
    return _row(db.execute(f"{_SELECT} WHERE command.id = ?", (id,)).fetchone())


def _row(values: Sequence[Any]) -> CommandRow:
    id, device, verb, subject, state, code, en, zh, created_ms, updated_ms = values
    return CommandRow(
        id=id,
        device=device,
        verb=verb,
        subject=subject,
        state=state,
        code=code,
        en=en,
        zh=zh,
        created=iso(created_ms),
        updated=iso(updated_ms),
    )
