"""The chat's interface as others rely on it, against a real device."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import zstandard

from tests.support.device import Device, running_device

LOG = b"".join(b"2026-01-01 00:%02d:%02d INFO job %d done\n" % (n // 60, n % 60, n) for n in range(300))


class Person:
    """Somebody with the device's token."""

    def __init__(self, device: Device, session: aiohttp.ClientSession) -> None:
        self.device = device
        self.session = session

    async def post(self, key: str, text: str = "", *files: tuple[str, bytes], **fields: str) -> tuple[int, Any]:
        form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
        form.add_field("text", text)
        for name, value in fields.items():
            form.add_field(name, value)
        for name, data in files:
            form.add_field("file", data, filename=name)
        headers = {**self.device.headers, "Idempotency-Key": key}
        async with self.session.post(f"{self.device.url}/api/v1/messages", data=form, headers=headers) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> Any:
        async with self.session.get(f"{self.device.url}/api/v1/{path}", headers=self.device.headers) as response:
            return await response.json()

    async def answer_to(self, message_id: str) -> dict[str, Any]:
        after = 0
        async with asyncio.timeout(60):
            while True:
                for message in await self.get(f"messages?after={after}&wait=20"):
                    after = message["seq"]
                    if message["reply_to"] == message_id:
                        return dict(message)


@pytest.fixture
async def person(tmp_path: Path) -> AsyncIterator[Person]:
    async with running_device(tmp_path) as device, aiohttp.ClientSession(auto_decompress=False) as session:
        yield Person(device, session)


async def test_a_key_names_one_message(person: Person) -> None:
    first = await person.post("k", "look", ("a.log", LOG))
    assert first[0] == 202
    assert await person.post("k", "look", ("a.log", LOG)) == first
    for status, answer in (
        await person.post("k", "look again", ("a.log", LOG)),
        await person.post("k", "look", ("a.log", LOG + b"\n")),
        await person.post("k", "look", ("b.log", LOG)),
        await person.post("k", "look"),
    ):
        assert (status, answer["error"]["code"]) == (409, "key_reused")
    asked = [message for message in await person.get("messages?after=0") if message["direction"] == "in"]
    assert [message["id"] for message in asked] == [first[1]["message_id"]]


async def test_the_same_key_at_the_same_time_is_one_message(person: Person) -> None:
    answers = await asyncio.gather(*[person.post("k", "/help") for _ in range(10)])
    assert {status for status, _ in answers} == {202}
    assert len({answer["message_id"] for _, answer in answers}) == 1
    assert len(await person.get("messages?after=0")) == 2


async def test_a_log_is_a_chain_of_three_and_its_answer_carries_files(person: Person) -> None:
    _, accepted = await person.post("k", "", ("a.log", LOG))
    answer = await person.answer_to(accepted["message_id"])
    assert answer["task_id"] == accepted["task_id"]
    report = await person.get(f"tasks/{accepted['task_id']}")
    (analyse,) = report["parents"]
    (standardise,) = analyse["parents"]
    kinds = [task["kind"] for task in (standardise, analyse, report)]
    assert kinds == ["log.standardise", "log.analyse", "log.report"]
    assert {task["state"] for task in (standardise, analyse, report)} == {"done"}
    files = {attachment["name"]: attachment for attachment in answer["attachments"]}
    assert set(files) == {"plot-time.png", "plot-templates.png", "events.jsonl"}
    for name in ("plot-time.png", "plot-templates.png"):
        data, headers = await fetch(person, files[name]["url"])
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        assert (headers["Content-Type"], len(data)) == ("image/png", files[name]["size"])


async def test_the_next_day_of_a_log_is_compared_with_the_one_before(person: Person) -> None:
    days = {
        "app.log.1": LOG,
        "app.log": LOG[: LOG.index(b"2026-01-01 00:02")] + b"2026-01-02 00:00:00 ERROR the disk is lost\n",
    }
    said = []
    for key, (name, data) in enumerate(days.items()):
        _, accepted = await person.post(f"k{key}", "", (name, data))
        said.append((await person.answer_to(accepted["message_id"]))["text"])
    assert "Since the last analysis" not in said[0]
    assert "New kinds of message (1):\n\n- 1 × `the disk is lost`" in said[1]


async def test_the_full_result_is_plain_or_packed_as_the_reader_likes(person: Person) -> None:
    _, accepted = await person.post("k", "", ("a.log", LOG))
    answer = await person.answer_to(accepted["message_id"])
    (events,) = [file for file in answer["attachments"] if file["name"] == "events.jsonl"]
    plain, headers = await fetch(person, events["url"], accept="identity")
    assert "Content-Encoding" not in headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert (plain.count(b"\n"), len(plain)) == (300, events["size"])
    packed, headers = await fetch(person, events["url"], accept="zstd")
    assert headers["Content-Encoding"] == "zstd"
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == plain


async def test_a_file_of_another_chat_or_none_is_not_given(person: Person) -> None:
    for path in ("0" * 32 + "/a.log", "..%2f..%2fdevice.sqlite/x", "x/../../device.sqlite"):
        async with person.session.get(
            f"{person.device.url}/api/v1/attachments/{path}", headers=person.device.headers
        ) as response:
            assert response.status == 404


@pytest.mark.parametrize(("fields", "word"), [({"language": "zh"}, "设备"), ({"language": "en"}, "device")])
async def test_a_command_is_answered_in_the_language_of_the_sender(
    person: Person, fields: dict[str, str], word: str
) -> None:
    _, accepted = await person.post("k", "/help", **fields)
    assert accepted["task_id"] is None
    assert word in (await person.answer_to(accepted["message_id"]))["text"]


async def test_a_refused_file_is_answered_in_one_sentence(person: Person) -> None:
    _, accepted = await person.post("k", "请分析", ("空.log", b""))
    answer = await person.answer_to(accepted["message_id"])
    assert "空.log" in answer["text"]
    assert len(answer["document"]["blocks"]) == 1
    assert (await person.get(f"tasks/{accepted['task_id']}"))["state"] == "cancelled"


async def fetch(person: Person, url: str, accept: str = "identity") -> tuple[bytes, Any]:
    headers = {**person.device.headers, "Accept-Encoding": accept}
    async with person.session.get(f"{person.device.url}{url}", headers=headers) as response:
        assert response.status == 200
        return await response.read(), response.headers


async def test_work_is_listed_and_cancelled_by_its_number(person: Person) -> None:
    long_log = LOG * 3_000  # several seconds of work, so that the rest is said meanwhile
    _, first = await person.post("a", "", ("first.log", long_log))
    _, second = await person.post("b", "", ("second.log", LOG))
    _, listed = await person.post("c", "/tasks")
    text = (await person.answer_to(listed["message_id"]))["text"]
    assert text.index("second.log") < text.index("first.log")
    _, cancelled = await person.post("d", "/cancel 2")
    assert "first.log" in (await person.answer_to(cancelled["message_id"]))["text"]
    assert (await person.get(f"tasks/{first['task_id']}"))["state"] == "cancelled"
    assert (await person.answer_to(second["message_id"]))["task_id"] == second["task_id"]
    _, nothing = await person.post("e", "/cancel")
    assert "Nothing is running" in (await person.answer_to(nothing["message_id"]))["text"]
    _, wrong = await person.post("f", "/cancel 9")
    assert "no such task" in (await person.answer_to(wrong["message_id"]))["text"]
    answers = [
        message for message in await person.get("messages?after=0") if message["reply_to"] == first["message_id"]
    ]
    assert answers == []
