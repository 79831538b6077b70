"""The daemon: where all parts are built and joined, and nowhere else."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from outpost_agent.chains import HANDLERS
from outpost_agent.channels.local import LocalChat
from outpost_agent.channels.web import Guard, WebChat
from outpost_agent.config import ChannelConfig, Config, load_config
from outpost_agent.content import ContentFolder
from outpost_agent.conversation import CONVERSATION_SCHEMA
from outpost_agent.housekeeping import keep_house
from outpost_agent.hub import Hub
from outpost_agent.ledger import Ledger
from outpost_agent.local.server import LocalServer
from outpost_agent.local_methods import LocalMethods
from outpost_agent.metrics import CONTENT_TYPE
from outpost_agent.outbound import Outbound
from outpost_agent.reporting import Reporter
from outpost_agent.router import Router
from outpost_agent.runner import Runner
from outpost_agent.server import listening, make_server
from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_agent.worker.pool import WorkerPool
from outpost_disk import Database, FolderLock, open_database, replace_file, short_socket_path
from outpost_disk.jsonlog import setup as setup_log
from outpost_disk.notify import notify, watchdog_interval_s
from outpost_disk.settings import read_secret, split_address
from outpost_link import OUTBOX_SCHEMA, DeviceLink, Identity, Login, open_device_link
from outpost_sdk.channel import Channel
from outpost_sdk.tasks import Task
from outpost_wire.errors import BadSetting
from outpost_wire.ids import DeviceId, FleetId, Ulids

if TYPE_CHECKING:
    from aiohttp import web

log = logging.getLogger(__name__)

RELEASE = version("outpost")
CHANNEL_PAUSE_S = 60.0
SCHEMA = (CONVERSATION_SCHEMA, TASK_SCHEMA, OUTBOX_SCHEMA)


def main(config_path: Path | None = None, state: Path | None = None) -> int:
    """Run the daemon until it is told to stop; return the exit code. Raises OutpostError for what cannot be used."""
    config = load_config(config_path) if config_path else Config()
    folder = (state or Path(config.device.state)).absolute()
    setup_log(config.log.level)
    with FolderLock(folder, f"outpost device {config.device.id}"):
        asyncio.run(run(config, folder))
    return 0


def clock_ms() -> int:
    """Return the time as Unix milliseconds."""
    return time.time_ns() // 1_000_000


new_id = Ulids(clock_ms, os.urandom)


async def run(config: Config, folder: Path) -> None:
    """Be one device until a signal says stop."""
    boot_id = new_id()
    async with (
        open_database(folder / "device.sqlite", SCHEMA) as database,
        _open_link(config, database, boot_id) as link,
        WorkerPool(HANDLERS, limit=config.tasks.workers, memory_limit=config.tasks.worker_memory_bytes) as pool,
    ):
        reporter = Reporter(
            config, folder, release=RELEASE, boot_id=boot_id, link=link, new_id=new_id, clock_ms=clock_ms
        )
        if link:
            await link.report(reporter.reported())
        await Daemon(config, folder, database=database, link=link, pool=pool, reporter=reporter).run()
    log.info("stopped", extra={"device": config.device.id})


class Daemon:
    """The parts that work on the open database, and who wakes whom."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        *,
        database: Database,
        link: DeviceLink | None,
        pool: WorkerPool,
        reporter: Reporter,
    ) -> None:
        self._config = config
        self._folder = folder
        self._database = database
        self._link = link
        self._reporter = reporter
        self._host, self._port = split_address(config.web.listen)
        self._address = f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"
        self._loop = asyncio.get_running_loop()
        self._is_ready = False

        ledger = Ledger(new_id=new_id, poke=self._poke_soon, tells_manager=link is not None)
        self._engine = SqliteEngine(database, apply=ledger.apply, changed=ledger.changed)
        self._hub = Hub()
        self._content = ContentFolder(
            folder / "content",
            limit_bytes=config.limits.attachment_bytes,
            high_water=config.limits.disk_high_water,
            new_id=new_id,
        )
        self._runner = Runner(
            engine=self._engine,
            pool=pool,
            content=self._content,
            folder=folder / "work",
            kinds=tuple(HANDLERS),
            limit=config.tasks.workers,
            lease_s=config.tasks.lease_s,
            attempt_s=config.tasks.attempt_s,
            new_id=new_id,
            clock_ms=clock_ms,
            progressed=lambda task: self._hub.task(task.spec.channel, task.spec.chat, task.id),
            ended=self._attempt_ended,
        )
        self._router = Router(
            database=database,
            engine=self._engine,
            content=self._content,
            reporter=reporter,
            limits=config.limits,
            new_id=new_id,
            clock_ms=clock_ms,
            said=self._said,
        )
        self._guard = Guard(_token(config, folder), (self._host, *config.web.hosts), self._port)
        self._web_chat = WebChat(
            database=database,
            engine=self._engine,
            content=self._content,
            hub=self._hub,
            guard=self._guard,
            progress=self._runner.progress,
            about=reporter.about(),
            clock_ms=clock_ms,
        )
        others = [_make_channel(name, settings) for name, settings in config.channels.items()]
        self._channels: list[Channel] = [self._web_chat, LocalChat(self._hub), *others]
        self._outbounds = {channel.id: Outbound(channel, database, clock_ms) for channel in self._channels}

    async def run(self) -> None:
        """Take up what a previous life left, say that it is ready, and stop in order when told to."""
        await self._engine.recover(clock_ms())
        stopped = asyncio.Event()
        with _on_signals(stopped.set):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work) for work in self._work()]
                async with self._local_server(), listening(self._web_server(), self._host, self._port):
                    self._say_ready()
                    await stopped.wait()
                    self._is_ready = False
                    notify("STOPPING=1")
                for task in tasks:
                    task.cancel()

    def _work(self) -> Iterator[Coroutine[None, None, None]]:
        """Give all that goes on at the same time."""
        for channel in self._channels:
            yield _kept_up(channel.id, partial(channel.run, self._router))
            yield _kept_up(channel.id, self._outbounds[channel.id].run)
        yield self._runner.run()
        yield self._reporter.run(self._engine)
        yield keep_house(
            self._database,
            self._engine,
            self._content,
            self._runner,
            keep_days=self._config.tasks.keep_days,
            clock_ms=clock_ms,
        )
        yield _feed_watchdog()

    def _web_server(self) -> web.Application:
        return make_server(
            self._guard,
            self._web_chat.routes(),
            clock=time.time,
            is_ready=lambda: self._is_ready,
            render_metrics=partial(self._reporter.render_metrics, self._database, self._engine, self._guard),
            metrics_type=CONTENT_TYPE,
        )

    def _local_server(self) -> LocalServer:
        configured = self._config.device.socket
        path = Path(configured) if configured else short_socket_path(self._folder, "device.sock")
        methods = LocalMethods(
            database=self._database,
            engine=self._engine,
            content=self._content,
            hub=self._hub,
            accept=self._router.accept,
            progress=self._runner.progress,
            status=lambda: self._reporter.status(self._engine, self._address, list(self._outbounds)),
            new_id=new_id,
            clock_ms=clock_ms,
        )
        return LocalServer(path, methods.table())

    def _say_ready(self) -> None:
        gc.collect()
        gc.freeze()
        self._is_ready = True
        notify("READY=1", f"STATUS=Talk to it at {self._address}/")
        facts = {"device": self._config.device.id, "chat": self._address, "release": RELEASE}
        log.info("ready", extra={**facts, "cpu_s": round(time.process_time(), 3)})

    def _poke_soon(self, channel: str | None, chat: str | None, task: str | None) -> None:
        """Wake whom a change concerns; called on the database's thread, just before the commit."""
        self._loop.call_soon_threadsafe(self._poke, channel, chat, task)

    def _poke(self, channel: str | None, chat: str | None, task: str | None) -> None:
        if task is None:
            self._reporter.metrics.messages.labels(channel, "out").inc()
            self._said(channel or "", chat or "")
        else:
            self._hub.task(channel, chat, task)
            self._runner.poke(task)
        if self._link:
            self._link.notify()

    def _said(self, channel: str, chat: str) -> None:
        self._hub.said(channel, chat)
        outbound = self._outbounds.get(channel)
        if outbound:
            outbound.poke()

    def _attempt_ended(self, task: Task, seconds: float) -> None:
        self._reporter.metrics.attempts.labels(task.spec.kind).observe(seconds)


