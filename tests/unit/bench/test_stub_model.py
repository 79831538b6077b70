"""The model that says "pong" at once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from tests.bench.stub_model import make


@pytest.fixture
async def model() -> AsyncIterator[str]:
    runner = web.AppRunner(make())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_answers_in_one_piece_and_says_how_many_tokens_that_was(model: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{model}/v1/chat/completions", json={"messages": []}) as response,
    ):
        answer = await response.json()
    assert answer["choices"][0]["message"]["content"] == "pong"
    assert answer["usage"]["total_tokens"] > 0


async def test_streams_the_same_and_ends_with_done(model: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{model}/v1/chat/completions", json={"messages": [], "stream": True}) as response,
    ):
        lines = [line for line in (await response.text()).split("\n\n") if line]
    pieces = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    words = [choice["delta"].get("content", "") for piece in pieces for choice in piece["choices"]]
    assert "".join(words) == "pong"
    assert pieces[-1]["usage"]["total_tokens"] > 0
    assert lines[-1] == "data: [DONE]"


async def test_counts_what_it_was_asked(model: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{model}/v1/chat/completions", data=b'{"messages": []}') as response:
            assert response.status == 200
        async with session.get(f"{model}/asked") as response:
            assert await response.json() == {"requests": 1, "bytes": 16}
