"""The settings of manager and device, written anew at every start from what was chosen."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path

from outpost_disk import replace_file, short_socket_path
from outpost_manager.demo.broker import DEVICE_PASSWORD, MANAGER_PASSWORD, MANAGER_USER
from outpost_manager.demo.folder import LOOPBACK, Choices, DemoFolder, keep_secret
from outpost_manager.errors import FolderUnusable

CONSOLE_TOKEN = "console-token"  # noqa: S105 - the name of its file
CHAT_TOKEN = "chat-token"  # noqa: S105

Table = Mapping[str, str | int]


def write_settings(folder: DemoFolder, choices: Choices) -> None:
    """Write the settings of manager and device, and the secrets that they name."""
    for name in (CONSOLE_TOKEN, CHAT_TOKEN):
        keep_secret(folder.secret(name))
    try:
        replace_file(folder.manager_config, toml(_manager(folder, choices)).encode())
        replace_file(folder.device_config, toml(_device(folder, choices)).encode())
    except UnicodeEncodeError as error:
        raise FolderUnusable(folder.root, "its name is not UTF-8") from error


def device_socket(folder: DemoFolder) -> Path:
    """Return where the device's local socket lies, however long the folder's name is."""
    return short_socket_path(folder.device_state, "device.sock")


def toml(tables: Mapping[str, Table]) -> str:
    """Return tables of strings and whole numbers as TOML 1.0."""
    sections = []
    for name, table in tables.items():
        lines = [f"{key} = {_value(value)}" for key, value in table.items()]
        sections.append("\n".join([f"[{name}]", *lines, ""]))
    return "\n".join(sections)


def _manager(folder: DemoFolder, choices: Choices) -> Mapping[str, Table]:
    return {
        "manager": {"fleet": choices.fleet, "state": str(folder.manager_state)},
        "web": {
            "listen": f"{LOOPBACK}:{choices.console_port}",
            "token_file": str(folder.secret(CONSOLE_TOKEN)),
        },
        "broker": {
            "host": LOOPBACK,
            "port": choices.broker_port,
            "username": MANAGER_USER,
            "password_file": str(folder.secret(MANAGER_PASSWORD)),
        },
    }


def _device(folder: DemoFolder, choices: Choices) -> Mapping[str, Table]:
    return {
        "device": {
            "id": choices.device,
            "name": socket.gethostname().partition(".")[0] or choices.device,
            "state": str(folder.device_state),
            "socket": str(device_socket(folder)),
        },
        "web": {
            "listen": f"{LOOPBACK}:{choices.chat_port}",
            "token_file": str(folder.secret(CHAT_TOKEN)),
        },
        "link": {
            "fleet": choices.fleet,
            "host": LOOPBACK,
            "port": choices.broker_port,
            "username": choices.device,
            "password_file": str(folder.secret(DEVICE_PASSWORD)),
        },
    }


def _value(value: str | int) -> str:
    # A JSON string is a TOML basic string but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
