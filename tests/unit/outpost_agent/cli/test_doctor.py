"""Each check of `outpost doctor`, well and ill."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from outpost_agent.cli import checks
from outpost_agent.cli.main import main
from outpost_agent.cli.views import Device, Link, Status
from outpost_agent.config import Config, LinkConfig
from outpost_agent.plots import FontMissing

NOW = 1_795_000_000.0


def en(english: str, _chinese: str) -> str:
    return english


def zh(_english: str, chinese: str) -> str:
    return chinese


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def address(listening: socket.socket) -> str:
    return f"127.0.0.1:{listening.getsockname()[1]}"


def status(*, link: Link | None = None) -> Status:
    return Status(device=Device("outpost-1"), link=link)


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 10), "warn"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "warn")]
)
def test_python(version: tuple[int, int], verdict: str) -> None:
    assert checks.check_python(en, version).verdict == verdict


@pytest.mark.parametrize(("version", "verdict"), [((3, 34, 1), "fail"), ((3, 35, 0), "ok"), ((3, 46, 0), "ok")])
def test_sqlite(version: tuple[int, ...], verdict: str) -> None:
    assert checks.check_sqlite(en, version).verdict == verdict


def test_settings(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('[device]\nid = "pi"\n')
    bad.write_text("[device]\nidd = 1\n")

    assert checks.check_config(None, en)[1].verdict == "ok"
    assert checks.check_config(good, en)[0].device.id == "pi"
    config, finding = checks.check_config(bad, en)
    assert config == Config()
    assert finding.verdict == "fail"
    assert "idd" in finding.found
    assert finding.remedy


def test_a_state_folder_that_is_not_there(tmp_path: Path) -> None:
    finding = checks.check_state(tmp_path / "absent", en)

    assert (finding.verdict, finding.remedy) == ("fail", f"make it: mkdir -m 700 -p {tmp_path}/absent")


def test_a_state_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert checks.check_state(tmp_path / "file", en).verdict == "fail"


@pytest.mark.parametrize(("mode", "verdict"), [(0o700, "ok"), (0o750, "ok"), (0o770, "fail"), (0o777, "fail")])
def test_a_state_folder_that_others_may_write(tmp_path: Path, mode: int, verdict: str) -> None:
    tmp_path.chmod(mode)

    assert checks.check_state(tmp_path, en).verdict == verdict


def test_a_state_folder_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)

    finding = checks.check_state(tmp_path, en)

    assert (finding.verdict, finding.remedy) == ("fail", "run as that user or as root")


@pytest.mark.parametrize(("free", "verdict"), [(60 << 30, "ok"), (11 << 30, "ok"), (6 << 30, "fail"), (0, "fail")])
def test_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(used=(200 << 30) - free, free=free))

    assert checks.check_space(tmp_path / "not" / "yet", 0.95, en).verdict == verdict


def test_little_space_is_a_warning_before_the_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(used=3 << 30, free=900 << 20))

    assert checks.check_space(tmp_path, 0.95, en).verdict == "warn"


def test_a_daemon_that_is_not_there(tmp_path: Path) -> None:
    told, finding = checks.check_daemon(tmp_path / "device.sock", en)

    assert told is None
    assert (finding.verdict, finding.remedy) == ("fail", "start it: outpost run")


def test_the_port_of_a_running_device_answers(listener: socket.socket) -> None:
    assert checks.check_port(address(listener), True, en).verdict == "ok"


def test_the_port_of_a_stopped_device_is_taken(listener: socket.socket) -> None:
    finding = checks.check_port(address(listener), False, en)

    assert (finding.verdict, finding.remedy) == ("fail", "stop what uses it, or choose another web.listen")


def test_a_port_that_is_free(listener: socket.socket) -> None:
    where = address(listener)
    listener.close()

    assert checks.check_port(where, False, en).verdict == "ok"
    assert checks.check_port(where, True, en).verdict == "fail"


def test_the_broker_by_the_daemons_word() -> None:
    assert checks.check_broker(Config(), status(), en).verdict == "ok"
    assert checks.check_broker(Config(), status(link=Link(True)), en).verdict == "ok"
    finding = checks.check_broker(Config(), status(link=Link(False, 7)), en)
    assert (finding.verdict, finding.found) == ("warn", "not connected, 7 messages wait")


def test_the_broker_by_knocking(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    config = Config(link=LinkConfig(fleet="home", port=port))

    assert checks.check_broker(config, None, en).verdict == "ok"
    listener.close()
    assert checks.check_broker(config, None, en).verdict == "warn"


@pytest.mark.parametrize(("now", "verdict"), [(0.0, "fail"), (NOW, "ok"), (5e9, "fail"), (NOW - 86_400, "warn")])
def test_the_clock(tmp_path: Path, now: float, verdict: str) -> None:
    (tmp_path / "device.sqlite").touch()
    os.utime(tmp_path / "device.sqlite", (NOW, NOW))

    assert checks.check_clock(tmp_path, en, now).verdict == verdict


def test_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_font(_svg: str) -> bytes:
        raise FontMissing

    monkeypatch.setattr(checks, "to_png", no_font)

    finding = checks.check_fonts(zh)

    assert (finding.verdict, finding.remedy) == ("fail", "请安装 Debian 软件包 fonts-wqy-microhei")


def test_the_page_of_the_chat(tmp_path: Path) -> None:
    page = tmp_path / "index.html"

    assert checks.check_web(en, page).verdict == "fail"
    page.touch()
    assert checks.check_web(en, page).verdict == "ok"


@pytest.fixture
def ill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: socket.socket) -> Path:
    """A device that is set up but does not run, on a port that another program has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C")
    config = tmp_path / "device.toml"
    config.write_text(f'[device]\nstate = "{tmp_path}"\n[web]\nlisten = "{address(listener)}"\n')
    return config


def test_doctor_fails_when_a_check_fails(ill: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--config", str(ill), "--json"]) == 1

    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    verdicts = {check["check"]: check["verdict"] for check in told["checks"]}
    assert told["ok"] is False
    assert list(verdicts) == [
        "python",
        "sqlite",
        "config",
        "state",
        "space",
        "daemon",
        "port",
        "exposure",
        "broker",
        "clock",
        "fonts",
        "web",
    ]
    assert (verdicts["state"], verdicts["daemon"], verdicts["port"]) == ("ok", "fail", "fail")
    assert all(check["remedy"] for check in told["checks"] if check["verdict"] != "ok")


def test_doctor_speaks_to_people(ill: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--config", str(ill)]) == 1

    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert ["daemon", "fail", f"nobody answers at {ill.parent}/device.sock", "start it: outpost run"] in lines


def test_doctor_is_content_when_nothing_fails(
    ill: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    well = checks.Finding("daemon", "ok", "answers")
    monkeypatch.setattr(checks, "check_daemon", lambda *_: (status(), well))
    monkeypatch.setattr(checks, "check_web", lambda _: checks.Finding("web", "ok", "there"))
    monkeypatch.setattr(checks, "check_fonts", lambda _: checks.Finding("fonts", "ok", "there"))

    assert main(["doctor", "--config", str(ill)]) == 0
    assert capsys.readouterr().out.endswith("This device is well.\n")
