"""What may be wrong when somebody asks to be let in."""

from __future__ import annotations

from outpost_wire.errors import BadInput


class NoSuchRequest(BadInput):
    """There is no pairing request of this code or id that waits for an answer; the sentence says what became of it."""

    code = "no_such_request"


class NoSuchPerson(BadInput):
    """The device knows no such person, or not on this channel."""

    code = "no_such_person"


class OwnerStays(BadInput):
    """The owner cannot be revoked, only what lets them in."""

    code = "owner_stays"


class TooManyPeople(BadInput):
    """The device knows as many people as it can, or this person on as many channels."""

    code = "too_many_people"


class NoSuchBrowser(BadInput):
    """No such browser is signed in."""

    code = "no_such_browser"


class AlreadyClaimed(BadInput):
    """The device has an owner."""

    code = "already_claimed"


class NotClaimed(BadInput):
    """The device has no owner yet."""

    code = "not_claimed"


class ClaimRefused(BadInput):
    """This is not the claim code."""

    code = "claim_refused"


class TooManyTries(ClaimRefused):
    """There were too many wrong codes; after `after_s` seconds one more may be tried."""

    code = "too_many_tries"

    def __init__(self, en: str, zh: str, after_s: int = 60) -> None:
        super().__init__(en, zh)
        self.after_s = after_s


class RecoveryRefused(BadInput):
    """This is not the device's recovery file, or there is a typing error in it."""

    code = "recovery_refused"


class InviteRefused(BadInput):
    """This one-time code is wrong, used or too old."""

    code = "invite_refused"
