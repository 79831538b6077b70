"""The rules of ingest, without a database, a socket or a clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a device is there, as one connection of one run of its daemon says."""

    online: bool
    boot_id: str
    connection: int


def supersedes(new: Presence, known: Presence | None) -> bool:
    """Say whether `new` tells more recent news than `known`.

    Within one run the later connection counts, and within one connection its end. A birth of another run always
    counts, since only a device that is there can send it; an end of another run only when its boot_id, a ULID, is
    later: else it is the will of a connection long replaced.
    """
    if known is None:
        return True
    if new.boot_id != known.boot_id:
        return new.online or new.boot_id > known.boot_id
    if new.connection != known.connection:
        return new.connection > known.connection
    return known.online and not new.online
