"""What goes out: the table of states, and the driver with a channel that does what a test says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zstandard
from msgspec.structs import replace

from outpost_agent.conversation import get_message, say_again
from outpost_agent.outbound import layout
from outpost_agent.outbound.core import NEXT, Event, Out, UnexpectedMove, step
from outpost_agent.outbound.rows import move
from outpost_disk import Database, open_database
from outpost_sdk.channel import Caps, Delivery, SendLater, SendRefused, SendUnknown
from outpost_wire.document import Button
from tests.support.outbound_rig import PAGE, SCHEMA, Rig, Scripted, ids


@pytest.mark.parametrize(("state", "event"), list(itertools.product(Out, Event)))
def test_a_move_is_in_the_table_or_an_error(state: Out, event: Event) -> None:
    if (state, event) in NEXT:
        assert step(state, event) is NEXT[state, event]
    else:
        with pytest.raises(UnexpectedMove, match=f"{event.value} while {state.value}"):
            step(state, event)


def test_what_may_have_been_shown_is_never_called_again() -> None:
    assert {after for (before, _), after in NEXT.items() if before is Out.UNKNOWN} == {Out.REPLACED}
    assert all(state not in {Out.DELIVERED, Out.REFUSED, Out.REPLACED} for state, _ in NEXT)
    assert NEXT[Out.SENDING, Event.RESTARTED] is Out.UNKNOWN
    assert NEXT[Out.SENDING, Event.BROKE_OFF] is Out.UNKNOWN


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "d.sqlite", SCHEMA) as database:
        yield database


@pytest.fixture
def rig(database: Database, tmp_path: Path) -> Rig:
    rig = Rig(database, tmp_path / "content")
    rig.channel.database = database
    return rig


async def test_the_state_is_written_before_the_platform_is_called(rig: Rig) -> None:
    await rig.say("a", paragraphs=["part one", "part two"])
    rig.channel.caps = Caps(delivery=Delivery.BY_CALL, text_limit=8)
    await rig.drive({"a": "delivered"})
    assert rig.channel.states == ["sending", "sending"]


async def test_messages_of_a_chat_go_out_once_and_in_order(rig: Rig) -> None:
    for text in "abcdef":
        await rig.say(text)
    await rig.drive(dict.fromkeys("abcdef", "delivered"))
    assert rig.channel.texts() == list("abcdef")


async def test_a_call_that_was_put_off_is_made_again(rig: Rig) -> None:
    rig.channel.script = [SendLater("busy", 0.0), SendLater("busy", 0.0), None]
    await rig.say("a")
    await rig.say("b")
    await rig.drive({"a": "delivered", "b": "delivered"})
    assert rig.channel.texts() == ["a", "a", "a", "b"]


@pytest.mark.parametrize("error", [SendUnknown("cut"), RuntimeError("a bug"), OSError("reset")])
async def test_a_call_that_broke_off_is_not_repeated(rig: Rig, error: Exception) -> None:
    rig.channel.script = [error]
    await rig.say("a")
    await rig.say("b", chat="other")
    await rig.drive({"a": "unknown", "b": "delivered"})
    assert sorted(rig.channel.texts()) == ["a", "b"]


async def test_a_call_that_was_refused_ends_there(rig: Rig) -> None:
    rig.channel.script = [SendRefused("blocked")]
    await rig.say("a")
    await rig.drive({"a": "refused"})
    assert rig.channel.texts() == ["a"]


async def test_what_was_being_sent_when_the_device_stopped_is_unknown(rig: Rig) -> None:
    await rig.say("a", state="sending")
    await rig.say("b", chat="other", state="prepared")
    await rig.drive({"a": "unknown", "b": "delivered"})
    assert rig.channel.texts() == ["b"]


async def test_a_chat_that_waits_does_not_hold_up_another(rig: Rig) -> None:
    rig.channel.gates["slow"] = asyncio.Event()
    await rig.say("a", chat="slow")
    await rig.say("b", chat="fast")
    await rig.drive({"a": "sending", "b": "delivered"})


async def test_a_chat_with_very_many_messages_does_not_hold_up_another(rig: Rig) -> None:
    rig.channel.gates["slow"] = asyncio.Event()
    for number in range(1_200):
        await rig.say(f"slow {number}", chat="slow")
    await rig.say("b", chat="fast")
    await rig.drive({"b": "delivered"})


async def test_a_move_from_a_state_that_has_passed_changes_nothing(rig: Rig, database: Database) -> None:
    await rig.say("a")
    stored = await database.read(lambda connection: get_message(connection, "a"))
    assert await database.write(lambda connection: move(connection, stored.seq, ("queued", "sending"), 2))
    assert not await database.write(lambda connection: move(connection, stored.seq, ("queued", "sending"), 3))
    assert await rig.states("a") == {"a": "sending"}


async def test_a_long_message_goes_out_part_by_part_and_then_its_files(rig: Rig) -> None:
    rig.channel.caps = Caps(delivery=Delivery.BY_CALL, text_limit=8)
    files = (await rig.keep("a.log", b"1" * 300_000), await rig.keep("b.log", b""))
    await rig.say("m", paragraphs=["part one", "part two", "part six"], files=files)
    await rig.drive({"m": "delivered"})
    assert rig.channel.texts() == ["part one", "part two", "part six", "a.log", "b.log"]
    assert [call.part for call in rig.channel.calls] == [0, 1, 2, 3, 4]
    assert rig.channel.files == {"a.log": b"1" * 300_000, "b.log": b""}
    assert (await rig.stored("m")).platform_id == "sent m 4"


async def test_a_message_goes_on_with_the_part_after_the_last_that_was_confirmed(rig: Rig) -> None:
    rig.channel.caps = Caps(delivery=Delivery.BY_CALL, text_limit=8)
    rig.channel.script = [None, SendLater("patience", 60.0)]
    await rig.say("m", paragraphs=["part one", "part two", "part six"])
    async with rig.living():
        while await rig.states("m") != {"m": "queued"} or len(rig.channel.calls) < 2:
            await asyncio.sleep(0.002)
    await rig.drive({"m": "delivered"})
    assert rig.channel.texts() == ["part one", "part two", "part two", "part six"]


async def test_a_file_that_is_stored_compressed_is_sent_plain(rig: Rig, tmp_path: Path) -> None:
    lines = b"a line\n" * 100_000
    packed = tmp_path / "packed"
    packed.write_bytes(zstandard.compress(lines[: len(lines) // 2]) + zstandard.compress(lines[len(lines) // 2 :]))
    kept = rig.content.adopt(packed, "a.jsonl", "application/x-ndjson", "zstd")
    file = type(kept)(id=kept.id, name=kept.name, type=kept.type, size=len(lines), encoding="zstd")
    await rig.say("m", paragraphs=["see"], files=(file,))
    await rig.drive({"m": "delivered"})
    assert rig.channel.files == {"a.jsonl": lines}
    assert rig.channel.calls[1].file is not None
    assert rig.channel.calls[1].file.size == len(lines)


async def test_a_file_that_is_not_as_long_as_it_was_does_not_arrive_as_if_it_were(rig: Rig, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    packed.write_bytes(zstandard.compress(b"short"))
    kept = rig.content.adopt(packed, "a.txt", "text/plain", "zstd")
    file = type(kept)(id=kept.id, name=kept.name, type=kept.type, size=6, encoding="zstd")
    await rig.say("m", paragraphs=["see"], files=(file,))
    await rig.drive({"m": "unknown"})
    assert rig.channel.files == {}


async def test_a_file_larger_than_the_chat_takes_becomes_a_sentence_with_a_link(rig: Rig) -> None:
    rig.channel.caps = Caps(delivery=Delivery.BY_CALL, attachment_limit=10)
    large, small = await rig.keep("large.log", b"1" * 11), await rig.keep("small.log", b"2" * 10)
    await rig.say("m", paragraphs=["see"], files=(large, small))
    await rig.drive({"m": "delivered"})
    assert [call.file.name if call.file else "" for call in rig.channel.calls] == ["", "", "small.log"]
    assert "large.log" in rig.channel.calls[1].text
    assert PAGE in rig.channel.calls[1].text


async def test_much_data_stays_on_the_device_but_a_picture_of_any_size_is_sent(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "UNASKED_LIMIT", 10)
    data, little = await rig.keep("events.jsonl", b"1" * 11), await rig.keep("few.jsonl", b"2" * 10)
    picture = replace(await rig.keep("plot.png", b"3" * 11), type="image/png")
    await rig.say("m", paragraphs=["see"], files=(data, little, picture))
    await rig.drive({"m": "delivered"})
    assert [call.file.name if call.file else "" for call in rig.channel.calls] == ["", "", "few.jsonl", "plot.png"]
    assert "events.jsonl (0.0 MB) stays on the device" in rig.channel.calls[1].text
    assert PAGE in rig.channel.calls[1].text


async def test_a_file_that_is_gone_becomes_a_sentence(rig: Rig) -> None:
    file = await rig.keep("a.log", b"1")
    rig.content.path(file.id).unlink()
    await rig.say("请看", paragraphs=["请看"], files=(file,))
    await rig.drive({"请看": "delivered"})
    assert rig.channel.calls[1].file is None
    assert "a.log 已不在设备上" in rig.channel.calls[1].text


async def test_a_file_that_the_platform_does_not_take_costs_the_others_nothing(rig: Rig) -> None:
    files = (await rig.keep("a.exe", b"1"), await rig.keep("b.log", b"2"))
    rig.channel.script = [None, SendRefused("no programs here"), None, None]
    await rig.say("m", paragraphs=["see"], files=files)
    await rig.drive({"m": "delivered"})
    assert [call.part for call in rig.channel.calls] == [0, 1, 1, 2]
    assert "a.exe" in rig.channel.calls[2].text
    assert rig.channel.files == {"b.log": b"2"}


async def test_a_message_of_nothing_is_delivered_without_a_call(rig: Rig) -> None:
    await rig.database.write(lambda connection: None)
    await rig.say("", paragraphs=[])
    await rig.drive({"": "delivered"})
    assert rig.channel.calls == []


async def test_everything_leaves_by_the_one_way_out(rig: Rig) -> None:
    await rig.say("m", paragraphs=["see"], files=(await rig.keep("a.log", b"12345"),))
    await rig.drive({"m": "delivered"})
    labels = [(item.destination, item.kind, item.bytes, item.chat) for item in rig.departures]
    assert labels == [("scripted", "reply", 3, "c"), ("scripted", "file", 5, "c")]


async def test_the_next_answer_of_the_chat_offers_the_one_that_may_be_missing(rig: Rig) -> None:
    rig.channel.script = [SendUnknown("cut")]
    await rig.say("first")
    await rig.say("elsewhere", chat="other")
    await rig.drive({"first": "unknown", "elsewhere": "delivered"})
    await rig.say("second")
    await rig.say("third")
    await rig.drive({"second": "delivered", "third": "delivered"})
    first = await rig.stored("first")
    offers = {call.id: call.buttons for call in rig.channel.calls if call.id != "first"}
    assert offers == {
        "elsewhere": (),
        "second": (Button("Send it again", f"/again {first.seq}"),),
        "third": (),
    }
    assert "may not have reached you" in rig.channel.calls[-2].text


async def test_where_there_are_no_buttons_the_command_is_in_the_text(rig: Rig) -> None:
    rig.channel.caps = Caps(delivery=Delivery.BY_CALL)
    rig.channel.script = [SendUnknown("cut")]
    await rig.say("一")
    await rig.drive({"一": "unknown"})
    await rig.say("二")
    await rig.drive({"二": "delivered"})
    seq = (await rig.stored("一")).seq
    assert f"/again {seq}" in rig.channel.calls[-1].text
    assert "可能没有送达" in rig.channel.calls[-1].text


async def test_an_offer_that_was_itself_lost_is_made_again(rig: Rig) -> None:
    rig.channel.script = [SendUnknown("cut"), SendUnknown("cut")]
    await rig.say("first")
    await rig.say("second")
    await rig.drive({"first": "unknown", "second": "unknown"})
    await rig.say("third")
    await rig.drive({"third": "delivered"})
    seqs = [(await rig.stored(message)).seq for message in ("first", "second")]
    assert [button.command for button in rig.channel.calls[-1].buttons] == [f"/again {seq}" for seq in seqs]


async def test_what_is_asked_for_again_goes_on_at_the_part_that_may_be_missing(rig: Rig) -> None:
    rig.channel.caps = Caps(delivery=Delivery.BY_CALL, text_limit=8)
    rig.channel.script = [None, SendUnknown("cut")]
    await rig.say("m", paragraphs=["part one", "part two", "part six"])
    await rig.drive({"m": "unknown"})
    assert await again(rig, "m")
    await rig.drive({"m": "replaced", "again1": "delivered"})
    assert rig.channel.texts() == ["part one", "part two", "part two", "part six"]


async def test_a_second_wish_for_the_same_answer_changes_nothing(rig: Rig) -> None:
    rig.channel.script = [SendUnknown("cut")]
    await rig.say("m")
    await rig.drive({"m": "unknown"})
    assert await again(rig, "m")
    assert not await again(rig, "m")
    await rig.drive({"again1": "delivered"})
    assert not await again(rig, "again1")
    assert rig.channel.texts() == ["m", "m"]


async def test_another_chat_cannot_have_an_answer_again(rig: Rig) -> None:
    rig.channel.script = [SendUnknown("cut")]
    await rig.say("m")
    await rig.drive({"m": "unknown"})
    assert not await again(rig, "m", chat="other")
    assert not await again(rig, "m", channel="other")
    assert await rig.states("m") == {"m": "unknown"}


async def again(rig: Rig, message: str, *, channel: str = "scripted", chat: str = "c") -> bool:
    seq = (await rig.stored(message)).seq
    return await rig.database.write(
        lambda connection: say_again(connection, channel, chat, seq, ids("again"), 3),
    )


async def test_only_the_first_call_quotes_what_is_answered(rig: Rig) -> None:
    rig.channel.caps = Caps(delivery=Delivery.BY_CALL, text_limit=8)
    await rig.say("question", state="delivered")
    await rig.say("m", paragraphs=["part one", "part two"])
    await rig.database.write(
        lambda connection: connection.execute(
            "UPDATE message SET reply_to = 'question', platform_id = NULL WHERE id = 'm'"
        )
    )
    await rig.database.write(
        lambda connection: connection.execute("UPDATE message SET platform_id = '77' WHERE id = 'question'")
    )
    await rig.drive({"m": "delivered"})
    assert [call.reply_to_platform_id for call in rig.channel.calls] == ["77", None]


async def test_a_channel_that_is_read_by_sequence_is_never_called(rig: Rig) -> None:
    rig.channel = Scripted(Caps(delivery=Delivery.BY_SEQUENCE, format="tree"))
    await rig.say("m")
    outbound = rig.outbound()
    outbound.at_work("c")
    await outbound.run()
    assert rig.channel.calls == []
