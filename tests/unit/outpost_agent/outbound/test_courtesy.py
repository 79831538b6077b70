"""Work is shown while it lasts, on a clock that the test moves; what fails there is passed over."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from msgspec.structs import replace

from outpost_agent.egress import Egress
from outpost_agent.outbound.courtesy import CHATS_AT_ONCE, Courtesy
from outpost_agent.outbound.rows import note_progress, progress_shown
from outpost_sdk.channel import Caps, Delivery, SendLater, SendRefused, SendUnknown
from outpost_sdk.tasks import Task, TaskEngine, TaskSpec
from outpost_wire.egress import Departure
from outpost_wire.ids import TaskId
from tests.support.inline_database import InlineDatabase
from tests.support.outbound_rig import SCHEMA

SPEC = TaskSpec(id=TaskId("t1"), kind="log.standardise", principal="owner", title="Log analysis: a.log")
RUNNING = Task(spec=SPEC, state="running", created_ms=0, updated_ms=0)


@dataclass
class Work:
    """The open work of each chat; `until` says when it ends."""

    open: dict[str, list[Task]] = field(default_factory=dict)
    asked: int = 0

    async def list(self, *, states: Any, chat: tuple[str, str], limit: int) -> tuple[Task, ...]:
        del states, limit
        self.asked += 1
        return tuple(self.open.get(chat[1], ()))


class Showing:
    """A platform that notes what it was asked to show, and when."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.calls: list[tuple[float, str, str]] = []
        self.shown: dict[str, str] = {}
        self.fail: dict[str, list[Exception]] = {}
        self.count = 0

    async def typing(self, chat: str) -> None:
        self._call("typing", chat)

    async def show_progress(self, chat: str, text: str, shown_as: str | None) -> str:
        self._call("change" if shown_as else "show", text)
        self.count += shown_as is None
        name = shown_as or f"p{self.count}"
        self.shown[name] = text
        return name

    async def end_progress(self, chat: str, shown_as: str) -> None:
        self._call("end", shown_as)
        self.shown.pop(shown_as, None)

    def of(self, kind: str) -> list[float]:
        """Return when something was called."""
        return [at for at, what, _ in self.calls if what == kind]

    def _call(self, kind: str, what: str) -> None:
        self.calls.append((self.clock(), kind, what))
        if self.fail.get(kind):
            raise self.fail[kind].pop(0)


