"""The channels that were added on the device's page: settings in the database, secrets in files of their own."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from pathlib import Path

import msgspec
from msgspec.structs import replace

from outpost_agent.config import ChannelConfig
from outpost_disk import replace_file

CHANNELS_SCHEMA = """
CREATE TABLE channel (
    name TEXT PRIMARY KEY,
    settings BLOB NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

SECRET_OPTIONS = ("token", "password", "secret")
"""Options that are never stored beside the others: each becomes OPTION_file, the path of a file that holds it."""

_settings = msgspec.json.Decoder(ChannelConfig).decode


def channels(connection: sqlite3.Connection) -> list[tuple[str, ChannelConfig]]:
    """Return the channels by name, oldest first."""
    rows = connection.execute("SELECT name, settings FROM channel ORDER BY created_ms, name")
    return [(name, _settings(settings)) for name, settings in rows]


def keep(connection: sqlite3.Connection, name: str, settings: ChannelConfig, now_ms: int) -> None:
    """Keep a channel; its secrets are hidden already."""
    connection.execute(
        "INSERT INTO channel (name, settings, created_ms) VALUES (?, ?, ?)",
        (name, msgspec.json.encode(settings), now_ms),
    )


def forget(connection: sqlite3.Connection, name: str) -> None:
    """Forget a channel."""
    connection.execute("DELETE FROM channel WHERE name = ?", (name,))


def hide_secrets(folder: Path, name: str, settings: ChannelConfig) -> ChannelConfig:
    """Put what is secret into files of `folder` and return the settings that name them; blocks."""
    options = dict(settings.options)
    for option in SECRET_OPTIONS:
        secret = options.pop(option, None)
        if secret is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = folder / f"{name}-{option}"
            replace_file(path, str(secret).encode())
            options[f"{option}_file"] = str(path)
    return replace(settings, options=options)


def remove_secrets(folder: Path, name: str) -> None:
    """Remove the files that `hide_secrets` made; blocks."""
    for option in SECRET_OPTIONS:
        (folder / f"{name}-{option}").unlink(missing_ok=True)


def sweep_secrets(folder: Path, names: Collection[str]) -> int:
    """Remove what is in `folder` for no channel of `names`, as a life that was cut leaves it; return how many; blocks.

    The folder is for these files alone.
    """
    wanted = {f"{name}-{option}" for name in names for option in SECRET_OPTIONS}
    left = [path for path in folder.glob("*") if path.name not in wanted]
    for path in left:
        path.unlink()
    return len(left)
