"""What the demo says to the person who started it, in their language."""

from __future__ import annotations

import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from outpost_manager.access import CODE_LIFE_S
from outpost_manager.demo.claiming import Entrance, Ownership
from outpost_manager.demo.folder import DemoFolder
from outpost_wire.http import Language

CHAT_LINK_LIFE_S = 600
"""How long the device lets a one-time link in."""
ROLES_ZH = {"broker": "消息代理", "manager": "管理端", "device": "设备"}


class Words:
    """Says things: news to `news`, and the welcome to `out`; `named(program)` is how a program is called in a shell."""

    def __init__(
        self, language: Language, out: TextIO, news: TextIO, *, named: Callable[[str], str] = lambda program: program
    ) -> None:
        self._named = named
        self._is_chinese = language == "zh"
        self._out = out
        self._news = news

    def starting(self, role: str) -> None:
        """A role is being started."""
        self._tell(f"Starting the {role} …", f"正在启动{ROLES_ZH[role]}……")

    def leftovers(self, count: int) -> None:
        """Processes of an earlier demo were still there and have been ended."""
        if count:
            processes = "1 process" if count == 1 else f"{count} processes"
            self._tell(f"Ended {processes} that an earlier demo left behind.", f"已结束上次演示遗留的 {count} 个进程。")

    def ended(self, role: str, status: int, wait_s: float, last: str) -> None:
        """A child has ended and will be started again."""
        how_en, how_zh = _status(status)
        last = last if status > 0 else ""  # who was killed, or ended well, has not said why
        self._tell(
            f"The {role} ended ({how_en}); starting it again in {wait_s:g} s. {last}".rstrip(),
            f"{ROLES_ZH[role]}已结束（{how_zh}），{wait_s:g} 秒后重新启动。{last}",
        )

    def stopping(self) -> None:
        """Everything is being stopped."""
        self._tell("Stopping …", "正在停止……")

    def entered(self, entrance: Entrance, folder: DemoFolder) -> None:
        """Tell whose the device is, where no welcome does."""
        self._tell(*self._ownership(entrance, folder))

    def welcome(self, console: str, code: str, chat: str, entrance: Entrance, folder: DemoFolder) -> None:
        """Everything is ready: where to click, and whose the device is."""
        state = shlex.quote(str(folder.root))
        chat_link, console_link = entrance.link or f"{chat}/", f"{console}/#code={code}"
        chat_minutes, minutes = CHAT_LINK_LIFE_S // 60, CODE_LIFE_S // 60
        another = f"{self._named('outpost')} --state {state} claim --link"
        another_console = f"{self._named('outpost-fleet')} link --state {state}"
        owned_en, owned_zh = self._ownership(entrance, folder)
        if self._is_chinese:
            once = f"          （一次性链接，{chat_minutes} 分钟内有效；新链接：{another}）\n" if entrance.link else ""
            text = f"""
Outpost 已就绪。点击链接打开：

  聊天    {chat_link}
{once}\
  控制台  {console_link}
          （一次性链接，{minutes} 分钟内有效；新链接：{another_console}）

{owned_zh}

数据保存在 {folder.root}。按 Ctrl-C 停止。
"""
        else:
            once = (
                f"           (works once, within {chat_minutes} minutes; another: {another})\n" if entrance.link else ""
            )
            text = f"""
Outpost is ready. Click to open:

  Chat     {chat_link}
{once}\
  Console  {console_link}
           (works once, within {minutes} minutes; another: {another_console})

{owned_en}

Everything is kept in {folder.root}. Ctrl-C stops it.
"""
        print(text, file=self._out, flush=True)

    def _ownership(self, entrance: Entrance, folder: DemoFolder) -> tuple[str, str]:
        """Return in both languages whose the device is, and what to do where something is to be done."""
        command = f"{self._named('outpost')} --state {shlex.quote(str(folder.root))} claim"
        anew = f"{command} --new-recovery {shlex.quote(str(folder.recovery))}"
        match entrance.ownership:
            case Ownership.TAKEN:
                return (
                    "The device has been claimed for you. Whoever holds its recovery file can become its owner:\n"
                    f"  {folder.recovery}",
                    f"已为您认领设备。持有以下恢复文件的人可以成为设备的主人，请妥善保存：\n  {folder.recovery}",
                )
            case Ownership.OURS:
                return (
                    f"The device is yours since an earlier start. Its recovery file of then:\n  {folder.recovery}",
                    f"设备已在之前启动时为您认领，当时的恢复文件：\n  {folder.recovery}",
                )
            case Ownership.THEIRS:
                return (
                    "The device has an owner already and was left as it is; they keep its recovery file.",
                    "设备已有主人，因此未作改动；恢复文件由其保管。",
                )
            case Ownership.CUT_OFF:
                return (
                    "The device was claimed for you, but that was cut off before its recovery file was written.\n"
                    f"Make a new one:\n  {anew}",
                    f"已为您认领设备，但在写入恢复文件之前被中断。请生成新的恢复文件：\n  {anew}",
                )
            case Ownership.UNCLEAR:
                return (
                    f"The device could not be claimed for you: {entrance.reason or 'its command said nothing'}\n"
                    f"Claim it yourself:\n  {command}",
                    f"未能为您认领设备：{entrance.reason or '命令没有任何输出'}\n请自行认领：\n  {command}",
                )

    def _tell(self, en: str, zh: str) -> None:
        print(zh if self._is_chinese else en, file=self._news, flush=True)


def pasteable(program: str) -> str:
    """Return how a program of this installation is called in a shell that stands where this process does."""
    if shutil.which(program) is not None:
        return program
    beside = Path(sys.executable).with_name(program)
    here = Path.cwd()
    return shlex.quote(str(beside.relative_to(here) if beside.is_relative_to(here) else beside))


def _status(status: int) -> tuple[str, str]:
    if status >= 0:
        return f"exit {status}", f"退出码 {status}"
    name = signal.Signals(-status).name
    return f"killed by {name}", f"被 {name} 终止"
