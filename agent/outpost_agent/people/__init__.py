"""Who may talk to the device: its owner, the people who were paired, the browsers that are signed in."""

from outpost_agent.people.core import shown as shown_code
from outpost_agent.people.errors import (
    AlreadyClaimed,
    ClaimRefused,
    InviteRefused,
    NoSuchBrowser,
    NoSuchPerson,
    NoSuchRequest,
    NotClaimed,
    OwnerStays,
    RecoveryRefused,
    TooManyPeople,
    TooManyTries,
)
from outpost_agent.people.owning import Claimed
from outpost_agent.people.pairing import Approved, Stranger
from outpost_agent.people.people import People
from outpost_agent.people.rows import Asked, Browser, Home
from outpost_agent.people.store import PEOPLE_SCHEMA
from outpost_agent.people.who import OWNER, Who

__all__ = [
    "OWNER",
    "PEOPLE_SCHEMA",
    "AlreadyClaimed",
    "Approved",
    "Asked",
    "Browser",
    "ClaimRefused",
    "Claimed",
    "Home",
    "InviteRefused",
    "NoSuchBrowser",
    "NoSuchPerson",
    "NoSuchRequest",
    "NotClaimed",
    "OwnerStays",
    "People",
    "RecoveryRefused",
    "Stranger",
    "TooManyPeople",
    "TooManyTries",
    "Who",
    "shown_code",
]
