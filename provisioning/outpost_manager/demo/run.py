"""The supervisor of the demo: starts broker, manager and device in this order, keeps them alive, stops them all.

What it promises: ports, tokens and the device's id stay the same over restarts; `run.json` always holds the current
line; nothing that it started outlives it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import msgspec

from outpost_disk import replace_file, short_socket_path
from outpost_manager.access import issue_code, read_secret
from outpost_manager.demo.broker import find_mosquitto, write_broker
from outpost_manager.demo.child import Child, Recipe, answers, says_ready
from outpost_manager.demo.folder import LOOPBACK, Choices, DemoFolder, is_free, keep_choices
from outpost_manager.demo.logbook import Logbook
from outpost_manager.demo.process import end_leftover
from outpost_manager.demo.settings import CHAT_TOKEN, CONSOLE_TOKEN, write_settings
from outpost_manager.demo.words import Words
from outpost_manager.errors import ChildFailed, Language, PortTaken
from outpost_manager.ownership import own_folder

ROLES = ("broker", "manager", "device")
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
    state: Path,
    stop: asyncio.Event,
    *,
    as_json: bool,
    language: Language,
    commands: Commands | None = None,
) -> None:
    """Run the demo in the folder `state` until `stop` is set; `commands` replaces what is started, by role.

    Raises FolderHeld, ManagerError.
    """
    folder = DemoFolder(state.absolute())
    words = Words(language, sys.stderr)
    with own_folder(folder.root, "outpost-fleet demo"):
        folder.make()
        choices = keep_choices(folder)
        await _clear_leftovers(folder)
        _expect_free_ports(folder, choices)
        write_broker(folder, choices, is_root=os.geteuid() == 0)
        write_settings(folder, choices)
        supervisor = _Supervisor(folder, choices, commands or default_commands(folder), words)
        async with supervisor.children_kept():
            if not await supervisor.started(stop):
                return
            supervisor.write_line()
            line = supervisor.line()
            if as_json:
                print(json.dumps(msgspec.to_builtins(line)), flush=True)  # noqa: T201 - this is the command's output
            else:
                words.welcome(line.console, issue_code(folder.manager_state), line.chat, line.chat_token, folder)
            await stop.wait()
            words.stopping()


def default_commands(folder: DemoFolder) -> Commands:
    """Return how the three are started. Raises ProgramMissing when mosquitto is not installed."""
    beside = Path(sys.executable).with_name("outpost")
    device = [str(beside)] if beside.exists() else [sys.executable, "-P", "-m", "outpost_agent"]
    manager = [sys.executable, "-P", "-m", "outpost_manager", "serve", "--no-link"]
    return {
        "broker": [find_mosquitto(), "-c", str(folder.broker_config)],
        "manager": [*manager, "--config", str(folder.manager_config)],
        "device": [*device, "run", "--config", str(folder.device_config)],
    }
