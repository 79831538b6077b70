"""What the manager asks of a device: the desired shadow, and commands that are answered.

A command is acknowledged to the broker after its effect is kept and its answer is with the broker, so that one that was
cut short comes again; whoever carries commands out knows one that comes twice. An answer goes nowhere but to a reply
topic of this device, whatever the command asks for.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import msgspec

from outpost_disk import DatabaseFailed
from outpost_link.errors import LinkDown, LinkFailed
from outpost_link.packet import Outgoing, Received
from outpost_wire.errors import BadMessage
from outpost_wire.ids import DeviceId, FleetId, is_ulid
from outpost_wire.messages import CommandDone, encode
from outpost_wire.topics import COMMANDS, Leaf, parse_reply, parse_topic, topic

log = logging.getLogger(__name__)

JSON = "application/json"
REASON_LIMIT = 300
NO_ID = "0" * 26

OnDesired = Callable[[bytes], Awaitable[None]]
OnCommand = Callable[[Leaf, bytes], Awaitable[bytes]]


class _HasId(msgspec.Struct):
    id: str


class Downlink:
    """Hands over what comes for one device; `answer` takes what goes back.

    `on_command` returns the answer to a command, or raises BadMessage when it cannot be read.
    """

    def __init__(
        self,
        fleet: FleetId,
        device: DeviceId,
        *,
        on_desired: OnDesired,
        on_command: OnCommand | None,
        answer: Callable[[Outgoing], Awaitable[None]],
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
    ) -> None:
        self._fleet = fleet
        self._device = device
        self._on_desired = on_desired
        self._on_command = on_command
        self._answer = answer
        self._new_id = new_id
        self._clock_ms = clock_ms

    def topics(self) -> list[str]:
        """Return what is to be subscribed to."""
        leaves = [Leaf.SHADOW_DESIRED, *(sorted(COMMANDS) if self._on_command else ())]
        return [topic(self._fleet, self._device, leaf) for leaf in leaves]

    async def hear(self, message: Received) -> None:
        """Take what came on one of `topics` and acknowledge it once its effect is kept."""
        leaf = parse_topic(message.topic).leaf
        if leaf is Leaf.SHADOW_DESIRED:
            await self._hear_desired(message)
        elif self._on_command is not None:
            await self._hear_command(leaf, message, self._on_command)

    async def _hear_desired(self, message: Received) -> None:
        try:
            await self._on_desired(message.payload)
        except DatabaseFailed as error:
            # It is retained, so it comes again with the next connection.
            log.error("desired shadow not kept", extra={"reason": str(error)})
        else:
            message.ack()

    async def _hear_command(self, leaf: Leaf, message: Received, on_command: OnCommand) -> None:
        try:
            answer = await on_command(leaf, message.payload)
        except BadMessage as error:
            log.warning("command not understood", extra={"command": leaf, "reason": str(error)[:REASON_LIMIT]})
            answer = encode(self._not_understood(message, error))
        try:
            if self._is_own_reply_topic(message.response_topic):
                await self._answer(
                    Outgoing(
                        topic=message.response_topic,
                        payload=answer,
                        content_type=JSON,
                        correlation=message.correlation,
                    )
                )
        except LinkDown as error:
            log.info("answer waits for the command to come again", extra={"command": leaf, "reason": str(error)})
            return
        except LinkFailed as error:
            log.warning("answer not taken by the broker", extra={"command": leaf, "reason": str(error)})
        message.ack()

    def _is_own_reply_topic(self, text: str) -> bool:
        try:
            fleet, device, _ = parse_reply(text)
        except BadMessage:
            is_own = False
        else:
            is_own = (fleet, device) == (self._fleet, self._device)
        if not is_own:
            log.warning("a command wants its answer elsewhere; nobody is answered", extra={"topic": text[:200]})
        return is_own

    def _not_understood(self, message: Received, error: BadMessage) -> CommandDone:
        reason = str(error)[:REASON_LIMIT]
        return CommandDone(
            id=self._new_id(),
            time_ms=self._clock_ms(),
            command=_id_of(message),
            code=BadMessage.code,
            en=f"The device does not understand this command ({reason}); update the older of device and manager.",
            zh=f"设备无法理解该命令（{reason}）；请更新设备与管理端中版本较旧的一方。",
        )


def _id_of(message: Received) -> str:
    """Return the id of a command that cannot be read: its own, or its correlation data, or nobody's."""
    try:
        claimed = msgspec.json.decode(message.payload, type=_HasId).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        claimed = message.correlation.decode(errors="replace")
    return claimed if is_ulid(claimed) else NO_ID
