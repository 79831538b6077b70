"""What the demo says to the person who started it, in their language."""

from __future__ import annotations

import signal
from typing import TextIO

from outpost_manager.access import CODE_LIFE_S
from outpost_manager.demo.folder import DemoFolder
from outpost_wire.http import Language

ROLES_ZH = {"broker": "消息代理", "manager": "管理端", "device": "设备"}


class Words:
    """Says things: news to `news`, and the welcome to `out`."""

    def __init__(self, language: Language, out: TextIO, news: TextIO) -> None:
        self._is_chinese = language == "zh"
        self._out = out
        self._news = news

    def starting(self, role: str) -> None:
        """A role is being started."""
        self._tell(f"Starting the {role} …", f"正在启动{ROLES_ZH[role]}……")

    def leftovers(self, count: int) -> None:
        """Processes of an earlier demo were still there and have been ended."""
        if count:
            self._tell(
                f"Ended {count} processes that an earlier demo left behind.", f"已结束上次演示遗留的 {count} 个进程。"
            )

    def ended(self, role: str, status: int, wait_s: float, last: str) -> None:
        """A child has ended and will be started again."""
        how_en, how_zh = _status(status)
        self._tell(
            f"The {role} ended ({how_en}); starting it again in {wait_s:g} s. {last}".rstrip(),
            f"{ROLES_ZH[role]}已结束（{how_zh}），{wait_s:g} 秒后重新启动。{last}",
        )

    def stopping(self) -> None:
        """Everything is being stopped."""
        self._tell("Stopping …", "正在停止……")

    def welcome(self, console: str, code: str, chat: str, token: str, folder: DemoFolder) -> None:
        """Everything is ready: where to click."""
        console_link, chat_link = f"{console}/#code={code}", f"{chat}/#token={token}"
        minutes = CODE_LIFE_S // 60
        if self._is_chinese:
            text = f"""
Outpost 已就绪。点击链接打开：

  聊天    {chat_link}
  控制台  {console_link}
          （一次性链接，{minutes} 分钟内有效；新链接：outpost-fleet link --state {folder.root}）

数据保存在 {folder.root}。按 Ctrl-C 停止。
"""
        else:
            text = f"""
Outpost is ready. Click to open:

  Chat     {chat_link}
  Console  {console_link}
           (works once, within {minutes} minutes; another: outpost-fleet link --state {folder.root})

Everything is kept in {folder.root}. Ctrl-C stops it.
"""
        print(text, file=self._out, flush=True)

    def _tell(self, en: str, zh: str) -> None:
        print(zh if self._is_chinese else en, file=self._news, flush=True)


def _status(status: int) -> tuple[str, str]:
    if status >= 0:
        return f"exit {status}", f"退出码 {status}"
    name = signal.Signals(-status).name
    return f"killed by {name}", f"被 {name} 终止"
