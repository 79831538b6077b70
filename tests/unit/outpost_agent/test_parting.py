"""Who may talk no more: their work ends, and nothing more is said to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outpost_agent.conversation import Reply, held_messages, reply
from outpost_agent.markdown import parse_markdown
from outpost_agent.parting import may_hear, part_with_strangers
from outpost_agent.people import Who
from tests.support.outbound_rig import Rig
from tests.support.router_rig import RouterRig, router_rig


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[RouterRig]:
    async with router_rig(tmp_path) as made:
        yield made


def who(rig: RouterRig, sender: str) -> Who:
    found = rig.people.who("telegram", sender)
    assert found is not None
    return found


async def tell(rig: RouterRig, person: str | None, state: str, channel: str = "telegram") -> str:
    """Write something that is to be said; return its id."""
    said = Reply(
        id=rig.new_id(),
        channel=channel,
        chat="c",
        person=person,
        text="t",
        document=parse_markdown("t"),
        state=state,  # type: ignore[arg-type]
    )
    await rig.database.write(lambda connection: reply(connection, said, rig.now))
    return said.id


async def states(rig: RouterRig) -> dict[str, str]:
    return {message.id: message.state for message in await rig.messages("c")}


async def part(rig: RouterRig) -> int:
    return await part_with_strangers(rig.database, rig.engine, rig.people, rig.now)


async def test_the_work_of_who_is_gone_ends_and_that_of_others_goes_on(rig: RouterRig) -> None:
    for sender in ("ann", "bob", "olive"):
        await rig.says(sender, "", f"{sender}.log")
    assert await part(rig) == 0
    await rig.people.revoke(who(rig, "ann").person)
    assert await part(rig) == 3
    assert await rig.titles() == ["bob.log", "olive.log"]
    assert await part(rig) == 0


async def test_what_waits_for_who_is_gone_is_held_back_also_in_mid_sentence(rig: RouterRig) -> None:
    ann, bob = who(rig, "ann").person, who(rig, "bob").person
    kept = [
        await tell(rig, ann, "delivered"),
        await tell(rig, ann, "unknown"),
        await tell(rig, bob, "queued"),
        await tell(rig, None, "queued"),
    ]
    before = await states(rig)
    held = [await tell(rig, ann, state) for state in ("prepared", "queued", "sending")]
    await rig.people.revoke(ann)
    assert await part(rig) == 3
    after = await states(rig)
    assert {after[message] for message in held} == {"refused"}
    assert {message: after[message] for message in kept} == before


async def test_who_is_still_known_elsewhere_is_heard_there_only(rig: RouterRig) -> None:
    await rig.says("olive", "", "olive.log")
    on_web = await tell(rig, "owner", "queued", "web")
    await rig.people.revoke("owner", "telegram", "olive")
    assert not may_hear(rig.people, "owner", "telegram")
    assert may_hear(rig.people, "owner", "web")
    await part(rig)
    assert await rig.titles() == []
    assert (await rig.messages("c", "web"))[0].id == on_web
    assert (await rig.messages("c", "web"))[0].state == "queued"


async def test_what_is_held_of_who_is_gone_is_let_go(rig: RouterRig) -> None:
    await rig.says("ann", "", "1.log", album="a")
    await rig.says("bob", "", "2.log", album="b")
    await rig.people.revoke(who(rig, "ann").person)
    assert await part(rig) == 1
    assert [message.sender for message in await rig.database.read(held_messages)] == ["bob"]


async def test_a_message_that_is_held_back_between_two_calls_goes_no_further(rig: RouterRig) -> None:
    way_out = Rig(rig.database, rig.folder / "out")
    ann = who(rig, "ann").person
    gate = way_out.channel.gates["c"] = asyncio.Event()
    said = Reply(
        id=rig.new_id(),
        channel=way_out.channel.id,
        chat="c",
        person=ann,
        text="report",
        document=parse_markdown("report"),
        attachments=(await way_out.keep("a.txt", b"a"), await way_out.keep("b.txt", b"b")),
    )
    await rig.database.write(lambda connection: reply(connection, said, rig.now))
    async with way_out.living() as outbound:
        outbound.poke()
        while not way_out.channel.calls:
            await asyncio.sleep(0.001)
        await rig.people.revoke(ann)
        await part(rig)
        gate.set()
        await way_out.say("to another", chat="d")
        outbound.poke()
        while await way_out.states("to another") != {"to another": "delivered"}:
            await asyncio.sleep(0.001)
    assert way_out.channel.texts() == ["report", "to another"]
    assert (await way_out.stored(said.id)).state == "refused"
