"""What can go wrong on the local socket."""

from __future__ import annotations

from pathlib import Path

from outpost_wire.errors import OutpostError
from outpost_wire.frames import Fault


class NobodyListens(OutpostError):
    """No process answers at this socket."""

    code = "nobody_listens"

    def __init__(self, path: Path) -> None:
        super().__init__(f"no daemon answers at {path}; start it with `outpost run`")
        self.zh = f"{path} 没有守护进程应答，请先运行 outpost run"
        self.path = path


class SocketHeld(OutpostError):
    """Another process listens at this path, or something that is no socket lies there."""

    code = "socket_held"


class ConnectionLost(OutpostError):
    """The other end of a local socket went away before it answered."""

    code = "connection_lost"
    zh = "本机连接在应答前中断"


class NoAnswer(OutpostError):
    """The other end is there but did not answer in time."""

    code = "no_answer"
    zh = "守护进程没有在时限内应答"


class CallFailed(OutpostError):
    """The other end refused a call or failed at it; `fault` is what it said."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.zh = fault.message_zh
