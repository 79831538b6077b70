"""The command `outpost-fleet`: serve, demo, link. Errors are one sentence; 2 is wrong usage, 1 a failure."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from outpost_manager.errors import SystemRefused, sentence
from outpost_wire.errors import OutpostError
from outpost_wire.http import Language

USUAL_STATES = (Path(".state"), Path("/var/lib/outpost-manager"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    language = speech(os.environ)
    options = _parser(language).parse_args(arguments)
    try:
        status: int = options.run(options, language)
    except OutpostError as error:
        return _fail([error], options, language)
    except OSError as error:
        return _fail([SystemRefused(error)], options, language)
    except BaseExceptionGroup as group:
        ours, others = group.split(OutpostError)
        if others is not None or ours is None:
            raise
        return _fail(_leaves(ours), options, language)
    return status


def speech(environment: os._Environ[str] | dict[str, str]) -> Language:
    """Return the language that the environment asks for (POSIX: LC_ALL, then LC_MESSAGES, then LANG)."""
    wanted = next(filter(None, (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "zh" if wanted.lower().startswith("zh") else "en"


def _parser(language: Language) -> argparse.ArgumentParser:
    def say(en: str, zh: str) -> str:
        return zh if language == "zh" else en

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            en = f"{self.prog}: {message}; see {self.prog} --help"
            zh = f"{self.prog}：用法有误（{message}）；请运行 {self.prog} --help"
            self.exit(2, say(en, zh) + "\n")

    parser = Parser(prog="outpost-fleet", description=say("The manager of a fleet.", "设备群管理端。"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    serve = commands.add_parser("serve", help=say("run the manager", "运行管理端"))
    serve.add_argument("--config", type=Path, required=True, metavar="FILE", help=say("its settings", "设置文件"))
    serve.add_argument("--no-link", action="store_true", help=say("print no sign-in link", "不输出登录链接"))
    serve.set_defaults(run=_serve, json=False)

    demo = commands.add_parser(
        "demo", help=say("run broker, manager and one device on this machine", "在本机运行代理、管理端和一台设备")
    )
    demo.add_argument("--state", type=Path, required=True, metavar="DIR", help=say("keeps everything", "保存所有数据"))
    demo.add_argument("--json", action="store_true", help=say("print one line for machines", "输出一行供程序读取"))
    demo.set_defaults(run=_demo)

    link = commands.add_parser("link", help=say("print a fresh one-time sign-in link", "输出新的一次性登录链接"))
    link.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help=say(
            "the manager's or the demo's; .state here, else the usual one",
            "管理端或演示的文件夹，默认为当前目录的 .state",
        ),
    )
    link.add_argument("--json", action="store_true", help=say("print one line for machines", "输出一行供程序读取"))
    link.set_defaults(run=_link)
    return parser


def _serve(options: argparse.Namespace, language: Language) -> int:
    # Imported here: who asks for help or a link does not wait for a web server to load.
    from outpost_disk import jsonlog  # noqa: PLC0415
    from outpost_manager.app import serve  # noqa: PLC0415
    from outpost_manager.config import load_config  # noqa: PLC0415

    config = load_config(options.config)
    jsonlog.setup(config.log.level)

    def announce(address: str) -> None:
        open_it = "Open this once to sign in" if language == "en" else "请打开以下一次性链接登录"
        print(f"{open_it}: {address}", flush=True)

    async def run() -> None:
        await serve(config, _stop_on_signals(), None if options.no_link else announce)

    asyncio.run(run())
    return 0


def _demo(options: argparse.Namespace, language: Language) -> int:
    from outpost_manager.demo import run_demo  # noqa: PLC0415

    async def run() -> None:
        await run_demo(options.state, _stop_on_signals(), as_json=options.json, language=language)

    asyncio.run(run())
    return 0


def _link(options: argparse.Namespace, _language: Language) -> int:
    from outpost_manager.access import fresh_link  # noqa: PLC0415
    from outpost_manager.demo.folder import manager_state  # noqa: PLC0415

    state = options.state or next((folder for folder in USUAL_STATES if folder.is_dir()), USUAL_STATES[0])
    address = fresh_link(manager_state(state.resolve()))
    print(json.dumps({"link": address}) if options.json else address)
    return 0


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _fail(errors: Sequence[OutpostError], options: argparse.Namespace, language: Language) -> int:
    for error in errors:
        text = sentence(error, language)
        told = {"error": {"code": error.code, "message": text}}
        print(json.dumps(told, ensure_ascii=False) if options.json else f"outpost-fleet: {text}", file=sys.stderr)
    return 1


def _leaves(group: BaseExceptionGroup[OutpostError]) -> list[OutpostError]:
    leaves: list[OutpostError] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves
