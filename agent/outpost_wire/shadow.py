"""The reported shadow, cut to what one message may hold."""

from __future__ import annotations

from msgspec.structs import replace

from outpost_wire.messages import MESSAGE_LIMIT, Reported, encode


def fit(reported: Reported, limit: int = MESSAGE_LIMIT) -> Reported:
    """Return `reported` in at most `limit` bytes; `cut` says that something was left out.

    People give way first, then pairing requests, then channels, the last of each before the first. What is left after
    that is bounded by the limits of its fields, and labels are the device's own setting.
    """
    if len(encode(reported)) <= limit:
        return reported
    shorter = replace(reported, cut=True)
    for name in ("people", "requests", "channels"):
        rows = getattr(shorter, name)
        kept = _kept(shorter, name, limit)
        shorter = replace(shorter, **{name: rows[:kept]})
        if kept:
            break
    return shorter


def _kept(reported: Reported, name: str, limit: int) -> int:
    """Return how many rows of one list fit, the others of `reported` being as they are."""
    rows = getattr(reported, name)
    least, most = 0, len(rows)
    while least < most:
        middle = (least + most + 1) // 2
        if len(encode(replace(reported, **{name: rows[:middle]}))) <= limit:
            least = middle
        else:
            most = middle - 1
    return least
