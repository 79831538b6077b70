"""What the owner is told unasked: the rule as a function, and the lives of a device on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.conversation import (
    CONVERSATION_2_SCHEMA,
    CONVERSATION_SCHEMA,
    Receive,
    Reply,
    Stored,
    page_after,
    receive,
    reply,
)
from outpost_agent.ledger import Ledger
from outpost_agent.notices import (
    ABSURD_MS,
    LIVES_SCHEMA,
    Life,
    Notices,
    Outage,
    Resumed,
    channel_text,
    duration,
    machine_boot,
    outage_of,
    outage_text,
)
from outpost_agent.people import Home, People
from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_disk import Database, DatabaseFailed, open_database
from outpost_sdk.channel import Incoming
from outpost_sdk.handler import Language
from outpost_sdk.tasks import TaskSpec
from outpost_wire.document import Document
from outpost_wire.ids import TaskId

SCHEMA = (CONVERSATION_SCHEMA, TASK_SCHEMA, CONVERSATION_2_SCHEMA, LIVES_SCHEMA)
MINUTE = 60_000
HOUR = 60 * MINUTE
WEB = Home("web", "main", "en")
PHONE = Home("phone", "c7", "zh")


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (Life("m", 0, 100), Life("m", 100 + MINUTE, 0), None),
        (Life("m", 0, 100), Life("m", 101 + MINUTE, 0), Outage(MINUTE + 1, "program")),
        (Life("m", 0, 100), Life("n", 100 + HOUR, 0), Outage(HOUR, "machine")),
        (Life("m", 0, 100, "stopped"), Life("m", 100 + HOUR, 0), Outage(HOUR, "stopped")),
        (Life("m", 0, 100, "stopped"), Life("n", 100 + HOUR, 0), Outage(HOUR, "shut_down")),
        (Life("", 0, 100), Life("", 100 + HOUR, 0), Outage(HOUR, "")),
        (Life("m", 0, HOUR), Life("m", HOUR - 30_000, 0), None),
        (Life("m", 0, HOUR), Life("n", 0, 0), Outage(None, "machine")),
        (Life("m", 0, 100), Life("n", 101 + ABSURD_MS, 0), Outage(None, "machine")),
    ],
)
def test_an_outage_is_the_gap_between_two_lives(before: Life, after: Life, wanted: Outage | None) -> None:
    assert outage_of([before, after], MINUTE) == wanted


def test_the_first_life_follows_no_outage() -> None:
    assert outage_of([Life("m", 0, 0)], 0) is None


def test_gaps_that_were_not_told_add_up_and_the_longest_says_why() -> None:
    lives = [Life("m", 0, 0), Life("n", HOUR, HOUR), Life("n", HOUR + 5_000, 0)]
    assert outage_of(lives, MINUTE) == Outage(HOUR + 5_000, "machine")


@given(st.lists(st.tuples(st.integers(-(2**50), 2**50), st.integers(-(2**50), 2**50)), min_size=1, max_size=5))
def test_whatever_the_clock_did_a_length_that_is_said_is_a_sane_one(times: list[tuple[int, int]]) -> None:
    outage = outage_of([Life("m", started, alive) for started, alive in times], MINUTE)
    assert outage is None or outage.off_ms is None or MINUTE < outage.off_ms <= ABSURD_MS * len(times)


@pytest.mark.parametrize(
    ("milliseconds", "en", "zh"),
    [
        (-5, "0 s", "0 秒"),
        (59_999, "59 s", "59 秒"),
        (90_000, "1 min 30 s", "1 分钟 30 秒"),
        (2 * HOUR, "2 h", "2 小时"),
        (2 * HOUR + 5 * MINUTE + 7_000, "2 h 5 min", "2 小时 5 分钟"),
        (51 * HOUR, "2 d 3 h", "2 天 3 小时"),
        (48 * HOUR + MINUTE, "2 d", "2 天"),
    ],
)
def test_a_length_of_time_has_at_most_two_units(milliseconds: int, en: str, zh: str) -> None:
    assert (duration(milliseconds, "en"), duration(milliseconds, "zh")) == (en, zh)


def test_the_notice_says_how_long_why_what_goes_on_and_that_nothing_was_lost() -> None:
    said = outage_text(Outage(2 * HOUR, "machine"), Resumed(4, ("A", "B", "C"), 0), "en").text
    assert said == (
        "**This device was off for 2 h and is back.** The machine was started again without warning: a power cut or a"
        " reset. 4 open tasks go on: A, B, C and others. Nothing was lost."
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_in_doubt_is_counted_and_nothing_is_said_to_be_whole(language: Language) -> None:
    said = outage_text(Outage(None, ""), Resumed(0, (), 3), language).text
    assert "3" in said
    assert {"en": "Nothing was lost", "zh": "没有丢失任何内容。 "}[language] not in said
    assert {"en": "an unknown time", "zh": "未知时长"}[language] in said


def test_a_title_is_shown_as_it_is() -> None:
    said = outage_text(Outage(HOUR, ""), Resumed(1, ("*a* [b](http://c)",), 0), "en")
    assert "*a* [b](http://c)" in repr(said.document)


def test_a_channel_that_is_back_says_so_with_the_reason_in_the_owners_language() -> None:
    assert "telegram (bot)" in channel_text("telegram", "bot", HOUR, "No network.", "en").text.lower()
    assert "1 小时" in channel_text("telegram", "telegram", HOUR, "没有网络。", "zh").text


def test_a_system_without_a_boot_id_gives_none(tmp_path: Path) -> None:
    (tmp_path / "boot_id").write_text("0a-1b\n")
    assert machine_boot(tmp_path / "boot_id") == "0a-1b"
    assert machine_boot(tmp_path / "absent") == ""


@dataclass
class Owner:
    """Stands in for `People`: the owner's chats."""

    chats: tuple[Home, ...] = (WEB, PHONE)
    is_owned: bool = True

    def homes(self, person: str) -> tuple[Home, ...]:
        return self.chats if person == "owner" else ()


