"""The adapter: long poll in, one call out, and nothing decided here that is the daemon's to decide.

A message is confirmed to Telegram by the offset of the next poll, so only after `accept` returned; what was accepted
but not confirmed comes again and is known by its platform id. Messages are handed over one by one, in order, and one
that the device cannot take now holds up those behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from outpost_agent.channels.telegram import core
from outpost_agent.channels.telegram.answers import ApiFailed, BrokeOff, NotReached, Refused, as_sending
from outpost_agent.channels.telegram.api import BotApi, FileGone, FileUnreadable
from outpost_agent.channels.telegram.health import CONNECTING, health_after
from outpost_agent.channels.telegram.updates import Message, Query, Update, User, parse_updates
from outpost_link.core import Backoff
from outpost_sdk.channel import (
    Attachment,
    AttachmentTooLarge,
    Caps,
    ChannelContext,
    ChannelDown,
    ChannelHealth,
    Delivery,
    DeviceFull,
    Incoming,
    Outgoing,
    OutgoingFile,
    SendLater,
    SendRefused,
    Unfetched,
)
from outpost_wire.errors import BadInput, OutpostError

log = logging.getLogger(__name__)

UPDATES = ["message", "callback_query"]
PHOTO_LIMIT = 10 << 20
PHOTO_TYPES = ("image/png", "image/jpeg")
FETCH_TRIES = 5
ALBUMS = 64
SHORT_S = 5.0
GOODBYE_S = 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the adapter waits: between attempts, doubling, and where only a person can mend what is wrong.

    `margin_s` is how much longer than it was asked to wait a poll may take before its connection counts as dead.
    """

    first_s: float = 0.5
    cap_s: float = 30.0
    patience_s: float = 30.0
    margin_s: float = 15.0


