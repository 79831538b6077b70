"""A device that was used before it knew people: what it had under way goes on, and is its owner's."""

from __future__ import annotations

from pathlib import Path

import pytest

from outpost_agent.app import SCHEMA
from outpost_agent.config import WebConfig
from outpost_agent.conversation import CONVERSATION_SCHEMA, page_after
from outpost_agent.parting import part_with_strangers
from outpost_agent.people import People
from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_disk import open_database
from outpost_link import OUTBOX_SCHEMA
from outpost_sdk.tasks import TaskSpec
from outpost_wire.ids import TaskId, Ulids

FIRST_RELEASE = (CONVERSATION_SCHEMA, TASK_SCHEMA, OUTBOX_SCHEMA)


async def test_work_from_before_goes_on_and_is_the_owners(tmp_path: Path) -> None:
    new_id = Ulids(lambda: 1, bytes)
    specs = [
        TaskSpec(id=TaskId(new_id()), kind="log.report", principal=principal, channel=channel, chat=chat)
        for principal, channel, chat in [
            ("web:owner", "web", "main"),
            ("local:uid1000", "local", "uid1000"),
            ("bot:ann", "bot", "c1"),
        ]
    ]
    path = tmp_path / "device.sqlite"
    async with open_database(path, FIRST_RELEASE) as database:
        await SqliteEngine(database, apply=lambda *_: None, changed=lambda *_: None).put(specs, 1)
        await database.write(
            lambda connection: connection.execute(
                "INSERT INTO message (id, channel, chat, direction, text, attachments, state, created_ms, updated_ms)"
                " VALUES ('M', 'web', 'main', 'out', 'answer', '[]', 'queued', 1, 1)"
            )
        )

    async with open_database(path, SCHEMA) as database:
        people = await People.open(
            database, new_id=new_id, clock_ms=lambda: 2, said=lambda *_: None, changed=lambda: None
        )
        engine = SqliteEngine(database, apply=lambda *_: None, changed=lambda *_: None)
        assert await part_with_strangers(database, engine, people, 2) == 1
        assert {task.id: task.state for task in await engine.list(limit=10)} == {
            specs[0].id: "ready",
            specs[1].id: "ready",
            specs[2].id: "cancelled",
        }
        assert {task.id for task in await engine.heads(principal="owner")} == {specs[0].id, specs[1].id}
        (answer,) = await database.read(lambda connection: page_after(connection, "web", "main", 0, 10))
        assert (answer.person, answer.state) == ("owner", "queued")


@pytest.mark.parametrize("listen", ["0.0.0.0:7780", "[::]:7780"])
def test_a_page_open_to_all_networks_needs_a_name_that_browsers_use(listen: str) -> None:
    with pytest.raises(ValueError, match=r"hosts: expected"):
        WebConfig(listen=listen)
    assert WebConfig(listen=listen, hosts=("attic.lan",)).hosts == ("attic.lan",)
