"""A person as the rest of the device sees them."""

from __future__ import annotations

import msgspec

from outpost_wire.messages import Role

OWNER = "owner"
"""The id of the owner, who is there from the start, whether claimed or not."""
OWNER_CHAT = "main"
"""The owner's chat on the device's own page; that of anybody else has their id."""


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """A person whom the device knows. `person` is their id, the same on all their channels and browsers."""

    person: str
    name: str
    role: Role

    @property
    def is_owner(self) -> bool:
        """Say whether this is the owner, who sees all."""
        return self.role == "owner"


def page_chat(person: str) -> str:
    """Return a person's chat on the device's own page."""
    return OWNER_CHAT if person == OWNER else person
