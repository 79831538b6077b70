"""Settings in TOML, read once into a frozen type, and the sentence for each way in which they can be wrong."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from outpost_wire.errors import BadSetting

Port = Annotated[int, Meta(ge=1, le=65535)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of the settings; what its `__post_init__` refuses is a ValueError "key: expected …"."""


S = TypeVar("S", bound=Section)


class WrongSetting(BadSetting):
    """A setting in a file is unknown or wrong; `key` is dotted, empty when the whole file is at fault."""

    def __init__(self, file: Path, key: str, expected_en: str, expected_zh: str) -> None:
        place = f"{file}: {key}: " if key else f"{file}: "
        super().__init__(place + expected_en, place + expected_zh)
        self.file = file
        self.key = key

    def __reduce__(self) -> tuple[type[WrongSetting], tuple[Path, str, str, str]]:  # type: ignore[override]
        return type(self), (self.file, self.key, self.en, self.zh)


def load_settings(path: Path, kind: type[S]) -> S:
    """Return the settings in the TOML file at `path`, or raise WrongSetting that names file, key and expectation."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise WrongSetting(path, "", f"cannot be read: {reason}", f"无法读取：{reason}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSetting(path, "", f"is not TOML: {error}", f"不是有效的 TOML：{error}") from error
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        key, expected = _place(_named(str(error), values, kind))
        raise WrongSetting(path, key, expected, f"设置有误：{expected}") from error


def read_secret(path: Path, key: str) -> str:
    """Return the secret that is the only line of the file at `path`, or raise BadSetting that names `key`."""
    try:
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not plain text"
        raise BadSetting(f"{key}: {path} cannot be read: {reason}", f"{key}：无法读取 {path}：{reason}") from error
    if not secret:
        raise BadSetting(f"{key}: {path} is empty", f"{key}：{path} 是空的")
    return secret


def split_address(text: str) -> tuple[str, int]:
    """Return host and port of "HOST:PORT" (an IPv6 host in brackets), or raise ValueError that names the key."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("listen: expected HOST:PORT, such as 127.0.0.1:7780")
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_loopback(host: str) -> bool:
    """Say whether `host` can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_FAULTS = (
    (re.compile(r"Object contains unknown field `(?P<key>.+)`"), "is not a setting; remove it or mend its name"),
    (re.compile(r"Object missing required field `(?P<key>.+)`"), "is missing"),
    (re.compile(r"(?P<key>[a-z_]+): (?P<what>.+)"), None),
)


def _named(message: str, values: dict[str, Any], kind: type[Section]) -> str:
    """Return msgspec's message with the name of the entry at fault, where it says only "[...]" for one of a table."""
    before, dots, after = message.partition("[...]")
    table = before.rpartition("`$.")[2]
    entries = values.get(table) if dots else None
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        try:
            msgspec.convert({**values, table: {name: entry}}, kind)
        except msgspec.ValidationError:
            return f"{before}.{name}{after}"
    return message


def _place(message: str) -> tuple[str, str]:
    """Split msgspec's "what - at `$.section.key`" into the dotted key and what is wrong with it."""
    what, _, path = message.partition(" - at `$")
    section = path.strip("`.")
    for pattern, meaning in _FAULTS:
        fault = pattern.fullmatch(what)
        if fault:
            return ".".join(filter(None, (section, fault["key"]))), meaning or fault["what"]
    return section, what[:1].lower() + what[1:]
