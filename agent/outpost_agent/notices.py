"""What the owner is told unasked: that the device was off, or a channel was not reached, for how long and why.

Each start of the daemon is a life, a row that is kept fresh while it lasts; what lies between the last sign of one life
and the start of the next is a gap. The owner hears of a gap once, in one chat, in the transaction that marks the life
as told. A life that ends before it has told leaves its gap to the next one.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from outpost_agent import replies
from outpost_agent.conversation import Reply, doubtful, last_heard, reply
from outpost_agent.markdown import escape
from outpost_agent.people import OWNER, Home, People
from outpost_agent.people.rows import WEB
from outpost_agent.people.who import OWNER_CHAT
from outpost_agent.tasks.chains import OPEN, heads
from outpost_disk import Database, DatabaseFailed
from outpost_sdk.handler import Language
from outpost_sdk.tasks import TaskEngine

log = logging.getLogger(__name__)

LIVES_SCHEMA = """
CREATE TABLE life (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    machine TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    alive_ms INTEGER NOT NULL,
    ended TEXT NOT NULL DEFAULT '' CHECK (ended IN ('', 'stopped')),
    told INTEGER NOT NULL DEFAULT 0
) STRICT;
"""

HEARTBEAT_S = 10.0
ABSURD_MS = 366 * 86_400_000
LIVES_KEPT = 1_000
TASKS_LISTED = 1_000
TITLES = 3

Why = Literal["stopped", "shut_down", "machine", "program", ""]


@dataclass(frozen=True, slots=True)
class Life:
    """A time in which the daemon ran; `machine` names the time since the machine's own start, "" when not known."""

    machine: str
    started_ms: int
    alive_ms: int
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Outage:
    """The device was off, for an unknown time where `off_ms` is None; `why` is "" when it is not known."""

    off_ms: int | None
    why: Why


@dataclass(frozen=True, slots=True)
class Resumed:
    """What was found at the start: how many pieces of work were open, what some are called, answers in doubt."""

    tasks: int
    titles: tuple[str, ...]
    doubtful: int


def outage_of(lives: Sequence[Life], least_ms: int) -> Outage | None:
    """Return the outage between `lives`, the oldest first, when it was longer than `least_ms`.

    Where a gap is negative or longer than a year the clock was set, so nobody knows how long it was; one that is
    negative by no more than `least_ms` is a clock that was put right.
    """
    gaps = [(after.started_ms - before.alive_ms, _why(before, after)) for before, after in itertools.pairwise(lives)]
    unknown = next((why for gap_ms, why in gaps if not -least_ms <= gap_ms <= ABSURD_MS), None)
    if unknown is not None:
        return Outage(None, unknown)
    off_ms = sum(max(gap_ms, 0) for gap_ms, _ in gaps)
    return Outage(off_ms, max(gaps)[1]) if off_ms > least_ms else None


def outage_text(outage: Outage, resumed: Resumed, language: Language) -> replies.Said:
    """Say how long the device was off, why, what goes on and whether anything is in doubt."""
    return replies.say(_JOINED[language].join(_sentences(outage, resumed, language)))


def channel_text(kind: str, name: str, off_ms: int, why: str, language: Language) -> replies.Said:
    """Say how long a channel was not reached, why, and that it goes on."""
    title = kind.capitalize() if name == kind else f"{kind.capitalize()} ({name})"
    length = duration(off_ms, language)
    if language == "zh":
        said = [f"**{escape(title)} 有 {length}无法连接，现已恢复。**", f"原因：{escape(why)}" if why else ""]
        said.append("期间发来的消息现在会被读取，等待中的回复正在发送。")
    else:
        said = [f"**{escape(title)} was not reached for {length} and is back.**", f"Why: {escape(why)}" if why else ""]
        said.append("What was written there meanwhile is read now, and answers that waited are on their way.")
    return replies.say(_JOINED[language].join(sentence for sentence in said if sentence))


def duration(milliseconds: int, language: Language) -> str:
    """Return a length of time in its two largest units."""
    seconds = max(milliseconds, 0) // 1000
    amounts = (seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60, seconds % 60)
    units = {"en": (" d", " h", " min", " s"), "zh": (" 天", " 小时", " 分钟", " 秒")}[language]
    first = next((index for index, amount in enumerate(amounts) if amount), len(amounts) - 1)
    pairs = list(zip(amounts, units, strict=True))[first : first + 2]
    return " ".join(f"{amount}{unit}" for index, (amount, unit) in enumerate(pairs) if amount or index == 0)


