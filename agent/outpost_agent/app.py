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
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from outpost_agent.chains import HANDLERS
from outpost_agent.channels.local import LocalChat
from outpost_agent.channels.web import Guard, WebChat
from outpost_agent.config import ChannelConfig, Config, LinkConfig, load_config, split_address
from outpost_agent.content import ContentFolder
from outpost_agent.conversation import CONVERSATION_SCHEMA, counts, named_content
from outpost_agent.hub import Hub
from outpost_agent.ledger import Ledger
from outpost_agent.local.server import LocalServer
from outpost_agent.local_methods import LocalMethods
from outpost_agent.metrics import CONTENT_TYPE, Metrics
from outpost_agent.outbound import Outbound
from outpost_agent.router import Router
from outpost_agent.router.router import Facts
from outpost_agent.runner import Runner
from outpost_agent.server import make_server
from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_agent.worker.pool import WorkerPool
from outpost_disk import Database, FolderLock, open_database, replace_file, short_socket_path
from outpost_disk.jsonlog import setup as setup_log
from outpost_disk.notify import notify, watchdog_interval_s
from outpost_hw.health import HealthReader, read_machine
from outpost_link import OUTBOX_SCHEMA, DeviceLink, Identity, Login, open_device_link
from outpost_sdk.channel import Channel
from outpost_wire.errors import BadSetting, OutpostError
from outpost_wire.ids import DeviceId, FleetId, Ulids
from outpost_wire.messages import Reported, Sample, System, TaskState, Telemetry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = logging.getLogger(__name__)

