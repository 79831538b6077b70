"""Joins the routes and what stands before them."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from outpost_manager.web import actions, api, pages
from outpost_manager.web.console import CONSOLE, Console
from outpost_manager.web.guard import add_headers, check_access, check_host, tell_errors
from outpost_manager.web.stream import stream

BODY_LIMIT = 64 * 1024


def make_app(console: Console, static: Path = pages.STATIC) -> web.Application:
    """Return the console as a web application; its pages lie in `static`."""
    app = web.Application(middlewares=[tell_errors, check_host, check_access], client_max_size=BODY_LIMIT)
    app[CONSOLE] = console
    app.on_response_prepare.append(add_headers)
    app.add_routes(
        [
            web.post("/api/v1/session", api.sign_in),
            web.delete("/api/v1/session", api.sign_out),
            web.get("/api/v1/me", api.me),
            web.get("/api/v1/devices", api.devices),
            web.get("/api/v1/devices/{device}", api.device),
            web.get("/api/v1/devices/{device}/telemetry", api.telemetry),
            web.get("/api/v1/devices/{device}/tasks", api.tasks),
            web.get("/api/v1/devices/{device}/tasks/{task}", api.task),
            web.get("/api/v1/devices/{device}/results", api.results),
            web.put("/api/v1/devices/{device}/settings", actions.change_settings),
            web.get("/api/v1/devices/{device}/commands", actions.commands),
            web.post("/api/v1/devices/{device}/commands", actions.command),
            web.get("/api/v1/people", actions.people),
            web.get("/api/v1/channels", actions.channels),
            web.get("/api/v1/results/{result}", api.result),
            web.get("/api/v1/stream", stream),
            web.get("/healthz", pages.healthz),
            web.get("/readyz", pages.readyz),
            web.get("/metrics", pages.metrics),
            *pages.page_routes(static),
        ]
    )
    return app
