"""The checks of `outpost doctor` about who comes in and what goes out, well and ill."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from outpost_agent.cli import door_checks
from outpost_agent.cli.main import main
from outpost_agent.cli.views import Device, Status
from outpost_agent.config import ChannelConfig, Config, NetworkConfig
from tests.support.small_device import CHANNELS, SmallDevice

ANOTHER_MACHINE = "0.0.0.0:7780"


def en(english: str, _chinese: str) -> str:
    return english


def zh(_english: str, chinese: str) -> str:
    return chinese


def channel(**facts: Any) -> dict[str, Any]:
    return {**CHANNELS[1], **facts}


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def path(device: SmallDevice, tmp_path: Path) -> Path:
    """Where the small device answers."""
    return tmp_path / "state" / "device.sock"


@pytest.mark.parametrize(("owned", "verdict", "remedy"), [(True, "ok", ""), (False, "warn", "outpost claim")])
def test_the_owner(owned: bool, verdict: str, remedy: str) -> None:
    finding = door_checks.check_owner(Status(device=Device("outpost-1"), owned=owned), en)

    assert (finding.verdict, finding.remedy) == (verdict, remedy)


def test_the_devices_own_page_is_no_channel_to_check(device: SmallDevice, path: Path) -> None:
    device.channels = CHANNELS[:1]

    assert list(door_checks.check_channels(path, en)) == []


@pytest.mark.parametrize(
    ("state", "verdict", "remedy"),
    [
        ("on", "ok", ""),
        ("off", "ok", ""),
        ("connecting", "warn", "look again in a moment"),
        ("unreachable", "warn", "outpost channel test telegram"),
        ("refused", "fail", "outpost channel remove telegram, then outpost channel add telegram"),
        ("contested", "fail", "stop the other program"),
        ("broken", "fail", "see the device's log"),
        ("of a later version", "fail", "see the device's log"),
    ],
)
def test_a_channel(device: SmallDevice, path: Path, state: str, verdict: str, remedy: str) -> None:
    device.channels = [channel(state=state)]

    (finding,) = door_checks.check_channels(path, en)

    assert (finding.check, finding.verdict) == ("channel", verdict)
    assert finding.found == "telegram (@kitchen_bot): Telegram is not reached: there is no route."
    assert remedy in finding.remedy
    assert bool(finding.remedy) == (verdict != "ok")


def test_a_channel_of_the_settings_is_mended_there(device: SmallDevice, path: Path) -> None:
    device.channels = [channel(state="refused", removable=False, account="")]

    (finding,) = door_checks.check_channels(path, zh)

    assert finding.found == "telegram: 无法连接 Telegram：没有路由。"
    assert finding.remedy == "请在设置的 channels.telegram 中填写有效的令牌"


def test_channels_that_cannot_be_asked_for(tmp_path: Path) -> None:
    (finding,) = door_checks.check_channels(tmp_path / "absent.sock", en)

    assert finding.verdict == "warn"


@pytest.mark.parametrize(
    ("listen", "is_tls", "verdict"),
    [
        ("127.0.0.1:7780", False, "ok"),
        ("[::1]:7780", False, "ok"),
        ("localhost:7780", False, "ok"),
        (ANOTHER_MACHINE, True, "ok"),
        (ANOTHER_MACHINE, False, "warn"),
        ("[::]:7780", False, "warn"),
        ("outpost.lan:7780", False, "warn"),
    ],
)
def test_a_page_in_the_clear_is_for_this_machine_alone(listen: str, is_tls: bool, verdict: str) -> None:
    finding = door_checks.check_exposure(listen, is_tls, en)

    assert finding.verdict == verdict
    assert ("web.certificate" in finding.remedy) == (verdict == "warn")


def test_where_no_proxy_is_set_none_is_sought() -> None:
    config = Config(channels={"telegram": ChannelConfig(adapter="telegram", proxy="direct")})

    assert list(door_checks.check_proxies(config, en)) == []


def test_each_proxy_is_knocked_at_and_named_without_its_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        there, absent = f"127.0.0.1:{listening.getsockname()[1]}", free_address()
        config = Config(
            network=NetworkConfig(proxy=f"http://me:secret@{there}"),
            channels={"telegram": ChannelConfig(adapter="telegram", proxy=f"socks5://me:secret@{absent}")},
        )

        findings = list(door_checks.check_proxies(config, en))

    assert [(finding.verdict, finding.found) for finding in findings] == [
        ("ok", f"network.proxy http://{there} is reached"),
        ("warn", f"channels.telegram.proxy socks5://{absent}: Connection refused"),
    ]
    assert findings[1].remedy == "start this proxy, or correct channels.telegram.proxy"


@pytest.mark.usefixtures("device")
def test_doctor_asks_the_device_about_its_doors(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "device.toml"
    config.write_text(
        f'[device]\nstate = "{tmp_path}"\n[web]\nlisten = "{ANOTHER_MACHINE}"\nhosts = ["attic.lan"]\n'
        f'[network]\nproxy = "http://{free_address()}"\n'
    )

    assert main(["doctor", "--config", str(config), "--socket", str(path), "--json"]) == 1  # nobody has its port

    told = json.loads(capsys.readouterr().out)["checks"]
    doors = {check["check"]: check["verdict"] for check in told[7:12]}
    assert doors == {"exposure": "warn", "owner": "warn", "channel": "warn", "proxy": "warn", "broker": "ok"}


@pytest.mark.usefixtures("device")
def test_the_daemons_word_counts_where_no_settings_are_named(
    device: SmallDevice, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device.status["chat"] = "https://outpost.lan:7780"

    main(["doctor", "--socket", str(path), "--json"])

    told = {check["check"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert told["exposure"]["found"] == "TLS at outpost.lan:7780"
