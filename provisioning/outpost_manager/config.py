"""The manager's settings: one frozen type per section, read once from TOML."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from outpost_manager.errors import WrongSetting
from outpost_wire.topics import is_name

Port = Annotated[int, Meta(ge=1, le=65535)]


def split_address(text: str) -> tuple[str, int]:
    """Return host and port of "HOST:PORT" (an IPv6 host in brackets), or raise ValueError that names the key."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= 65535:
        raise ValueError("listen: expected HOST:PORT, such as 127.0.0.1:7781")
    return host.removeprefix("[").removesuffix("]"), int(port)


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of the settings."""


class ManagerConfig(Section, frozen=True, kw_only=True):
    """Which fleet this manager runs, what it is called there and where it keeps its state."""

    fleet: str
    id: str = "manager"
    state: str = "/var/lib/outpost-manager"

    def __post_init__(self) -> None:
        for key, value in (("fleet", self.fleet), ("id", self.id)):
            if not is_name(value):
                raise ValueError(f"{key}: expected 1 to 64 letters, digits, '.', '_' or '-'")


class WebConfig(Section, frozen=True, kw_only=True):
    """The console and its API.

    `token_file` holds the bearer token of the API; without it only a browser that has signed in is let in. `hosts`
    are names, beyond loopback, under which the console may be reached. A browser stays signed in for `session_hours`.
    """

    listen: str = "127.0.0.1:7781"
    token_file: str = ""
    hosts: tuple[str, ...] = ()
    session_hours: Annotated[float, Meta(gt=0, le=8760)] = 168.0

    def __post_init__(self) -> None:
        split_address(self.listen)


class BrokerConfig(Section, frozen=True, kw_only=True):
    """The way to the fleet's broker; `password_file` holds the password of `username`."""

    host: str = "127.0.0.1"
    port: Port = 1883
    username: str = ""
    password_file: str = ""


class KeepConfig(Section, frozen=True, kw_only=True):
    """How long things are kept."""

    telemetry_days: Annotated[int, Meta(ge=1, le=3650)] = 7


class LogConfig(Section, frozen=True, kw_only=True):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Section, frozen=True, kw_only=True):
    """All settings of a manager."""

    manager: ManagerConfig
    web: WebConfig = WebConfig()
    broker: BrokerConfig = BrokerConfig()
    keep: KeepConfig = KeepConfig()
    log: LogConfig = LogConfig()


def load_config(path: Path) -> Config:
    """Return the settings in the TOML file at `path`, or raise WrongSetting that names file, key and expectation."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise WrongSetting(path, "", f"cannot be read: {reason}", f"无法读取：{reason}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSetting(path, "", f"is not TOML: {error}", f"不是有效的 TOML：{error}") from error
    try:
        return msgspec.convert(values, Config)
    except msgspec.ValidationError as error:
        key, expected = _place(str(error))
        raise WrongSetting(path, key, expected, f"设置有误：{expected}") from error


_FAULTS = (
    (re.compile(r"Object contains unknown field `(?P<key>.+)`"), "is not a setting; remove it or mend its name"),
    (re.compile(r"Object missing required field `(?P<key>.+)`"), "is missing"),
    (re.compile(r"(?P<key>[a-z_]+): (?P<what>.+)"), None),
)


def _place(message: str) -> tuple[str, str]:
    """Split msgspec's "what - at `$.section.key`" into the dotted key and what is wrong with it."""
    what, _, path = message.partition(" - at `$")
    section = path.strip("`.")
    for pattern, meaning in _FAULTS:
        fault = pattern.fullmatch(what)
        if fault:
            return ".".join(filter(None, (section, fault["key"]))), meaning or fault["what"]
    return section, what[:1].lower() + what[1:]
