"""Commands have their effect once, whatever dies in between, and the desired shadow is followed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import msgspec
import pytest

from outpost_agent.people.core import Standing
from outpost_agent.people.errors import NoSuchPerson, NoSuchRequest
from outpost_agent.people.rows import Asked
from outpost_agent.people.who import Who
from outpost_agent.remote import KEPT, REMOTE_SCHEMA, RemoteControl
from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_disk import DatabaseFailed
from outpost_sdk.handler import Outcome
from outpost_sdk.tasks import Failure, TaskSpec
from outpost_wire.errors import BadMessage
from outpost_wire.ids import TaskId
from outpost_wire.ids import encode as ulid
from outpost_wire.messages import (
    Command,
    CommandDone,
    Desired,
    PairApprove,
    PairingRequest,
    PairRefuse,
    PairRevoke,
    PersonFacts,
    PersonIdentity,
    Results,
    Role,
    TaskCancel,
    TaskRetry,
    decode,
    encode,
)
from outpost_wire.topics import Leaf
from tests.support.inline_database import Cut, InlineDatabase

REQUEST = PairingRequest(
    id=ulid(50), code="K7M29XQP", channel="telegram", sender="815", name="Anna", created_ms=1, expires_ms=9
)
BOB = PersonFacts(
    id="bob",
    name="Bob",
    role="user",
    identities=(PersonIdentity(channel="telegram", sender="1"), PersonIdentity(channel="web", sender="bob")),
)
LEAVES: dict[type[Command], Leaf] = {
    PairApprove: Leaf.PAIR_APPROVE,
    PairRefuse: Leaf.PAIR_REFUSE,
    PairRevoke: Leaf.PAIR_REVOKE,
    TaskCancel: Leaf.TASK_CANCEL,
    TaskRetry: Leaf.TASK_RETRY,
}


@dataclass
class Doors:
    """People in memory, which outlive the one who controls them; `dies` is raised before or after the next effect."""

    waiting: dict[str, PairingRequest] = field(default_factory=lambda: {REQUEST.id: REQUEST})
    people: dict[str, PersonFacts] = field(default_factory=lambda: {BOB.id: BOB})
    decided: dict[tuple[str, str], Asked] = field(default_factory=dict)
    effects: Counter[str] = field(default_factory=Counter)
    dies_before: bool = False
    dies_after: bool = False

    def requests(self) -> tuple[PairingRequest, ...]:
        return tuple(self.waiting.values())

    def facts(self) -> tuple[PersonFacts, ...]:
        return tuple(self.people.values())

    def asks(self, channel: str, sender: str) -> Asked | None:
        waiting = {(each.channel, each.sender): Asked("pending", each, None) for each in self.waiting.values()}
        return (self.decided | waiting).get((channel, sender))

    async def approve(self, code_or_id: str, role: Role) -> object:
        return self._decide(code_or_id, "approved", f"approve as {role}")

    async def refuse(self, code_or_id: str) -> object:
        return self._decide(code_or_id, "refused", "refuse")

    async def revoke(self, person: str, channel: str | None = None, sender: str | None = None) -> Who:
        known = self.people.get(person)
        identity = PersonIdentity(channel=channel or "", sender=sender or "")
        if known is None or (channel is not None and identity not in known.identities):
            raise NoSuchPerson("there is no such person", "没有此人")
        with self._dying():
            rest = tuple(each for each in known.identities if each != identity)
            self.people[person] = msgspec.structs.replace(known, identities=rest)
            if channel is None:
                del self.people[person]
            self.effects["revoke"] += 1
        return Who(person=person, name=known.name, role=known.role)

    def _decide(self, request: str, state: Standing, effect: str) -> object:
        if request not in self.waiting:
            raise NoSuchRequest("there is no such request", "没有该请求")
        with self._dying():
            decided = self.waiting.pop(request)
            self.decided[decided.channel, decided.sender] = Asked(state, decided, None)
            self.effects[effect] += 1
        return None

    def _dying(self) -> _Dying:
        return _Dying(self)


class _Dying:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def __enter__(self) -> None:
        if self._doors.dies_before:
            self._doors.dies_before = False
            raise Cut

    def __exit__(self, *_: object) -> None:
        if self._doors.dies_after:
            self._doors.dies_after = False
            raise Cut


class Device:
    """A device with people and tasks on one database; `born` gives its control a new life."""

    def __init__(self) -> None:
        self.store = InlineDatabase((TASK_SCHEMA, REMOTE_SCHEMA))
        self.doors = Doors()
        self.engine = SqliteEngine(self.store.database, apply=lambda *_: None, changed=self._task_changed)
        self.moves: list[tuple[str, str]] = []
        self.changes = 0
        self.control: RemoteControl
        self._ids = map(ulid, count(1000))
        self._clock = count(10_000)

    async def born(self, default: Results = "full") -> RemoteControl:
        def changed() -> None:
            self.changes += 1

        self.control = await RemoteControl.open(
            self.store.database,
            self.doors,
            self.engine,
            default_results=default,
            new_id=lambda: next(self._ids),
            clock_ms=lambda: next(self._clock),
            changed=changed,
        )
        return self.control

    def cut_at(self, statement: int) -> None:
        self.store.fail_at = statement

    @property
    def is_whole(self) -> bool:
        return self.store.fail_at is not None

    async def task(self, id: str, *, parents: tuple[TaskId, ...] = ()) -> TaskId:
        await self.engine.put([TaskSpec(id=TaskId(id), kind="k", principal="owner", parents=parents)], 1)
        return TaskId(id)

    async def do(self, command: Command) -> CommandDone:
        return decode(await self.control.command(LEAVES[type(command)], encode(command)), CommandDone)

    def _task_changed(self, _connection: object, task: object) -> None:
        self.moves.append((task.id, task.state))  # type: ignore[attr-defined]


@pytest.fixture
async def device() -> Device:
    made = Device()
    await made.born()
    return made


def approve(role: Role = "user") -> PairApprove:
    return PairApprove(id=ulid(1), time_ms=1, request=REQUEST.id, role=role)


async def test_a_request_is_approved_in_the_role_that_was_asked_for(device: Device) -> None:
    done = await device.do(approve("owner"))
    assert (done.command, done.code, device.doors.effects) == (ulid(1), "ok", {"approve as owner": 1})
    assert "Anna" in done.en
    assert "Anna" in done.zh


async def test_a_request_is_turned_down(device: Device) -> None:
    done = await device.do(PairRefuse(id=ulid(1), time_ms=1, request=REQUEST.id))
    assert (done.code, device.doors.effects) == ("ok", {"refuse": 1})


async def test_a_person_is_let_in_no_more(device: Device) -> None:
    done = await device.do(PairRevoke(id=ulid(1), time_ms=1, person="bob"))
    assert (done.code, device.doors.people) == ("ok", {})
    assert "Bob" in done.en


async def test_a_person_is_let_in_no_more_on_one_channel(device: Device) -> None:
    done = await device.do(PairRevoke(id=ulid(1), time_ms=1, person="bob", channel="telegram", sender="1"))
    assert done.code == "ok"
    assert [each.channel for each in device.doors.people["bob"].identities] == ["web"]


async def test_a_task_is_cancelled(device: Device) -> None:
    task = await device.task(ulid(7))
    done = await device.do(TaskCancel(id=ulid(1), time_ms=1, task=task))
    assert (done.code, done.task) == ("ok", "cancelled")


async def test_a_task_that_has_ended_cannot_be_cancelled(device: Device) -> None:
    task = await device.task(ulid(7))
    (claimed,) = await device.engine.claim(["k"], 1, 1000, 2)
    await device.engine.finish(task, claimed.epoch, Outcome(report="done"), (), 3)
    done = await device.do(TaskCancel(id=ulid(1), time_ms=1, task=task))
    assert (done.code, done.task) == ("task_ended", "done")


async def test_a_chain_is_tried_again_from_the_step_that_failed(device: Device) -> None:
    first = await device.task(ulid(7))
    last = await device.task(ulid(8), parents=(first,))
    (claimed,) = await device.engine.claim(["k"], 1, 1000, 2)
    await device.engine.fail(first, claimed.epoch, Failure("broken", "It broke.", "坏了。", final=True), 3)
    done = await device.do(TaskRetry(id=ulid(1), time_ms=1, task=last))
    assert (done.code, done.task) == ("ok", "waiting")
    assert (await device.engine.get(first)).state == "ready"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (PairApprove(id=ulid(1), time_ms=1, request=ulid(99)), "no_such_request"),
        (PairRefuse(id=ulid(1), time_ms=1, request=ulid(99)), "no_such_request"),
        (PairRevoke(id=ulid(1), time_ms=1, person="nobody"), "no_such_person"),
        (PairRevoke(id=ulid(1), time_ms=1, person="bob", channel="matrix", sender="1"), "no_such_person"),
        (TaskCancel(id=ulid(1), time_ms=1, task=ulid(99)), "no_such_task"),
        (TaskRetry(id=ulid(1), time_ms=1, task=ulid(99)), "no_such_task"),
        (TaskRetry(id=ulid(1), time_ms=1, task=ulid(7)), "task_refused"),
    ],
)
async def test_every_refusal_is_an_answer_in_both_languages_and_stays_one(
    device: Device, command: Command, code: str
) -> None:
    await device.task(ulid(7))
    done = await device.do(command)
    assert done.code == code
    assert done.en
    assert any("\u4e00" <= character <= "\u9fff" for character in done.zh)
    assert await device.do(command) == done
    assert not device.doors.effects


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"\xff", b'{"id":"x"}', encode(TaskCancel(id="x", time_ms=1, task=""))]
)
async def test_what_cannot_be_read_is_refused(device: Device, raw: bytes) -> None:
    with pytest.raises(BadMessage):
        await device.control.command(Leaf.TASK_CANCEL, raw)


def commands() -> Iterator[Command]:
    yield approve()
    yield PairRefuse(id=ulid(1), time_ms=1, request=REQUEST.id)
    yield PairRevoke(id=ulid(1), time_ms=1, person="bob")
    yield PairRevoke(id=ulid(1), time_ms=1, person="bob", channel="telegram", sender="1")
    yield TaskCancel(id=ulid(1), time_ms=1, task=ulid(7))
    yield TaskRetry(id=ulid(1), time_ms=1, task=ulid(8))


async def with_tasks() -> Device:
    """Return a device where task 7 waits to be run and task 8 has failed."""
    device = Device()
    await device.born()
    await device.task(ulid(8))
    (claimed,) = await device.engine.claim(["k"], 1, 1000, 2)
    await device.engine.fail(claimed.id, claimed.epoch, Failure("broken", "It broke.", "坏了。", final=True), 3)
    await device.task(ulid(7))
    device.moves.clear()
    return device


def facts_of(done: CommandDone) -> tuple[str, str, str, str | None]:
    return done.code, done.en, done.zh, done.task


@pytest.mark.parametrize("command", list(commands()), ids=lambda command: type(command).__name__)
async def test_a_command_that_comes_twice_is_carried_out_once_and_answered_alike(command: Command) -> None:
    device = await with_tasks()
    first = await device.control.command(LEAVES[type(command)], encode(command))
    once = dict(device.doors.effects), list(device.moves)
    assert once != ({}, [])
    await device.born()
    assert await device.control.command(LEAVES[type(command)], encode(command)) == first
    assert (dict(device.doors.effects), device.moves) == once


@pytest.mark.parametrize("command", list(commands()), ids=lambda command: type(command).__name__)
async def test_a_cut_at_any_statement_leaves_one_effect_and_one_answer(command: Command) -> None:
    clean = await with_tasks()
    wanted = facts_of(await clean.do(command))
    cuts = 0
    for statement in count(1):
        device = await with_tasks()
        device.cut_at(statement)
        done = await device.do(command)
        if device.is_whole:
            assert facts_of(done) == wanted
            break
        cuts += 1
        assert done.code == "failed"
        await device.born()
        assert facts_of(await device.do(command)) == wanted
        assert device.doors.effects == clean.doors.effects
        assert (await device.engine.get(TaskId(ulid(7)))).state == (await clean.engine.get(TaskId(ulid(7)))).state
        assert (await device.engine.get(TaskId(ulid(8)))).state == (await clean.engine.get(TaskId(ulid(8)))).state
    assert cuts >= 4


@pytest.mark.parametrize("when", ["dies_before", "dies_after"])
@pytest.mark.parametrize("command", list(commands())[:4], ids=lambda command: type(command).__name__)
async def test_a_death_just_before_or_after_the_effect_leaves_one_effect(command: Command, when: str) -> None:
    clean = await with_tasks()
    wanted = facts_of(await clean.do(command))
    device = await with_tasks()
    setattr(device.doors, when, True)
    assert (await device.do(command)).code == "failed"
    await device.born()
    assert facts_of(await device.do(command)) == wanted
    assert device.doors.effects == clean.doors.effects
    assert sum(device.doors.effects.values()) == 1


async def test_a_browser_that_came_in_before_the_repeat_was_let_in(
    device: Device,
) -> None:
    device.doors.dies_after = True
    assert (await device.do(approve())).code == "failed"
    device.doors.decided.clear()
    await device.born()
    done = await device.do(approve())
    assert (done.code, device.doors.effects) == ("ok", {"approve as user": 1})


async def test_a_task_that_failed_again_since_it_was_retried_is_not_retried_for_the_same_command() -> None:
    device = await with_tasks()
    command = TaskRetry(id=ulid(1), time_ms=1, task=ulid(8))
    retry = device.engine.retry

    async def retry_and_die(task: TaskId, now_ms: int) -> object:
        await retry(task, now_ms)
        raise Cut

    device.engine.retry = retry_and_die  # type: ignore[method-assign,assignment]
    await device.do(command)
    claimed = next(task for task in await device.engine.claim(["k"], 9, 1000, 20_000) if task.id == ulid(8))
    await device.engine.fail(claimed.id, claimed.epoch, Failure("broken", "", "", final=True), 20_001)
    device.engine.retry = retry  # type: ignore[method-assign]
    await device.born()
    done = await device.do(command)
    assert (done.code, done.task) == ("ok", "failed")
    assert (await device.engine.get(TaskId(ulid(8)))).state == "failed"


async def test_a_full_disk_is_said_and_forgotten(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object, **__: object) -> None:
        raise DatabaseFailed("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(device.store, "write", full)
        done = await device.do(approve())
    assert done.code == "database_failed"
    assert "free some space" in done.en
    assert (await device.do(approve())).code == "ok"


async def test_commands_are_remembered_up_to_a_limit(device: Device) -> None:
    for number in range(KEPT + 20):
        await device.do(PairRefuse(id=ulid(5000 + number), time_ms=1, request=ulid(99)))
    rows = device.store.connection.execute("SELECT id FROM command_done ORDER BY rowid").fetchall()
    assert len(rows) == KEPT
    assert rows[-1] == (ulid(5000 + KEPT + 19),)


def desired(version: int, results: Results | None) -> bytes:
    return encode(Desired(id=ulid(version), time_ms=1, version=version, results=results))


async def test_the_devices_own_setting_holds_until_the_operator_sets_another(device: Device) -> None:
    control = await device.born("summary")
    assert (control.results, control.desired_version) == ("summary", 0)
    await control.desired(desired(1, "none"))
    assert (control.results, control.desired_version, device.changes) == ("none", 1, 1)
    await control.desired(desired(2, None))
    assert (control.results, control.desired_version, device.changes) == ("summary", 2, 2)


async def test_a_desired_shadow_is_followed_over_a_restart(device: Device) -> None:
    await device.control.desired(desired(7, "none"))
    again = await device.born("full")
    assert (again.results, again.desired_version) == ("none", 7)


@pytest.mark.parametrize(
    "payload",
    [
        desired(6, "full"),
        desired(7, "full"),
        b"",
        b"{",
        b"[]",
        b"\xff" * 10,
        encode(Desired(id="x", time_ms=1, version=9)),
    ],
    ids=["older", "the same version", "cleared", "cut", "a list", "noise", "no id"],
)
async def test_what_is_no_later_desired_shadow_changes_nothing(device: Device, payload: bytes) -> None:
    await device.control.desired(desired(7, "none"))
    await device.control.desired(payload)
    assert (device.control.results, device.control.desired_version, device.changes) == ("none", 7, 1)


async def test_a_desired_shadow_that_cannot_be_kept_is_not_followed(device: Device) -> None:
    device.store.fail_at = 1
    with pytest.raises(Cut):
        await device.control.desired(desired(7, "none"))
    assert (device.control.results, device.control.desired_version, device.changes) == ("full", 0, 0)