RELEASE = version("outpost")
HOUSEKEEPING_S = 900.0
UNCLAIMED_S = 3600.0
DAY_MS = 24 * 3600 * 1000
TASKS_KEPT = 10_000
new_id = Ulids(lambda: time.time_ns() // 1_000_000, os.urandom)


def main(config_path: Path | None = None, state: Path | None = None) -> int:
    """Run the daemon until it is told to stop; return the exit code."""
    config = load_config(config_path) if config_path else Config()
    folder = (state or Path(config.device.state)).absolute()
    setup_log(config.log.level)
    with FolderLock(folder, f"outpost device {config.device.id}"):
        asyncio.run(Daemon(config, folder).run())
    return 0


def clock_ms() -> int:
    """Return the time as Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Daemon:
    """One device, from its settings; `run` is its life."""

    def __init__(self, config: Config, folder: Path) -> None:
        self._config = config
        self._folder = folder
        self._boot_id = new_id()
        self._started = time.monotonic()
        self._boot_ms = clock_ms()
        self._name = config.device.name or config.device.id
        self._hub = Hub()
        self._health = HealthReader(folder)
        self._metrics = Metrics(config.device.id, RELEASE)
        self._outbounds: dict[str, Outbound] = {}
        self._task_counts: Mapping[TaskState, int] = {}
        self._link: DeviceLink | None = None
        self._is_ready = False

    async def run(self) -> None:
        """Start everything, say that it is ready, and stop in order when told to."""
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(
                open_database(self._folder / "device.sqlite", [CONVERSATION_SCHEMA, TASK_SCHEMA, OUTBOX_SCHEMA])
            )
            self._link = await stack.enter_async_context(self._open_link(database))
            await self._run_with(database, stack)
        log.info("stopped", extra={"device": self._config.device.id})

    async def _run_with(self, database: Database, stack: AsyncExitStack) -> None:
        config = self._config
        loop = asyncio.get_running_loop()

        def poke(channel: str | None, chat: str | None, task: str | None) -> None:
            loop.call_soon_threadsafe(self._poke, channel, chat, task)

        ledger = Ledger(
            new_id=new_id,
            poke=poke,
            tells_manager=config.link is not None,
        )
        engine = SqliteEngine(database, apply=ledger.apply, changed=ledger.changed)
        content = ContentFolder(
            self._folder / "content",
            limit_bytes=config.limits.attachment_bytes,
            high_water=config.limits.disk_high_water,
            new_id=new_id,
        )
        pool = await stack.enter_async_context(
            WorkerPool(HANDLERS, limit=config.tasks.workers, memory_limit=config.tasks.worker_memory_bytes)
        )
        self._runner = runner = Runner(
            engine=engine,
            pool=pool,
            content=content,
            folder=self._folder / "work",
            kinds=tuple(HANDLERS),
            limit=config.tasks.workers,
            lease_s=config.tasks.lease_s,
            new_id=new_id,
            clock_ms=clock_ms,
            progressed=lambda task: self._hub.task(task.spec.channel, task.spec.chat, task.id),
            ended=lambda task, seconds: self._metrics.attempts.labels(task.spec.kind).observe(seconds),
        )
        router = Router(
            database=database,
            engine=engine,
            content=content,
            facts=Facts(self._name, self._health.read, self._is_linked),
            limits=config.limits,
            deadline_s=config.tasks.deadline_s,
            new_id=new_id,
            clock_ms=clock_ms,
            said=self._said,
            waiting=lambda: self._task_counts.get("waiting", 0) + self._task_counts.get("ready", 0),
        )
        host, port = split_address(config.web.listen, "web.listen")
        guard = Guard(self._token(), (host, *config.web.hosts), port)
        web_chat = WebChat(
            database=database,
            engine=engine,
            content=content,
            hub=self._hub,
            guard=guard,
            progress=runner.progress,
            about=self._about(),
            clock_ms=clock_ms,
        )
        methods = LocalMethods(
            database=database,
            engine=engine,
            content=content,
            hub=self._hub,
            accept=router.accept,
            progress=runner.progress,
            status=lambda: self._status(engine, host, port),
            new_id=new_id,
            clock_ms=clock_ms,
        )
        channels: list[Channel] = [web_chat, LocalChat(self._hub), *self._other_channels()]
        self._outbounds = {channel.id: Outbound(channel, database, clock_ms) for channel in channels}

        async def render_metrics() -> bytes:
            return await self._render_metrics(database, engine, guard)

        server = make_server(
            guard,
            web_chat.routes(),
            clock=time.time,
            is_ready=lambda: self._is_ready,
            render_metrics=render_metrics,
            metrics_type=CONTENT_TYPE,
        )
        await engine.recover(clock_ms())
        self._task_counts = await engine.counts()
        socket = Path(config.device.socket) if config.device.socket else short_socket_path(self._folder, "device.sock")
        stopped = asyncio.Event()
        with _on_signals(stopped.set):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(channel.run(router)) for channel in channels]
                tasks += [group.create_task(outbound.run()) for outbound in self._outbounds.values()]
                tasks += [
                    group.create_task(runner.run()),
                    group.create_task(self._report(engine)),
                    group.create_task(self._keep_house(database, engine, content)),
                    group.create_task(_feed_watchdog()),
                ]
                async with LocalServer(socket, methods.table()), _listening(server, host, port):
                    self._ready(host, port)
                    await stopped.wait()
                    self._is_ready = False
                    notify("STOPPING=1")
                for task in tasks:
                    task.cancel()

    def _ready(self, host: str, port: int) -> None:
        gc.collect()
        gc.freeze()
        self._is_ready = True
        notify("READY=1", f"STATUS=Talk to it at http://{host}:{port}/")
        log.info(
            "ready",
            extra={
                "device": self._config.device.id,
                "chat": f"http://{host}:{port}/",
                "cpu_s": round(time.process_time(), 3),
                "release": RELEASE,
            },
        )

    def _poke(self, channel: str | None, chat: str | None, task: str | None) -> None:
        """Wake whom a change in the database concerns; runs on the loop."""
        if task is None:
            self._said(channel or "", chat or "")
        else:
            self._hub.task(channel, chat, task)
            self._runner.poke(task)
        if self._link:
            self._link.notify()

    def _said(self, channel: str, chat: str) -> None:
        self._hub.said(channel, chat)
        self._metrics.messages.labels(channel, "out").inc()
        outbound = self._outbounds.get(channel)
        if outbound:
            outbound.poke()

    def _is_linked(self) -> bool | None:
        return self._link.is_connected if self._link else None

    def _token(self) -> str:
        """Return what opens the chat, made at the first start."""
        path = Path(self._config.web.token_file or self._folder / "secrets" / "chat_token")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(path, secrets.token_urlsafe(24).encode())
        return _secret(path, "web.token_file")

    def _about(self) -> dict[str, Any]:
        limits = self._config.limits
        return {
            "device": {"id": self._config.device.id, "name": self._name},
            "version": RELEASE,
            "languages": ["en", "zh"],
            "limits": {
                "attachment_bytes": limits.attachment_bytes,
                "files": limits.attachments_per_message,
                "text": limits.text_characters,
            },
        }

    def _other_channels(self) -> Iterator[Channel]:
        for name, settings in self._config.channels.items():
            yield _make_channel(name, settings)

    @asynccontextmanager
    async def _open_link(self, database: Database) -> AsyncIterator[DeviceLink | None]:
        settings, device = self._config.link, self._config.device
        if settings is None:
            yield None
            return
        login = Login(
            host=settings.host,
            port=settings.port,
            client_id=f"device-{device.id}",
            username=settings.username or None,
            password=_secret(Path(settings.password_file), "link.password_file") if settings.password_file else None,
        )
        identity = Identity(fleet=FleetId(settings.fleet), device=DeviceId(device.id), boot_id=self._boot_id)
        async with open_device_link(login, identity, database, new_id=new_id, clock_ms=clock_ms) as link:
            await link.report(self._reported())
            link.notify()
            yield link

    def _reported(self) -> Reported:
        machine = read_machine(self._folder)
        return Reported(
            id=new_id(),
            time_ms=clock_ms(),
            version=self._boot_ms,
            name=self._name[:256],
            release=RELEASE,
            labels=self._config.device.labels,
            boot_ms=self._boot_ms,
            system=System(
                os=machine.os[:256],
                kernel=machine.kernel[:256],
                arch=machine.arch,
                board=machine.board[:256],
                cpus=machine.cpus,
                memory_bytes=machine.memory_bytes,
                disk_bytes=machine.disk_bytes,
            ),
        )

    async def _report(self, engine: SqliteEngine) -> None:
        """Count tasks, and tell the manager how the device is doing."""
        settings: LinkConfig | None = self._config.link
        period_s = settings.telemetry_s if settings else 30.0
        while True:
            self._task_counts = await engine.counts()
            if self._link:
                health, counted = self._health.read(), self._task_counts
                sample = Sample(
                    time_ms=clock_ms(),
                    cpu=health.cpu,
                    memory=health.memory,
                    disk=health.disk,
                    load=health.load,
                    temperature=health.temperature,
                    rss=health.rss,
                    running=counted.get("running", 0),
                    waiting=counted.get("waiting", 0) + counted.get("ready", 0),
                    failed=counted.get("failed", 0),
                    outbox=self._link.depth,
                )
                try:
                    await self._link.add_telemetry(Telemetry(id=new_id(), time_ms=clock_ms(), samples=(sample,)))
                except OutpostError as error:
                    log.warning("telemetry not kept", extra={"reason": str(error)})
            await asyncio.sleep(period_s)

    async def _keep_house(self, database: Database, engine: SqliteEngine, content: ContentFolder) -> None:
        """Remove what nothing names any more."""
        while True:
            try:
                await self._runner.sweep()
                await engine.prune(clock_ms() - self._config.tasks.keep_days * DAY_MS, TASKS_KEPT)
                named = await database.read(named_content)
                await asyncio.to_thread(content.sweep, named, time.time() - UNCLAIMED_S)
            except (OutpostError, OSError) as error:
                log.warning("housekeeping put off", extra={"reason": str(error)})
            await asyncio.sleep(HOUSEKEEPING_S)

    async def _status(self, engine: SqliteEngine, host: str, port: int) -> dict[str, Any]:
        health = self._health.read()
        return {
            "device": {"id": self._config.device.id, "name": self._name},
            "release": RELEASE,
            "state": "ready" if self._is_ready else "stopping",
            "uptime_s": round(time.monotonic() - self._started, 1),
            "boot_id": self._boot_id,
            "pid": os.getpid(),
            "chat": f"http://{host}:{port}",
            "health": {
                "cpu": health.cpu,
                "memory": health.memory,
                "disk": health.disk,
                "load": health.load,
                "temperature": health.temperature,
                "rss": health.rss,
            },
            "tasks": dict(await engine.counts()),
            "link": {"connected": self._link.is_connected, "outbox": self._link.depth} if self._link else None,
            "channels": [{"id": name, "state": "on"} for name in self._outbounds],
        }

    async def _render_metrics(self, database: Database, engine: SqliteEngine, guard: Guard) -> bytes:
        link = self._link
        self._metrics.set_system(self._health.read(), link=self._is_linked(), outbox=link.depth if link else 0)
        self._metrics.set_tasks(await engine.counts(), await database.read(counts))
        refusals = guard.refusals
        self._metrics.set_refused(token=refusals.token, origin=refusals.origin, host=refusals.host)
        return self._metrics.render()


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


@asynccontextmanager
async def _listening(server: web.Application, host: str, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(server, access_log=None, handle_signals=False, shutdown_timeout=3.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_address=True).start()
    except OSError as error:
        await runner.cleanup()
        raise BadSetting(f"web.listen: {host}:{port} cannot be used: {error.strerror}; choose another port") from error
    try:
        yield
    finally:
        await runner.cleanup()


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
        raise BadSetting(f"channels.{name}.adapter: {settings.adapter!r} cannot be used: {error}") from error
    return channel


def _secret(path: Path, key: str) -> str:
    try:
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{key}: {path} cannot be read") from error
    if not secret:
        raise BadSetting(f"{key}: {path} is empty")
    return secret
