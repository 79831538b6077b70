"""The daemon: where all parts are built and joined, and nowhere else."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outpost_agent.announce import announce_claim
from outpost_agent.chains import HANDLERS
from outpost_agent.channels.kept import CHANNELS_SCHEMA
from outpost_agent.channels.local import LocalChat
from outpost_agent.channels.switchboard import Switchboard
from outpost_agent.channels.web import Guard, WebChat
from outpost_agent.cli.output import language_of
from outpost_agent.config import Config, load_config
from outpost_agent.content import ContentFolder
from outpost_agent.conversation import CONVERSATION_2_SCHEMA, CONVERSATION_SCHEMA, steering
from outpost_agent.egress import Egress
from outpost_agent.files import AllowedFiles
from outpost_agent.housekeeping import keep_house
from outpost_agent.hub import Hub
from outpost_agent.learned import LearnedFolder
from outpost_agent.ledger import Ledger
from outpost_agent.local.server import LocalServer
from outpost_agent.local_methods import LocalMethods
from outpost_agent.local_owner import OwnerMethods
from outpost_agent.metrics import CONTENT_TYPE
from outpost_agent.notices import LIVES_SCHEMA, Notices, machine_boot
from outpost_agent.outbound import Outbound
from outpost_agent.page.history import History
from outpost_agent.page.news import News
from outpost_agent.page.page import Page
from outpost_agent.page.queries import PAGE_SCHEMA
from outpost_agent.parting import OWNER_SCHEMA, part_with_strangers
from outpost_agent.people import PEOPLE_SCHEMA, People
from outpost_agent.remote import REMOTE_SCHEMA, RemoteControl
from outpost_agent.reporting import Reporter
from outpost_agent.router.commands import Commands
from outpost_agent.router.door import Door
from outpost_agent.router.gather import Gatherer
from outpost_agent.router.router import Router
from outpost_agent.runner import Runner
from outpost_agent.server import listening, make_server
from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_agent.wakes import Wakes
from outpost_agent.worker.pool import WorkerPool
from outpost_disk import Database, DatabaseFailed, FolderLock, open_database, short_socket_path
from outpost_disk.jsonlog import setup as setup_log
from outpost_disk.notify import notify, watchdog_interval_s
from outpost_disk.settings import read_secret, split_address
from outpost_disk.tls import tls_context
from outpost_link import OUTBOX_SCHEMA, DeviceLink, Identity, Login, open_device_link
from outpost_sdk.channel import Channel, ChannelHealth
from outpost_sdk.tasks import Task
from outpost_wire.errors import OutpostError
from outpost_wire.ids import DeviceId, FleetId, Ulids
from outpost_wire.messages import ChannelFacts

if TYPE_CHECKING:
    from aiohttp import web

log = logging.getLogger(__name__)

RELEASE = version("outpost")
SHADOW_QUIET_S = 0.3
TIDY_S = 60.0
SESSION_S = 3600
"""How long the broker keeps what is for this device while it is away: commands, which have an end of their own."""
SCHEMA = (
    CONVERSATION_SCHEMA,
    TASK_SCHEMA,
    OUTBOX_SCHEMA,
    CONVERSATION_2_SCHEMA,
    PAGE_SCHEMA,
    PEOPLE_SCHEMA,
    CHANNELS_SCHEMA,
    LIVES_SCHEMA,
    REMOTE_SCHEMA,
    OWNER_SCHEMA,
)


def main(config_path: Path | None = None, state: Path | None = None) -> int:
    """Run the daemon until it is told to stop; return the exit code. Raises OutpostError for what cannot be used."""
    config = load_config(config_path) if config_path else Config()
    folder = (state or Path(config.device.state)).absolute()
    setup_log(config.log.level)
    with FolderLock(folder, f"outpost device {config.device.id}"):
        asyncio.run(run(config, folder, config_path))
    return 0


def clock_ms() -> int:
    """Return the time as Unix milliseconds."""
    return time.time_ns() // 1_000_000


new_id = Ulids(clock_ms, os.urandom)


async def run(config: Config, folder: Path, config_path: Path | None = None) -> None:
    """Be one device until a signal says stop."""
    async with (
        open_database(folder / "device.sqlite", SCHEMA) as database,
        WorkerPool(HANDLERS, limit=config.tasks.workers, memory_limit=config.tasks.worker_memory_bytes) as pool,
    ):
        daemon = await Daemon.open(config, folder, database=database, pool=pool, boot_id=new_id())
        await daemon.run(config_path)
    log.info("stopped", extra={"device": config.device.id})


class Daemon:
    """The parts that work on the open database; `Wakes` says who wakes whom."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        *,
        database: Database,
        pool: WorkerPool,
        boot_id: str,
        wakes: Wakes,
        hub: Hub,
        news: News,
        people: People,
        engine: SqliteEngine,
        remote: RemoteControl,
    ) -> None:
        self._config = config
        self._folder = folder
        self._database = database
        self._boot_id = boot_id
        self._wakes = wakes
        self._people = people
        self._engine = engine
        self._remote = remote
        self._host, self._port = split_address(config.web.listen)
        self._tls = tls_context(config.web.certificate, config.web.key)
        self._link: DeviceLink | None = None
        self._is_ready = False
        self._egress = Egress()
        self._reporter = Reporter(config, folder, release=RELEASE, boot_id=boot_id, new_id=new_id, clock_ms=clock_ms)
        wakes.metrics = self._reporter.metrics
        self._content = ContentFolder(
            folder / "content",
            limit_bytes=config.limits.attachment_bytes,
            high_water=config.limits.disk_high_water,
            new_id=new_id,
        )
        self._runner = wakes.runner = Runner(
            engine=engine,
            pool=pool,
            content=self._content,
            learned=LearnedFolder(folder / "learned"),
            folder=folder / "work",
            kinds=tuple(HANDLERS),
            limit=config.tasks.workers,
            lease_s=config.tasks.lease_s,
            attempt_s=config.tasks.attempt_s,
            results=lambda: remote.results,
            steering=lambda message: database.read(partial(steering, message_id=message)),
            new_id=new_id,
            clock_ms=clock_ms,
            progressed=wakes.progressed,
            ended=self._attempt_ended,
        )
        self._commands = Commands(
            database=database,
            engine=engine,
            reporter=self._reporter,
            new_id=new_id,
            clock_ms=clock_ms,
            busy=wakes.busy,
        )
        self._router = Router(
            database=database,
            engine=engine,
            content=self._content,
            people=people,
            files=AllowedFiles(config.files.roots, folder),
            commands=self._commands,
            metrics=self._reporter.metrics,
            limits=config.limits,
            conversation=config.conversation,
            address=self.address,
            new_id=new_id,
            clock_ms=clock_ms,
            said=wakes.said,
            busy=wakes.busy,
            held=wakes.held,
        )
        self._gatherer = wakes.gatherer = Gatherer(
            database=database,
            engine=engine,
            people=people,
            files_at_once=config.limits.attachments_per_message,
            is_collecting=config.conversation.when_busy == "collect",
            device=self._reporter.name,
            coming=self._router.coming,
            new_id=new_id,
            clock_ms=clock_ms,
            began=wakes.began,
        )
        self._switchboard = wakes.switchboard = Switchboard(
            database=database,
            secrets=folder / "secrets" / "channels",
            proxy=config.network.proxy,
            door=partial(Door, self._router),
            make_outbound=self._make_outbound,
            changed=wakes.channels_changed,
            came_back=self._channel_back,
            clock_ms=clock_ms,
        )
        self._notices = Notices(
            database,
            people,
            engine,
            outage_s=config.notices.outage_s,
            machine=machine_boot(),
            new_id=new_id,
            clock_ms=clock_ms,
            said=wakes.said,
            has_channel=lambda name: name in self._switchboard.names(),
        )
        self._guard = Guard(
            people, _token(config), (self._host, *config.web.hosts), self._port, is_tls=self._tls is not None
        )
        self._web_chat = WebChat(
            database=database,
            engine=engine,
            content=self._content,
            hub=hub,
            guard=self._guard,
            news=news,
            egress=self._egress,
            progress=self._runner.progress,
            about=self._reporter.about(),
            address=self.address,
            clock_ms=clock_ms,
        )
        self._history = History(health=self._reporter.health, clock_ms=clock_ms)
        self._page = Page(
            people=people,
            guard=self._guard,
            news=news,
            database=database,
            engine=engine,
            egress=self._egress,
            channels=self._switchboard,
            history=self._history,
            health=self._reporter.health,
            link=self._reporter.link_state,
            progress=self._runner.progress,
            about=self._reporter.about(),
            address=self.address,
            clock_ms=clock_ms,
        )
        self._methods = {
            **LocalMethods(
                database=database,
                engine=engine,
                content=self._content,
                hub=hub,
                accept=self._router.accept,
                progress=self._runner.progress,
                status=self._status,
                new_id=new_id,
                clock_ms=clock_ms,
            ).table(),
            **OwnerMethods(people=people, switchboard=self._switchboard, address=self.address).table(),
        }
        self._own_channels: list[Channel] = [self._web_chat, LocalChat(hub)]

    @classmethod
    async def open(cls, config: Config, folder: Path, *, database: Database, pool: WorkerPool, boot_id: str) -> Daemon:
        """Read who is known and what is wanted, and join all parts; nothing runs yet. Raises BadSetting."""
        hub, news = Hub(), News()
        wakes = Wakes(hub, news)
        people = await People.open(
            database,
            new_id=new_id,
            clock_ms=clock_ms,
            said=wakes.said,
            changed=wakes.people_changed,
            device=config.device.name or config.device.id,
        )
        ledger = Ledger(new_id=new_id, poke=wakes.changed_soon, tells_manager=config.link is not None)
        engine = SqliteEngine(database, apply=ledger.apply, changed=ledger.changed)
        remote = await RemoteControl.open(
            database,
            people,
            engine,
            default_results=config.link.results if config.link else "full",
            new_id=new_id,
            clock_ms=clock_ms,
            changed=wakes.settings_changed,
        )
        daemon = cls(
            config,
            folder,
            database=database,
            pool=pool,
            boot_id=boot_id,
            wakes=wakes,
            hub=hub,
            news=news,
            people=people,
            engine=engine,
            remote=remote,
        )
        await daemon._switchboard.load(daemon._own_channels, config.channels)
        return daemon

    def address(self) -> str:
        """Return where browsers reach the device's page."""
        scheme = "http" if self._tls is None else "https"
        host = self._config.web.hosts[0] if self._config.web.hosts else self._host
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self._port}"

    async def run(self, config_path: Path | None) -> None:
        """Take up what a previous life left, say that it is ready, and stop in order when told to."""
        await self._notices.begin()
        await self._engine.recover(clock_ms())
        await part_with_strangers(self._database, self._engine, self._people, clock_ms())
        stopped = asyncio.Event()
        reload = asyncio.Event()
        with _on_signals({signal.SIGTERM: stopped.set, signal.SIGINT: stopped.set, signal.SIGHUP: reload.set}):
            async with self._linked(), asyncio.TaskGroup() as group:
                tasks = [group.create_task(work) for work in self._work()]
                tasks.append(group.create_task(self._reload_when(reload, config_path)))
                site = listening(self._web_server(), self._host, self._port, ssl_context=self._tls)
                async with self._local_server(), site:
                    await self._notices.told()
                    self._say_ready()
                    await stopped.wait()
                    self._is_ready = False
                    notify("STOPPING=1")
                for task in tasks:
                    task.cancel()
        await self._notices.stopped()

    def _work(self) -> Iterator[Coroutine[None, None, None]]:
        """Give all that goes on at the same time."""
        yield self._switchboard.run()
        yield self._runner.run()
        yield self._gatherer.run()
        yield self._reporter.run(self._engine)
        yield self._notices.run()
        yield self._history.run()
        yield self._watch_people()
        yield self._tidy_people()
        yield self._tell_fleet()
        yield keep_house(
            self._database,
            self._engine,
            self._content,
            self._runner,
            keep_days=self._config.tasks.keep_days,
            clock_ms=clock_ms,
        )
        yield _feed_watchdog()

    @asynccontextmanager
    async def _linked(self) -> AsyncIterator[None]:
        """Be linked to the manager, where there is one, for as long as the context lasts."""
        settings, device = self._config.link, DeviceId(self._config.device.id)
        if settings is None:
            yield
            return
        login = Login(
            host=settings.host,
            port=settings.port,
            client_id=f"device-{device}",
            username=settings.username or None,
            password=read_secret(Path(settings.password_file), "link.password_file")
            if settings.password_file
            else None,
            clean_start=False,
            session_expiry_s=SESSION_S,
        )
        async with open_device_link(
            login,
            Identity(fleet=FleetId(settings.fleet), device=device, boot_id=self._boot_id),
            self._database,
            new_id=new_id,
            clock_ms=clock_ms,
            on_desired=self._remote.desired,
            on_command=self._remote.command,
            leave=self._egress.leave,
        ) as link:
            self._link = self._wakes.link = link
            self._reporter.attach(link)
            self._wakes.shadow.set()
            link.notify()
            yield

    def _make_outbound(self, channel: Channel) -> Outbound:
        return Outbound(
            channel,
            self._database,
            content=self._content,
            egress=self._egress,
            engine=self._engine,
            progress=self._runner.progress,
            address=self.address,
            clock_ms=clock_ms,
        )

    def _web_server(self) -> web.Application:
        return make_server(
            self._guard,
            [*self._web_chat.routes(), *self._page.routes()],
            is_ready=lambda: self._is_ready,
            render_metrics=lambda: self._reporter.render_metrics(
                self._database, self._engine, self._guard, self._people, self._egress
            ),
            metrics_type=CONTENT_TYPE,
        )

    def _local_server(self) -> LocalServer:
        configured = self._config.device.socket
        path = Path(configured) if configured else short_socket_path(self._folder, "device.sock")
        return LocalServer(path, self._methods)

    def _say_ready(self) -> None:
        gc.collect()
        gc.freeze()
        self._is_ready = True
        notify("READY=1", f"STATUS=Talk to it at {self.address()}/")
        facts = {"device": self._config.device.id, "chat": self.address(), "release": RELEASE}
        log.info("ready", extra={**facts, "cpu_s": round(time.process_time(), 3)})
        if self._people.claim_code:
            announce_claim(self.address(), self._people.claim_code, language_of(os.environ))

    async def _status(self) -> dict[str, Any]:
        return await self._reporter.status(
            self._engine, self.address(), self._switchboard.facts(), is_owned=self._people.is_owned
        )

    async def _watch_people(self) -> None:
        """End the work of whoever may talk here no more."""
        while True:
            await self._wakes.people.wait()
            self._wakes.people.clear()
            try:
                await part_with_strangers(self._database, self._engine, self._people, clock_ms())
            except DatabaseFailed as error:
                log.warning("strangers' work goes on until the next start", extra={"reason": str(error)})

    async def _tidy_people(self) -> None:
        """Notice requests to pair whose time is over."""
        while True:
            await asyncio.sleep(TIDY_S)
            try:
                await self._people.tidy()
            except DatabaseFailed as error:
                log.warning("people not tidied", extra={"reason": str(error)})

    async def _tell_fleet(self) -> None:
        """Report how the device is set whenever that has changed, what changes together at once."""
        while True:
            await self._wakes.shadow.wait()
            await asyncio.sleep(SHADOW_QUIET_S)
            self._wakes.shadow.clear()
            if self._link is None:
                continue
            try:
                await self._link.report(self._reporter.reported(self._people, self._switchboard.facts(), self._remote))
            except OutpostError as error:
                log.warning("the fleet was not told how the device is set", extra={"reason": str(error)})

    async def _reload_when(self, asked: asyncio.Event, config_path: Path | None) -> None:
        """Read the settings anew when asked to, and start and end the channels that changed."""
        while True:
            await asked.wait()
            asked.clear()
            notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
            if config_path is not None:
                await self._reload(config_path)
            notify("READY=1")

    async def _reload(self, config_path: Path) -> None:
        try:
            config = await asyncio.to_thread(load_config, config_path)
            changed = await self._switchboard.reload(config.channels, config.network.proxy)
        except OutpostError as error:
            log.error("the settings stay as they were", extra={"reason": str(error)})
            return
        others = [
            name
            for name in Config.__struct_fields__
            if name not in ("channels", "network") and getattr(config, name) != getattr(self._config, name)
        ]
        log.info("settings read", extra={"channels_changed": changed, "after_a_restart": others})

    async def _channel_back(self, facts: ChannelFacts, off_ms: int, before: ChannelHealth) -> None:
        await self._notices.channel_back(facts.name, facts.kind, off_ms, before.en, before.zh)

    def _attempt_ended(self, task: Task, seconds: float) -> None:
        self._reporter.metrics.attempts.labels(task.spec.kind).observe(seconds)


@contextmanager
def _on_signals(actions: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number, act in actions.items():
        loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number in actions:
            loop.remove_signal_handler(number)


async def _feed_watchdog() -> None:
    interval_s = watchdog_interval_s()
    while interval_s is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval_s)


def _token(config: Config) -> str | None:
    """Return what lets a program in as the owner, where that is set."""
    return read_secret(Path(config.web.token_file), "web.token_file") if config.web.token_file else None
