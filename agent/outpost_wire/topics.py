"""The topic tree of a fleet: outpost/v1/{fleet}/{device}/{leaf}.

Names in topics are 1 to 64 of A–Z a–z 0–9 . _ - and begin with a letter or digit, so that no name can be a wildcard,
a separator or a `$` topic (MQTT 5, section 4.7).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from outpost_wire.errors import BadMessage
from outpost_wire.ids import DeviceId, FleetId

ROOT = "outpost/v1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Leaf(StrEnum):
    """The last levels of a topic; what a device publishes, then what the manager publishes."""

    STATE = "state"
    SHADOW_REPORTED = "shadow/reported"
    TELEMETRY = "telemetry"
    EVENT = "event"
    SECURITY = "security"

    SHADOW_DESIRED = "shadow/desired"
    ACKED = "acked"
    PAIR_APPROVE = "cmd/pair.approve"
    PAIR_REFUSE = "cmd/pair.refuse"
    PAIR_REVOKE = "cmd/pair.revoke"
    TASK_CANCEL = "cmd/task.cancel"
    TASK_RETRY = "cmd/task.retry"


FROM_DEVICE = frozenset({Leaf.STATE, Leaf.SHADOW_REPORTED, Leaf.TELEMETRY, Leaf.EVENT, Leaf.SECURITY})
COMMANDS = frozenset({Leaf.PAIR_APPROVE, Leaf.PAIR_REFUSE, Leaf.PAIR_REVOKE, Leaf.TASK_CANCEL, Leaf.TASK_RETRY})
REPLY = "reply"
"""`reply/{client}`: where a device answers the commands of one manager; the last level is a name as any other."""


class Address(NamedTuple):
    """Where a message belongs."""

    fleet: FleetId
    device: DeviceId
    leaf: Leaf


class ReplyAddress(NamedTuple):
    """Where an answer of a device belongs: `client` is the manager that asked."""

    fleet: FleetId
    device: DeviceId
    client: str


def is_name(text: str) -> bool:
    """Say whether `text` may stand in a topic as a fleet or a device."""
    return _NAME.fullmatch(text) is not None


def topic(fleet: FleetId, device: DeviceId, leaf: Leaf) -> str:
    """Return the topic of `leaf` of one device, or raise BadMessage for a name that may not stand in a topic."""
    _expect_names(fleet, device)
    return f"{ROOT}/{fleet}/{device}/{leaf}"


def reply_topic(fleet: FleetId, device: DeviceId, client: str) -> str:
    """Return where a device answers the commands of `client`; raises BadMessage as `topic` does."""
    _expect_names(fleet, device, client)
    return f"{ROOT}/{fleet}/{device}/{REPLY}/{client}"


def replies_filter(fleet: FleetId, client: str) -> str:
    """Return the filter for the answers of every device of a fleet to `client`; raises BadMessage as `topic` does."""
    _expect_names(fleet, client)
    return f"{ROOT}/{fleet}/+/{REPLY}/{client}"


def filter_for(fleet: FleetId, leaf: Leaf, share: str | None = None) -> str:
    """Return the filter for `leaf` of every device of a fleet, shared among the group `share` when given.

    A shared subscription gets no retained messages (MQTT 5, section 4.8.2): state and shadow want their own.
    """
    plain = f"{ROOT}/{fleet}/+/{leaf}"
    return f"$share/{share}/{plain}" if share else plain


def parse_topic(text: str) -> Address:
    """Return the address that `text` names, or raise BadMessage."""
    fleet, device, leaf = _parts(text)
    try:
        return Address(fleet, device, Leaf(leaf))
    except ValueError:
        raise BadMessage(f"topic {text[:120]!r}: no such leaf") from None


def parse_reply(text: str) -> ReplyAddress:
    """Return whose answer to whom belongs on the topic `text`, or raise BadMessage when it is no reply topic."""
    fleet, device, leaf = _parts(text)
    reply, _, client = leaf.partition("/")
    if reply != REPLY or not is_name(client):
        raise BadMessage(f"topic {text[:120]!r} is not one of {ROOT}/FLEET/DEVICE/{REPLY}/CLIENT")
    return ReplyAddress(fleet, device, client)


def is_reply(text: str) -> bool:
    """Say whether `text` is a reply topic."""
    try:
        parse_reply(text)
    except BadMessage:
        return False
    return True


def _parts(text: str) -> tuple[FleetId, DeviceId, str]:
    parts = text.split("/", 4)
    if len(parts) != 5 or f"{parts[0]}/{parts[1]}" != ROOT:
        raise BadMessage(f"topic {text[:120]!r} is not one of {ROOT}/FLEET/DEVICE/…")
    _, _, fleet, device, leaf = parts
    if not (is_name(fleet) and is_name(device)):
        raise BadMessage(f"topic {text[:120]!r}: fleet or device is not a name")
    return FleetId(fleet), DeviceId(device), leaf


def _expect_names(*names: str) -> None:
    for name in names:
        if not is_name(name):
            raise BadMessage(f"{name!r} may not stand in a topic: use 1 to 64 letters, digits, '.', '_' or '-'")
