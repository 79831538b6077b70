"""Sends commands to devices and waits for what comes of them.

A command is written before it leaves, and what the device answers is committed with everything else that devices say
(`ingest`), so a restart loses neither. The broker keeps a command for `expiry_s`; one that nobody has answered GRACE_S
after that is given up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from outpost_disk import DatabaseFailed
from outpost_link import LinkDown, Outgoing
from outpost_link.errors import LinkFailed
from outpost_manager.hub import Hub
from outpost_manager.orders import Orders
from outpost_manager.rows import CommandRow
from outpost_wire.commands import COMMAND_TYPES, leaf_of, verb_of
from outpost_wire.errors import BadMessage
from outpost_wire.ids import DeviceId, FleetId
from outpost_wire.messages import Command, PairApprove, PairRefuse, PairRevoke, TaskCancel, TaskRetry, encode
from outpost_wire.topics import Leaf, reply_topic, topic

log = logging.getLogger(__name__)

GRACE_S = 5
PATIENCE_S = 5.0
RETRY_S = 1.0
LONGEST_WAIT_S = 60.0

Publish = Callable[[Outgoing], Awaitable[None]]


class Commander:
    """Asks devices for things in the name of one manager.

    `publish` hands a message to the broker and raises LinkFailed; `now_ms` is Unix time, `new_id` gives ULIDs. Whoever
    orders something waits `patience_s` for the device's answer.
    """

    def __init__(
        self,
        fleet: FleetId,
        manager: str,
        orders: Orders,
        hub: Hub,
        publish: Publish,
        *,
        expiry_s: int,
        now_ms: Callable[[], int],
        new_id: Callable[[], str],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._fleet = fleet
        self._manager = manager
        self._orders = orders
        self._hub = hub
        self._publish = publish
        self._expiry_s = expiry_s
        self._now_ms = now_ms
        self._new_id = new_id
        self._patience_s = patience_s
        self._waiting: dict[str, asyncio.Future[CommandRow]] = {}
        self._has_open = asyncio.Event()

    async def order(self, device: DeviceId, verb: str, fields: object) -> CommandRow:
        """Send a command and return what came of it, or that it is `sent` when nothing did within `patience_s`.

        Raises BadMessage for a verb or fields that there are not, DeviceUnknown and TooManyCommands.
        """
        now_ms = self._now_ms()
        leaf, command = parse_command(verb, fields, self._new_id(), now_ms)
        expires_ms = now_ms + (self._expiry_s + GRACE_S) * 1000
        row = await self._orders.add(
            command.id, device, verb_of(leaf), subject_of(command), now_ms=now_ms, expires_ms=expires_ms
        )
        self._hub.publish("command", row)
        self._has_open.set()
        answer: asyncio.Future[CommandRow] = asyncio.get_running_loop().create_future()
        self._waiting[command.id] = answer
        try:
            await self._send(device, leaf, command)
            async with asyncio.timeout(self._patience_s):
                return await answer
        except TimeoutError:
            return row
        except LinkDown as error:
            # Whether the broker has it nobody knows; its answer or its end will tell.
            log.info("command left without the broker's word", extra={"device": device, "reason": str(error)})
            return answer.result() if answer.done() else row
        except LinkFailed as error:
            return await self._not_sent(command, error)
        finally:
            self._waiting.pop(command.id, None)

    def answered(self, row: CommandRow) -> None:
        """A device has answered, and that is committed: tell whoever waits for it, and the browsers."""
        waiting = self._waiting.get(row.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(row)
        self._hub.publish("command", row)

    async def run(self) -> None:
        """Give up commands whose time is over, until cancelled."""
        while True:
            self._has_open.clear()
            try:
                expired, next_ms = await self._orders.expire(self._now_ms())
            except DatabaseFailed as error:
                log.warning("commands not looked through", extra={"reason": str(error)})
                await asyncio.sleep(RETRY_S)
                self._has_open.set()
                continue
            for row in expired:
                log.info("command expired", extra={"device": row.device, "verb": row.verb})
                self._hub.publish("command", row)
            await self._wait_until(next_ms)

    async def _send(self, device: DeviceId, leaf: Leaf, command: Command) -> None:
        await self._publish(
            Outgoing(
                topic=topic(self._fleet, device, leaf),
                payload=encode(command),
                content_type="application/json",
                expiry_s=self._expiry_s,
                response_topic=reply_topic(self._fleet, device, self._manager),
                correlation=command.id.encode(),
            )
        )

    async def _not_sent(self, command: Command, error: LinkFailed) -> CommandRow:
        en = f"The command was not sent: {error}."
        row = await self._orders.fail(command.id, error.code, en, f"命令未能发送：{error}。", self._now_ms())
        self._hub.publish("command", row)
        return row

    async def _wait_until(self, next_ms: int | None) -> None:
        """Wait until that time or a new command; a clock that is set costs LONGEST_WAIT_S at most."""
        left_s = LONGEST_WAIT_S if next_ms is None else (next_ms - self._now_ms()) / 1000
        try:
            async with asyncio.timeout(min(max(left_s, 0.0), LONGEST_WAIT_S)):
                await self._has_open.wait()
        except TimeoutError:
            return


def parse_command(verb: str, fields: object, id: str, time_ms: int) -> tuple[Leaf, Command]:
    """Return where a command goes and its message, made of the `fields` of a request; raises BadMessage."""
    leaf = leaf_of(verb)
    if leaf is None:
        raise BadMessage(f"there is no command {verb[:64]!r}")
    if not isinstance(fields, dict):
        raise BadMessage("a command is an object")
    try:
        return leaf, msgspec.convert({**fields, "id": id, "time_ms": time_ms, "v": 1}, COMMAND_TYPES[leaf])
    except msgspec.ValidationError as error:
        raise BadMessage(f"{verb}: {error}") from error


def subject_of(command: Command) -> str:
    """Return the id of what a command is about."""
    match command:
        case PairApprove(request=subject) | PairRefuse(request=subject):
            return subject
        case PairRevoke(person=subject):
            return subject
        case TaskCancel(task=subject) | TaskRetry(task=subject):
            return subject
