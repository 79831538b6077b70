from __future__ import annotations

import asyncio

import msgspec

from outpost_manager.hub import QUEUE_LIMIT, Hub


class News(msgspec.Struct):
    text: str


async def test_every_listener_hears_with_an_id_of_its_own() -> None:
    hub = Hub("run")
    with hub.listen(b"a", lambda: None) as first, hub.listen(b"b", lambda: None) as second:
        hub.publish("task", News("one"))
        hub.publish("task", News("two\nlines"))
        heard = await first.next()
        assert heard == await second.next()
    assert heard == (
        b'id: run-1\nevent: task\ndata: {"text":"one"}\n\nid: run-2\nevent: task\ndata: {"text":"two\\nlines"}\n\n'
    )


async def test_a_slow_listener_is_let_go_and_the_others_go_on() -> None:
    hub = Hub("run")
    ended: list[str] = []
    with hub.listen(b"slow", lambda: ended.append("slow")) as slow, hub.listen(b"", lambda: None) as quick:
        for number in range(QUEUE_LIMIT + 1):
            hub.publish("task", News(str(number)))
            await quick.next()
        assert await slow.next() == b""
        assert slow.has_ended
        assert len(hub) == 1
    assert ended == ["slow"]
    assert hub.dropped == 1


async def test_signing_out_ends_the_streams_of_that_session_only() -> None:
    hub = Hub("run")
    ended: list[str] = []
    with hub.listen(b"a", lambda: ended.append("a")) as mine, hub.listen(b"b", lambda: ended.append("b")):
        waiting = asyncio.ensure_future(mine.next())
        hub.end(b"a")
        assert await waiting == b""
    assert ended == ["a"]
    assert len(hub) == 0
