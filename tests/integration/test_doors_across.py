"""Chats are strangers to each other: whatever a person names of another's is answered as if it were not there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.support.doors import BOB, LOG, OWNER, Doors, WebPerson, doors
from tests.support.fake_telegram import ANN, Fault

Asks = Callable[[str], Awaitable[str]]

NO_SUCH_TASK = "There is no such task to cancel in this chat."
NOTHING_TO_RETRY = "There is nothing to try again in this chat."
NOTHING_MISSING = "There is no answer in this chat that may be missing."


def steps_of(device: Doors, *persons: str) -> list[str]:
    """Return the ids of all steps of some people's work."""
    marks = ", ".join("?" * len(persons))
    return [task for (task,) in device.rows(f"SELECT id FROM task WHERE principal IN ({marks}) ORDER BY id", *persons)]


async def test_nobody_sees_or_steers_what_another_has_asked_for(tmp_path: Path) -> None:
    async with (
        doors(tmp_path, known=(ANN, BOB)) as device,
        WebPerson(device, "May") as may,
        WebPerson(device, "Carl") as carl,
        device.holding(),
    ):
        asks: dict[str, Asks] = {
            "Ann": lambda text: device.asks(ANN, text),
            "Bob": lambda text: device.asks(BOB, text),
            "May": may.asks,
            "Carl": carl.asks,
        }
        for person in (ANN, BOB):
            device.telegram.person_says("", ((f"{person.name}.log", LOG),), person=person)
        for browser in (may, carl):
            await browser.says("", (f"{browser.name}.log", LOG))
        await device.until_work({f"{name}.log": name for name in asks})
        ids = {person["name"]: person["id"] for person in (await device.get("people"))["people"]}

        for name, ask in asks.items():
            for listed in (await ask("/tasks"), await ask("/tasks all")):
                assert [other for other in asks if f"{other}.log" in listed] == [name]
            assert NO_SUCH_TASK in await ask("/cancel 2")
            for step in steps_of(device, *(ids[other] for other in asks if other != name)):
                assert NO_SUCH_TASK in await ask(f"/cancel {step}")
        await device.until_work({f"{name}.log": name for name in asks})

        for name, ask in asks.items():
            assert await ask("/cancel") == f"Cancelled: Log analysis: {name}.log."
        for name, ask in asks.items():
            for step in steps_of(device, *(ids[other] for other in asks if other != name)):
                assert NOTHING_TO_RETRY in await ask(f"/retry {step.lower()}")
        await device.until_work({})

        for step in steps_of(device, *(ids[other] for other in asks if other != "May")):
            assert await may.browser.error("GET", f"/api/v1/tasks/{step}") == (404, "no_such_task")
            assert await may.browser.error("POST", f"/api/v1/tasks/{step}/cancel") == (404, "no_such_task")
            assert await may.browser.error("POST", f"/api/v1/tasks/{step}/retry") == (404, "no_such_task")
        for path in ("tasks?scope=all", "results?scope=all", "chats", f"chats/telegram/{ANN.id}/messages"):
            assert await may.browser.error("GET", f"/api/v1/{path}") == (403, "owner_only")
        seen = f"{await may.browser.get('/api/v1/messages?after=0&limit=500')}"
        assert [other for other in asks if f"{other}.log" in seen] == ["May"]


async def test_the_owner_sees_all_and_may_cancel_and_retry_any(tmp_path: Path) -> None:
    async with doors(tmp_path, known=(ANN, OWNER)) as device, WebPerson(device, "May") as may, device.holding():
        device.telegram.person_says("", (("anns.log", LOG),))
        await may.says("", ("mays.log", LOG))
        works = {"anns.log": "Ann", "mays.log": "May"}
        await device.until_work(works)
        listed = await device.asks(OWNER, "/tasks all")
        assert "No tasks yet in this chat" in await device.asks(OWNER, "/tasks")
        for task in await device.tasks():
            assert task["title"] in listed
            assert task["id"] in listed
            assert await device.asks(OWNER, f"/cancel {task['id']}") == f"Cancelled: {task['title']}."
        await device.until_work({})
        for task in await device.tasks():
            assert await device.asks(OWNER, f"/retry {task['id']}") == f"Trying again: {task['title']}."
        await device.until_work(works)


async def test_an_answer_that_may_be_missing_is_said_again_only_where_it_belongs(tmp_path: Path) -> None:
    async with doors(tmp_path, known=(ANN, BOB, OWNER)) as device, WebPerson(device, "May") as may:
        device.telegram.fail("sendMessage", Fault("abort"))
        device.telegram.person_says("/help")
        await device.until(lambda: any(state == "unknown" for _, _, state in device.undelivered()), "it is unknown")
        ((seq, _, _),) = device.undelivered()
        for ask in (lambda text: device.asks(BOB, text), lambda text: device.asks(OWNER, text), may.asks):
            for number in range(seq + 1):
                assert NOTHING_MISSING in await ask(f"/again {number}")
        assert device.said(ANN.id) == []
        assert await device.asks(ANN, f"/again {seq}") == "Here it is again:"
        await device.heard("Send a log file")
        assert NOTHING_MISSING in await device.asks(ANN, f"/again {seq}")
        assert len([text for text in device.said(ANN.id) if "Send a log file" in text]) == 1


async def test_nothing_that_is_typed_after_a_command_holds_a_chat_up(tmp_path: Path) -> None:
    odd = ("²", "٣", "0", "-1", "9" * 3000, "None", "'", "\N{SNOWMAN}", "a/b", "1 2", "＃", "%s", "*")
    async with doors(tmp_path, known=(ANN, OWNER)) as device:
        for person in (ANN, OWNER):
            for command in ("cancel", "retry", "again", "tasks", "help", "analyse", "取消", "nothing"):
                for argument in odd:
                    device.telegram.person_says(f"/{command} {argument}", person=person)
        for person in (ANN, OWNER):
            assert "is up" in await device.asks(person, "/status")
        assert "channel broke" not in device.log
