"""Shows in a chat that the device is at work there: typing at once, after a moment how far the work is.

It is only a courtesy: what fails is passed over, and nothing depends on it. One message of progress is changed as the
work goes on and taken away when it has ended. By what it is shown is on the disk, so that one which a stopped device
left behind is taken up or taken away at the next start.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from outpost_agent.egress import Egress
from outpost_agent.outbound.rows import note_progress, progress_shown
from outpost_agent.rendering import render
from outpost_agent.tasks.chains import OPEN, OPEN_LIMIT, heads
from outpost_disk import Database
from outpost_sdk.channel import Caps, SendLater, SendRefused, ShowsWork
from outpost_sdk.handler import Language
from outpost_sdk.tasks import Task, TaskEngine
from outpost_wire.document import Break, Document, Inline, Paragraph, Text
from outpost_wire.egress import Departure

log = logging.getLogger(__name__)

CHATS_AT_ONCE = 16
TYPING_EVERY_S = 4.0
PROGRESS_AFTER_S = 2.0
LOOK_S = 1.0
CALL_DEADLINE_S = 15.0
TRIES_TO_END = 5

_STEPS: dict[str, dict[Language, str]] = {
    "log.standardise": {"en": "Reading …", "zh": "正在读取……"},
    "log.analyse": {"en": "Analysing …", "zh": "正在分析……"},
    "log.report": {"en": "Writing the report …", "zh": "正在撰写报告……"},
}
_WORKING: dict[Language, str] = {"en": "Working …", "zh": "正在处理……"}
_QUEUED: dict[Language, str] = {"en": "Waiting for its turn …", "zh": "正在排队……"}
_MORE: dict[Language, str] = {"en": "{} more to do after it.", "zh": "之后还有 {} 项。"}


@dataclass(slots=True)
class _Shown:
    """What a chat sees of the work in it; times are those of the clock in seconds."""

    since_s: float
    as_: str | None = None
    text: str = ""
    typed_s: float = -math.inf
    changed_s: float = -math.inf
    quiet_until_s: float = -math.inf
    gave_up: bool = False


class Courtesy:
    """Accompanies the work in up to CHATS_AT_ONCE chats of one channel; the work in others goes on unshown."""

    def __init__(
        self,
        channel: ShowsWork,
        name: str,
        caps: Caps,
        *,
        database: Database,
        engine: TaskEngine,
        egress: Egress,
        progress: Callable[[str], float | None],
        clock_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._channel = channel
        self._name = name
        self._caps = caps
        self._database = database
        self._engine = engine
        self._egress = egress
        self._progress = progress
        self._clock_s = clock_s
        self._sleep = sleep
        self._woken = asyncio.Event()
        self._asked: set[str] = set()
        self._accompanied: set[str] = set()

    def at_work(self, chat: str) -> None:
        """Say that work began in a chat, or went on."""
        if chat in self._asked or len(self._asked) >= CHATS_AT_ONCE:
            return
        self._asked.add(chat)
        if chat not in self._accompanied:
            self._woken.set()

    async def run(self) -> None:
        """Show work until cancelled; first what a previous life left shown."""
        self._accompanied.clear()
        left = await self._database.read(lambda connection: progress_shown(connection, self._name))
        async with asyncio.TaskGroup() as group:
            for chat, shown_as in left.items():
                self._accompanied.add(chat)
                group.create_task(self._accompany(chat, shown_as))
            while True:
                for chat in self._asked - self._accompanied:
                    if len(self._accompanied) < CHATS_AT_ONCE:
                        self._accompanied.add(chat)
                        group.create_task(self._accompany(chat))
                self._woken.clear()
                await self._woken.wait()

    async def _accompany(self, chat: str, shown_as: str | None = None) -> None:
        shown = _Shown(self._clock_s(), shown_as)
        try:
            while True:
                self._asked.discard(chat)
                wait_s = await self._look(chat, shown)
                if wait_s is None:
                    break
                await self._sleep(wait_s)
            await self._take_away(chat, shown)
        except Exception:
            log.warning("work is not shown any more", exc_info=True, extra={"channel": self._name})
        finally:
            self._accompanied.discard(chat)
            self._woken.set()

    async def _look(self, chat: str, shown: _Shown) -> float | None:
        """Show how the work stands; return when to look again, None when there is none any more."""
        open_tasks = await self._engine.list(states=OPEN, chat=(self._name, chat), limit=OPEN_LIMIT)
        if not open_tasks:
            return None
        now_s = self._clock_s()
        if now_s >= shown.quiet_until_s and now_s - shown.typed_s >= TYPING_EVERY_S:
            shown.typed_s = now_s
            await self._pass_over(shown, self._type(chat))
        if self._may_change(shown, now_s):
            text = self._text(open_tasks)
            if text != shown.text:
                shown.changed_s = now_s
                await self._show(chat, shown, text)
        return LOOK_S

    def _may_change(self, shown: _Shown, now_s: float) -> bool:
        interval_s = self._caps.edit_interval_s
        if not interval_s or shown.gave_up or now_s < shown.quiet_until_s:
            return False
        return now_s - shown.since_s >= PROGRESS_AFTER_S and now_s - shown.changed_s >= interval_s

    def _text(self, open_tasks: tuple[Task, ...]) -> str:
        """Return how the work stands, in the channel's format."""
        running = [task for task in open_tasks if task.state == "running"]
        task = running[-1] if running else open_tasks[-1]
        language = task.spec.language
        words = _STEPS.get(task.spec.kind, _WORKING)[language] if running else _QUEUED[language]
        done = self._progress(task.id) if running else None
        if done is not None:
            words += f" {min(max(done, 0.0), 1.0):.0%}".replace("%", " %")
        more = len(heads(open_tasks)) - 1
        lines = [task.spec.title, words, _MORE[language].format(more) if more > 0 else ""]
        inlines: list[Inline] = []
        for line in lines:
            if line:
                inlines += [Break(), Text(line)] if inlines else [Text(line)]
        return render(Document((Paragraph(tuple(inlines)),)), self._caps)[0].text

    async def _type(self, chat: str) -> None:
        self._egress.leave(Departure(destination=self._name, kind="progress", bytes=0, chat=chat), None)
        await self._channel.typing(chat)

    async def _show(self, chat: str, shown: _Shown, text: str) -> None:
        size = len(text.encode())
        leaving = self._egress.leave(Departure(destination=self._name, kind="progress", bytes=size, chat=chat), text)
        before, shown_as = shown.as_, None

        async def show() -> None:
            nonlocal shown_as
            shown_as = await self._channel.show_progress(chat, leaving, before)

        error = await self._pass_over(shown, show())
        if error is not None:
            # Whether a first one that broke off is shown, nobody knows: another would make it two.
            shown.gave_up = isinstance(error, SendRefused) or (before is None and not isinstance(error, SendLater))
            return
        shown.text = text
        if shown_as != before:
            shown.as_ = shown_as
            await self._note(chat, shown_as)

    async def _take_away(self, chat: str, shown: _Shown) -> None:
        shown_as = shown.as_
        if shown_as is None:
            return
        for _ in range(TRIES_TO_END):
            shown.quiet_until_s = -math.inf
            self._egress.leave(Departure(destination=self._name, kind="progress", bytes=0, chat=chat), None)
            await self._pass_over(shown, self._channel.end_progress(chat, shown_as))
            wait_s = shown.quiet_until_s - self._clock_s()
            if wait_s <= 0:
                break
            await self._sleep(wait_s)
        await self._note(chat, None)

    async def _note(self, chat: str, shown_as: str | None) -> None:
        await self._database.write(
            lambda connection: note_progress(connection, self._name, chat, shown_as), durable=False
        )

    async def _pass_over(self, shown: _Shown, call: Awaitable[None]) -> Exception | None:
        """Make a call, and return what kept it from being carried out; where patience is asked for, it is had."""
        try:
            async with asyncio.timeout(CALL_DEADLINE_S):
                await call
        except SendLater as error:
            shown.quiet_until_s = self._clock_s() + max(error.after_s, LOOK_S)
            return error
        except Exception as error:
            log.info("courtesy failed", extra={"channel": self._name, "why": type(error).__name__})
            return error
        return None
