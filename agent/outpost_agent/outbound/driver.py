"""Carries messages to one channel, in order within a chat; a chat that waits does not hold up another."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable

from outpost_agent.conversation import NoSuchMessage, Stored, get_message
from outpost_agent.outbound.core import Event, Out, step
from outpost_agent.outbound.rows import chats_to_serve, interrupted, move, next_to_send
from outpost_disk import Database, DatabaseFailed
from outpost_sdk.channel import Channel, Delivery, Outgoing, SendLater, SendRefused
from outpost_wire.document import Document

log = logging.getLogger(__name__)

CHATS_AT_ONCE = 16
PAGE = 1_000
SEND_DEADLINE_S = 60.0
PATIENCE_S = 300.0
RETRY_DISK_S = 5.0


class Outbound:
    """Sends what the database says has to go out on a channel, when `poke` says that there is something."""

    def __init__(self, channel: Channel, database: Database, clock_ms: Callable[[], int]) -> None:
        self._channel = channel
        self._database = database
        self._clock_ms = clock_ms
        self._poked = asyncio.Event()
        self._busy: set[str] = set()

    def poke(self) -> None:
        """Say that there may be something to send."""
        self._poked.set()

    async def run(self) -> None:
        """Send until cancelled; what a previous life was in the midst of becomes unknown first."""
        if self._channel.caps.delivery is Delivery.BY_SEQUENCE:
            return
        await self._recover()
        async with asyncio.TaskGroup() as group:
            while True:
                self._poked.clear()
                for chat in await self._waiting():
                    if chat not in self._busy and len(self._busy) < CHATS_AT_ONCE:
                        self._busy.add(chat)
                        group.create_task(self._serve(chat))
                await self._poked.wait()

    async def _recover(self) -> None:
        for message in await self._database.read(lambda connection: interrupted(connection, self._channel.id)):
            await self._move(message.seq, Out.SENDING, Event.RESTARTED, reason="the device stopped while sending this")
            log.warning("send unknown", extra={"channel": self._channel.id, "seq": message.seq})

    async def _waiting(self) -> list[str]:
        return await self._database.read(lambda connection: chats_to_serve(connection, self._channel.id, PAGE))

    async def _serve(self, chat: str) -> None:
        try:
            while message := await self._database.read(
                lambda connection: next_to_send(connection, self._channel.id, chat)
            ):
                await self._deliver(message)
        finally:
            self._busy.discard(chat)
            self._poked.set()

    async def _deliver(self, message: Stored) -> None:
        state: Out | None = Out(message.state)
        if state is Out.PREPARED:
            state = await self._move(message.seq, state, Event.RENDERED)
        outgoing = await self._outgoing(message)
        attempt = 0
        while state is Out.QUEUED:
            state = await self._move(message.seq, state, Event.CALLED)
            if state is None:
                return
            event, wait_s, sent_as, reason = await self._call(outgoing, attempt)
            state = await self._move(message.seq, state, event, sent_as=sent_as, reason=reason)
            if event is not Event.CONFIRMED:
                log.warning(
                    "not delivered", extra={"channel": self._channel.id, "seq": message.seq, "why": event.value}
                )
            attempt += 1
            await asyncio.sleep(wait_s)

    async def _call(self, outgoing: Outgoing, attempt: int) -> tuple[Event, float, str | None, str]:
        try:
            async with asyncio.timeout(SEND_DEADLINE_S):
                return Event.CONFIRMED, 0.0, await self._channel.send(outgoing), ""
        except SendLater as error:
            backoff_s = 2.0 ** min(attempt, 8) * random.uniform(0.05, 0.1)  # noqa: S311 - spreads retries only
            return Event.POSTPONED, min(max(error.after_s, backoff_s), PATIENCE_S), None, str(error)
        except SendRefused as error:
            return Event.DECLINED, 0.0, None, str(error)
        except Exception as error:  # whatever broke off the call, the person may have seen the message
            log.warning("send broke off", exc_info=error, extra={"channel": self._channel.id})
            return Event.BROKE_OFF, 0.0, None, type(error).__name__

    async def _outgoing(self, message: Stored) -> Outgoing:
        answered = None
        if message.reply_to:
            with contextlib.suppress(NoSuchMessage):
                answered = await self._database.read(lambda connection: get_message(connection, message.reply_to or ""))
        return Outgoing(
            seq=message.seq,
            id=message.id,
            chat=message.chat,
            document=message.document or Document(),
            text=message.text,
            attachments=message.attachments,
            reply_to=message.reply_to,
            reply_to_platform_id=answered.platform_id if answered else None,
        )

    async def _move(
        self, seq: int, state: Out, event: Event, *, sent_as: str | None = None, reason: str = ""
    ) -> Out | None:
        """Write the state after `event` and return it, or None when the message had moved on meanwhile."""
        after, now_ms = step(state, event), self._clock_ms()
        states = (state.value, after.value)
        while True:
            try:
                moved = await self._database.write(
                    lambda connection: move(connection, seq, states, now_ms, sent_as=sent_as, reason=reason)
                )
            except DatabaseFailed as error:
                log.warning("the state of a message waits for the disk", extra={"seq": seq, "reason": str(error)})
                await asyncio.sleep(RETRY_DISK_S)
            else:
                return after if moved else None