@dataclass
class Stage:
    """Courtesy on a clock of its own: a sleep moves it on, and at `events` something happens."""

    interval_s: float = 3.0
    now_s: float = 100.0
    work: Work = field(default_factory=Work)
    departures: list[Departure] = field(default_factory=list)
    events: dict[float, Callable[[], None]] = field(default_factory=dict)
    progress: float | None = 0.4

    def __post_init__(self) -> None:
        self.store = InlineDatabase(SCHEMA)
        self.channel = Showing(lambda: self.now_s - 100.0)
        self.courtesy = self.new()

    def new(self) -> Courtesy:
        """Return it as a new life of the device has it."""
        return Courtesy(
            self.channel,
            "phone",
            Caps(delivery=Delivery.BY_CALL, edit_interval_s=self.interval_s),
            database=self.store.database,
            engine=cast("TaskEngine", self.work),
            egress=Egress(self.departures.append),
            progress=lambda _: self.progress,
            clock_s=lambda: self.now_s,
            sleep=self.sleep,
        )

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        for at in [at for at in self.events if at <= self.now_s - 100.0]:
            self.events.pop(at)()
        await asyncio.sleep(0)

    def ends_after(self, seconds: float, chat: str = "c") -> None:
        """Let the work of a chat end."""
        self.events[seconds] = lambda: self.work.open.__setitem__(chat, [])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it until the context ends and nobody is accompanied any more."""
        running = asyncio.create_task(self.courtesy.run())
        try:
            async with asyncio.timeout(10):
                yield
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                while self.courtesy._accompanied or self.courtesy._asked:
                    await asyncio.sleep(0)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    def noted(self) -> dict[str, str]:
        """Return what the disk says is shown."""
        return progress_shown(self.store.connection, "phone")


async def test_typing_is_shown_at_once_and_every_four_seconds_while_there_is_work() -> None:
    stage = Stage(interval_s=0.0)
    stage.work.open["c"] = [RUNNING]
    stage.ends_after(10.0)
    async with stage.running():
        stage.courtesy.at_work("c")
    assert stage.channel.of("typing") == [0.0, 4.0, 8.0]
    assert stage.channel.shown == {}


async def test_a_chat_in_which_no_work_is_open_sees_nothing() -> None:
    stage = Stage()
    async with stage.running():
        stage.courtesy.at_work("c")
    assert stage.channel.calls == []


async def test_after_two_seconds_progress_is_shown_then_changed_and_taken_away_at_the_end() -> None:
    stage = Stage()
    stage.work.open["c"] = [RUNNING]
    stage.events[4.0] = lambda: setattr(stage, "progress", 0.75)
    stage.ends_after(8.0)
    async with stage.running():
        stage.courtesy.at_work("c")
    shown = [call for call in stage.channel.calls if call[1] != "typing"]
    assert shown == [
        (2.0, "show", "Log analysis: a.log\nReading … 40 %"),
        (5.0, "change", "Log analysis: a.log\nReading … 75 %"),
        (8.0, "end", "p1"),
    ]
    assert stage.channel.shown == {}
    assert stage.noted() == {}


async def test_short_work_shows_no_progress() -> None:
    stage = Stage()
    stage.work.open["c"] = [RUNNING]
    stage.ends_after(2.0)
    async with stage.running():
        stage.courtesy.at_work("c")
    assert [kind for _, kind, _ in stage.channel.calls] == ["typing"]


async def test_changes_keep_the_least_time_between_them() -> None:
    stage = Stage()
    stage.work.open["c"] = [RUNNING]
    for second in range(40):
        stage.events[second + 0.5] = lambda second=second: setattr(stage, "progress", second / 40)  # type: ignore[misc]
    stage.ends_after(40.0)
    async with stage.running():
        stage.courtesy.at_work("c")
    changes = [*stage.channel.of("show"), *stage.channel.of("change")]
    assert len(changes) > 10
    assert min(after - before for before, after in itertools.pairwise(changes)) >= 3.0


@pytest.mark.parametrize(
    ("state", "language", "said"),
    [("running", "zh", "T\n正在读取…… 40 %"), ("ready", "en", "T\nWaiting for its turn …")],
)
async def test_progress_is_said_in_the_language_of_the_task(state: Any, language: Any, said: str) -> None:
    stage = Stage()
    stage.work.open["c"] = [replace(RUNNING, state=state, spec=replace(SPEC, language=language, title="T"))]
    stage.ends_after(4.0)
    async with stage.running():
        stage.courtesy.at_work("c")
    assert [what for _, kind, what in stage.channel.calls if kind == "show"] == [said]


async def test_what_waits_behind_the_work_is_counted_by_chains() -> None:
    stage = Stage()
    parent = replace(RUNNING, spec=SPEC)
    child = replace(RUNNING, state="waiting", spec=replace(SPEC, id=TaskId("t2"), parents=(SPEC.id,)))
    other = replace(RUNNING, state="ready", spec=replace(SPEC, id=TaskId("t3")))
    stage.work.open["c"] = [other, child, parent]
    stage.ends_after(4.0)
    async with stage.running():
        stage.courtesy.at_work("c")
    (said,) = [what for _, kind, what in stage.channel.calls if kind == "show"]
    assert said.endswith("40 %\n1 more to do after it.")


async def test_typing_that_fails_is_passed_over() -> None:
    stage = Stage(interval_s=0.0)
    stage.work.open["c"] = [RUNNING]
    stage.channel.fail["typing"] = [SendUnknown("cut"), RuntimeError("a bug"), SendRefused("no")]
    stage.ends_after(13.0)
    async with stage.running():
        stage.courtesy.at_work("c")
    assert stage.channel.of("typing") == [0.0, 4.0, 8.0, 12.0]


async def test_where_patience_is_asked_for_it_is_had() -> None:
    stage = Stage()
    stage.work.open["c"] = [RUNNING]
    stage.channel.fail["typing"] = [SendLater("slow down", 10.0)]
    stage.ends_after(14.0)
    async with stage.running():
        stage.courtesy.at_work("c")
    assert [(at, kind) for at, kind, _ in stage.channel.calls] == [
        (0.0, "typing"),
        (10.0, "typing"),
        (10.0, "show"),
        (14.0, "end"),
    ]


@pytest.mark.parametrize("error", [SendUnknown("cut"), RuntimeError("a bug")])
async def test_a_first_progress_whose_fate_is_unknown_is_not_followed_by_another(error: Exception) -> None:
    stage = Stage()
    stage.work.open["c"] = [RUNNING]
    stage.channel.fail["show"] = [error]
    stage.ends_after(20.0)
    async with stage.running():
        stage.courtesy.at_work("c")
    assert len(stage.channel.of("show")) == 1


async def test_a_change_that_broke_off_is_made_up_for_by_the_next() -> None:
    stage = Stage()
    stage.work.open["c"] = [RUNNING]
    stage.events[4.0] = lambda: setattr(stage, "progress", 0.75)
    stage.channel.fail["change"] = [SendUnknown("cut")]
    stage.ends_after(10.0)
    async with stage.running():
        stage.courtesy.at_work("c")
    assert stage.channel.of("change") == [5.0, 8.0]
    assert stage.channel.shown == {}


async def test_taking_away_is_tried_again_when_patience_is_asked_for() -> None:
    stage = Stage()
    stage.work.open["c"] = [RUNNING]
    stage.channel.fail["end"] = [SendLater("slow down", 5.0)]
    stage.ends_after(4.0)
    async with stage.running():
        stage.courtesy.at_work("c")
    assert stage.channel.of("end") == [4.0, 9.0]
    assert stage.channel.shown == {}
    assert stage.noted() == {}


async def test_what_a_previous_life_left_shown_is_taken_away() -> None:
    stage = Stage()
    note_progress(stage.store.connection, "phone", "c", "old")
    note_progress(stage.store.connection, "other", "c", "not ours")
    stage.channel.shown["old"] = "Reading … 40 %"
    async with stage.running():
        pass
    assert stage.channel.shown == {}
    assert stage.noted() == {}
    assert progress_shown(stage.store.connection, "other") == {"c": "not ours"}


async def test_what_a_previous_life_left_shown_goes_on_with_the_work() -> None:
    stage = Stage()
    note_progress(stage.store.connection, "phone", "c", "old")
    stage.work.open["c"] = [RUNNING]
    stage.ends_after(4.0)
    async with stage.running():
        pass
    assert [kind for _, kind, _ in stage.channel.calls] == ["typing", "change", "end"]
    assert stage.channel.shown == {}


async def test_a_stop_leaves_on_the_disk_what_is_shown() -> None:
    stage = Stage()
    stage.work.open["c"] = [RUNNING]
    running = asyncio.create_task(stage.courtesy.run())
    stage.courtesy.at_work("c")
    while not stage.channel.shown:
        await asyncio.sleep(0)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert stage.noted() == {"c": "p1"}


async def test_work_that_begins_as_other_work_ends_is_shown_too() -> None:
    stage = Stage(interval_s=0.0)
    stage.work.open["c"] = [RUNNING]
    stage.ends_after(4.0)

    async with stage.running():
        stage.courtesy.at_work("c")
        while stage.courtesy._accompanied or not stage.channel.calls:
            await asyncio.sleep(0)
        stage.work.open["c"] = [RUNNING]
        stage.ends_after(stage.now_s - 100.0 + 4.0)
        stage.courtesy.at_work("c")
    assert stage.channel.of("typing") == [0.0, 4.0]


async def test_the_number_of_chats_that_are_accompanied_is_bounded() -> None:
    stage = Stage(interval_s=0.0)
    chats = [f"c{number}" for number in range(10 * CHATS_AT_ONCE)]
    for chat in chats:
        stage.work.open[chat] = [RUNNING]
    async with stage.running():
        for chat in chats:
            stage.courtesy.at_work(chat)
        while len(stage.channel.of("typing")) < CHATS_AT_ONCE:
            await asyncio.sleep(0)
        assert len(stage.courtesy._accompanied) <= CHATS_AT_ONCE
        assert len(stage.courtesy._asked) <= CHATS_AT_ONCE
        stage.work.open.clear()
    assert len({chat for _, kind, chat in stage.channel.calls if kind == "typing"}) == CHATS_AT_ONCE


async def test_each_thing_that_is_shown_leaves_by_the_one_way_out() -> None:
    stage = Stage()
    stage.work.open["c"] = [RUNNING]
    stage.ends_after(3.0)
    async with stage.running():
        stage.courtesy.at_work("c")
    assert {(item.destination, item.kind, item.chat) for item in stage.departures} == {("phone", "progress", "c")}
    assert len(stage.departures) == len(stage.channel.calls)
