"""The manager's settings: one frozen type per section, read once from TOML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from outpost_disk.settings import Port, Section, load_settings, split_address
from outpost_wire.topics import is_name


class ManagerConfig(Section, frozen=True, kw_only=True):
    """Which fleet this manager runs, what it is called there and where it keeps its state.

    A device that is away has `command_expiry_s` seconds to come back and carry a command out.
    """

    fleet: str
    id: str = "manager"
    state: str = "/var/lib/outpost-manager"
    command_expiry_s: Annotated[int, Meta(ge=1, le=86_400)] = 60

    def __post_init__(self) -> None:
        for key, value in (("fleet", self.fleet), ("id", self.id)):
            if not is_name(value):
                raise ValueError(f"{key}: expected 1 to 64 letters, digits, '.', '_' or '-'")


class WebConfig(Section, frozen=True, kw_only=True):
    """The console and its API.

    `token_file` holds the bearer token of the API; without it only a browser that has signed in is let in. `hosts`
    are names, beyond loopback, under which the console may be reached. A browser stays signed in for `session_hours`.
    With `certificate` and `key`, files in PEM, it speaks TLS.
    """

    listen: str = "127.0.0.1:7781"
    token_file: str = ""
    hosts: tuple[str, ...] = ()
    session_hours: Annotated[float, Meta(gt=0, le=8760)] = 168.0
    certificate: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        split_address(self.listen)
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate: expected together with key, or neither")


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
    return load_settings(path, Config)
