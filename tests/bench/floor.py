"""The floor for a durable message: an HTTP handler on the same stack that writes two synced rows and nothing else.

No queue, no deduplication, no answer, no document: what any daemon in this language must pay at least.
"""

from __future__ import annotations

import sqlite3
import sys

from aiohttp import web


def make(path: str) -> web.Application:
    """Return the application over a database at `path`."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, text TEXT)")

    async def post(request: web.Request) -> web.Response:
        form = await request.post()
        for text in (str(form["text"]), "answer"):
            database.execute("INSERT INTO message (text) VALUES (?)", (text,))
        return web.json_response({"message_id": "1"}, status=202)

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(text="ready\n")

    application = web.Application()
    application.add_routes([web.post("/api/v1/messages", post), web.get("/readyz", ready)])
    return application


if __name__ == "__main__":
    web.run_app(make(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=None)
