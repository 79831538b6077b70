"""It says what happened: the plug was pulled, an answer may be missing; and what of a result leaves for the manager."""

from __future__ import annotations

from pathlib import Path

import pytest

from outpost_wire.messages import ResultReady, decode_event
from tests.support.doors import LOG, OWNER, Doors, doors
from tests.support.fake_telegram import ANN, Fault
from tests.support.ports import free_port

WAS_OFF = "This device was off for"
MAY_BE_MISSING = "An earlier answer may not have reached you."


def told(device: Doors, words: str, chat: int = OWNER.id) -> list[str]:
    return [text for text in device.said(chat) if words in text]


async def test_the_owner_hears_once_that_the_plug_was_pulled_and_what_goes_on(tmp_path: Path) -> None:
    async with doors(tmp_path, "[notices]\noutage_s = 0.1\n", known=(ANN, OWNER)) as device:
        assert "is up" in await device.asks(OWNER, "/status")
        async with device.holding():
            device.telegram.person_says("", (("app.log", LOG),))
            await device.until_work({"app.log": "Ann"})
            await device.restart()
            notice = await device.heard(WAS_OFF, OWNER)
            assert "The program had ended without warning" in notice.text
            assert "1 open task goes on: Log analysis: app.log." in notice.text
            assert "Nothing was lost." in notice.text
        await device.heard("app.log: 300")
        await device.quiet()
        assert len(told(device, WAS_OFF)) == 1
        assert told(device, WAS_OFF, ANN.id) == []
        await device.stop()
        await device.start()
        second = await device.heard(WAS_OFF, OWNER, times=2)
        assert "It had been stopped in order. No task was open." in second.text
        await device.quiet()
        assert len(told(device, WAS_OFF)) == 2


async def test_a_short_outage_is_not_worth_a_word(tmp_path: Path) -> None:
    async with doors(tmp_path, "[notices]\noutage_s = 3600\n", known=(OWNER,)) as device:
        assert "is up" in await device.asks(OWNER, "/status")
        await device.restart()
        assert "is up" in await device.asks(OWNER, "/status")
        await device.quiet()
        assert told(device, WAS_OFF) == []


async def test_an_answer_that_may_be_missing_is_offered_and_comes_once(tmp_path: Path) -> None:
    async with doors(tmp_path, "[notices]\noutage_s = 0.1\n", known=(ANN, OWNER)) as device:
        telegram = device.telegram
        assert "is up" in await device.asks(OWNER, "/status")
        await device.quiet()
        telegram.fail("sendMessage", Fault("hang"))
        telegram.person_says("/help")
        await device.until(
            lambda: any(parameters.get("chat_id") == ANN.id for _, parameters in telegram.calls), "it is being sent"
        )
        await device.kill(in_mid_sentence=True)
        await device.start()
        assert "One answer may not have arrived" in (await device.heard(WAS_OFF, OWNER)).text
        assert device.said(ANN.id) == []

        telegram.person_says("/status")
        offer = await device.heard(MAY_BE_MISSING)
        assert "is up" in offer.text
        telegram.person_says("/tasks")
        await device.heard("No tasks yet")
        assert len(told(device, MAY_BE_MISSING, ANN.id)) == 1

        telegram.press(offer, "Send it again")
        await device.heard("It works right here")
        await device.restart()
        telegram.press(offer, "Send it again")
        await device.heard("There is no answer in this chat that may be missing.")
        await device.quiet()
        assert device.said(ANN.id).count("Here it is again:") == 1
        assert len(told(device, "It works right here", ANN.id)) == 1


@pytest.mark.parametrize("results", ["none", "summary", "full"])
async def test_of_a_result_leaves_for_the_manager_what_is_set(tmp_path: Path, results: str) -> None:
    link = f'[link]\nfleet = "home"\nport = {free_port()}\nresults = "{results}"\n'
    async with doors(tmp_path, link, known=(ANN,)) as device:
        device.telegram.person_says("", (("app.log", LOG),))
        report = await device.heard("app.log: 300")
        assert "Most frequent messages" in report.text
        events = [decode_event(body) for (body,) in device.rows("SELECT body FROM outbox_event ORDER BY seq")]
    left = [event for event in events if isinstance(event, ResultReady)]
    assert len(events) > len(left)
    assert [
        ("events are errors" in result.report, "Most frequent" in result.report, len(result.plots)) for result in left
    ] == {"none": [], "summary": [(True, False, 0)], "full": [(True, True, 2)]}[results]
