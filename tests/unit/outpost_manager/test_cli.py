from __future__ import annotations

import json
from pathlib import Path

import pytest

from outpost_manager.access import ADDRESS
from outpost_manager.cli import main, speech


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.mark.parametrize("arguments", [[], ["fly"], ["serve"], ["demo"], ["demo", "--state"], ["link", "--parade"]])
def test_wrong_usage_is_one_sentence_and_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "--help" in said.err


def test_a_wrong_setting_is_one_sentence_and_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "manager.toml"
    config.write_text('[manager]\nfleet = "home"\nport = 1\n')
    assert main(["serve", "--config", str(config)]) == 1
    assert capsys.readouterr().err == (
        f"outpost-fleet: {config}: manager.port: is not a setting; remove it or mend its name\n"
    )


def test_a_broker_elsewhere_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "manager.toml"
    config.write_text(f'[manager]\nfleet = "home"\nstate = "{tmp_path}/state"\n[broker]\nhost = "192.168.1.2"\n')
    assert main(["serve", "--config", str(config)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "broker.host is 192.168.1.2" in said
    assert not (tmp_path / "state").exists()


def test_failures_speak_chinese_to_those_who_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert main(["link", "--state", str(tmp_path)]) == 1
    assert "无法使用" in capsys.readouterr().err


def test_failures_are_json_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["link", "--state", str(tmp_path), "--json"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err)["error"]["code"] == "folder_unusable"


def test_what_the_system_refuses_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["demo", "--state", str(tmp_path / "file" / "state")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"outpost-fleet: {tmp_path}/file/state cannot be used: Not a directory; "
        "choose another folder or mend this one\n"
    )


def test_a_fresh_link_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ADDRESS).write_text("http://127.0.0.1:7781\n")
    assert main(["link", "--state", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("http://127.0.0.1:7781/#code=")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN", "LC_ALL": ""}, "zh"),
    ],
)
def test_the_environment_names_the_language(environment: dict[str, str], language: str) -> None:
    assert speech(environment) == language