@asynccontextmanager
async def _open_link(config: Config, database: Database, boot_id: str) -> AsyncIterator[DeviceLink | None]:
    settings, device = config.link, DeviceId(config.device.id)
    if settings is None:
        yield None
        return
    login = Login(
        host=settings.host,
        port=settings.port,
        client_id=f"device-{device}",
        username=settings.username or None,
        password=read_secret(Path(settings.password_file), "link.password_file") if settings.password_file else None,
    )
    identity = Identity(fleet=FleetId(settings.fleet), device=device, boot_id=boot_id)
    async with open_device_link(login, identity, database, new_id=new_id, clock_ms=clock_ms) as link:
        link.notify()
        yield link


@contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _kept_up(channel: str, live: Callable[[], Awaitable[None]]) -> None:
    """Run a part of a channel; when it breaks, say so and run it again, since the others must go on."""
    pause_s = 1.0
    while True:
        try:
            return await live()
        except Exception:
            log.exception("channel broke", extra={"channel": channel, "again_in_s": pause_s})
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, CHANNEL_PAUSE_S)


async def _feed_watchdog() -> None:
    interval_s = watchdog_interval_s()
    while interval_s is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval_s)


def _make_channel(name: str, settings: ChannelConfig) -> Channel:
    module, _, factory = settings.adapter.partition(":")
    try:
        channel: Channel = getattr(importlib.import_module(module), factory)(name, dict(settings.options))
    except (ImportError, AttributeError, TypeError) as error:
        place = f"channels.{name}.adapter: {settings.adapter!r}"
        raise BadSetting(f"{place} cannot be used: {error}", f"{place} 无法使用：{error}") from error
    return channel


def _token(config: Config, folder: Path) -> str:
    """Return what opens the chat; where none is configured, one is made at the first start."""
    if config.web.token_file:
        return read_secret(Path(config.web.token_file), "web.token_file")
    path = folder / "secrets" / "chat_token"
    if not path.exists():
        path.parent.mkdir(exist_ok=True, mode=0o700)
        replace_file(path, secrets.token_urlsafe(24).encode())
    return read_secret(path, "web.token_file")
