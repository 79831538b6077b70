"""The device's settings: one frozen type per section, read once from TOML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, field

from outpost_agent.outlet import check_proxy
from outpost_agent.router.core import WhenBusy
from outpost_disk.settings import Port, Section, is_loopback, load_settings, split_address
from outpost_wire.messages import Name, Results, Short
from outpost_wire.topics import is_name

GIB = 1 << 30
MIB = 1 << 20

Positive = Annotated[int, Meta(ge=1)]


class DeviceConfig(Section, frozen=True, kw_only=True):
    """Who this device is and where it keeps its state; `socket` is chosen in the state folder when empty."""

    id: str = "outpost-1"
    name: str = ""
    state: str = "/var/lib/outpost"
    socket: str = ""
    labels: dict[Name, Short] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_name(self.id):
            raise ValueError("id: expected 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit")


class WebConfig(Section, frozen=True, kw_only=True):
    """The device's own web server: its page, chat, health and metrics.

    `token_file` holds a bearer token that lets a program in as the owner; without it there is none. `hosts` are names,
    beyond loopback and the address listened on, under which browsers may reach it; the first is the one that links
    name. With `certificate` and `key`, files in PEM, it speaks TLS.
    """

    listen: str = "127.0.0.1:7780"
    token_file: str = ""
    hosts: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        host, _ = split_address(self.listen)
        if host in ("0.0.0.0", "::") and not self.hosts:  # noqa: S104 - it is told apart, not listened on
            raise ValueError("hosts: expected the names or addresses that browsers use, since listen names no address")
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate: expected together with key, or neither")


class LinkConfig(Section, frozen=True, kw_only=True):
    """The way to the manager's broker, on this machine; a device without this section works alone.

    `results` is what leaves for the manager of a result: nothing, its title and first paragraph, or all of it. What the
    manager wishes goes before it.
    """

    fleet: str
    host: str = "127.0.0.1"
    port: Port = 1883
    username: str = ""
    password_file: str = ""
    telemetry_s: Annotated[float, Meta(ge=1, le=3600)] = 30.0
    results: Results = "full"

    def __post_init__(self) -> None:
        if not is_name(self.fleet):
            raise ValueError("fleet: expected 1 to 64 letters, digits, '.', '_' or '-'")
        if not is_loopback(self.host):
            raise ValueError("host: expected this machine's loopback address, since there is no TLS to a broker yet")


class LimitsConfig(Section, frozen=True, kw_only=True):
    """What is accepted. `disk_high_water` is the share of the disk in use beyond which nothing new is accepted."""

    attachment_bytes: Positive = 2 * GIB
    attachments_per_message: Annotated[int, Meta(ge=1, le=100)] = 10
    text_characters: Positive = 16_000
    disk_high_water: Annotated[float, Meta(gt=0, le=1)] = 0.95
    tasks_waiting: Positive = 10_000


class TasksConfig(Section, frozen=True, kw_only=True):
    """How work is carried out.

    `lease_s` is how long an attempt may be silent before it is given to another, `attempt_s` how long one may take;
    both are lengths of time, which a clock that is set leaves alone.
    """

    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    worker_memory_bytes: Annotated[int, Meta(ge=64 * MIB)] = 512 * MIB
    lease_s: Annotated[float, Meta(ge=1, le=3600)] = 60.0
    attempt_s: Annotated[float, Meta(ge=1)] = 6 * 3600.0
    keep_days: Positive = 30


class LogConfig(Section, frozen=True, kw_only=True):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class NetworkConfig(Section, frozen=True, kw_only=True):
    """The way out: `proxy` is http://HOST:PORT or socks5://HOST:PORT for all that leaves the machine, or empty."""

    proxy: str = ""

    def __post_init__(self) -> None:
        check_proxy(self.proxy)


class ConversationConfig(Section, frozen=True, kw_only=True):
    """What becomes of a message that arrives while its chat is busy with a person's work.

    `steer`: words become the focus of that work, files are queued. `queue`: each message is its own work, in order.
    `collect`: what arrives is gathered and becomes one piece of work afterwards. `interrupt`: the work is cancelled.
    """

    when_busy: WhenBusy = "steer"


class FilesConfig(Section, frozen=True, kw_only=True):
    """Which of the machine's own files the owner may have analysed: those below `roots`, absolute folders."""

    roots: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(not Path(root).is_absolute() for root in self.roots):
            raise ValueError("roots: expected absolute folders, such as /var/log")


class NoticesConfig(Section, frozen=True, kw_only=True):
    """What the owner is told unasked: an outage of the device or of a channel longer than `outage_s` seconds."""

    outage_s: Annotated[float, Meta(ge=0)] = 60.0


class ChannelConfig(Section, frozen=True, kw_only=True):
    """A channel: `adapter` is "telegram", or "module:factory" for one from elsewhere; its `options` are its own.

    `proxy` goes before the one of [network]; "direct" means none. `groups` are the ids of the group chats in which the
    device answers people it knows.
    """

    adapter: str
    proxy: str = ""
    groups: tuple[str, ...] = ()
    options: dict[str, str | int | float | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.proxy != "direct":
            check_proxy(self.proxy)


class Config(Section, frozen=True, kw_only=True):
    """All settings of a device."""

    device: DeviceConfig = DeviceConfig()
    web: WebConfig = WebConfig()
    link: LinkConfig | None = None
    limits: LimitsConfig = LimitsConfig()
    tasks: TasksConfig = TasksConfig()
    log: LogConfig = LogConfig()
    network: NetworkConfig = NetworkConfig()
    conversation: ConversationConfig = ConversationConfig()
    files: FilesConfig = FilesConfig()
    notices: NoticesConfig = NoticesConfig()
    channels: dict[Name, ChannelConfig] = field(default_factory=dict)


def load_config(path: Path) -> Config:
    """Return the settings in the TOML file at `path`, or raise WrongSetting that names file, key and expectation."""
    return load_settings(path, Config)
