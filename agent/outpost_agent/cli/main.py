"""The entry of `outpost`: arguments, the choice of language, and errors as one sentence.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. What a command needs is imported when it is carried out,
so that help and mistakes are answered at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from outpost_agent.cli.output import Output, language_of

if TYPE_CHECKING:
    _P = argparse.ArgumentParser
    _Commands = argparse._SubParsersAction[Any]
    _Say = Callable[[str, str], str]

INTERRUPTED = 130
TASK_STATES = ("waiting", "ready", "running", "done", "failed", "cancelled")


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    output = Output(is_json="--json" in given, language=language_of(os.environ))
    try:
        options = make_parser(output).parse_args(given)
        if options.command is None:
            output.line(_greeting(output))
            return 0
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

        return run_daemon(options.config, options.folder)
    run: Callable[[argparse.Namespace, Output], int] = import_module(f"outpost_agent.cli.{options.command}").run
    return run(options, output)


def make_parser(output: Output) -> argparse.ArgumentParser:
    """Return the parser of the command line, which speaks the language of `output`."""
    say = output.say

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            en = f"{message}; see {self.prog} --help"
            sys.exit(output.misused(say(en, f"用法有误（{message}），请运行 {self.prog} --help")))

    def options(*makers: Callable[[Parser], None]) -> list[Parser]:
        parent = Parser(add_help=False, argument_default=argparse.SUPPRESS)
        for make in makers:
            make(parent)
        return [parent]

    def as_json(parser: Parser) -> None:
        parser.add_argument("--json", action="store_true", help=say("print one JSON document", "输出一份 JSON"))

    def socket(parser: Parser) -> None:
        parser.add_argument("--socket", type=Path, metavar="PATH", help=say("the device's socket", "设备的套接字"))

    def state(parser: Parser) -> None:
        parser.add_argument(
            "--state",
            dest="folder",
            type=Path,
            metavar="DIR",
            help=say("the device's state folder", "设备的状态文件夹"),
        )

    parser = Parser(prog="outpost", description=_ABOUT[output.language], parents=options(as_json, socket, state))
    parser.set_defaults(json=False, socket=None, folder=None)
    parser.add_argument("--version", action=_Version, nargs=0, help=say("print the version", "显示版本"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    run = commands.add_parser("run", parents=options(as_json, state), help=say("run the device", "运行设备"))
    run.add_argument("--config", type=Path, metavar="FILE", help=say("its settings", "设置文件"))

    anywhere = options(as_json, socket, state)
    commands.add_parser("status", parents=anywhere, help=say("say how the device is", "查看设备状态"))

    ask = commands.add_parser("ask", parents=anywhere, help=say("ask the device", "向设备提问"))
    ask.add_argument("text", nargs="?", default="", metavar="TEXT", help=say("what to say", "要说的话"))
    ask.add_argument(
        "--attach",
        type=Path,
        action="extend",
        nargs="+",
        default=[],
        metavar="FILE",
        help=say("send along", "附上文件"),
    )
    ask.add_argument("--save", type=Path, metavar="DIR", help=say("keep the files of the answer", "保存回复中的文件"))

    analyse = commands.add_parser(
        "analyse", parents=options(as_json), help=say("analyse a log without the device", "不经设备直接分析日志")
    )
    analyse.add_argument(
        "file", type=Path, metavar="FILE", help=say("a log, also compressed", "日志文件，可为压缩文件")
    )
    analyse.add_argument(
        "--assign", type=Path, metavar="OUT.csv", help=say("write the template of each line", "写出每行所属的模板")
    )
    analyse.add_argument(
        "--model",
        type=Path,
        metavar="MODEL",
        help=say("keep what is learned of this log, and tell what is new", "保存从该日志学到的内容，并说明有何新变化"),
    )
    analyse.add_argument(
        "--language", choices=("en", "zh"), default=output.language, help=say("of the report", "报告的语言")
    )

    task = commands.add_parser("task", help=say("list, show, cancel or retry tasks", "查看、取消或重试任务"))
    actions = task.add_subparsers(dest="action", metavar="list|show|cancel|retry", required=True, parser_class=Parser)
    # Here --state is a task's; a state folder is named before the command: outpost --state DIR task list.
    listed = actions.add_parser("list", parents=options(as_json, socket), help=say("newest first", "由新到旧列出"))
    listed.add_argument(
        "--state", dest="states", action="append", default=[], choices=TASK_STATES, help=say("only these", "只列这些")
    )
    listed.add_argument("--limit", type=_limit, default=20, metavar="N", help=say("at most so many", "最多条数"))
    for action, purpose in (
        ("show", say("show one task", "查看一项")),
        ("cancel", say("cancel a task", "取消一项")),
        ("retry", say("try a task again", "重试一项")),
    ):
        actions.add_parser(action, parents=anywhere, help=purpose).add_argument("id", metavar="ID")

    claim = commands.add_parser(
        "claim", parents=anywhere, help=say("make this device yours", "认领本设备，或恢复所有权")
    )
    how = claim.add_mutually_exclusive_group()
    how.add_argument("--take", action="store_true", help=say("claim it from here", "直接在此认领"))
    how.add_argument("--link", action="store_true", help=say("sign another browser in", "让另一个浏览器登录"))
    how.add_argument("--recover", type=Path, metavar="FILE", help=say("by the recovery file", "用恢复文件恢复"))
    how.add_argument(
        "--new-recovery",
        dest="new_recovery",
        type=Path,
        metavar="FILE",
        help=say("write a new recovery file; the one before is void", "写出新的恢复文件，旧文件作废"),
    )
    _add_pair(commands, anywhere, say, Parser)
    _add_channel(commands, anywhere, say, Parser)

    doctor = commands.add_parser(
        "doctor", parents=anywhere, help=say("check everything and say how to mend it", "全面检查并给出修复办法")
    )
    doctor.add_argument("--config", type=Path, metavar="FILE", help=say("the settings to check", "要检查的设置文件"))
    return parser


def _add_pair(commands: _Commands, anywhere: Sequence[_P], say: _Say, parser: type[_P]) -> None:
    pair = commands.add_parser("pair", help=say("say who may talk to the device", "管理可与设备对话的人"))
    actions = pair.add_subparsers(
        dest="action", metavar="list|approve|refuse|revoke", required=True, parser_class=parser
    )
    actions.add_parser("list", parents=anywhere, help=say("who is known, who asks", "已配对的人与请求"))
    approve = actions.add_parser("approve", parents=anywhere, help=say("let somebody in", "允许配对"))
    approve.add_argument("code", metavar="CODE", help=say("the code that they were given", "对方得到的配对码"))
    approve.add_argument("--owner", action="store_true", help=say("it is the owner, on another app", "是主人本人"))
    approve.add_argument("--name", metavar="NAME", help=say("what to call them", "显示名称"))
    refuse = actions.add_parser("refuse", parents=anywhere, help=say("turn somebody down", "拒绝配对"))
    refuse.add_argument("code", metavar="CODE")
    revoke = actions.add_parser("revoke", parents=anywhere, help=say("let somebody in no more", "撤销配对"))
    revoke.add_argument("person", metavar="ID", help=say("as `pair list` shows it", "见 pair list"))
    revoke.add_argument("--channel", metavar="NAME", help=say("only on this channel", "仅撤销此渠道"))
    revoke.add_argument("--sender", metavar="ID", help=say("and this id there", "及其平台 ID"))


def _add_channel(commands: _Commands, anywhere: Sequence[_P], say: _Say, parser: type[_P]) -> None:
    channel = commands.add_parser("channel", help=say("connect chat apps", "连接聊天应用"))
    actions = channel.add_subparsers(dest="action", metavar="list|add|remove|test", required=True, parser_class=parser)
    actions.add_parser("list", parents=anywhere, help=say("how each is", "查看各渠道状态"))
    add = actions.add_parser(
        "add", parents=anywhere, help=say("connect one; asks for its token", "添加渠道（会询问令牌）")
    )
    add.add_argument("kind", choices=("telegram",), metavar="telegram")
    add.add_argument("--name", metavar="NAME", help=say("what to call it", "渠道名称"))
    add.add_argument("--token-file", type=Path, metavar="FILE", help=say("holds the token", "含令牌的文件"))
    add.add_argument("--token", action=_Seen, help=argparse.SUPPRESS)
    add.add_argument("--proxy", default="", metavar="URL", help=say("http:// or socks5://", "http:// 或 socks5://"))
    add.add_argument("--api", default="", metavar="URL", help=say("another server of the platform", "平台服务器地址"))
    add.add_argument(
        "--group",
        dest="groups",
        action="append",
        default=[],
        metavar="ID",
        help=say("a group to answer in", "允许的群"),
    )
    for action, purpose in (("remove", say("forget one", "移除渠道")), ("test", say("does it work?", "测试渠道"))):
        actions.add_parser(action, parents=anywhere, help=purpose).add_argument("name", metavar="NAME")


_ABOUT = {"en": "The digital worker on this machine.", "zh": "这台机器上的数字员工。"}


def _greeting(output: Output) -> str:
    return output.say(
        """Outpost, the digital worker on this machine.

  outpost ask "what can you do?"      talk to it
  outpost ask --attach app.log        hand it a log to analyse
  outpost analyse app.log             the same, without the device
  outpost status                      how it is doing
  outpost task list                   what it is working on
  outpost claim                       whose device it is
  outpost channel add telegram        talk to it in the app you use
  outpost pair list                   who may talk to it
  outpost doctor                      what is wrong, and how to mend it

`outpost COMMAND --help` tells more.""",
        """Outpost，这台机器上的数字员工。

  outpost ask "你能做什么？"          与它对话
  outpost ask --attach app.log        交给它一份日志分析
  outpost analyse app.log             不经设备直接分析
  outpost status                      查看它的状态
  outpost task list                   查看它正在做的任务
  outpost claim                       认领设备，查看归属
  outpost channel add telegram        连接您常用的聊天应用
  outpost pair list                   查看谁可以与它对话
  outpost doctor                      检查问题并给出修复办法

运行 outpost COMMAND --help 了解更多。""",
    )


def _limit(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1000:
        raise argparse.ArgumentTypeError("expected a number from 1 to 1000")
    return value


class _Seen(argparse.Action):
    """Refuses a secret among the arguments, which every user of this machine can see."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parser.error("others can see what is among the arguments: pipe the token in, or use --token-file")


class _Version(argparse.Action):
    """Prints the version; only this reads the facts of the installed package."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415

        print(f"outpost {version('outpost')}")
        parser.exit()
