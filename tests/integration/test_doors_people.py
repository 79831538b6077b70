"""Who may talk to a device, and what strangers hear: a code and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.doors import BOB, CAROL, LOG, OWNER, Doors, doors
from tests.support.fake_telegram import ANN, Person

GROUP = -1001
OTHER_GROUP = -1002
ACCEPTED = "outpost_security_pairing_requests"
TURNED_AWAY = "outpost_security_strangers_turned_away"


async def read_all(device: Doors) -> None:
    """Wait until all that people wrote was confirmed to Telegram, and so dealt with."""
    await device.until(lambda: not device.telegram.updates, "all is read")


async def code_of(device: Doors, person: Person) -> str:
    requests = (await device.get("people"))["requests"]
    (code,) = [request["code"] for request in requests if request["sender"] == str(person.id)]
    return str(code)


async def test_a_stranger_gets_a_code_and_nothing_else(tmp_path: Path) -> None:
    async with doors(tmp_path) as device:
        device.telegram.person_says("please look", (("app.log", LOG),))
        told = await device.heard("give this code")
        code = await code_of(device, ANN)
        assert f"{code[:4]}-{code[4:]}" in told.text
        assert "device" not in told.text, "a stranger learns nothing about what answers"

        device.telegram.person_says("hello?")
        device.telegram.person_says("", (("again.log", LOG),))
        await read_all(device)
        await device.quiet()
        assert device.said(ANN.id) == [told.text]
        assert (device.telegram.downloads, device.telegram.typing) == (0, [])
        assert "getfile" not in {method for method, _ in device.telegram.calls}
        assert await device.tasks() == []
        assert list((device.state / "content").iterdir()) == []
        assert device.rows("SELECT count(*) FROM message WHERE direction = 'in'") == [(0,)]


async def test_the_fourth_stranger_of_a_channel_hears_nothing_and_is_counted(tmp_path: Path) -> None:
    strangers = [Person(4000 + number, f"Stranger {number}") for number in range(4)]
    async with doors(tmp_path) as device:
        for stranger in strangers:
            device.telegram.person_says("hello", person=stranger)
        for stranger in strangers[:3]:
            await device.heard("give this code", stranger)
        device.telegram.person_says("hello?", person=strangers[3])
        await read_all(device)
        await device.quiet()
        assert device.said(strangers[3].id) == []
        assert await device.metric(TURNED_AWAY) == 1
        assert await device.metric(ACCEPTED) == 3
        assert (await device.get("people"))["turned_away"] == 1


async def test_who_is_approved_is_told_and_their_log_is_worked_on(tmp_path: Path) -> None:
    async with doors(tmp_path) as device:
        telegram = device.telegram
        telegram.person_says("hello")
        await device.heard("give this code")
        await device.call("pair.approve", code=(await code_of(device, ANN)).lower())
        await device.heard("You are in")
        async with device.holding():
            telegram.person_says("read errors?", (("app.log", LOG),))
            await device.until(lambda: str(ANN.id) in telegram.typing, "typing is shown")
            progress = await device.heard("Log analysis: app.log")
            telegram.person_says("", (("second.log", LOG),))
            assert await device.heard("1 more to do") is progress
            assert progress.edits == 1
        report = await device.heard("43 of 300 events are errors")
        assert "You asked: read errors?" in report.text
        assert report.reply_to is not None
        await device.heard("second.log: 300", times=1)
        await device.until(lambda: telegram.deleted == [progress], "the progress is taken away")
        await device.quiet()
        files = [shown for shown in telegram.shown() if shown.file is not None]
        assert [shown.file_name for shown in files] == ["plot-time.png", "plot-templates.png", "events.jsonl"] * 2
        assert {shown.kind for shown in files} == {"photo", "document"}
        assert (files[2].file or b"").count(b"\n") == 300


async def test_a_button_does_what_it_says_and_an_edit_does_nothing(tmp_path: Path) -> None:
    async with doors(tmp_path, known=(ANN,)) as device:
        telegram = device.telegram
        (hello,) = telegram.person_says("hello")
        offer = await device.heard("No language model")
        pressed = telegram.press(offer, "Device status")
        await device.heard("is up")
        await device.until(lambda: telegram.answered == [pressed], "the press is acknowledged")
        before = device.said(ANN.id)
        telegram.update({"edited_message": {**hello, "text": "/tasks"}})
        telegram.person_says("/help")
        await device.heard("Send a log file", times=2)
        assert len(device.said(ANN.id)) == len(before) + 1


async def test_in_groups_only_people_it_knows_are_heard_where_it_is_addressed(tmp_path: Path) -> None:
    at_bot = "@outpost_test_bot"

    def mention(text: str) -> dict[str, Any]:
        return {"entities": [{"type": "mention", "offset": 0, "length": len(at_bot)}], "text": f"{at_bot} {text}"}

    async with doors(tmp_path, known=(ANN, BOB, OWNER), group=GROUP) as device:
        telegram = device.telegram
        telegram.person_says("/status", chat=GROUP, group=True, entities=[])
        telegram.person_says(chat=GROUP, group=True, person=CAROL, **mention("/status"))
        telegram.person_says(chat=OTHER_GROUP, group=True, **mention("/status"))
        telegram.person_says("what is this", chat=OTHER_GROUP, group=True, person=OWNER)
        await read_all(device)
        await device.quiet()
        assert [device.said(chat) for chat in (GROUP, OTHER_GROUP, CAROL.id, ANN.id)] == [[], [], [], []]

        telegram.person_says(chat=OTHER_GROUP, group=True, person=OWNER, **mention("/status"))
        listed = await device.heard("not on this device's list", chat=OTHER_GROUP)
        assert str(OTHER_GROUP) in listed.text
        telegram.person_says(chat=GROUP, group=True, **mention("/status"))
        await device.heard("is up", chat=GROUP)

        def log_of(name: str) -> dict[str, Any]:
            said = mention(name)
            return {"document": telegram.file(name, LOG), "caption": said["text"], "caption_entities": said["entities"]}

        async with device.holding():
            telegram.person_says(chat=GROUP, group=True, **log_of("anns.log"))
            telegram.person_says(chat=GROUP, group=True, person=BOB, **log_of("bobs.log"))
            await device.until_work({"anns.log": ANN.name, "bobs.log": BOB.name})
            telegram.person_says(chat=GROUP, group=True, person=BOB, **mention("/tasks"))
            tasks = await device.heard("Log analysis: bobs.log", chat=GROUP)
            assert "anns.log" not in tasks.text
            telegram.person_says(chat=GROUP, group=True, person=BOB, **mention("/cancel"))
            assert (await device.heard("Cancelled", chat=GROUP)).text == "Cancelled: Log analysis: bobs.log."
            telegram.person_says(chat=GROUP, group=True, person=BOB, **mention("/cancel"))
            await device.heard("Nothing is running or waiting", chat=GROUP)
        await device.heard("anns.log: 300", chat=GROUP)
