"""The states of a message that goes out.

A message is one or more calls to the platform, made in order. The state is on the disk before each call, so after a
crash `sending` means: the call may have been made. Such a message becomes `unknown` and is never blindly repeated: it
goes out again only when the person asks for it, as a new message, and is `replaced` by that. What was confirmed before
is counted, so a message that was cut between two calls goes on with the next one. A channel that readers fetch from by
sequence needs no call: `queued` until it was read.
"""

from __future__ import annotations

from enum import StrEnum

from outpost_wire.errors import OutpostError


class Out(StrEnum):
    """Where a message stands."""

    PREPARED = "prepared"
    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    REPLACED = "replaced"


class Event(StrEnum):
    """What happens to it."""

    RENDERED = "rendered"
    CALLED = "called"
    PART_CONFIRMED = "part confirmed"
    CONFIRMED = "confirmed"
    BROKE_OFF = "broke off"
    POSTPONED = "postponed"
    DECLINED = "declined"
    RESTARTED = "restarted"
    READ = "read"
    ASKED_AGAIN = "asked again"


NEXT: dict[tuple[Out, Event], Out] = {
    (Out.PREPARED, Event.RENDERED): Out.QUEUED,
    (Out.QUEUED, Event.CALLED): Out.SENDING,
    (Out.SENDING, Event.PART_CONFIRMED): Out.QUEUED,
    (Out.SENDING, Event.CONFIRMED): Out.DELIVERED,
    (Out.SENDING, Event.BROKE_OFF): Out.UNKNOWN,
    (Out.SENDING, Event.POSTPONED): Out.QUEUED,
    (Out.SENDING, Event.DECLINED): Out.REFUSED,
    (Out.SENDING, Event.RESTARTED): Out.UNKNOWN,
    (Out.QUEUED, Event.READ): Out.DELIVERED,
    (Out.UNKNOWN, Event.ASKED_AGAIN): Out.REPLACED,
}


class UnexpectedMove(OutpostError):
    """A message that goes out was to make a move that its state does not allow."""

    code = "unexpected_move"


def step(state: Out, event: Event) -> Out:
    """Return the state after `event`, or raise UnexpectedMove."""
    try:
        return NEXT[state, event]
    except KeyError:
        raise UnexpectedMove(f"{event.value} while {state.value}") from None
