"""What becomes of messages, over a real database and task engine: no worker, no platform, no waiting."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outpost_agent.conversation import Reply, reply
from outpost_agent.markdown import parse_markdown
from outpost_agent.outbound.rows import offers_of
from outpost_agent.router.core import ALBUM_MS
from outpost_disk import DatabaseFailed
from outpost_sdk.channel import NotPaired
from tests.support.router_rig import PAGE, RouterRig, router_rig


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[RouterRig]:
    async with router_rig(tmp_path) as made:
        yield made


async def test_words_join_the_newest_work_whose_report_is_not_begun(rig: RouterRig) -> None:
    first = await rig.says("ann", "", "a.log")
    second = await rig.says("ann", "", "b.log")
    assert "Noted for the work under way: Log analysis: b.log" in await rig.asks("ann", "any errors?")
    *_, joined, _ = await rig.messages("ann")
    assert joined.reply_to == second.message_id != first.message_id


async def test_words_that_come_when_the_report_is_being_written_are_said_to_be_too_late(rig: RouterRig) -> None:
    await rig.says("ann", "", "a.log")
    await rig.step(3, stay=True)
    answer = await rig.asks("ann", "any errors?")
    assert "is being written already: Log analysis: a.log" in answer
    assert (await rig.messages("ann"))[-2].reply_to is None


async def test_one_persons_work_is_nobody_elses_to_steer(rig: RouterRig) -> None:
    group = frozenset(["team"])
    await rig.router.accept(await rig.incoming("ann", "", "a.log", chat="team", is_group=True), group)
    await rig.router.accept(await rig.incoming("bob", "any errors?", chat="team", is_group=True), group)
    assert "No language model" in (await rig.answers("team"))[-1]


async def test_an_album_waits_for_a_file_that_is_on_its_way(rig: RouterRig) -> None:
    first = await rig.incoming("ann", "errors?", "1.log", album="a")
    announced = await rig.incoming("ann", "", album="a")
    assert await rig.router.admit(first)
    await rig.router.accept(first)
    assert await rig.router.admit(announced)
    rig.now += 10 * ALBUM_MS
    assert await rig.gatherer.start_due()
    assert await rig.titles() == []
    await rig.says("ann", "", "2.log", album="a")
    rig.now += ALBUM_MS
    assert not await rig.gatherer.start_due()
    assert await rig.titles() == ["1.log, 2.log"]
    assert rig.began == [("telegram", "ann")]


async def test_a_file_that_never_comes_is_not_waited_for_without_end(rig: RouterRig) -> None:
    await rig.says("ann", "", "1.log", album="a")
    assert await rig.router.admit(await rig.incoming("ann", "", album="a"))
    rig.now += 600_000
    await rig.gatherer.start_due()
    assert await rig.titles() == ["1.log"]


async def test_an_album_that_was_cut_by_a_restart_is_whole_again(rig: RouterRig) -> None:
    await rig.says("ann", "", "1.log", album="a")
    rig.now += 60_000
    await rig.begin()
    assert await rig.gatherer.start_due()
    await rig.says("ann", "", "2.log", album="a")
    rig.now += ALBUM_MS
    await rig.gatherer.start_due()
    assert await rig.titles() == ["1.log, 2.log"]


async def test_words_that_follow_an_album_belong_to_it(rig: RouterRig) -> None:
    await rig.says("ann", "", "1.log", album="a")
    assert await rig.asks("ann", "any errors?") == ""
    assert "is up" in await rig.asks("ann", "/status")
    rig.now += ALBUM_MS
    await rig.gatherer.start_due()
    (task,) = await rig.work()
    assert task.spec.params["focus"] == "any errors?"


async def test_an_album_of_files_that_are_too_large_is_answered_by_links_alone(rig: RouterRig) -> None:
    await rig.says("ann", "see", unfetched=("1.log",), album="a")
    await rig.says("ann", "", unfetched=("2.log",), album="a")
    rig.now += ALBUM_MS
    await rig.gatherer.start_due()
    assert [PAGE in answer for answer in await rig.answers("ann")] == [True, True]
    assert await rig.gatherer.start_due() is False


async def test_a_group_of_messages_that_cannot_be_started_leaves_the_others_alone(rig: RouterRig) -> None:
    await rig.says("ann", "", "1.log", album="a")
    await rig.says("bob", "", "2.log", album="b")
    put = rig.engine.put

    async def put_but_for_ann(specs, now_ms, effects=()):  # type: ignore[no-untyped-def]
        if specs and specs[0].chat == "ann":
            raise OSError("no")
        return await put(specs, now_ms, effects)

    rig.engine.put = put_but_for_ann  # type: ignore[method-assign]
    rig.now += ALBUM_MS
    with pytest.raises(OSError, match="no"):
        await rig.gatherer.start_due()
    assert await rig.titles() == ["2.log"]
    rig.engine.put = put  # type: ignore[method-assign]
    await rig.gatherer.start_due()
    assert await rig.titles() == ["2.log", "1.log"]


async def test_who_waits_at_the_local_socket_gets_an_answer_of_their_own(tmp_path: Path) -> None:
    async with router_rig(tmp_path, "collect") as rig:
        await rig.says("uid0", "", "a.log", channel="local")
        assert "No language model" in await rig.asks("uid0", "hello", channel="local")
        assert (await rig.says("uid0", "", "b.log", channel="local")).task_id is not None


async def test_a_message_that_comes_twice_is_one(rig: RouterRig) -> None:
    for text, files in (("/help", ()), ("", ("a.log",)), ("errors?", ())):
        message = await rig.incoming("ann", text, *files)
        before = len(await rig.messages("ann"))
        first = await rig.router.accept(message)
        said = len(await rig.messages("ann"))
        assert said > before
        assert await rig.router.accept(message) == first
        assert len(await rig.messages("ann")) == said


@pytest.mark.parametrize("command", ["/cancel", "/retry"])
async def test_a_command_whose_answer_was_not_written_is_not_carried_out_either(
    rig: RouterRig, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.says("ann", "", "a.log")
    await rig.says("ann", "", "b.log")
    if command == "/retry":
        await rig.asks("ann", "/cancel")
        await rig.asks("ann", "/cancel")
    message, before = await rig.incoming("ann", command), await rig.titles()
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr("outpost_agent.ledger.reply", _cut)
        await rig.router.accept(message)
    assert await rig.titles() == before
    await rig.router.accept(message)
    await rig.router.accept(message)
    assert len(await rig.titles()) == len(before) + (1 if command == "/retry" else -1)


def _cut(*_: object) -> None:
    raise RuntimeError("the plug was pulled")


async def test_who_is_let_out_while_their_message_is_written_leaves_no_work(
    rig: RouterRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = rig.people.who("telegram", "ann")
    assert ann is not None
    put = rig.engine.put

    async def revoke_then_put(*arguments, **more):  # type: ignore[no-untyped-def]
        await rig.people.revoke(ann.person)
        return await put(*arguments, **more)

    monkeypatch.setattr(rig.engine, "put", revoke_then_put)
    await rig.says("ann", "", "a.log")
    assert await rig.titles() == []
    with pytest.raises(NotPaired):
        await rig.says("ann", "hello")


async def test_what_is_held_of_somebody_who_is_let_out_is_never_begun(rig: RouterRig) -> None:
    ann = rig.people.who("telegram", "ann")
    assert ann is not None
    await rig.says("ann", "", "1.log", album="a")
    await rig.people.revoke(ann.person)
    rig.now += ALBUM_MS
    await rig.gatherer.start_due()
    assert await rig.titles() == []
    assert await rig.gatherer.start_due() is False


async def test_in_a_group_everybody_is_offered_and_given_again_only_their_own_answers(rig: RouterRig) -> None:
    async def say(person: str, state: str) -> int:
        said = Reply(
            id=rig.new_id(),
            channel="telegram",
            chat="team",
            person=person,
            text=f"to {person}",
            document=parse_markdown("t"),
            state=state,  # type: ignore[arg-type]
        )

        def write(connection: sqlite3.Connection) -> int:
            reply(connection, said, rig.now)
            return int(connection.execute("SELECT max(seq) FROM message").fetchone()[0])

        return await rig.database.write(write)

    async def asks(sender: str, seq: int) -> list[str]:
        before = len(await rig.answers("team"))
        message = await rig.incoming(sender, f"/again {seq}", chat="team", is_group=True)
        await rig.router.accept(message, frozenset(["team"]))
        return (await rig.answers("team"))[before:]

    ann, bob = [who.person for sender in ("ann", "bob") if (who := rig.people.who("telegram", sender))]
    doubtful = await say(ann, "unknown")
    bobs, anns = await say(bob, "queued"), await say(ann, "queued")
    assert await rig.database.write(lambda connection: offers_of(connection, bobs)) == ()
    assert await rig.database.write(lambda connection: offers_of(connection, anns)) == (doubtful,)
    assert await asks("bob", doubtful) == ["There is no answer in this chat that may be missing."]
    assert await asks("ann", doubtful) == ["Here it is again:", f"to {ann}"]
    assert await asks("ann", doubtful) == ["There is no answer in this chat that may be missing."]
    assert await asks("olive", await say(ann, "unknown")) == ["Here it is again:", f"to {ann}"]


async def test_held_messages_are_begun_when_the_disk_is_well_again(
    rig: RouterRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.says("ann", "", "1.log", album="a")
    rig.now += ALBUM_MS
    monkeypatch.setattr("outpost_agent.router.gather.RETRY_S", 0.001)
    read, failures = rig.database.read, iter([DatabaseFailed("disk full")] * 3)

    async def read_or_fail(transaction, **more):  # type: ignore[no-untyped-def]
        if failure := next(failures, None):
            raise failure
        return await read(transaction, **more)

    monkeypatch.setattr(rig.database, "read", read_or_fail)
    monkeypatch.setattr(rig.gatherer, "_since_ms", 0)
    running = asyncio.create_task(rig.gatherer.run())
    async with asyncio.timeout(10):
        while not rig.began:
            rig.now += ALBUM_MS
            await asyncio.sleep(0.001)
    running.cancel()
    assert await rig.titles() == ["1.log"]


async def test_words_interrupt_too_where_that_is_set(tmp_path: Path) -> None:
    async with router_rig(tmp_path, "interrupt") as rig:
        await rig.says("ann", "", "a.log")
        await rig.says("bob", "", "b.log")
        assert "is up" in await rig.asks("ann", "/status")
        assert await rig.titles() == ["a.log", "b.log"]
        assert await rig.asks("ann", "stop that") == "Stopped: Log analysis: a.log."
        assert await rig.titles() == ["b.log"]


async def test_the_owners_list_of_all_names_ids_and_only_they_get_it(rig: RouterRig) -> None:
    await rig.says("ann", "", "a.log")
    (task,) = await rig.work()
    assert f"`{task.id}`" in await rig.asks("olive", "/tasks all")
    assert f"`{task.id}`" in await rig.asks("olive", "/任务 全部")
    assert "a.log" not in await rig.asks("olive", "/tasks")
    assert f"{task.id}" not in await rig.asks("ann", "/tasks all")
    assert "/analyse" in await rig.asks("olive", "/help")
    assert "/analyse" not in await rig.asks("ann", "/help")


async def test_a_list_says_how_the_step_stands_that_a_piece_of_work_waits_for(rig: RouterRig) -> None:
    await rig.says("ann", "", "a.log")
    assert "| queued |" in await rig.asks("ann", "/tasks")
    await rig.step(1, stay=True)
    assert "| running |" in await rig.asks("ann", "/tasks")


COMMANDS = st.sampled_from(["status", "tasks", "cancel", "retry", "again", "analyse", "help", "取消", "x", ""])
ARGUMENTS = st.text(max_size=60) | st.integers().map(str) | st.sampled_from(["all", "²", "٣", "1" * 5000, "0"])
SPACES = st.sampled_from([" ", "\n", "\u3000", "@bot ", ""])


@given(st.lists(st.tuples(st.sampled_from(["ann", "olive"]), COMMANDS, SPACES, ARGUMENTS), max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_typed_is_answered_once(
    tmp_path_factory: pytest.TempPathFactory, typed: list[tuple[str, str, str, str]]
) -> None:
    async def type_it(folder: Path) -> None:
        async with router_rig(folder) as rig:
            for sender, command, space, argument in typed:
                before = len(await rig.answers(sender))
                assert await rig.asks(sender, f"/{command}{space}{argument}")
                assert len(await rig.answers(sender)) == before + 1

    asyncio.run(type_it(tmp_path_factory.mktemp("rig")))


async def test_who_is_interrupted_is_told_what_was_stopped(tmp_path: Path) -> None:
    async with router_rig(tmp_path, "interrupt") as rig:
        await rig.says("ann", "", "a.log")
        assert await rig.asks("ann", "wait") == "Stopped: Log analysis: a.log."
        await rig.says("ann", "", "b.log")
        await rig.says("ann", "", "c.log")
        assert (await rig.answers("ann"))[-1] == "Stopped: Log analysis: b.log."
        assert await rig.titles() == ["c.log"]


async def test_a_user_is_signed_in_by_the_link_for_a_large_file_and_nobody_else_is(rig: RouterRig) -> None:
    await rig.says("ann", "see", unfetched=("1.log",))
    (told,) = await rig.answers("ann")
    code = told.split("#code=")[1].split(">")[0]
    secret = await rig.people.redeem(code)
    ann = rig.people.who("telegram", "ann")
    assert ann is not None
    assert rig.people.browser(secret) == ann
    assert "works once, within ten minutes" in told


async def test_a_link_for_a_large_file_in_a_group_signs_nobody_in(rig: RouterRig) -> None:
    incoming = await rig.incoming("ann", "see", unfetched=("1.log",), chat="team", is_group=True)
    await rig.router.accept(incoming, frozenset(["team"]))
    (told,) = await rig.answers("team")
    assert f"{PAGE}/" in told
    assert "#code=" not in told
