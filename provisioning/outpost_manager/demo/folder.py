"""Where the demo keeps everything, and what is chosen once and kept: names, ports, secrets.

DIR/lock demo.json run.json
DIR/broker/    mosquitto.conf passwords acl mosquitto.db
DIR/manager/   the manager's state        DIR/manager.toml
DIR/device/    the device's state         DIR/device.toml
DIR/secrets/   one file each              DIR/logs/
DIR/recovery.txt                          DIR/claiming   there while the device is being claimed
"""

from __future__ import annotations

import random
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import msgspec

from outpost_disk import replace_file
from outpost_disk.settings import Port, WrongSetting
from outpost_manager.access import new_secret, read_secret
from outpost_manager.errors import FolderUnusable
from outpost_wire.topics import is_name

LOOPBACK = "127.0.0.1"
CONSOLE_PORT = 7781
CHAT_PORT = 7780
OTHER_PORTS = range(20_000, 32_000)
"""Below what Linux and macOS lend to outgoing connections, so that a kept port stays free."""


class Choices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is chosen at the first start."""

    fleet: str
    device: str
    broker_port: Port
    console_port: Port
    chat_port: Port

    def __post_init__(self) -> None:
        for key, value in (("fleet", self.fleet), ("device", self.device)):
            if not is_name(value):
                raise ValueError(f"{key}: expected 1 to 64 letters, digits, '.', '_' or '-'")
        if len({self.broker_port, self.console_port, self.chat_port}) < 3:
            raise ValueError("the three ports must differ")


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """The demo's folder; `root` is absolute."""

    root: Path

    @property
    def choices(self) -> Path:
        """Return the file of what was chosen."""
        return self.root / "demo.json"

    @property
    def run(self) -> Path:
        """Return the file that holds the current line."""
        return self.root / "run.json"

    @property
    def broker(self) -> Path:
        """Return the broker's folder."""
        return self.root / "broker"

    @property
    def broker_config(self) -> Path:
        """Return the broker's configuration."""
        return self.broker / "mosquitto.conf"

    @property
    def manager_state(self) -> Path:
        """Return the manager's state folder."""
        return self.root / "manager"

    @property
    def manager_config(self) -> Path:
        """Return the manager's settings."""
        return self.root / "manager.toml"

    @property
    def device_state(self) -> Path:
        """Return the device's state folder."""
        return self.root / "device"

    @property
    def device_config(self) -> Path:
        """Return the device's settings."""
        return self.root / "device.toml"

    @property
    def recovery(self) -> Path:
        """Return the device's recovery file."""
        return self.root / "recovery.txt"

    @property
    def old_recovery(self) -> Path:
        """Return the recovery file of a device whose state was removed."""
        return self.root / "recovery.old.txt"

    @property
    def claiming(self) -> Path:
        """Return the mark of a claim that was begun and whose recovery file is not written yet."""
        return self.root / "claiming"

    def log(self, role: str) -> Path:
        """Return the log of a child."""
        return self.root / "logs" / f"{role}.log"

    def secret(self, name: str) -> Path:
        """Return the file of a secret."""
        return self.root / "secrets" / name

    def make(self) -> None:
        """Make the folders that are missing, for their owner alone."""
        try:
            for folder in (self.root, self.broker, self.manager_state, self.device_state):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in (self.log("broker"), self.secret("console-token")):
                path.parent.mkdir(mode=0o700, exist_ok=True)
            self.root.chmod(0o700)
        except OSError as error:
            raise FolderUnusable(self.root, error.strerror or type(error).__name__) from error


def manager_state(state: Path) -> Path:
    """Return the manager's state folder, given it or a demo's folder."""
    demo = DemoFolder(state)
    return demo.manager_state if demo.choices.is_file() else state


def keep_choices(folder: DemoFolder) -> Choices:
    """Return what was chosen at the first start, choosing it now if this is it. Raises WrongSetting."""
    try:
        return msgspec.json.decode(folder.choices.read_bytes(), type=Choices)
    except FileNotFoundError:
        choices = _choose()
        replace_file(folder.choices, msgspec.json.format(msgspec.json.encode(choices)) + b"\n")
        return choices
    except OSError as error:
        raise FolderUnusable(folder.choices, error.strerror or type(error).__name__) from error
    except msgspec.DecodeError as error:
        en, zh = f"delete it to choose anew, or mend it: {error}", f"请删除以重新选择，或修正内容：{error}"
        raise WrongSetting(folder.choices, "", en, zh) from error


def keep_secret(path: Path) -> str:
    """Return the secret in the file at `path`, making it if it is missing."""
    if not path.exists():
        replace_file(path, f"{new_secret()}\n".encode())
    return read_secret(path)


def device_name(hostname: str) -> str:
    """Return a device id that reads like this machine's name."""
    short = re.sub(r"[^A-Za-z0-9]+", "-", hostname.partition(".")[0]).strip("-")[:64].rstrip("-")
    return short if short and short != "localhost" else "outpost-1"


def is_free(port: int) -> bool:
    """Say whether nobody listens on a loopback port; a connection that is only fading does not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _choose() -> Choices:
    others = iter(random.sample(OTHER_PORTS, len(OTHER_PORTS)))

    def choose(wanted: int | None = None) -> int:
        if wanted is not None and is_free(wanted):
            return wanted
        return next(port for port in others if is_free(port))

    return Choices(
        fleet="home",
        device=device_name(socket.gethostname()),
        broker_port=choose(),
        console_port=choose(CONSOLE_PORT),
        chat_port=choose(CHAT_PORT),
    )
