"""Commands by their place in the topic tree: which message each leaf of `cmd/` carries."""

from __future__ import annotations

from collections.abc import Mapping

from outpost_wire.errors import BadMessage
from outpost_wire.messages import Command, PairApprove, PairRefuse, PairRevoke, TaskCancel, TaskRetry, decode
from outpost_wire.topics import Leaf

COMMAND_TYPES: Mapping[Leaf, type[Command]] = {
    Leaf.PAIR_APPROVE: PairApprove,
    Leaf.PAIR_REFUSE: PairRefuse,
    Leaf.PAIR_REVOKE: PairRevoke,
    Leaf.TASK_CANCEL: TaskCancel,
    Leaf.TASK_RETRY: TaskRetry,
}

_PREFIX = "cmd/"


def verb_of(leaf: Leaf) -> str:
    """Return the verb of a command's leaf: `pair.approve` of `cmd/pair.approve`."""
    return leaf.removeprefix(_PREFIX)


def leaf_of(verb: str) -> Leaf | None:
    """Return the leaf on which commands of `verb` travel, None for a verb that there is not."""
    try:
        return Leaf(_PREFIX + verb)
    except ValueError:
        return None


def decode_command(leaf: Leaf, raw: bytes) -> Command:
    """Return the command in the JSON `raw` that came on `leaf`, or raise BadMessage that names the field at fault."""
    kind = COMMAND_TYPES.get(leaf)
    if kind is None:
        raise BadMessage(f"{leaf} is not a command")
    return decode(raw, kind)
