"""A test marked with something that this machine lacks is skipped, and the skip says what is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

CJK_FONT = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")


def lack_for_broker() -> str | None:
    # Debian keeps mosquitto where only root's PATH looks.
    if shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"):
        return None
    return "mosquitto is not installed"


def lack_for_browser() -> str | None:
    if not shutil.which("chromium"):
        return "chromium is not installed"
    if not CJK_FONT.exists():
        return f"the Debian package fonts-wqy-microhei is not installed ({CJK_FONT})"
    return None


def lack_for_root() -> str | None:
    return None if os.geteuid() == 0 else "these tests are not run by root"


LACK_FOR: dict[str, Callable[[], str | None]] = {
    "broker": lack_for_broker,
    "browser": lack_for_browser,
    "root": lack_for_root,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    lacks = {marker: lack() for marker, lack in LACK_FOR.items()}
    for item in items:
        for marker, lack in lacks.items():
            if lack is not None and item.get_closest_marker(marker) is not None:
                item.add_marker(pytest.mark.skip(reason=f"this machine lacks what {marker!r} needs: {lack}"))
