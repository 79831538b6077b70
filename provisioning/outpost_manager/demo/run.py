"""The supervisor of the demo: starts broker, manager and device in this order, keeps them alive, stops them all.

Once the device is ready it is claimed for whoever runs the demo.

What it promises: ports, tokens and the device's id stay the same over restarts; `run.json` always holds the current
line; nothing that it started outlives it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from outpost_disk import replace_file
from outpost_manager.access import issue_code, read_secret
from outpost_manager.demo.broker import find_mosquitto, write_broker
from outpost_manager.demo.child import Child, Recipe, answers, says_ready
from outpost_manager.demo.claiming import Answer, Entrance, enter, parse_answer
from outpost_manager.demo.folder import LOOPBACK, Choices, DemoFolder, is_free, keep_choices
from outpost_manager.demo.logbook import Logbook
from outpost_manager.demo.process import ask, end_leftovers
from outpost_manager.demo.settings import CHAT_TOKEN, CONSOLE_TOKEN, device_socket, write_settings
from outpost_manager.demo.words import Words, pasteable
from outpost_manager.errors import ChildFailed, PortTaken
from outpost_manager.ownership import own_folder
from outpost_wire.http import Language

Commands = Mapping[str, Sequence[str]]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """The one line of `--json`, and the content of run.json."""

    console: str
    console_token: str
    chat: str
    chat_token: str
    device: str
    socket: str
    pids: dict[str, int]


async def run_demo(
    state: Path, stop: asyncio.Event, *, as_json: bool, language: Language, commands: Commands | None = None
) -> None:
    """Run the demo in the folder `state` until `stop` is set; `commands` replaces what is started, by role.

    Raises FolderHeld or ManagerError.
    """
    folder = DemoFolder(state.absolute())
    words = Words(language, out=sys.stdout, news=sys.stderr, named=pasteable)
    with own_folder(folder.root, "outpost-fleet demo"):
        folder.make()
        choices = keep_choices(folder)
        folder.run.unlink(missing_ok=True)
        words.leftovers(await end_leftovers(folder.root))
        _expect_free_ports(folder, choices)
        write_broker(folder, choices, is_root=os.geteuid() == 0)
        write_settings(folder, choices)
        demo = _Demo(folder, choices, commands or default_commands(folder), words)
        async with demo.started(stop) as started:
            if started is None:
                return
            line, entrance = started
            if as_json:
                words.entered(entrance, folder)
                print(msgspec.json.encode(line).decode(), flush=True)  # noqa: T201 - this is the command's output
            else:
                words.welcome(line.console, issue_code(folder.manager_state), line.chat, entrance, folder)
            await stop.wait()
            words.stopping()


def default_commands(folder: DemoFolder) -> Commands:
    """Return how the three are started, and the device's command. Raises ProgramMissing without mosquitto."""
    beside = Path(sys.executable).with_name("outpost")
    device = [str(beside)] if beside.exists() else [sys.executable, "-P", "-m", "outpost_agent"]
    manager = [sys.executable, "-P", "-m", "outpost_manager", "serve", "--no-link"]
    return {
        "broker": [find_mosquitto(), "-c", str(folder.broker_config)],
        "manager": [*manager, "--config", str(folder.manager_config)],
        "device": [*device, "run", "--config", str(folder.device_config)],
        "command": [*device, "--socket", str(device_socket(folder))],
    }


class _Demo:
    def __init__(self, folder: DemoFolder, choices: Choices, commands: Commands, words: Words) -> None:
        self._folder = folder
        self._choices = choices
        self._words = words
        recipes = (
            Recipe("broker", commands["broker"], folder.broker, folder.root, choices.broker_port, answers),
            Recipe("manager", commands["manager"], folder.root, folder.root, choices.console_port, says_ready),
            Recipe("device", commands["device"], folder.root, folder.root, choices.chat_port, says_ready),
        )
        self._command = commands["command"]
        self._children = [Child(r, Logbook(folder.log(r.role)), self._on_start, self._on_end) for r in recipes]
        self._is_complete = False

    @asynccontextmanager
    async def started(self, stop: asyncio.Event) -> AsyncIterator[tuple[Line, Entrance] | None]:
        """Keep the children for as long as the context lasts; gives line and entrance once all are ready.

        Gives None on `stop`.
        """
        async with asyncio.TaskGroup() as group:
            try:
                for child in self._children:
                    self._words.starting(child.recipe.role)
                    group.create_task(child.keep(), name=child.recipe.role)
                    if not await _ready_or_stopped(child, stop):
                        raise ChildFailed(child.recipe.role, child.log.path, child.log.last_line)
                    if stop.is_set():
                        break
                entrance = None if stop.is_set() else await enter(self._folder, self._ask, stop)
                self._is_complete = not stop.is_set()
                yield (self._write_line(), entrance) if entrance and self._is_complete else None
            finally:
                self._is_complete = False
                for child in reversed(self._children):
                    await child.stop()
                self._folder.run.unlink(missing_ok=True)

    async def _ask(self, option: str) -> Answer:
        command = [*self._command, "claim", option, "--json"]
        return parse_answer(await ask(command, self._folder.root, self._folder.root))

    def _write_line(self) -> Line:
        line = Line(
            console=f"http://{LOOPBACK}:{self._choices.console_port}",
            console_token=read_secret(self._folder.secret(CONSOLE_TOKEN)),
            chat=f"http://{LOOPBACK}:{self._choices.chat_port}",
            chat_token=read_secret(self._folder.secret(CHAT_TOKEN)),
            device=self._choices.device,
            socket=str(device_socket(self._folder)),
            pids={child.recipe.role: child.pid for child in self._children},
        )
        replace_file(self._folder.run, msgspec.json.encode(line) + b"\n")
        return line

    def _on_start(self) -> None:
        if self._is_complete:
            self._write_line()

    def _on_end(self, child: Child, status: int, wait_s: float) -> None:
        self._words.ended(child.recipe.role, status, wait_s, child.log.last_line)


async def _ready_or_stopped(child: Child, stop: asyncio.Event) -> bool:
    """Wait until `child` is ready or `stop` is set; False when the child does not come up."""
    async with asyncio.TaskGroup() as group:
        ready = group.create_task(child.ready())
        stopped = group.create_task(stop.wait())
        await asyncio.wait([ready, stopped], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        stopped.cancel()
    return stop.is_set() or ready.result()


def _expect_free_ports(folder: DemoFolder, choices: Choices) -> None:
    ports = {"broker": choices.broker_port, "console": choices.console_port, "chat": choices.chat_port}
    for owner, port in ports.items():
        if not is_free(port):
            raise PortTaken(port, owner, f"{owner}_port in {folder.choices}")
