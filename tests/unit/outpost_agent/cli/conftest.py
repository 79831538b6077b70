"""A small device, and surroundings in which nothing else is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.small_device import SmallDevice, serving


@pytest.fixture
def device(surroundings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDevice]:
    """Run a small device and point the command at it."""
    small = SmallDevice(tmp_path)
    path = tmp_path / "state" / "device.sock"
    monkeypatch.setenv("OUTPOST_SOCKET", str(path))
    with serving(small, path):
        yield small


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty folder, in English, with nothing named in the environment."""
    empty = tmp_path / "here"
    empty.mkdir()
    monkeypatch.chdir(empty)
    for name in ("LC_ALL", "LC_MESSAGES", "OUTPOST_SOCKET", "OUTPOST_STATE", "OUTPOST_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
