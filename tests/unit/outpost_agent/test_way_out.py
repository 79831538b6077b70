"""Only the outlet, and the link with its MQTT, opens connections to other machines; read from the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = (ROOT / "agent", ROOT / "hw")

MODULES = (
    "aiohttp_socks",
    "ftplib",
    "http.client",
    "httpx",
    "paho",
    "poplib",
    "python_socks",
    "requests",
    "smtplib",
    "urllib.request",
    "urllib3",
    "websockets",
)
NAMES = {
    "ClientSession",
    "TCPConnector",
    "connect_ex",
    "create_connection",
    "create_datagram_endpoint",
    "open_connection",
    "sock_connect",
    "urlopen",
}

MAY: dict[str, set[str]] = {
    "agent/outpost_agent/outlet.py": {"ClientSession", "aiohttp_socks"},
    "agent/outpost_link/connection.py": {"paho"},
    "agent/outpost_link/packet.py": {"paho"},
    # `outpost doctor` knocks at ports: its own, and the link's broker.
    "agent/outpost_agent/cli/checks.py": {"create_connection"},
}


def sources() -> list[Path]:
    """Return every module of the device."""
    return sorted(path for folder in FOLDERS for path in folder.rglob("*.py") if "node_modules" not in path.parts)


def ways_out(source: str) -> set[str]:
    """Return which ways to another machine a module takes; what it only names as a type is none."""
    return {way for node in _run(ast.parse(source)) for way in _way(node)}


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that are run, which leaves out what is there for the type checker."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _run(child)


def _way(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (module for alias in names for module in _modules(alias.name))
        case ast.ImportFrom(module=str(module), names=names):
            for alias in names:
                yield from _modules(f"{module}.{alias.name}")
                yield from {alias.name} & NAMES
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield from {name} & NAMES


def _modules(imported: str) -> Iterator[str]:
    return (module for module in MODULES if f"{imported}.".startswith(f"{module}."))


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_goes_out_by_the_outlet_only(path: Path) -> None:
    assert ways_out(path.read_text(encoding="utf-8")) <= MAY.get(str(path.relative_to(ROOT)), set())


@pytest.mark.parametrize(
    ("source", "ways"),
    [
        ("import aiohttp\nasync def f():\n    async with aiohttp.ClientSession() as s: ...", {"ClientSession"}),
        ("from aiohttp import ClientSession as S\nS()", {"ClientSession"}),
        ("from asyncio import open_connection", {"open_connection"}),
        ("import urllib.request as r", {"urllib.request"}),
        ("from urllib import request", {"urllib.request"}),
        ("from http import client", {"http.client"}),
        ("import requests", {"requests"}),
        ("connect = socket.create_connection", {"create_connection"}),
        ("from aiohttp import web\nfrom urllib.parse import quote\nimport requests_of_our_own", set()),
        (
            "if TYPE_CHECKING:\n    from aiohttp import ClientSession\ndef f(s: ClientSession) -> ClientSession: ...",
            set(),
        ),
    ],
)
def test_sees_a_way_out(source: str, ways: set[str]) -> None:
    assert ways_out(source) == ways


def test_what_may_go_out_does() -> None:
    assert {name: ways_out((ROOT / name).read_text(encoding="utf-8")) for name in MAY} == MAY
