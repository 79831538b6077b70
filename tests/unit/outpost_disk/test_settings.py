"""A setting that is wrong is named, also within a table of entries that have names of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import field

from outpost_disk.settings import Section, WrongSetting, load_settings


class Door(Section, frozen=True, kw_only=True):
    width: int
    colours: dict[str, str] = field(default_factory=dict)


class House(Section, frozen=True, kw_only=True):
    doors: dict[str, Door] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ("[doors.front]\nwidth = 1\n[doors.back]\nwidth = 'x'", "doors.back.width"),
        ("[doors.front]\nwidth = 1\nheight = 2", "doors.front.height"),
        ("[doors.front]\nwidth = 1\n[doors.back]", "doors.back.width"),
        ("[doors.front]\nwidth = 1\ncolours = { top = 5 }", "doors.front.colours[...]"),
        ("[doors]\nfront = 1", "doors.front"),
        ("doors = 1", "doors"),
    ],
)
def test_the_entry_at_fault_is_named(tmp_path: Path, wrong: str, key: str) -> None:
    file = tmp_path / "house.toml"
    file.write_text(wrong)
    with pytest.raises(WrongSetting) as caught:
        load_settings(file, House)
    assert caught.value.key == key
