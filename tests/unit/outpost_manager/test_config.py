from __future__ import annotations

from pathlib import Path

import pytest

from outpost_disk.settings import WrongSetting, is_loopback
from outpost_manager.config import load_config
from outpost_manager.errors import sentence


def write(folder: Path, text: str) -> Path:
    path = folder / "manager.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_keep_everything_on_this_machine(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, '[manager]\nfleet = "home"\n'))
    assert config.web.listen == "127.0.0.1:7781"
    assert config.broker.host == "127.0.0.1"
    assert config.keep.telemetry_days == 7


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("", "manager", "is missing"),
        ("[manager]\n", "manager.fleet", "is missing"),
        ('[manager]\nfleet = "a/b"\n', "manager.fleet", "expected 1 to 64 letters"),
        ('[manager]\nfleet = "a"\nflet = 1\n', "manager.flet", "is not a setting"),
        ('[manager]\nfleet = "a"\n[wep]\n', "wep", "is not a setting"),
        ('[manager]\nfleet = "a"\n[web]\nlisten = "7781"\n', "web.listen", "expected HOST:PORT"),
        ('[manager]\nfleet = "a"\n[web]\nhosts = [1]\n', "web.hosts[0]", "expected `str`, got `int`"),
        (
            '[manager]\nfleet = "a"\n[web]\ncertificate = "c.pem"\n',
            "web.certificate",
            "expected together with key, or neither",
        ),
        ('[manager]\nfleet = "a"\n[web]\nkey = "k.pem"\n', "web.certificate", "expected together with key"),
        ('[manager]\nfleet = "a"\ncommand_expiry_s = 0\n', "manager.command_expiry_s", "expected `int` >= 1"),
        ('[manager]\nfleet = "a"\n[broker]\nport = 0\n', "broker.port", "expected `int` >= 1"),
        ('[manager]\nfleet = "a"\n[log]\nlevel = "loud"\n', "log.level", "invalid enum value 'loud'"),
        ("[manager\n", "", "is not TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file_and_what_was_expected(
    tmp_path: Path, text: str, key: str, expected: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(WrongSetting) as caught:
        load_config(path)
    assert caught.value.key == key
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{path}: {key}")
    assert sentence(caught.value, "zh").startswith(f"{path}: {key}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting, match="cannot be read: No such file"):
        load_config(tmp_path / "absent.toml")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "localhost.example.com", "broker", ""])
def test_anything_else_may_be_another_machine(host: str) -> None:
    assert not is_loopback(host)