class TelegramChannel:
    """One bot."""

    def __init__(
        self,
        name: str,
        api: BotApi,
        *,
        poll_s: int,
        download_limit: int,
        upload_limit: int,
        pace: Pace = Pace(),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.id = name
        self.caps = Caps(
            delivery=Delivery.BY_CALL,
            format="telegram",
            text_limit=4096,
            text_unit="utf16",
            mark_limit=100,
            attachment_limit=upload_limit,
            attachments_per_message=1,
            buttons_limit=24,
            button_label=64,
            button_bytes=64,
            edit_interval_s=1.0,
        )
        self._api = api
        self._poll_s = poll_s
        self._download_limit = download_limit
        self._pace = pace
        self._unhurried = Backoff(chance, base_s=pace.first_s, cap_s=pace.cap_s)
        self._chance = chance
        self._context: ChannelContext | None = None
        self._health: ChannelHealth | None = None
        self._me: User | None = None
        self._offset = 0
        self._is_confirmed = True
        self._fetching = ("", 0)
        self._meant_albums: dict[str, None] = {}
        self._is_reached = asyncio.Event()

    async def run(self, context: ChannelContext) -> None:
        """Bring in messages until cancelled."""
        self._context, self._health = context, None
        self._tell(CONNECTING)
        backoff = self._unhurried
        async with self._api.connected():
            try:
                while True:
                    self._is_reached.clear()
                    try:
                        await self._poll(context)
                        backoff = self._unhurried
                        continue
                    except ApiFailed as error:
                        self._tell(health_after(error, self._account))
                        failure: OutpostError = error
                    except OutpostError as error:
                        failure = error
                    backoff = backoff.after(0.0)
                    wait_s = self._wait_s(failure, backoff.wait_s)
                    log.warning(
                        "telegram waits",
                        extra={"channel": self.id, "reason": str(failure), "retry_s": round(wait_s, 3)},
                    )
                    await self._rest(failure, wait_s)
            finally:
                await self._confirm()
                self._context = None

    async def send(self, outgoing: Outgoing) -> str | None:
        """Send one message and return "chat:number"."""
        chat = outgoing.chat
        parameters: dict[str, Any] = {"chat_id": _chat_id(chat)}
        if answered := core.message_id(outgoing.reply_to_platform_id, chat):
            parameters["reply_parameters"] = {"message_id": answered, "allow_sending_without_reply": True}
        if outgoing.buttons:
            parameters["reply_markup"] = core.keyboard(outgoing.buttons)
        try:
            if outgoing.file is not None:
                return _shown_as(await self._send_file(outgoing.file, parameters))
            return _shown_as(await self._ask("sendMessage", {**parameters, **core.marked_up(outgoing.text)}))
        except ApiFailed as error:
            raise self._as_sending(error) from error

    async def typing(self, chat: str) -> None:
        """Show "typing" for some five seconds."""
        try:
            await self._api.call("sendChatAction", wait_s=SHORT_S, chat_id=_chat_id(chat), action="typing")
        except ApiFailed as error:
            raise self._as_sending(error) from error

    async def show_progress(self, chat: str, text: str, shown_as: str | None) -> str:
        """Show `text` in place of what was `shown_as`, without a sound."""
        parameters = {"chat_id": _chat_id(chat), **core.marked_up(text)}
        number = core.message_id(shown_as, chat)
        try:
            if shown_as is None or number is None:
                return _shown_as(await self._ask("sendMessage", {**parameters, "disable_notification": True})) or ""
            await self._ask("editMessageText", {**parameters, "message_id": number})
        except ApiFailed as error:
            if not (isinstance(error, Refused) and error.says("message is not modified")):
                raise self._as_sending(error) from error
        return shown_as or ""

    async def end_progress(self, chat: str, shown_as: str) -> None:
        """Delete what `show_progress` showed."""
        number = core.message_id(shown_as, chat)
        try:
            await self._api.call("deleteMessage", chat_id=_chat_id(chat), message_id=number)
        except ApiFailed as error:
            if not (isinstance(error, Refused) and error.says("message to delete not found")):
                raise self._as_sending(error) from error

    async def check(self) -> str:
        """Return "@name", or raise ChannelDown; where it succeeds, a poll that waits to be tried again is tried now."""
        try:
            account = _account(await self._who_am_i())
        except ApiFailed as error:
            health = health_after(error, "")
            raise ChannelDown(health.en, health.zh) from error
        self._is_reached.set()
        return account

    @property
    def _account(self) -> str:
        return _account(self._me) if self._me else ""

    def _tell(self, health: ChannelHealth) -> None:
        if health != self._health and self._context is not None:
            self._health = health
            self._context.tell(health)

    def _wait_s(self, failure: OutpostError, backoff_s: float) -> float:
        match failure:
            case Refused(is_flood=True):
                return max(backoff_s, float(failure.retry_after_s))
            case Refused(is_token=True) | Refused(is_contested=True):
                return self._pace.patience_s * (0.5 + 0.5 * self._chance())
        return backoff_s

    async def _rest(self, failure: OutpostError, wait_s: float) -> None:
        if isinstance(failure, Refused) and failure.is_flood:
            await asyncio.sleep(wait_s)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_reached.wait(), wait_s)

    def _as_sending(self, error: ApiFailed) -> OutpostError:
        if isinstance(error, Refused) and error.is_token:
            self._tell(health_after(error, self._account))
        return as_sending(error, self._pace.patience_s)

    # In

    async def _who_am_i(self) -> User:
        return msgspec.json.decode(await self._api.call("getMe"), type=User)

    async def _poll(self, context: ChannelContext) -> None:
        """Carry out one poll; the first after a trouble does not wait, so that its end is seen at once."""
        if self._me is None:
            self._me = await self._who_am_i()
        is_settled = self._health is not None and self._health.state in ("on", "contested")
        timeout = self._poll_s if is_settled else 0
        raw = await self._api.call(
            "getUpdates",
            wait_s=timeout + self._pace.margin_s,
            offset=self._offset,
            timeout=timeout,
            allowed_updates=UPDATES,
        )
        self._is_confirmed = True
        updates = parse_updates(raw)
        self._tell(ChannelHealth(state="on", account=self._account))
        if not updates:
            # All is confirmed now, and after a quiet week Telegram may count on from a lower number.
            self._offset = 0
        for update in updates:
            await self._bring_in(update, context, self._me)
            self._offset = update.update_id + 1
            self._is_confirmed = False

    async def _confirm(self) -> None:
        """Confirm what was accepted since the last poll; where that fails it comes again, and is known."""
        if self._is_confirmed:
            return
        with contextlib.suppress(ApiFailed):
            await self._api.call(
                "getUpdates", wait_s=GOODBYE_S, offset=self._offset, timeout=0, limit=1, allowed_updates=UPDATES
            )
            self._is_confirmed = True

    async def _bring_in(self, update: Update, context: ChannelContext, me: User) -> None:
        """Hand an update over; returns when it may be confirmed."""
        try:
            if update.message is not None:
                await self._bring_in_message(update.message, context, me)
            elif update.callback_query is not None:
                await self._bring_in_press(update.callback_query, context)
        except DeviceFull:
            raise
        except BadInput as error:
            log.info("message not taken", extra={"channel": self.id, "why": error.code})
        if update.callback_query is not None:
            with contextlib.suppress(ApiFailed):
                await self._api.call("answerCallbackQuery", wait_s=SHORT_S, callback_query_id=update.callback_query.id)

    async def _bring_in_message(self, message: Message, context: ChannelContext, me: User) -> None:
        incoming = core.incoming_of(self.id, me, message)
        if incoming is None:
            return
        incoming = self._with_album(incoming)
        if not await context.admit(incoming):
            return
        attached = core.attached_to(message)
        if attached is not None:
            kept = await self._fetch(attached, incoming.platform_id, context)
            field = "attachments" if isinstance(kept, Attachment) else "unfetched"
            incoming = msgspec.structs.replace(incoming, **{field: (kept,)})
        await context.accept(incoming)

    async def _bring_in_press(self, query: Query, context: ChannelContext) -> None:
        incoming = core.pressed(self.id, query)
        if incoming is not None and await context.admit(incoming):
            await context.accept(incoming)

    def _with_album(self, incoming: Incoming) -> Incoming:
        """Return `incoming` as meant for us when another of its album was: only one of them carries the words."""
        album = incoming.album
        if not album:
            return incoming
        if incoming.is_addressed:
            self._meant_albums[album] = None
            while len(self._meant_albums) > ALBUMS:
                del self._meant_albums[next(iter(self._meant_albums))]
        return msgspec.structs.replace(incoming, is_addressed=album in self._meant_albums)

    async def _fetch(
        self, attached: core.Attached, platform_id: str, context: ChannelContext
    ) -> Attachment | Unfetched:
        """Return the file, kept, or what is said of it in its place; one that fails again and again is given up."""
        unfetched = Unfetched(name=attached.name, size=attached.size)
        if attached.size > self._download_limit:
            return unfetched
        try:
            return await self._api.download(
                attached.file_id, lambda content: context.keep(attached.name, attached.type, content)
            )
        except (FileGone, AttachmentTooLarge):
            return unfetched
        except Refused as error:
            if error.status != 400:
                raise
            if not error.says("temporarily"):
                return unfetched
            failure: ApiFailed = error
        except (BrokeOff, NotReached) as error:
            failure = error
        which, tries = self._fetching
        tries = tries + 1 if which == platform_id else 1
        self._fetching = (platform_id, tries)
        if tries >= FETCH_TRIES:
            return unfetched
        raise failure

    # Out

    async def _ask(self, method: str, parameters: dict[str, Any]) -> bytes:
        """Call `method`, and once more each for a chat that has moved and for marks that are not taken."""
        while True:
            try:
                return await self._api.call(method, **parameters)
            except Refused as error:
                mended = core.mended(parameters, error.moved_to, error.says("can't parse entities"))
                if mended is None:
                    raise
                parameters = mended

    async def _send_file(self, file: OutgoingFile, parameters: dict[str, Any]) -> bytes:
        is_photo = file.type in PHOTO_TYPES and file.size <= PHOTO_LIMIT
        while True:
            method, field = ("sendPhoto", "photo") if is_photo else ("sendDocument", "document")
            try:
                return await self._api.upload(method, field, file, **parameters)
            except Refused as error:
                mended = core.mended(parameters, error.moved_to, False)
                if mended is None and not (is_photo and error.says("photo", "image", "too big")):
                    raise
                is_photo, parameters = is_photo and mended is not None, mended or parameters
            except FileUnreadable as error:
                if isinstance(error.__cause__, OSError):
                    raise SendLater(str(error)) from error
                raise SendRefused(str(error)) from error


class _Sent(msgspec.Struct, frozen=True):
    """What is of interest in a message that was sent."""

    message_id: int
    chat: _SentTo


class _SentTo(msgspec.Struct, frozen=True):
    id: int


def _shown_as(raw: bytes) -> str | None:
    try:
        sent = msgspec.json.decode(raw, type=_Sent)
    except msgspec.DecodeError:
        return None
    return core.platform_id(sent.chat.id, sent.message_id)


def _chat_id(chat: str) -> int | str:
    return int(chat) if chat.removeprefix("-").isdecimal() else chat


def _account(me: User) -> str:
    return f"@{me.username}" if me.username else me.first_name
