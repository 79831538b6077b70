"""What the owner's commands ask of the daemon over the local socket: claiming, pairing, channels.

Who may use the socket runs this machine, so nothing more is asked of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from outpost_agent.announce import claim_link, sign_in_link
from outpost_agent.channels.switchboard import Switchboard
from outpost_agent.local.server import Call, Method
from outpost_agent.local_methods import params
from outpost_agent.people import People
from outpost_wire.messages import Role


class _Take(msgspec.Struct, forbid_unknown_fields=True):
    code: str = ""


class _Recover(msgspec.Struct, forbid_unknown_fields=True):
    recovery: str


class _Approve(msgspec.Struct, forbid_unknown_fields=True):
    code: str
    role: Role = "user"
    name: str | None = None


class _Refuse(msgspec.Struct, forbid_unknown_fields=True):
    code: str


class _Revoke(msgspec.Struct, forbid_unknown_fields=True):
    person: str
    channel: str | None = None
    sender: str | None = None


class _Add(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    kind: str
    options: dict[str, str]
    proxy: str = ""
    groups: tuple[str, ...] = ()


class _Named(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class OwnerMethods:
    """The methods, each `async (call) -> value`; `address()` is where browsers reach the device's page."""

    def __init__(self, *, people: People, switchboard: Switchboard, address: Callable[[], str]) -> None:
        self._people = people
        self._switchboard = switchboard
        self._address = address

    def table(self) -> dict[str, Method]:
        """Return the methods by name."""
        return {
            "claim.show": self._show,
            "claim.take": self._take,
            "claim.link": self._link,
            "claim.recover": self._recover,
            "claim.new_recovery": self._new_recovery,
            "people.list": self._list,
            "pair.approve": self._approve,
            "pair.refuse": self._refuse,
            "pair.revoke": self._revoke,
            "channels.list": self._channels,
            "channels.add": self._add,
            "channels.remove": self._remove,
            "channels.test": self._test,
        }

    async def _show(self, _call: Call) -> dict[str, Any]:
        code, address = self._people.claim_code, self._address()
        return {
            "owned": self._people.is_owned,
            "code": code,
            "address": address,
            "link": claim_link(address, code) if code else None,
        }

    async def _take(self, call: Call) -> dict[str, Any]:
        """Claim the device for who runs this machine; the link signs a browser in as the owner."""
        wanted = params(call, _Take)
        claimed = await self._people.claim(wanted.code or self._people.claim_code or "")
        await self._people.sign_out(claimed.session)
        return {"recovery": claimed.recovery, **await self._new_link()}

    async def _link(self, _call: Call) -> dict[str, Any]:
        return await self._new_link()

    async def _recover(self, call: Call) -> dict[str, Any]:
        claimed = await self._people.recover(params(call, _Recover).recovery)
        await self._people.sign_out(claimed.session)
        return {"recovery": claimed.recovery, **await self._new_link()}

    async def _new_recovery(self, _call: Call) -> dict[str, Any]:
        return {"recovery": await self._people.fresh_recovery()}

    async def _new_link(self) -> dict[str, Any]:
        return {"link": sign_in_link(self._address(), await self._people.invite())}

    async def _list(self, _call: Call) -> dict[str, Any]:
        return {
            "people": msgspec.to_builtins(self._people.facts()),
            "requests": msgspec.to_builtins(self._people.requests()),
            "turned_away": self._people.turned_away,
        }

    async def _approve(self, call: Call) -> dict[str, Any]:
        wanted = params(call, _Approve)
        approved = await self._people.approve(wanted.code, wanted.role, name=wanted.name)
        return {
            "person": msgspec.to_builtins(approved.person),
            "channel": approved.request.channel,
            "sender": approved.request.sender,
        }

    async def _refuse(self, call: Call) -> dict[str, Any]:
        request = await self._people.refuse(params(call, _Refuse).code)
        return {"channel": request.channel, "sender": request.sender, "name": request.name}

    async def _revoke(self, call: Call) -> dict[str, Any]:
        wanted = params(call, _Revoke)
        who = await self._people.revoke(wanted.person, wanted.channel, wanted.sender)
        return {"person": msgspec.to_builtins(who)}

    async def _channels(self, _call: Call) -> list[dict[str, Any]]:
        return [
            {**msgspec.to_builtins(facts), "removable": self._switchboard.is_kept(facts.name)}
            for facts in self._switchboard.facts()
        ]

    async def _add(self, call: Call) -> dict[str, Any]:
        wanted = params(call, _Add)
        facts = await self._switchboard.add(
            wanted.name, wanted.kind, wanted.options, proxy=wanted.proxy, groups=wanted.groups
        )
        added: dict[str, Any] = msgspec.to_builtins(facts)
        return added

    async def _remove(self, call: Call) -> dict[str, Any]:
        name = params(call, _Named).name
        await self._switchboard.remove(name)
        return {"removed": name}

    async def _test(self, call: Call) -> dict[str, Any]:
        name = params(call, _Named).name
        return {"name": name, "account": await self._switchboard.test(name)}