@dataclass
class Device:
    """One device over many lives."""

    database: Database
    engine: SqliteEngine
    owner: Owner = field(default_factory=Owner)
    now_ms: int = 1_000_000
    machine: str = "boot 1"
    said: list[tuple[str, str]] = field(default_factory=list)
    channels: set[str] = field(default_factory=lambda: {"web", "phone"})
    _ids: int = 0

    def new_id(self) -> str:
        self._ids += 1
        return f"id{self._ids}"

    def notices(self) -> Notices:
        return Notices(
            self.database,
            cast("People", self.owner),
            self.engine,
            outage_s=60,
            machine=self.machine,
            new_id=self.new_id,
            clock_ms=lambda: self.now_ms,
            said=lambda channel, chat: self.said.append((channel, chat)),
            has_channel=lambda name: name in self.channels,
        )

    async def start(self, after_ms: int = 0) -> Notices:
        """Start the daemon `after_ms` after the last thing that happened."""
        self.now_ms += after_ms
        notices = self.notices()
        await notices.begin()
        await notices.told()
        return notices

    async def hear(self, home: Home) -> None:
        """Let the owner write something in a chat."""
        incoming = Incoming(channel=home.channel, platform_id=self.new_id(), chat=home.chat, sender="o", text="hi")
        received = Receive(message_id=self.new_id(), task_id=None, incoming=incoming)
        await self.database.write(lambda connection: receive(connection, received, self.now_ms))

    async def told(self, home: Home = WEB) -> list[Stored]:
        """Return what the owner was told in a chat."""
        page = await self.database.read(lambda connection: page_after(connection, home.channel, home.chat, 0, 100))
        return [message for message in page if message.direction == "out"]

    async def work(self, title: str) -> None:
        """Put a chain of two tasks."""
        first, second = TaskId(self.new_id()), TaskId(self.new_id())
        specs = [
            TaskSpec(id=first, kind="k", principal="owner", title=title),
            TaskSpec(id=second, kind="k", principal="owner", title=title, parents=(first,)),
        ]
        await self.engine.put(specs, self.now_ms)


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[Device]:
    async with open_database(tmp_path / "d.sqlite", SCHEMA) as database:
        ledger = Ledger(new_id=lambda: "x", poke=lambda *_: None, tells_manager=False)
        yield Device(database, SqliteEngine(database, apply=ledger.apply, changed=ledger.changed))


async def test_the_first_start_says_nothing(device: Device) -> None:
    await device.start()
    assert await device.told() == []


async def test_an_outage_is_told_once(device: Device) -> None:
    await device.start()
    await device.start(2 * HOUR)
    await device.start(1_000)
    (notice,) = await device.told()
    assert "2 h" in notice.text
    assert notice.state == "queued"
    assert notice.person == "owner"
    assert device.said == [("web", "main")]


async def test_a_short_outage_is_not_told(device: Device) -> None:
    await device.start()
    await device.start(MINUTE)
    assert await device.told() == []


async def test_a_sign_of_life_shortens_what_counts_as_off(device: Device) -> None:
    notices = await device.start()
    device.now_ms += 5 * HOUR
    await notices.stopped()
    await device.start(2 * MINUTE)
    (notice,) = await device.told()
    assert "2 min" in notice.text
    assert "stopped in order" in notice.text


