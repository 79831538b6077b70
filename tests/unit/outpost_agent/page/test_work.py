"""Tasks and results as the page lists them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outpost_sdk.handler import Outcome
from outpost_sdk.tasks import Failure
from outpost_wire.ids import TaskId
from tests.support.device_page import Browser, PageRig, device_page


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[PageRig]:
    async with device_page(tmp_path) as rig:
        yield rig


@pytest.fixture
async def owner(rig: PageRig) -> Browser:
    return await rig.owner()


async def run(rig: PageRig, tasks: list[TaskId], title: str = "") -> None:
    """Run a chain to its end."""
    for number, task in enumerate(tasks):
        (claimed,) = await rig.engine.claim(["k"], 1, 1_000, 1_000)
        assert claimed.id == task
        is_last = number == len(tasks) - 1
        await rig.engine.finish(task, claimed.epoch, Outcome(title=title if is_last else ""), (), 1_000)


async def fail(rig: PageRig, task: TaskId) -> None:
    """Run a task into a failure for good."""
    (claimed,) = await rig.engine.claim(["k"], 1, 1_000, 1_000)
    assert claimed.id == task
    await rig.engine.fail(task, claimed.epoch, Failure(code="odd", en="It is odd.", zh="很奇怪。", final=True), 1_000)


async def test_of_a_chain_the_last_task_is_listed_newest_first(rig: PageRig, owner: Browser) -> None:
    chains = [await rig.chain("owner", "main") for _ in range(3)]
    listed = await owner.get("/api/v1/tasks")
    assert [task["id"] for task in listed] == [chain[-1] for chain in reversed(chains)]
    assert (listed[0]["person"], listed[0]["channel"], listed[0]["chat"]) == ("owner", "web", "main")


async def test_pages_of_tasks_meet_without_gap_or_overlap(rig: PageRig, owner: Browser) -> None:
    heads = [(await rig.chain("owner", "main", length=1 + number % 3))[-1] for number in range(10)]
    seen: list[str] = []
    before = ""
    while page := await owner.get(f"/api/v1/tasks?limit=3{before}"):
        seen += [task["id"] for task in page]
        before = f"&before={seen[-1]}"
    assert seen == heads[::-1]


async def test_mine_is_mine_on_every_channel_and_all_is_everybodys(rig: PageRig, owner: Browser) -> None:
    may, person = await rig.user("May")
    (web,) = await rig.chain(person, person, length=1)
    (phone,) = await rig.chain(person, "777", "tg", length=1)
    (group,) = await rig.chain("owner", "-100", "tg", length=1)
    assert [task["id"] for task in await may.get("/api/v1/tasks?scope=mine")] == [phone, web]
    assert [task["id"] for task in await owner.get("/api/v1/tasks")] == [group]
    assert [task["id"] for task in await owner.get("/api/v1/tasks?scope=all")] == [group, phone, web]


@pytest.mark.parametrize("query", ["scope=everything", "limit=0", "limit=x"])
async def test_a_wrong_wish_is_named(owner: Browser, query: str) -> None:
    status, refused = await owner.ask("GET", f"/api/v1/tasks?{query}")
    assert (status, refused["error"]["message"].partition(":")[0]) == (400, query.partition("=")[0])


async def test_a_page_before_what_is_not_there_is_not_there(owner: Browser) -> None:
    assert await owner.error("GET", "/api/v1/tasks?before=X") == (404, "no_such_task")


async def test_a_failed_chain_is_tried_again_from_where_it_broke(rig: PageRig, owner: Browser) -> None:
    first, middle, last = await rig.chain("owner", "main")
    await fail(rig, first)
    assert (await rig.engine.get(last)).state == "cancelled"
    status, task = await owner.ask("POST", f"/api/v1/tasks/{last}/retry")
    assert (status, task["state"]) == (200, "waiting")
    assert [(await rig.engine.get(each)).state for each in (first, middle, last)] == ["ready", "waiting", "waiting"]


@pytest.mark.parametrize("ends", [False, True])
async def test_what_did_not_fail_is_not_tried_again(rig: PageRig, owner: Browser, *, ends: bool) -> None:
    tasks = await rig.chain("owner", "main", length=1)
    if ends:
        await run(rig, tasks)
    assert await owner.error("POST", f"/api/v1/tasks/{tasks[0]}/retry") == (409, "task_refused")


async def test_cancelling_a_chain_by_its_last_task_ends_all_of_it(rig: PageRig, owner: Browser) -> None:
    tasks = await rig.chain("owner", "main")
    status, task = await owner.ask("POST", f"/api/v1/tasks/{tasks[-1]}/cancel")
    assert (status, task["state"], task["parents"][0]["state"]) == (200, "cancelled", "cancelled")


async def test_a_result_has_the_title_of_its_work_its_files_and_its_tree(rig: PageRig, owner: Browser) -> None:
    tasks = await rig.chain("owner", "main")
    file = await rig.file("plot.png", b"png")
    await rig.device_says("not a result")
    said = await rig.device_says("# Report", task_id=tasks[-1], attachments=(file,))
    await run(rig, tasks, "Log analysis: a.log")
    (result,) = await owner.get("/api/v1/results")
    assert (result["id"], result["task_id"], result["title"]) == (said.id, tasks[-1], "Log analysis: a.log")
    assert result["attachments"][0]["name"] == "plot.png"
    assert result["document"]["blocks"]
    assert (result["channel"], result["chat"]) == ("web", "main")


async def test_what_failed_is_no_result(rig: PageRig, owner: Browser) -> None:
    tasks = await rig.chain("owner", "main", length=1)
    await rig.device_says("it failed", task_id=tasks[-1])
    await fail(rig, tasks[-1])
    assert await owner.get("/api/v1/results") == []


async def test_a_result_outlives_its_task(rig: PageRig, owner: Browser) -> None:
    file = await rig.file("a.csv", b"1")
    await rig.device_says("## A *report*\n\nwith words", task_id=rig.new_id(), attachments=(file,))
    (result,) = await owner.get("/api/v1/results")
    assert result["title"] == "A *report*"


async def test_in_a_group_each_has_their_own_results(rig: PageRig, owner: Browser) -> None:
    (may, mays), (ray, rays) = await rig.user("May"), await rig.user("Ray")
    for person, sender in ((mays, "7"), (rays, "8")):
        asked = await rig.person_says("do it", "-100", "tg", sender, person)
        (task,) = await rig.chain(person, "-100", "tg", length=1)
        await rig.device_says(f"for {person}", "-100", "tg", task_id=task, reply_to=asked)
        await run(rig, [task])
    assert [result["person"] for result in await may.get("/api/v1/results")] == [mays]
    assert [result["person"] for result in await ray.get("/api/v1/results")] == [rays]
    assert await owner.get("/api/v1/results") == []
    everybodys = await owner.get("/api/v1/results?scope=all")
    assert [result["person"] for result in everybodys] == [rays, mays]
    (older,) = await owner.get(f"/api/v1/results?scope=all&limit=5&before={everybodys[0]['seq']}")
    assert older == everybodys[1]


async def test_a_file_in_a_group_is_for_whom_it_answers(rig: PageRig, owner: Browser) -> None:
    (may, mays), (ray, _) = await rig.user("May"), await rig.user("Ray")
    file = await rig.file("mays.log", b"hers")
    asked = await rig.person_says("do it", "-100", "tg", "7", mays)
    await rig.device_says("here", "-100", "tg", reply_to=asked, attachments=(file,))
    path = f"/api/v1/attachments/{file.id}/mays.log"
    statuses = [(await browser.ask("GET", path))[0] for browser in (may, ray, owner)]
    assert statuses == [200, 404, 200]
