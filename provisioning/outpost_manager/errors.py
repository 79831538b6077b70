"""What stops the manager or refuses a caller: each error carries its sentence in English and in Simplified Chinese."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from outpost_disk import FolderHeld
from outpost_wire.errors import BadInput, OutpostError
from outpost_wire.http import Language


class ManagerError(OutpostError):
    """What went wrong and what to do, in both languages; `str(error)` is the English sentence."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh


class BrokerNotLocal(ManagerError):
    """The broker is on another machine, which would carry passwords in the clear."""

    code = "broker_not_local"

    def __init__(self, host: str) -> None:
        super().__init__(
            f"broker.host is {host}, which is not this machine: without TLS the manager speaks to a loopback broker "
            "only, so use 127.0.0.1",
            f"broker.host 为 {host}，不在本机：在支持 TLS 之前，管理端只连接本机回环地址上的代理，请改用 127.0.0.1",
        )
        self.host = host


class ProgramMissing(ManagerError):
    """A program that Outpost starts is not installed."""

    code = "program_missing"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"{program} is not installed: install it (Debian: apt install {program}) and start again",
            f"未安装 {program}：请先安装（Debian：apt install {program}），然后重新启动",
        )
        self.program = program


class PortTaken(ManagerError):
    """Another program listens on a port that is ours."""

    code = "port_taken"

    def __init__(self, port: int, owner: str, setting: str) -> None:
        super().__init__(
            f"port {port} of the {owner} is in use by another program: stop that program or change {setting}",
            f"{owner} 的端口 {port} 已被其他程序占用：请停止该程序，或修改 {setting}",
        )
        self.port = port


class ChildFailed(ManagerError):
    """A child of the demo does not come up; `last` is the last line of its log."""

    code = "child_failed"

    def __init__(self, role: str, log: Path, last: str) -> None:
        super().__init__(
            f"the {role} does not start: {last or 'it said nothing'}; its log is {log}",
            f"{role} 无法启动：{last or '没有任何输出'}；日志见 {log}",
        )
        self.role = role
        self.last = last


class FolderUnusable(ManagerError):
    """A folder or file of ours cannot be used."""

    code = "folder_unusable"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be used: {reason}; choose another folder or mend this one",
            f"无法使用 {path}：{reason}；请更换文件夹或修复后重试",
        )
        self.path = path


class SystemRefused(ManagerError):
    """The operating system refused something that has no sentence of its own."""

    code = "system_refused"

    def __init__(self, error: OSError) -> None:
        what = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or type(error).__name__
        super().__init__(f"the system refused: {what}{reason}", f"系统拒绝了操作：{what}{reason}")


class DeviceUnknown(ManagerError):
    """The manager knows no such device."""

    code = "no_device"

    def __init__(self, device: str) -> None:
        super().__init__(f"there is no device {device[:64]!r}", f"没有设备 {device[:64]!r}")
        self.device = device


class TooManyCommands(ManagerError):
    """As many commands wait for a device's answer as may."""

    code = "too_many_commands"

    def __init__(self, device: str, waiting: int) -> None:
        super().__init__(
            f"{waiting} commands wait for an answer of {device} already; wait until they are answered or expire",
            f"已有 {waiting} 个命令在等待 {device} 的回复；请等待其得到回复或过期",
        )
        self.device = device


class Refusal(ManagerError):
    """A request that is refused: an HTTP `status` and a `code` for machines."""

    code: ClassVar[str] = "refused"

    def __init__(self, status: int, name: str, en: str, zh: str) -> None:
        super().__init__(en, zh)
        self.status = status
        self.name = name


def sentence(error: OutpostError, language: Language) -> str:
    """Return what to tell a person about `error`; English where nobody has written the Chinese."""
    if language == "en":
        return str(error)
    if isinstance(error, FolderHeld):
        return f"{error.folder} 正被 {error.holder or '另一个进程'} 使用；请先停止它，或更换文件夹"
    return error.zh if isinstance(error, ManagerError | BadInput) else str(error)
