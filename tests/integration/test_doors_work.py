"""What becomes of a message while its chat is busy, of albums and of large files; with the plug pulled in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.doors import BOB, LOG, OWNER, Doors, doors
from tests.support.fake_telegram import ANN


def busy(mode: str) -> str:
    return f'[conversation]\nwhen_busy = "{mode}"\n'


def reports(device: Doors) -> list[str]:
    """Return the reports that Ann has, in order."""
    return [shown.text for shown in device.telegram.shown() if "events are errors" in shown.text]


async def until_done(device: Doors, count: int) -> list[str]:
    """Wait until there are so many reports and nothing else is to come."""
    await device.until(lambda: len(reports(device)) >= count, f"{count} reports")
    await device.until_work({})
    await device.quiet()
    assert device.rows("SELECT count(*) FROM message WHERE held != '' OR state = 'unknown'") == [(0,)]
    return reports(device)


async def test_steering_words_reach_the_report_over_kills(tmp_path: Path) -> None:
    async with doors(tmp_path, busy("steer"), known=(ANN,)) as device:
        async with device.holding():
            device.telegram.person_says("any disk trouble?", (("app.log", LOG),))
            await device.until_work({"app.log": "Ann"})
            await device.restart()
            assert "Its report will look at that" in await device.asks(ANN, "which blocks were read")
            await device.restart()
            device.telegram.person_says("", (("next.log", LOG),))
            await device.until_work({"app.log": "Ann", "next.log": "Ann"})
        first, second = await until_done(device, 2)
        assert "You asked: any disk trouble? which blocks were read" in " ".join(first.split())
        assert "next.log: 300" in second
        assert "You asked" not in second


async def test_queued_messages_are_each_their_own_work_in_order_over_kills(tmp_path: Path) -> None:
    async with doors(tmp_path, busy("queue"), known=(ANN,)) as device:
        async with device.holding():
            device.telegram.person_says("", (("a.log", LOG),))
            await device.until_work({"a.log": "Ann"})
            await device.restart()
            device.telegram.person_says("", (("b.log", LOG),))
            assert "No language model" in await device.asks(ANN, "are you there")
            await device.restart()
            device.telegram.person_says("", (("c.log", LOG),))
            await device.until_work(dict.fromkeys(("a.log", "b.log", "c.log"), "Ann"))
            await device.kill()
        await device.start()
        first, second, third = await until_done(device, 3)
        assert "a.log: 300" in first
        assert "b.log: 300" in second
        assert "c.log: 300" in third


async def test_what_is_collected_becomes_one_piece_of_work_over_kills(tmp_path: Path) -> None:
    async with doors(tmp_path, busy("collect"), known=(ANN,)) as device:
        async with device.holding():
            device.telegram.person_says("", (("a.log", LOG),))
            await device.until_work({"a.log": "Ann"})
            device.telegram.person_says("", (("b.log", LOG),))
            await device.heard("worked on together")
            await device.restart()
            device.telegram.person_says("", (("c.log", LOG), ("d.log", LOG)))
            device.telegram.person_says("only the blocks")
            await device.until(lambda: not device.telegram.updates, "all is read")
            await device.restart()
            await device.until_work({"a.log": "Ann"})
        alone, together = await until_done(device, 2)
        assert "a.log: 300" in alone
        assert "b.log, c.log, d.log: 900" in together
        assert "You asked: only the blocks" in together
        assert len([text for text in device.said(ANN.id) if "worked on together" in text]) == 1


@pytest.mark.parametrize("names", [("b.log",), ("b.log", "c.log")])
async def test_an_interruption_ends_the_work_under_way_over_kills(tmp_path: Path, names: tuple[str, ...]) -> None:
    async with doors(tmp_path, busy("interrupt"), known=(ANN,)) as device:
        async with device.holding():
            device.telegram.person_says("", (("a.log", LOG),))
            await device.until_work({"a.log": "Ann"})
            await device.restart()
            device.telegram.person_says("", tuple((name, LOG) for name in names))
            await device.heard("Stopped: Log analysis: a.log.")
            await device.until_work({", ".join(names): "Ann"})
            await device.restart()
        (done,) = await until_done(device, 1)
        assert f"{', '.join(names)}: {300 * len(names)}" in done
        assert "a.log" not in done


async def test_an_album_is_one_piece_of_work(tmp_path: Path) -> None:
    names = ("one.log", "two.log", "three.log")
    async with doors(tmp_path, known=(ANN,)) as device:
        device.telegram.person_says("which blocks", tuple((name, LOG) for name in names))
        await device.until(lambda: len(device.rows("SELECT 1 FROM message WHERE held != ''")) == 3, "all are there")
        await device.restart()
        (report,) = await until_done(device, 1)
        assert "one.log, two.log, three.log: 900" in report
        assert "You asked: which blocks" in report
        assert len(await device.tasks()) == 1


@pytest.mark.parametrize("size_is_known", [True, False])
async def test_a_file_that_bots_may_not_fetch_is_answered_with_a_link(tmp_path: Path, size_is_known: bool) -> None:
    async with doors(tmp_path, known=(ANN,)) as device:
        file = device.telegram.file("huge.log", bytes(30_000_000))
        if not size_is_known:
            del file["file_size"]
        device.telegram.person_says("see", document=file, caption="see")
        answer = await device.heard("too large for this chat app")
        assert f"{device.url}/" in answer.text
        assert "huge.log" in answer.text
        assert device.telegram.downloads == 0
        assert await device.tasks() == []


async def test_an_album_with_a_large_file_keeps_its_words_for_the_others(tmp_path: Path) -> None:
    async with doors(tmp_path, known=(ANN,)) as device:
        telegram = device.telegram
        files = [telegram.file("huge.log", b"x", file_size=30_000_000), telegram.file("small.log", LOG)]
        telegram.person_says(document=files[0], caption="which blocks", media_group_id="7")
        telegram.person_says(document=files[1], media_group_id="7")
        (report,) = await until_done(device, 1)
        assert "small.log: 300" in report
        assert "You asked: which blocks" in report
        assert device.said(ANN.id)[0].startswith("huge.log: too large")
        assert not any("No language model" in text for text in device.said(ANN.id))


async def test_only_the_owner_reads_files_of_the_machine_and_only_below_the_roots(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "app.log").write_bytes(LOG)
    (tmp_path / "private.log").write_bytes(LOG)
    (logs / "link.log").symlink_to(tmp_path / "private.log")
    (logs / "state").symlink_to(tmp_path / "state")
    roots = f'[files]\nroots = ["{logs}", "{tmp_path}/state/../logs"]\n'
    async with doors(tmp_path, roots, known=(ANN, OWNER)) as device:
        assert await device.asks(ANN, f"/analyse {logs}/app.log") == "Only the owner of this device may do that."
        outside = (
            logs / "link.log",
            tmp_path / "private.log",
            device.state / "device.sqlite",
            logs / "state/device.sqlite",
            logs / "../private.log",
            "app.log",
            "",
        )
        for path in outside:
            assert "Only files in" in await device.asks(OWNER, f"/analyse {path}")
        assert "cannot be read" in await device.asks(OWNER, f"/analyse {logs}/absent.log")
        assert await device.tasks() == []
        device.telegram.person_says(f"/analyse {logs}/app.log\nwhich blocks", person=OWNER)
        report = await device.heard("app.log: 300", OWNER)
        assert "You asked: which blocks" in report.text


async def test_who_is_revoked_hears_no_more_of_their_work(tmp_path: Path) -> None:
    async with doors(tmp_path, known=(ANN, BOB)) as device:
        async with device.holding():
            device.telegram.person_says("", (("anns.log", LOG),))
            device.telegram.person_says("", (("bobs.log", LOG),), person=BOB)
            await device.until_work({"anns.log": "Ann", "bobs.log": "Bob"})
            progress = await device.heard("Log analysis: anns.log")
            ids = {person["name"]: person["id"] for person in (await device.get("people"))["people"]}
            await device.call("pair.revoke", person=ids["Ann"])
            await device.until_work({"bobs.log": "Bob"})
            await device.until(lambda: progress in device.telegram.deleted, "the progress is taken away")
        await device.heard("bobs.log: 300", BOB)
        await device.quiet()
        assert device.said(ANN.id) == []

        device.telegram.person_says("", (("again.log", LOG),))
        await device.heard("give this code")
        await device.quiet()
        assert len(device.said(ANN.id)) == 1
        assert [task["title"] for task in await device.tasks()] == ["Log analysis: bobs.log", "Log analysis: anns.log"]
