"""Carries messages to one channel, in order within a chat; a chat that waits does not hold up another."""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from outpost_agent.content import ContentFolder
from outpost_agent.conversation import Stored
from outpost_agent.egress import Egress
from outpost_agent.language import language_of
from outpost_agent.outbound import layout
from outpost_agent.outbound.core import Event, Out, step
from outpost_agent.outbound.courtesy import Courtesy
from outpost_agent.outbound.files import is_whole, outgoing_file
from outpost_agent.outbound.layout import Call
from outpost_agent.outbound.rows import (
    chats_to_serve,
    interrupted,
    move,
    next_to_send,
    offer_arrived,
    offers_of,
    platform_id_of,
)
from outpost_agent.rendering import Part
from outpost_disk import Database, DatabaseFailed
from outpost_sdk.channel import Attachment, Channel, Delivery, Outgoing, SendLater, SendRefused, ShowsWork
from outpost_sdk.tasks import TaskEngine
from outpost_wire.egress import Departure

log = logging.getLogger(__name__)
T = TypeVar("T")

CHATS_AT_ONCE = 16
SEND_DEADLINE_S = 60.0
SLOWEST_BYTES_PER_S = 32_000
PATIENCE_S = 300.0
RETRY_DISK_S = 5.0


class _Answer(NamedTuple):
    """What came of a call."""

    event: Event
    reason: str = ""
    wait_s: float = 0.0
    sent_as: str | None = None


class _Begun(NamedTuple):
    """What a call that begins has to know: what it offers again, and the platform's id of what it answers."""

    offers: tuple[int, ...]
    answered: str | None


_NOT_DRAWN = _Answer(Event.DECLINED, "it could not be drawn")


