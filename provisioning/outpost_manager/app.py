"""Joins the parts of the manager; read it as a picture of the process."""

from __future__ import annotations

import asyncio
import errno
import importlib.metadata
import logging
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from aiohttp import web

from outpost_disk import DatabaseFailed, replace_file
from outpost_disk.notify import notify
from outpost_disk.settings import split_address
from outpost_disk.tls import tls_context
from outpost_link import MqttSession
from outpost_manager.access import ADDRESS, digest, fresh_link, read_secret
from outpost_manager.commander import Commander
from outpost_manager.config import Config
from outpost_manager.errors import PortTaken
from outpost_manager.hub import Hub
from outpost_manager.ingest import Ingest
from outpost_manager.link import Downlink, make_login, open_fleet_link, send_acknowledgement
from outpost_manager.metrics import Metrics
from outpost_manager.ownership import own_folder
from outpost_manager.rows import LinkEvent
from outpost_manager.shadows import Shadows
from outpost_manager.store import FleetStore, open_store
from outpost_manager.web import Console, cookie_name, make_app
from outpost_manager.web.pages import is_built
from outpost_wire.ids import FleetId, Ulids

log = logging.getLogger(__name__)

PRUNE_EVERY_S = 600.0


async def serve(config: Config, stop: asyncio.Event, announce: Callable[[str], None] | None) -> None:
    """Run the manager until `stop` is set.

    `announce` gets the one-time link when nobody is signed in. Raises ManagerError, BadSetting, FolderHeld or
    DatabaseFailed, alone or in an ExceptionGroup.
    """
    fleet, state = FleetId(config.manager.fleet), Path(config.manager.state)
    host, port = split_address(config.web.listen)
    login = make_login(config.broker, fleet, config.manager.id)
    token = read_secret(Path(config.web.token_file)) if config.web.token_file else None
    new_id = Ulids(_now_ms, os.urandom)
    hub, metrics, tls = Hub(new_id()), Metrics(), tls_context(config.web.certificate, config.web.key)

    async with AsyncExitStack() as stack:
        stack.enter_context(own_folder(state, "outpost-fleet serve"))
        store = await stack.enter_async_context(
            open_store(state / "manager.db", telemetry_days=config.keep.telemetry_days)
        )
        downlink = Downlink()
        commander = Commander(
            fleet,
            config.manager.id,
            store.orders,
            hub,
            downlink.publish,
            expiry_s=config.manager.command_expiry_s,
            now_ms=_now_ms,
            new_id=new_id,
        )
        shadows = Shadows(fleet, store.orders, downlink.publish, now_ms=_now_ms, new_id=new_id)
        ingest = Ingest(fleet, store, hub, metrics, now_ms=_now_ms, new_id=new_id, answered=commander.answered)

        def tell_link(is_up: bool) -> None:
            hub.publish("manager", LinkEvent(link="up" if is_up else "down"))
            if is_up:
                shadows.connected()

        session = await stack.enter_async_context(
            open_fleet_link(login, fleet, ingest.take, tell_link, manager=config.manager.id)
        )
        downlink.session = session
        group = await stack.enter_async_context(asyncio.TaskGroup())
        workers = [
            group.create_task(ingest.run(partial(send_acknowledgement, session))),
            group.create_task(commander.run()),
            group.create_task(shadows.run()),
            group.create_task(_prune(store)),
        ]
        console = Console(
            fleet=fleet,
            manager=config.manager.id,
            version=release(),
            state=state,
            store=store,
            hub=hub,
            commander=commander,
            shadows=shadows,
            metrics=metrics,
            token=digest(token) if token else None,
            hosts=frozenset({*config.web.hosts, host}),
            cookie=cookie_name(port, is_secure=tls is not None),
            is_secure=tls is not None,
            session_s=int(config.web.session_hours * 3600),
            now_ms=_now_ms,
            is_linked=lambda: session.is_connected,
            missing=lambda: _missing(session, ingest),
        )
        async with open_site(make_app(console), hub, host, port, tls):
            address = console_url(config.web.listen, is_secure=tls is not None)
            await _greet(state, address, store, announce)
            await stop.wait()
            notify("STOPPING=1")
        for worker in workers:
            worker.cancel()


def console_url(listen: str, *, is_secure: bool = False) -> str:
    """Return the address that a browser on this machine uses for `listen`."""
    host, port = split_address(listen)
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"{'https' if is_secure else 'http'}://{name}:{port}"


def release() -> str:
    """Return the version of this installation."""
    try:
        return importlib.metadata.version("outpost")
    except importlib.metadata.PackageNotFoundError:
        return "development"


@asynccontextmanager
async def open_site(
    app: web.Application, hub: Hub, host: str, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Listen on `host` and `port` for as long as the context lasts; raises PortTaken."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(port, "console", "web.listen") from error
            raise
        yield
        hub.end()
    finally:
        await runner.cleanup()


async def _greet(state: Path, address: str, store: FleetStore, announce: Callable[[str], None] | None) -> None:
    await asyncio.to_thread(replace_file, state / ADDRESS, f"{address}\n".encode())
    if not is_built():
        log.warning("the console's pages are not built: run `make setup`")
    if announce is not None and await store.is_unused():
        announce(await asyncio.to_thread(fresh_link, state))
    notify("READY=1")
    log.info("manager ready", extra={"console": address})


def _missing(session: MqttSession, ingest: Ingest) -> list[str]:
    reasons = [session.down_because, None if ingest.is_committing else "the database refuses to commit; see the log"]
    return [reason for reason in reasons if reason]


async def _prune(store: FleetStore) -> None:
    while True:
        try:
            deleted = await store.prune(_now_ms())
            if deleted:
                log.info("telemetry pruned", extra={"rows": deleted})
        except DatabaseFailed as error:
            log.warning("pruning put off", extra={"reason": str(error)})
        await asyncio.sleep(PRUNE_EVERY_S)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
