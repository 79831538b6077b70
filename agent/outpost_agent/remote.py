"""What the fleet's operator asks of this device: commands, and the desired shadow.

A command may come twice: the broker repeats what was not acknowledged, and a device dies when it likes. It has its
effect once all the same. Before anything else a note says how things stood, then comes the effect, then the answer is
kept with the note. A repeat that finds an answer gives it again; one that finds only the note looks at what has become
of things since and tells what it did in its former life from what is still to be done.

The desired shadow is followed by its version: an older one is nothing new, and what it leaves open is the device's own
setting.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Protocol

import msgspec

from outpost_agent.people.core import Standing
from outpost_agent.people.rows import Asked
from outpost_agent.people.who import Who
from outpost_agent.tasks.chains import first_to_retry
from outpost_disk import Database, DatabaseFailed
from outpost_sdk.tasks import Refused, TaskEngine
from outpost_wire.commands import decode_command
from outpost_wire.errors import BadInput, BadMessage, OutpostError
from outpost_wire.ids import TaskId
from outpost_wire.messages import (
    Command,
    CommandDone,
    Desired,
    PairApprove,
    PairingRequest,
    PairRefuse,
    PairRevoke,
    PersonFacts,
    Results,
    Role,
    TaskCancel,
    TaskRetry,
    TaskState,
    decode,
    encode,
)
from outpost_wire.topics import Leaf

log = logging.getLogger(__name__)

REMOTE_SCHEMA = """
CREATE TABLE command_done (
    id TEXT NOT NULL UNIQUE,
    before BLOB NOT NULL,
    answer BLOB,
    done_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE setting (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""

KEPT = 1000
"""How many commands are remembered. Their life at the broker is a minute, so a repeat comes soon or never."""
DESIRED = "desired"
OK = "ok"
SENTENCE_LIMIT = 1024


class Doors(Protocol):
    """Who may come in, as far as commands change it; see `people.People`."""

    def requests(self) -> tuple[PairingRequest, ...]:
        """Return the pairing requests that wait."""
        ...

    def facts(self) -> tuple[PersonFacts, ...]:
        """Return the people whom the device knows."""
        ...

    def asks(self, channel: str, sender: str, /) -> Asked | None:
        """Return how the last request of a sender stands; only one that somebody entered by is forgotten in a day."""
        ...

    async def approve(self, code_or_id: str, role: Role, /) -> object:
        """Let somebody in, or raise NoSuchRequest."""
        ...

    async def refuse(self, code_or_id: str, /) -> object:
        """Turn a request down, or raise NoSuchRequest."""
        ...

    async def revoke(self, person: str, channel: str | None, sender: str | None, /) -> Who:
        """Let somebody in no more, or raise NoSuchPerson."""
        ...


class Before(msgspec.Struct, frozen=True, omit_defaults=True):
    """How things stood when a command came first: the request it names, the person, the task's step to begin with."""

    request: PairingRequest | None = None
    name: str | None = None
    step: str | None = None
    state: TaskState | None = None
    updated_ms: int = 0


class Noted(msgspec.Struct, frozen=True):
    before: Before
    answer: bytes | None


class _Said(msgspec.Struct, frozen=True):
    """What came of a command."""

    en: str
    zh: str
    code: str = OK
    task: TaskState | None = None


class RemoteControl:
    """Carries out commands and follows the desired shadow; made by `open`.

    `default_results` is the device's own setting, which holds where the operator sets nothing.
    """

    def __init__(
        self,
        database: Database,
        people: Doors,
        engine: TaskEngine,
        desired: Desired | None,
        *,
        default_results: Results,
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        self.default_results: Results = default_results
        self._database = database
        self._people = people
        self._engine = engine
        self._desired = desired
        self._new_id = new_id
        self._clock_ms = clock_ms
        self._changed = changed
        self._turn = asyncio.Lock()

    @classmethod
    async def open(
        cls,
        database: Database,
        people: Doors,
        engine: TaskEngine,
        *,
        default_results: Results,
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
        changed: Callable[[], None],
    ) -> RemoteControl:
        """Return one over a `database` that has REMOTE_SCHEMA, with the desired shadow that was followed last.

        `changed()` is called when another desired shadow is followed. Raises DatabaseFailed.
        """
        stored = await database.read(partial(_setting, key=DESIRED))
        return cls(
            database,
            people,
            engine,
            None if stored is None else decode(stored, Desired),
            default_results=default_results,
            new_id=new_id,
            clock_ms=clock_ms,
            changed=changed,
        )

    @property
    def results(self) -> Results:
        """Return how much of its results the device sends to the manager."""
        wanted = self._desired.results if self._desired else None
        return wanted or self.default_results

    @property
    def desired_version(self) -> int:
        """Return the version of the desired shadow that is followed, 0 when there is none."""
        return self._desired.version if self._desired else 0

    async def desired(self, payload: bytes) -> None:
        """Follow the desired shadow in `payload` if it is a later one; it is on the disk when this returns.

        What cannot be read, and the emptiness that follows when the broker is told to forget it, change nothing.
        Raises DatabaseFailed.
        """
        if not payload:
            return
        try:
            desired = decode(payload, Desired)
        except BadMessage as error:
            log.warning("desired shadow not understood", extra={"reason": str(error)[:300]})
            return
        if desired.version <= self.desired_version:
            return
        await self._database.write(partial(_set, key=DESIRED, value=encode(desired)))
        self._desired = desired
        log.info("desired shadow followed", extra={"version": desired.version, "results": self.results})
        self._changed()

    async def command(self, leaf: Leaf, payload: bytes) -> bytes:
        """Carry out the command in `payload` and return its answer; one that came before is answered as it was.

        Raises BadMessage when it cannot be read. Every other refusal is an answer.
        """
        command = decode_command(leaf, payload)
        async with self._turn:
            try:
                return await self._once(command)
            except DatabaseFailed as error:
                return encode(self._done(command, _refused(error)))
            except Exception:
                # One command that nobody foresaw must not take the device down, and again at each repeat.
                log.exception("command failed", extra={"command": leaf})
                return encode(self._done(command, FAILED))

    async def _once(self, command: Command) -> bytes:
        noted = await self._database.read(partial(_noted, id=command.id))
        if noted is not None and noted.answer is not None:
            return noted.answer
        before = noted.before if noted else None
        try:
            if before is None:
                before = await self._look(command)
                await self._database.write(partial(_note, id=command.id, before=before, now_ms=self._clock_ms()))
                said = await self._carry_out(command, before)
            else:
                said = await self._carry_out_again(command, before)
        except DatabaseFailed:
            raise
        except OutpostError as error:
            said = _refused(error)
        answer = encode(self._done(command, said))
        await self._database.write(partial(_answer, id=command.id, answer=answer, now_ms=self._clock_ms()))
        log.info("command carried out", extra={"command": type(command).__name__, "id": command.id, "code": said.code})
        return answer

    async def _look(self, command: Command) -> Before:
        """Return how things stand; raises NoSuchTask."""
        match command:
            case PairApprove(request=wanted) | PairRefuse(request=wanted):
                return Before(request=next((each for each in self._people.requests() if each.id == wanted), None))
            case PairRevoke():
                return Before(name=self._name_of(command))
            case TaskCancel():
                return Before()
            case TaskRetry(task=task):
                step = await self._engine.get(await first_to_retry(self._engine, await self._engine.get(TaskId(task))))
                return Before(step=step.id, state=step.state, updated_ms=step.updated_ms)

    async def _carry_out(self, command: Command, before: Before) -> _Said:
        match command:
            case PairApprove(request=request, role=role):
                await self._people.approve(request, role)
                return _approved(before, role)
            case PairRefuse(request=request):
                await self._people.refuse(request)
                return _turned_down(before)
            case PairRevoke(person=person, channel=channel, sender=sender):
                await self._people.revoke(person, channel, sender)
                return _revoked(before, channel)
            case TaskCancel(task=task):
                await self._engine.cancel(TaskId(task), self._clock_ms())
                return _cancelled((await self._engine.get(TaskId(task))).state)
            case TaskRetry(task=task):
                assert before.step is not None
                await self._engine.retry(TaskId(before.step), self._clock_ms())
                return _retried((await self._engine.get(TaskId(task))).state)

    async def _carry_out_again(self, command: Command, before: Before) -> _Said:
        """Carry out what was begun in a life that ended before the answer was kept, unless it was done."""
        match command:
            case PairApprove(role=role) if before.request and self._became(before.request) == "approved":
                return _approved(before, role)
            case PairRefuse() if before.request and self._became(before.request) == "refused":
                return _turned_down(before)
            case PairRevoke(channel=channel) if before.name is not None and self._name_of(command) is None:
                return _revoked(before, channel)
            case TaskRetry(task=task) if before.step is not None:
                step = await self._engine.get(TaskId(before.step))
                if (step.state, step.updated_ms) != (before.state, before.updated_ms):
                    return _retried((await self._engine.get(TaskId(task))).state)
        return await self._carry_out(command, before)

    def _became(self, request: PairingRequest) -> Standing | None:
        """Return what became of a request that waited once; None when its sender asked anew since."""
        asked = self._people.asks(request.channel, request.sender)
        if asked is None:
            return "approved"
        return asked.state if asked.request.id == request.id else None

    def _name_of(self, command: PairRevoke) -> str | None:
        """Return the name of whom a command wants to be rid of, None when there is no such person or identity."""
        person = next((each for each in self._people.facts() if each.id == command.person), None)
        if person is None:
            return None
        channel, sender = command.channel, command.sender
        if channel is None and sender is None:
            return person.name
        is_there = any(channel in (None, each.channel) and sender in (None, each.sender) for each in person.identities)
        return person.name if is_there else None

    def _done(self, command: Command, said: _Said) -> CommandDone:
        return CommandDone(
            id=self._new_id(),
            time_ms=self._clock_ms(),
            command=command.id,
            code=said.code,
            en=said.en[:SENTENCE_LIMIT],
            zh=said.zh[:SENTENCE_LIMIT],
            task=said.task,
        )


FAILED = _Said("The device could not do this; its log says why.", "设备无法完成该操作；原因见设备日志。", code="failed")


def _approved(before: Before, role: Role) -> _Said:
    en, zh = _names(before.request.name if before.request else "")
    if role == "owner":
        return _Said(f"{en} is the device's owner on one more channel now.", f"{zh} 已成为设备主人的又一个身份。")
    return _Said(f"{en} may talk to the device now.", f"{zh} 现在可以与设备对话。")


def _turned_down(before: Before) -> _Said:
    en, zh = _names(before.request.name if before.request else "")
    return _Said(f"{en} was turned down.", f"已拒绝 {zh} 的请求。")


def _revoked(before: Before, channel: str | None) -> _Said:
    en, zh = _names(before.name or "")
    if channel is not None:
        return _Said(f"{en} is let in on {channel} no more.", f"{zh} 不能再通过 {channel} 与设备对话。")
    return _Said(f"{en} is let in no more.", f"{zh} 不能再与设备对话。")


def _cancelled(state: TaskState) -> _Said:
    if state == "cancelled":
        return _Said("The task is cancelled.", "任务已取消。", task=state)
    return _Said("The task had ended before it could be cancelled.", "任务在取消之前已经结束。", "task_ended", state)


def _retried(state: TaskState) -> _Said:
    return _Said("The task is tried again.", "任务将重新执行。", task=state)


def _names(name: str) -> tuple[str, str]:
    return (name, name) if name else ("This person", "此人")


def _refused(error: OutpostError) -> _Said:
    match error:
        case BadInput(en=en, zh=zh):
            return _Said(en, zh, error.code)
        case Refused():
            zh = "该任务无法重试：它没有失败或被取消，或已过截止时间。"
            return _Said(str(error), zh, error.code)
        case DatabaseFailed():
            return _Said(
                "The device could not write to its disk; free some space there and try again.",
                "设备无法写入磁盘；请在设备上释放空间后重试。",
                error.code,
            )
        case _:
            return _Said(str(error), f"设备拒绝了该操作：{error}", error.code)


def _noted(connection: sqlite3.Connection, id: str) -> Noted | None:
    row = connection.execute("SELECT before, answer FROM command_done WHERE id = ?", (id,)).fetchone()
    return Noted(msgspec.json.decode(row[0], type=Before), row[1]) if row else None


def _note(connection: sqlite3.Connection, id: str, before: Before, now_ms: int) -> None:
    connection.execute(
        "INSERT INTO command_done (id, before, done_ms) VALUES (?, ?, ?)", (id, msgspec.json.encode(before), now_ms)
    )
    connection.execute("DELETE FROM command_done WHERE rowid <= (SELECT max(rowid) FROM command_done) - ?", (KEPT,))


def _answer(connection: sqlite3.Connection, id: str, answer: bytes, now_ms: int) -> None:
    if _noted(connection, id) is None:
        _note(connection, id, Before(), now_ms)
    connection.execute("UPDATE command_done SET answer = ?, done_ms = ? WHERE id = ?", (answer, now_ms, id))


def _setting(connection: sqlite3.Connection, key: str) -> bytes | None:
    row = connection.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
    return bytes(row[0]) if row else None


def _set(connection: sqlite3.Connection, key: str, value: bytes) -> None:
    connection.execute(
        "INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (key, value)
    )
