"""The entry of `outpost`: arguments, the choice of language, and errors as one sentence.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. What a command needs is imported when it is carried out,
so that help and mistakes are answered at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from outpost_agent.cli.output import Output, language_of

if TYPE_CHECKING:
    from outpost_sdk.handler import Language

USAGE = 2
INTERRUPTED = 130
TASK_STATES = ("waiting", "ready", "running", "done", "failed", "cancelled")


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    output = Output(is_json="--json" in given, language=language_of(os.environ))
    options = make_parser(output).parse_args(given)
    if options.command is None:
        output.line(_greeting(output))
        return 0
    try:
        return _carry_out(options, output)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Who read our output has had enough, as `head` does; what is left of it goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # the one place where a command's failure becomes a sentence
        if os.environ.get("OUTPOST_DEBUG") == "1":
            raise
        return output.failed(error)


def _carry_out(options: argparse.Namespace, output: Output) -> int:
    if options.command == "run":
        from outpost_agent.app import main as run_daemon  # noqa: PLC0415 - the daemon is large

        return run_daemon(options.config, options.state)
    module = import_module(f"outpost_agent.cli.{options.command}")
    run: Callable[[argparse.Namespace, Output], int] = module.run
    return run(options, output)


def make_parser(output: Output) -> argparse.ArgumentParser:
    """Return the parser of the command line, which speaks the language of `output`."""
    say = output.say

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            en = f"{message}; see {self.prog} --help"
            sys.exit(output.refused(say(en, f"用法有误（{message}），请运行 {self.prog} --help")))

    as_json = Parser(add_help=False)
    as_json.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help=say("print one document for machines", "输出供程序读取的一份 JSON"),
    )
    where = Parser(add_help=False)
    where.add_argument(
        "--socket", type=Path, metavar="PATH", help=say("the daemon's socket", "守护进程的套接字"), default=None
    )
    where.add_argument(
        "--state", type=Path, metavar="DIR", help=say("the device's state folder", "设备的状态文件夹"), default=None
    )

    parser = Parser(
        prog="outpost", description=say("The digital worker on this machine.", "这台机器上的数字员工。"), parents=[as_json]
    )
    parser.add_argument("--version", action=_Version, help=say("print the version", "显示版本"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    run = commands.add_parser("run", parents=[as_json], help=say("run the device", "运行设备"))
    run.add_argument("--config", type=Path, metavar="FILE", help=say("its settings", "设置文件"))
    run.add_argument("--state", type=Path, metavar="DIR", help=say("where it keeps its state", "状态文件夹"))

    commands.add_parser("status", parents=[as_json, where], help=say("say how the device is", "查看设备状态"))

    ask = commands.add_parser("ask", parents=[as_json, where], help=say("ask the device", "向设备提问"))
    ask.add_argument("text", nargs="?", default="", metavar="TEXT", help=say("what to say", "要说的话"))
    ask.add_argument(
        "--attach", type=Path, action="extend", nargs="+", default=[], metavar="FILE", help=say("send along", "附上文件")
    )
    ask.add_argument("--save", type=Path, metavar="DIR", help=say("keep the files of the answer", "保存回复中的文件"))

    analyse = commands.add_parser(
        "analyse", parents=[as_json], help=say("analyse a log file without a daemon", "直接分析日志文件")
    )
    analyse.add_argument("file", type=Path, metavar="FILE", help=say("a log, gzip, xz and zstd too", "日志（可压缩）"))
    analyse.add_argument(
        "--assign", type=Path, metavar="OUT.csv", help=say("write the template of each line", "写出每行所属的模板")
    )
    analyse.add_argument("--language", choices=("en", "zh"), default=output.language)

    _add_task(commands.add_parser("task", help=say("list, show or cancel tasks", "查看或取消任务")), [as_json, where], say)

    doctor = commands.add_parser("doctor", parents=[as_json, where], help=say("check and say how to mend", "检查并给出修复办法"))
    doctor.add_argument("--config", type=Path, metavar="FILE", help=say("the settings to check", "要检查的设置文件"))
    return parser


def _add_task(
    parser: argparse.ArgumentParser, parents: list[argparse.ArgumentParser], say: Callable[[str, str], str]
) -> None:
    actions = parser.add_subparsers(dest="action", metavar="list|show|cancel", required=True)
    listed = actions.add_parser("list", parents=parents, help=say("list tasks, newest first", "列出任务"))
    # `--state` is the folder everywhere else, and a task's state here: a folder has a slash in it or exists.
    listed.add_argument("--limit", type=_count, default=20, metavar="N", help=say("at most so many", "最多条数"))
    for action, help_ in (("show", say("show one task", "查看任务")), ("cancel", say("cancel a task", "取消任务"))):
        actions.add_parser(action, parents=parents, help=help_).add_argument("id", metavar="ID")


class _Version(argparse.Action):
    """Prints the version; looking it up reads the installed package, so only this does."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415

        print(f"outpost {version('outpost')}")
        parser.exit()