async def test_signs_of_life_are_given_again_and_again_and_cost_no_sync(device: Device) -> None:
    notices = await device.start()
    beats = 0

    async def sleep(seconds: float) -> None:
        nonlocal beats
        beats += 1
        device.now_ms += int(seconds * 1000)
        if beats > 3:
            raise KeyboardInterrupt

    notices._sleep = sleep
    with pytest.raises(KeyboardInterrupt):
        await notices.run()
    life = await device.database.read(
        lambda connection: connection.execute("SELECT started_ms, alive_ms FROM life").fetchone()
    )
    assert life == (1_000_000, 1_030_000)


@pytest.mark.parametrize(("machine", "said"), [("boot 1", "program had ended"), ("boot 2", "power cut")])
async def test_the_notice_says_what_ended_the_life_before(device: Device, machine: str, said: str) -> None:
    await device.start()
    device.machine = machine
    await device.start(HOUR)
    (notice,) = await device.told()
    assert said in notice.text


async def test_a_clock_that_was_set_back_makes_the_time_unknown(device: Device) -> None:
    await device.start()
    device.machine = "boot 2"
    await device.start(-HOUR)
    (notice,) = await device.told()
    assert "an unknown time" in notice.text


async def test_a_life_that_ended_before_it_told_leaves_that_to_the_next(device: Device) -> None:
    await device.start()
    device.now_ms += 2 * HOUR
    device.machine = "boot 2"
    await device.notices().begin()
    await device.start(5_000)
    (notice,) = await device.told()
    assert "2 h" in notice.text
    assert "power cut" in notice.text


async def test_it_is_said_where_the_owner_spoke_last_in_the_language_of_that_chat(device: Device) -> None:
    await device.hear(WEB)
    await device.hear(PHONE)
    await device.start()
    await device.start(HOUR)
    assert await device.told(WEB) == []
    (notice,) = await device.told(PHONE)
    assert "离线 1 小时" in notice.text


async def test_a_chat_on_a_channel_that_is_gone_is_passed_over(device: Device) -> None:
    await device.hear(PHONE)
    device.channels.remove("phone")
    await device.start()
    await device.start(HOUR)
    assert len(await device.told(WEB)) == 1


async def test_a_device_that_nobody_owns_says_nothing_then_or_later(device: Device) -> None:
    device.owner.is_owned = False
    await device.start()
    await device.start(HOUR)
    device.owner.is_owned = True
    await device.start(1_000)
    assert await device.told() == []


async def test_open_work_is_counted_by_its_chains(device: Device) -> None:
    for title in ("first", "second"):
        await device.work(title)
    await device.start()
    await device.start(HOUR)
    (notice,) = await device.told()
    assert "2 open tasks go on: first, second." in notice.text
    assert "Nothing was lost." in notice.text


async def test_answers_that_may_not_have_arrived_are_counted(device: Device) -> None:
    for number, state in enumerate(("sending", "unknown", "queued", "delivered", "refused", "replaced")):
        answer = Reply(
            id=f"a{number}",
            channel="phone",
            chat="c7",
            text="x",
            document=Document(),
            state=state,  # type: ignore[arg-type]
        )
        await device.database.write(lambda connection, answer=answer: reply(connection, answer, 1))  # type: ignore[misc]
    await device.start()
    await device.start(HOUR)
    (notice,) = await device.told()
    assert "2 answers may not have arrived" in notice.text


async def test_a_disk_that_refuses_keeps_nobody_from_starting(device: Device) -> None:
    notices = device.notices()
    await device.database.close()
    with pytest.raises(DatabaseFailed):
        await device.database.read(lambda connection: None)
    await notices.begin()
    await notices.told()
    await notices.stopped()
    assert device.said == []


async def test_a_channel_that_was_away_too_long_is_told_in_that_channel(device: Device) -> None:
    notices = await device.start()
    await device.hear(WEB)
    await notices.channel_back("phone", "telegram", MINUTE, "Why.", "原因。")
    assert await device.told(PHONE) == []
    await notices.channel_back("phone", "telegram", 2 * HOUR, "Why.", "没有网络。")
    (notice,) = await device.told(PHONE)
    assert "没有网络。" in notice.text
    assert device.said == [("phone", "c7")]


async def test_a_channel_without_the_owner_is_told_where_they_spoke_last(device: Device) -> None:
    device.owner.chats = (WEB,)
    notices = await device.start()
    await notices.channel_back("phone", "telegram", 2 * HOUR, "No network.", "没有网络。")
    (notice,) = await device.told(WEB)
    assert "No network." in notice.text