class Outbound:
    """Sends what the database says has to go out on a channel, when `poke` says that there is something.

    `progress(task)` says how much of a running task is done, `address()` where the device's page is.
    """

    def __init__(
        self,
        channel: Channel,
        database: Database,
        *,
        content: ContentFolder,
        egress: Egress,
        engine: TaskEngine,
        progress: Callable[[str], float | None],
        address: Callable[[], str],
        clock_ms: Callable[[], int],
    ) -> None:
        self._channel = channel
        self._database = database
        self._content = content
        self._egress = egress
        self._address = address
        self._clock_ms = clock_ms
        self._poked = asyncio.Event()
        self._busy: set[str] = set()
        self._courtesy = (
            Courtesy(
                channel, channel.id, channel.caps, database=database, engine=engine, egress=egress, progress=progress
            )
            if isinstance(channel, ShowsWork) and channel.caps.delivery is Delivery.BY_CALL
            else None
        )

    def poke(self) -> None:
        """Say that there may be something to send."""
        self._poked.set()

    def at_work(self, chat: str) -> None:
        """Say that work began in a chat or went on; where the platform can show it, it is shown until the work ends."""
        if self._courtesy:
            self._courtesy.at_work(chat)

    async def run(self) -> None:
        """Send until cancelled; what a previous life was in the midst of becomes unknown first."""
        if self._channel.caps.delivery is Delivery.BY_SEQUENCE:
            return
        await self._recover()
        self._busy.clear()
        async with asyncio.TaskGroup() as group:
            if self._courtesy:
                group.create_task(self._courtesy.run())
            while True:
                self._poked.clear()
                for chat in await self._chats():
                    if chat not in self._busy and len(self._busy) < CHATS_AT_ONCE:
                        self._busy.add(chat)
                        group.create_task(self._serve(chat))
                await self._poked.wait()

    async def _recover(self) -> None:
        for message in await self._read(lambda connection: interrupted(connection, self._channel.id)):
            await self._move(message.seq, Out.SENDING, Event.RESTARTED, reason="the device stopped while sending this")
            log.warning("send unknown", extra={"channel": self._channel.id, "seq": message.seq})

    async def _chats(self) -> list[str]:
        limit = 2 * CHATS_AT_ONCE
        return await self._read(lambda connection: chats_to_serve(connection, self._channel.id, limit))

    async def _serve(self, chat: str) -> None:
        try:
            while message := await self._next(chat):
                await self._deliver(message)
        except Exception:
            # The other chats go on; this one is tried again.
            log.exception("chat not served", extra={"channel": self._channel.id})
            await asyncio.sleep(RETRY_DISK_S)
        finally:
            self._busy.discard(chat)
            self._poked.set()

    async def _next(self, chat: str) -> Stored | None:
        return await self._read(lambda connection: next_to_send(connection, self._channel.id, chat))

    async def _deliver(self, message: Stored) -> None:
        state: Out | None = Out(message.state)
        if state is Out.PREPARED:
            state = await self._move(message.seq, state, Event.RENDERED)
        calls: tuple[Call, ...] | None = None
        part, attempt = message.part, 0
        while state is Out.QUEUED:
            begun = await self._begin(message)
            if begun is None:
                return
            if calls is None:
                calls = self._lay_out(message, begun.offers)
            answer = (
                await self._make(message, calls, part, attempt, begun.answered) if calls is not None else _NOT_DRAWN
            )
            if answer.event is Event.PART_CONFIRMED:
                part, attempt = part + 1, 0
            else:
                attempt += 1
            state = await self._settle(message.seq, answer, part)
            if answer.event not in (Event.CONFIRMED, Event.PART_CONFIRMED):
                facts = {"channel": self._channel.id, "seq": message.seq, "part": part, "why": answer.event.value}
                log.warning("not delivered", extra=facts)
            await asyncio.sleep(answer.wait_s)

    def _lay_out(self, message: Stored, offers: tuple[int, ...]) -> tuple[Call, ...] | None:
        try:
            return layout.lay_out(message, offers, self._channel.caps)
        except Exception:
            # One message that cannot be drawn must not hold up all that wait behind it.
            log.exception("not drawn", extra={"channel": self._channel.id, "seq": message.seq})
            return None

    async def _make(
        self, message: Stored, calls: tuple[Call, ...], part: int, attempt: int, answered: str | None
    ) -> _Answer:
        """Make the call of `part`, and say what came of it."""
        if part >= len(calls):
            return _Answer(Event.CONFIRMED)
        call = calls[part]
        outgoing = Outgoing(seq=message.seq, id=message.id, chat=message.chat, part=part)
        if part == 0:
            outgoing = replace(outgoing, reply_to=message.reply_to, reply_to_platform_id=answered)
        if isinstance(call, Part):
            answer = await self._call(_with(outgoing, call), attempt)
        else:
            answer = await self._hand_over(message, outgoing, call, attempt)
        is_last = part + 1 >= len(calls)
        return answer if is_last or answer.event is not Event.CONFIRMED else answer._replace(event=Event.PART_CONFIRMED)

    async def _hand_over(self, message: Stored, outgoing: Outgoing, file: Attachment, attempt: int) -> _Answer:
        """Send a file, or say why not and where it is."""
        caps, language = self._channel.caps, language_of(message.text, message.language)
        path = self._content.path(file.id)
        if not await asyncio.to_thread(is_whole, path, file):
            return await self._call(_with(outgoing, layout.gone(file.name, language, caps)), attempt)
        if 0 < caps.attachment_limit < file.size:
            told = layout.too_large(file.name, file.size, self._address(), language, caps)
            return await self._call(_with(outgoing, told), attempt)
        if layout.is_unasked(file):
            told = layout.stays(file.name, file.size, self._address(), language, caps)
            return await self._call(_with(outgoing, told), attempt)
        answer = await self._call(replace(outgoing, file=outgoing_file(path, file)), attempt)
        if answer.event is not Event.DECLINED:
            return answer
        # Nothing was shown, so the same call may be made with a sentence, and the files after it still go.
        return await self._call(_with(outgoing, layout.declined(file.name, self._address(), language, caps)), attempt)

    async def _call(self, outgoing: Outgoing, attempt: int) -> _Answer:
        size = outgoing.file.size if outgoing.file else len(outgoing.text.encode())
        departure = Departure(
            destination=self._channel.id, kind="file" if outgoing.file else "reply", bytes=size, chat=outgoing.chat
        )
        try:
            leaving = self._egress.leave(departure, outgoing)
            async with asyncio.timeout(SEND_DEADLINE_S + size / SLOWEST_BYTES_PER_S):
                return _Answer(Event.CONFIRMED, sent_as=await self._channel.send(leaving))
        except SendLater as error:
            backoff_s = 2.0 ** min(attempt, 8) * random.uniform(0.05, 0.1)  # noqa: S311 - spreads retries only
            return _Answer(Event.POSTPONED, str(error), min(max(error.after_s, backoff_s), PATIENCE_S))
        except SendRefused as error:
            return _Answer(Event.DECLINED, str(error))
        except Exception as error:  # whatever broke off the call, the person may have seen the message
            log.warning("send broke off", exc_info=error, extra={"channel": self._channel.id})
            return _Answer(Event.BROKE_OFF, type(error).__name__)

    async def _begin(self, message: Stored) -> _Begun | None:
        """Write that a call is made, and return what it has to know; None when the message had moved on meanwhile."""
        states, now_ms = (Out.QUEUED.value, step(Out.QUEUED, Event.CALLED).value), self._clock_ms()

        def begin(connection: sqlite3.Connection) -> _Begun | None:
            if not move(connection, message.seq, states, now_ms):
                return None
            return _Begun(offers_of(connection, message.seq), platform_id_of(connection, message.reply_to))

        return await self._insist(begin)

    async def _settle(self, seq: int, answer: _Answer, part: int) -> Out | None:
        """Write what came of a call; `part` calls were confirmed by now."""
        after, now_ms = step(Out.SENDING, answer.event), self._clock_ms()
        states = (Out.SENDING.value, after.value)

        def settle(connection: sqlite3.Connection) -> bool:
            moved = move(connection, seq, states, now_ms, sent_as=answer.sent_as, reason=answer.reason, part=part)
            if moved and answer.event is Event.CONFIRMED:
                offer_arrived(connection, seq)
            return moved

        return after if await self._insist(settle) else None

    async def _move(self, seq: int, state: Out, event: Event, *, reason: str = "") -> Out | None:
        """Write the state after `event` and return it, or None when the message had moved on meanwhile."""
        after, now_ms = step(state, event), self._clock_ms()
        states = (state.value, after.value)
        moved = await self._insist(lambda connection: move(connection, seq, states, now_ms, reason=reason))
        return after if moved else None

    async def _read(self, transaction: Callable[[sqlite3.Connection], T]) -> T:
        return await self._insist(transaction, durable=False)

    async def _insist(self, transaction: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """Write, again and again while the disk refuses: what was said to the platform cannot be taken back."""
        while True:
            try:
                return await self._database.write(transaction, durable=durable)
            except DatabaseFailed as error:
                log.warning("the way out waits for the disk", extra={"reason": str(error)})
                await asyncio.sleep(RETRY_DISK_S)


def _with(outgoing: Outgoing, part: Part) -> Outgoing:
    return replace(outgoing, text=part.text, buttons=part.buttons)
