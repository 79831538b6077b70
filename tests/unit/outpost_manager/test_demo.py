"""The parts of the demo that need no child."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from outpost_disk.settings import WrongSetting
from outpost_manager.config import load_config
from outpost_manager.demo.broker import access_rules, configuration, find_mosquitto, hash_password
from outpost_manager.demo.core import HOPELESS_AFTER, Restarts
from outpost_manager.demo.folder import Choices, DemoFolder, device_name, is_free, keep_choices, manager_state
from outpost_manager.demo.logbook import Logbook
from outpost_manager.demo.process import MARK, end_leftovers
from outpost_manager.demo.settings import toml, write_settings
from outpost_manager.errors import ProgramMissing
from outpost_wire.topics import is_name


@pytest.fixture
def folder(tmp_path: Path) -> DemoFolder:
    made = DemoFolder(tmp_path / "state")
    made.make()
    return made


def test_waits_double_while_a_child_does_not_come_up() -> None:
    restarts = Restarts()
    assert [restarts.ended() for _ in range(9)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_a_child_that_did_its_work_is_started_again_at_once() -> None:
    restarts = Restarts()
    restarts.ended()
    restarts.ended()
    restarts.became_ready()
    assert restarts.ended() == 0.1


def test_a_child_is_given_up_only_when_it_was_never_ready() -> None:
    never, once = Restarts(), Restarts()
    once.became_ready()
    for _ in range(HOPELESS_AFTER):
        never.ended()
        once.ended()
    assert never.is_hopeless
    assert not once.is_hopeless


def test_what_was_chosen_is_kept(folder: DemoFolder) -> None:
    choices = keep_choices(folder)
    assert keep_choices(folder) == choices
    assert len({choices.broker_port, choices.console_port, choices.chat_port}) == 3
    assert folder.choices.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "truncated"),
        ('{"fleet": "home"}', "missing required field"),
        (
            '{"fleet":"a","device":"/","broker_port":1,"console_port":2,"chat_port":3}',
            "device: expected 1 to 64 letters",
        ),
        ('{"fleet":"a","device":"b","broker_port":1,"console_port":1,"chat_port":3}', "must differ"),
    ],
)
def test_choices_that_cannot_be_are_refused_with_the_file(folder: DemoFolder, content: str, reason: str) -> None:
    folder.choices.write_text(content)
    with pytest.raises(WrongSetting, match=reason) as caught:
        keep_choices(folder)
    assert caught.value.file == folder.choices


@pytest.mark.parametrize(
    ("hostname", "expected"),
    [
        ("kitchen", "kitchen"),
        ("kitchen.lan", "kitchen"),
        ("my mac's", "my-mac-s"),
        ("厨房", "outpost-1"),
        ("localhost", "outpost-1"),
        ("", "outpost-1"),
        ("a" * 63 + "--b", "a" * 63),
    ],
)
def test_a_device_is_called_like_its_machine(hostname: str, expected: str) -> None:
    assert device_name(hostname) == expected
    assert is_name(expected)


def test_a_port_in_use_is_not_free() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        assert not is_free(holder.getsockname()[1])


@pytest.mark.parametrize("name", ["state", 'with space and "quotes" and \\', "状态", "del\x7f", "n" * 150])
def test_settings_are_read_back_as_they_were_meant(tmp_path: Path, name: str) -> None:
    folder = DemoFolder(tmp_path / name)
    folder.make()
    choices = Choices(fleet="home", device="pi", broker_port=20001, console_port=20002, chat_port=20003)
    write_settings(folder, choices)
    manager = load_config(folder.manager_config)
    assert (manager.manager.state, manager.broker.port) == (str(folder.manager_state), 20001)
    device = tomllib.loads(folder.device_config.read_text(encoding="utf-8"))
    assert device["device"]["state"] == str(folder.device_state)
    assert len(os.fsencode(device["device"]["socket"])) < 108
    assert device["link"]["username"] == "pi"


def test_nothing_secret_is_readable_by_others(folder: DemoFolder) -> None:
    write_settings(folder, keep_choices(folder))
    modes = {path: path.stat().st_mode & 0o077 for path in folder.root.rglob("*")}
    assert set(modes.values()) == {0}
    assert len((folder.secret("chat-token")).read_text().strip()) == 43
    assert "token" not in folder.device_config.read_text().replace("token_file", "").replace("chat-token", "")


def test_toml_quotes_what_needs_it() -> None:
    values: dict[str, str | int] = {"path": 'a "b" \\ \n\t\x7f 状', "port": 1}
    assert tomllib.loads(toml({"web": values})) == {"web": values}


def test_a_device_may_say_only_what_is_its_own() -> None:
    rules = access_rules("home").splitlines()
    assert "pattern write outpost/v1/home/%u/event" in rules
    assert "pattern write outpost/v1/home/%u/reply/+" in rules
    assert "pattern read outpost/v1/home/%u/acked" in rules
    assert "pattern read outpost/v1/home/%u/cmd/pair.approve" in rules
    assert not [rule for rule in rules if rule.startswith("pattern write") and ("acked" in rule or "cmd" in rule)]
    assert not [rule for rule in rules if rule.startswith("pattern") and "%u" not in rule]


def test_only_the_manager_may_ask_devices_for_things_and_it_speaks_for_none() -> None:
    rules = access_rules("home").splitlines()
    assert rules[:2] == ["user manager", "topic read outpost/v1/home/#"]
    written = {rule.removeprefix("topic write ") for rule in rules if rule.startswith("topic write")}
    assert {"outpost/v1/home/+/cmd/task.cancel", "outpost/v1/home/+/shadow/desired"} <= written
    assert not [rule for rule in written if rule.endswith(("/event", "/state", "/shadow/reported", "/#"))]


def test_the_broker_listens_on_loopback_and_lets_nobody_in_unasked() -> None:
    lines = configuration(1234, is_root=True).splitlines()
    assert lines[0] == "listener 1234 127.0.0.1"
    wanted = {"allow_anonymous false", "user root", "persistence true", "autosave_interval 1", "set_tcp_nodelay true"}
    assert wanted <= set(lines)
    assert "user root" not in configuration(1234, is_root=False).splitlines()


@pytest.mark.broker
def test_passwords_are_written_as_mosquitto_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(path), "pi", "secret"], check=True, capture_output=True)
    _, _, theirs = path.read_text().strip().partition(":")
    _, scheme, rounds, salt, _ = theirs.split("$")

    assert (scheme, rounds) == ("7", "101")
    assert hash_password("secret", base64.b64decode(salt)) == theirs


def test_a_missing_mosquitto_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_options: None)
    with pytest.raises(ProgramMissing, match=r"^mosquitto is not installed: install it \(Debian: apt"):
        find_mosquitto()


def test_a_log_is_bounded_and_its_last_line_is_at_hand(tmp_path: Path) -> None:
    log = Logbook(tmp_path / "broker.log", size_limit=500)
    with log.opened():
        for number in range(100):
            log.write(f"line {number}\n".encode())
        log.write(b"no room\n\n")
    assert log.last_line == "no room"
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2000
    assert (tmp_path / "broker.log.1").exists()


def test_the_managers_folder_is_found_from_the_demos(folder: DemoFolder) -> None:
    assert manager_state(folder.root) == folder.root
    keep_choices(folder)
    assert manager_state(folder.root) == folder.manager_state


async def start_waiting(**environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", "input()"], stdin=asyncio.subprocess.PIPE, env={**os.environ, **environment}
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the proof is in /proc")
async def test_what_an_earlier_demo_left_is_ended_and_strangers_are_left_alone(tmp_path: Path) -> None:
    ours = await start_waiting(**{MARK: str(tmp_path)})
    stranger = await start_waiting(**{MARK: f"{tmp_path}-other"})
    try:
        assert await end_leftovers(tmp_path) == 1
        assert await ours.wait() != 0
        assert stranger.returncode is None
    finally:
        stranger.kill()
        await stranger.wait()
