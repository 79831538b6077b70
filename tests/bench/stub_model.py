"""A model that says "pong" at once, in a process of its own: `python -m tests.bench.stub_model PORT`.

It speaks the part of OpenAI's Chat Completions API that clients use, in one piece and streamed, and says how many
tokens that was, so that no client has to count them itself. GET /asked says how often it was asked and with how many
bytes.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from aiohttp import web

MODEL = "stub"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 1, "total_tokens": 1001}


def make() -> web.Application:
    """Return the application."""
    asked = {"requests": 0, "bytes": 0}

    async def complete(request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        asked["requests"] += 1
        asked["bytes"] += len(raw)
        if not json.loads(raw).get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}
            return web.json_response(_answer("chat.completion", choices=[choice], usage=USAGE))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        word = {"index": 0, "delta": {"role": "assistant", "content": "pong"}, "finish_reason": None}
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        pieces = ({"choices": [word]}, {"choices": [end]}, {"choices": [], "usage": USAGE})
        lines = [f"data: {json.dumps(_answer('chat.completion.chunk', **piece))}\n\n" for piece in pieces]
        await response.write("".join((*lines, "data: [DONE]\n\n")).encode())
        await response.write_eof()
        return response

    async def say_asked(_request: web.Request) -> web.Response:
        return web.json_response(asked)

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(text="ready\n")

    application = web.Application(client_max_size=1 << 26)
    application.add_routes(
        [web.post("/v1/chat/completions", complete), web.get("/asked", say_asked), web.get("/readyz", ready)]
    )
    return application


def _answer(kind: str, **more: Any) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": MODEL, **more}


if __name__ == "__main__":
    web.run_app(make(), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
