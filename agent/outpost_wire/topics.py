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


def is_name(text: str) -> bool:
    """Say whether `text` may stand in a topic as a fleet or a device."""
    return _NAME.fullmatch(text) is not None


def topic(fleet: FleetId, device: DeviceId, leaf: Leaf) -> str:
    """Return the topic of `leaf` of one device, or raise BadMessage for a name that may not stand in a topic."""
    for name in (fleet, device):
        if not is_name(name):
            raise BadMessage(f"{name!r} may not stand in a topic: use 1 to 64 letters, digits, '.', '_' or '-'")
    return f"{ROOT}/{fleet}/{device}/{leaf}"


def filter_for(fleet: FleetId, leaf: Leaf, share: str | None = None) -> str:
    """Return the filter for `leaf` of every device of a fleet, shared among the group `share` when given.

    A shared subscription gets no retained messages (MQTT 5, section 4.8.2): state and shadow want their own.
    """
    plain = f"{ROOT}/{fleet}/+/{leaf}"
    return f"$share/{share}/{plain}" if share else plain


def parse_topic(text: str) -> Address:
    """Return the address that `text` names, or raise BadMessage."""
    parts = text.split("/", 4)
    if len(parts) != 5 or f"{parts[0]}/{parts[1]}" != ROOT:
        raise BadMessage(f"topic {text[:120]!r} is not one of {ROOT}/FLEET/DEVICE/…")
    _, _, fleet, device, leaf = parts
    if not (is_name(fleet) and is_name(device)):
        raise BadMessage(f"topic {text[:120]!r}: fleet or device is not a name")
    try:
        return Address(FleetId(fleet), DeviceId(device), Leaf(leaf))
    except ValueError:
        raise BadMessage(f"topic {text[:120]!r}: no such leaf") from None