def machine_boot(path: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """Return what names the time since the machine was started, "" where the system does not say."""
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


class Notices:
    """Keeps the life of this start and tells the owner of outages longer than `outage_s`.

    `machine` names the time since the machine's own start (`machine_boot`), `said(channel, chat)` hears that something
    was said there, and `has_channel(name)` says whether something can be said on a channel.
    """

    def __init__(
        self,
        database: Database,
        people: People,
        engine: TaskEngine,
        *,
        outage_s: float,
        machine: str,
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
        said: Callable[[str, str], None],
        has_channel: Callable[[str], bool] = lambda _: True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._people = people
        self._engine = engine
        self._outage_ms = int(outage_s * 1000)
        self._machine = machine
        self._new_id = new_id
        self._clock_ms = clock_ms
        self._said = said
        self._has_channel = has_channel
        self._sleep = sleep
        self._life: int | None = None
        self._outage: Outage | None = None
        self._found = Resumed(0, (), 0)

    async def begin(self) -> None:
        """Begin a life, and see how the one before ended; to be called before anything is taken up or sent."""
        now_ms = self._clock_ms()

        def begin(connection: sqlite3.Connection) -> tuple[int, list[Life], int]:
            life = _begin(connection, self._machine, now_ms)
            return life, _untold(connection), doubtful(connection)

        try:
            self._life, lives, in_doubt = await self._database.write(begin)
            self._outage = outage_of(lives, self._outage_ms)
            if self._outage:
                self._found = await self._look_round(in_doubt)
        except DatabaseFailed as error:
            log.error("this start is not noted", extra={"reason": str(error)})

    async def told(self) -> None:
        """Tell the owner of the outage before this life, if there was one; to be called after work was taken up."""
        if self._life is None:
            return
        home = await self._home() if self._outage and self._people.is_owned else None
        life, now_ms = self._life, self._clock_ms()
        notice = None
        if self._outage and home:
            notice = self._notice(home, outage_text(self._outage, self._found, home.language))
            log.info("outage", extra={"off_ms": self._outage.off_ms, "why": self._outage.why})

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE life SET told = 1 WHERE id = ?", (life,))
            if notice:
                reply(connection, notice, now_ms)

        try:
            await self._database.write(write)
        except DatabaseFailed as error:
            log.error("the outage is told at the next start", extra={"reason": str(error)})
            return
        self._outage = None
        if notice:
            self._said(notice.channel, notice.chat)

    async def run(self) -> None:
        """Give a sign of life until cancelled."""
        while True:
            await self._sleep(HEARTBEAT_S)
            try:
                await self._alive("", durable=False)
            except DatabaseFailed as error:
                log.warning("no sign of life", extra={"reason": str(error)})

    async def stopped(self) -> None:
        """Note that the daemon was told to stop."""
        try:
            await self._alive("stopped", durable=True)
        except DatabaseFailed as error:
            log.warning("the stop is not noted", extra={"reason": str(error)})

    async def channel_back(self, name: str, kind: str, off_ms: int, why_en: str, why_zh: str) -> None:
        """Tell the owner that a channel was not reached for longer than they care for, there if they talk there."""
        if off_ms <= self._outage_ms or not self._people.is_owned:
            return
        home = await self._home(name)
        why = why_zh if home.language == "zh" else why_en
        notice = self._notice(home, channel_text(kind, name, off_ms, why, home.language))
        now_ms = self._clock_ms()
        await self._database.write(lambda connection: reply(connection, notice, now_ms))
        self._said(notice.channel, notice.chat)

    async def _home(self, channel: str | None = None) -> Home:
        """Return the private chat in which the owner spoke last, one of `channel` where there is one."""
        homes = [home for home in self._people.homes(OWNER) if self._has_channel(home.channel)]
        homes = [home for home in homes if home.channel == channel] or homes or [Home(WEB, OWNER_CHAT, "en")]

        def newest(connection: sqlite3.Connection) -> Home:
            return max(homes, key=lambda home: last_heard(connection, home.channel, home.chat))

        return await self._database.read(newest)

    async def _look_round(self, in_doubt: int) -> Resumed:
        """Return what a previous life left, before any of it has gone on."""
        work = heads(await self._engine.list(states=OPEN, limit=TASKS_LISTED))
        titles = tuple(task.spec.title or task.spec.kind for task in work[::-1][:TITLES])
        return Resumed(len(work), titles, in_doubt)

    def _notice(self, home: Home, said: replies.Said) -> Reply:
        return Reply(
            id=self._new_id(),
            channel=home.channel,
            chat=home.chat,
            person=OWNER,
            text=said.text,
            document=said.document,
        )

    async def _alive(self, ended: str, *, durable: bool) -> None:
        if self._life is None:
            return
        values = (self._clock_ms(), ended, self._life)
        await self._database.write(
            lambda connection: connection.execute("UPDATE life SET alive_ms = ?, ended = ? WHERE id = ?", values),
            durable=durable,
        )


def _begin(connection: sqlite3.Connection, machine: str, now_ms: int) -> int:
    (life,) = connection.execute(
        "INSERT INTO life (machine, started_ms, alive_ms) VALUES (?, ?, ?) RETURNING id", (machine, now_ms, now_ms)
    ).fetchone()
    connection.execute("DELETE FROM life WHERE id <= ? AND told = 1", (life - LIVES_KEPT,))
    return int(life)


def _untold(connection: sqlite3.Connection) -> list[Life]:
    """Return the lives since the last one that told, that one first."""
    rows = connection.execute(
        "SELECT machine, started_ms, alive_ms, ended FROM life"
        " WHERE id >= (SELECT coalesce(max(id), 0) FROM life WHERE told = 1) ORDER BY id"
    )
    return [Life(*row) for row in rows]


def _why(before: Life, after: Life) -> Why:
    is_same_machine = before.machine == after.machine
    if before.ended:
        return "stopped" if is_same_machine else "shut_down"
    if not before.machine or not after.machine:
        return ""
    return "program" if is_same_machine else "machine"


_JOINED: dict[Language, str] = {"en": " ", "zh": ""}
_WHY: dict[Language, dict[Why, str]] = {
    "en": {
        "stopped": "It had been stopped in order.",
        "shut_down": "It had been stopped in order, and the machine was started again.",
        "machine": "The machine was started again without warning: a power cut or a reset.",
        "program": "The program had ended without warning while the machine was on.",
        "": "",
    },
    "zh": {
        "stopped": "此前是正常停止的。",
        "shut_down": "此前是正常停止的，随后机器重新启动。",
        "machine": "机器在没有预告的情况下重新启动：可能是断电或复位。",
        "program": "机器一直开着，但程序意外结束了。",
        "": "",
    },
}


def _sentences(outage: Outage, resumed: Resumed, language: Language) -> list[str]:
    if language == "zh":
        length = "未知时长" if outage.off_ms is None else f" {duration(outage.off_ms, language)}"
        said = [f"**设备曾离线{length}，现已恢复。**"]
    else:
        length = "an unknown time" if outage.off_ms is None else duration(outage.off_ms, language)
        said = [f"**This device was off for {length} and is back.**"]
    said += [_WHY[language][outage.why], _work(resumed, language), _doubt(resumed.doubtful, language)]
    return [sentence for sentence in said if sentence]


def _work(resumed: Resumed, language: Language) -> str:
    if not resumed.tasks:
        return "当时没有未完成的任务。" if language == "zh" else "No task was open."
    is_cut = resumed.tasks > len(resumed.titles)
    if language == "zh":
        titles = "、".join(escape(title) for title in resumed.titles) + ("等" if is_cut else "")
        return f"{resumed.tasks} 个未完成的任务继续进行：{titles}。"
    titles = ", ".join(escape(title) for title in resumed.titles) + (" and others" if is_cut else "")
    return f"{resumed.tasks} open task{'s go' if resumed.tasks > 1 else ' goes'} on: {titles}."


def _doubt(count: int, language: Language) -> str:
    if not count:
        return "没有丢失任何内容。" if language == "zh" else "Nothing was lost."
    if language == "zh":
        return f"有 {count} 条回复可能没有送达：所在聊天的下一条回复会提供重发。除此之外没有丢失任何内容。"
    if count == 1:
        return "One answer may not have arrived: the next answer in its chat offers it again. Nothing else was lost."
    return (
        f"{count} answers may not have arrived: the next ones in their chats offer them again. Nothing else was lost."
    )
