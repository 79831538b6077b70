"""The command `outpost` against a small device: what it prints, how it fails, and that it starts light."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from outpost_agent.cli.device import find_socket
from outpost_agent.cli.output import Output, language_of
from outpost_agent.cli.views import Status
from outpost_agent.cli.words import duration, share, size
from tests.support.small_device import PARENT, STATUS, TASK, SmallDevice, document, run

pytestmark = pytest.mark.usefixtures("surroundings")


def test_without_arguments_it_says_what_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert "outpost ask" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"version of {name}")

    assert run("--version") == 0
    assert capsys.readouterr().out == "outpost version of outpost\n"


def test_status_as_json_is_what_the_device_said(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", "--json") == 0
    assert document(capsys) == STATUS


def test_status_for_people(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status") == 0
    assert capsys.readouterr().out.splitlines() == [
        "Device: outpost-1 (kitchen)",
        "Release: 0.1.0",
        "State: ready, up 1 h 1 min",
        "Chat: http://127.0.0.1:7780",
        "Owner: nobody yet: run `outpost claim`",
        "Machine: CPU 12%, memory 40%, disk 30%, load 0.50",
        "Daemon: pid 42, 47.7 MiB of memory",
        "Tasks: 1 running, 2 done",
        "Manager: connected, 3 messages on their way",
        "Channels: web on, telegram @kitchen_bot unreachable",
    ]


def test_status_in_chinese(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    device.status["link"] = None

    assert run("status") == 0
    out = capsys.readouterr().out
    assert "状态: 就绪，已运行 1 小时 1 分" in out
    assert "主人: 尚未认领：请运行 outpost claim" in out
    assert "管理端: 未设置，设备独立运行" in out
    assert "渠道: web 已连接，telegram @kitchen_bot 连不上" in out


def test_status_of_a_device_that_has_an_owner(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    device.status["owned"] = True

    assert run("status") == 0
    assert "Owner: yes\n" in capsys.readouterr().out


def test_task_list_asks_for_what_was_wanted(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("task", "list", "--state", "running", "--state", "failed", "--limit", "5", "--json") == 0
    assert device.asked == [{"states": ["running", "failed"], "limit": 5}]
    assert [task["id"] for task in document(capsys)] == [TASK["id"], PARENT["id"]]


def test_task_list_in_a_pipe_is_lines_of_cells(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("task", "list") == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.split("\t") == [TASK["id"], "running", "50%", "log.report", "app.log", TASK["created"]]


def test_task_show_has_its_parents(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("task", "show", str(TASK["id"])) == 0
    out = capsys.readouterr().out
    assert "State: running 50%" in out
    assert f"After: {PARENT['id']} log.analyse done" in out


def test_task_show_of_none_is_one_sentence(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("task", "show", "X", "--json") == 1
    seen = capsys.readouterr()
    assert json.loads(seen.out) == {"error": {"code": "no_such_task", "message": "there is no task 'X'"}}
    assert seen.err == "outpost: there is no task 'X'\n"


@pytest.mark.parametrize(
    ("task", "words"),
    [(str(TASK["id"]), f"Cancelled {TASK['id']}."), ("Y", "It had ended already; nothing was cancelled.")],
)
def test_task_cancel(device: SmallDevice, capsys: pytest.CaptureFixture[str], task: str, words: str) -> None:
    assert run("task", "cancel", task) == 0
    assert capsys.readouterr().out == f"{words}\n"


@pytest.mark.parametrize(
    ("language", "words"), [("C", f"Trying {TASK['id']} again."), ("zh_CN.UTF-8", f"正在重试 {TASK['id']}。")]
)
def test_task_retry(
    device: SmallDevice,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    words: str,
) -> None:
    monkeypatch.setenv("LC_ALL", language)

    assert run("task", "retry", str(TASK["id"])) == 0
    assert capsys.readouterr().out == f"{words}\n"
    assert device.asked == [{"task": TASK["id"]}]


def test_a_task_that_cannot_be_tried_again_is_one_sentence(
    device: SmallDevice, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("task", "retry", str(PARENT["id"]), "--json") == 1
    assert document(capsys)["error"] == {"code": "bad_input", "message": "This task cannot be tried again: it is done."}


def test_ask_sends_the_files_and_shows_the_answer(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "a b.log").write_bytes(b"ERROR one")

    assert run("ask", "look", "--attach", str(tmp_path / "a b.log")) == 0

    assert device.asked == [{"text": "look", "language": "en", "names": ["a b.log"]}]
    assert device.received == [b"ERROR one"]
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "All **well**."
    assert out[1].startswith("Files: ../report.md (8 B), events.jsonl (")


def test_ask_keeps_the_files_of_the_answer_in_the_folder_named(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "report.md").write_text("older")

    assert run("ask", "look", "--save", str(kept), "--json") == 0

    told = document(capsys)
    assert (told["message_id"], told["task_id"], told["text"]) == ("M1", TASK["id"], "All **well**.")
    assert [attachment["path"] for attachment in told["attachments"]] == [
        str(kept / "report-2.md"),
        str(kept / "events.jsonl"),
    ]
    assert (kept / "report.md").read_text() == "older"
    assert (kept / "report-2.md").read_text() == "# Report"
    assert (kept / "events.jsonl").read_text() == '{"line":1}\n'
    assert not (tmp_path / "report.md").exists()


@pytest.mark.parametrize(("language", "sentence"), [("C", "This file is empty."), ("zh_CN.UTF-8", "文件是空的。")])
def test_a_refusal_comes_in_the_readers_language(
    device: SmallDevice,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    sentence: str,
) -> None:
    monkeypatch.setenv("LC_ALL", language)

    assert run("ask", "refuse", "--json") == 1
    assert document(capsys) == {"error": {"code": "bad_input", "message": sentence}}


@pytest.mark.parametrize("path", ["absent.log", "."])
def test_a_file_that_cannot_be_sent_is_one_sentence(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    assert run("ask", "look", "--attach", path) == 1
    seen = capsys.readouterr()
    assert seen.err.count("\n") == 1
    assert path in seen.err
    assert seen.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("ask",),
        ("analyse",),
        ("task",),
        ("task", "show"),
        ("task", "list", "--state", "asleep"),
        ("task", "list", "--limit", "0"),
        ("task", "list", "--limit", "many"),
        ("status", "--unknown"),
        ("pair",),
        ("pair", "approve"),
        ("channel",),
        ("channel", "add"),
        ("channel", "add", "pigeon"),
        ("channel", "add", "telegram", "--token", "7:SECRET"),
        ("channel", "remove"),
        ("claim", "--take", "--link"),
        ("claim", "--recover"),
        ("claim", "CODE"),
    ],
)
def test_wrong_usage_is_one_sentence_and_two(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert run(*arguments, "--json") == 2
    seen = capsys.readouterr()
    assert json.loads(seen.out)["error"]["code"] == "usage"
    assert seen.err.startswith("outpost: ")
    assert seen.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("ask", "hello"),
        ("task", "list"),
        ("task", "show", "X"),
        ("task", "cancel", "X"),
        ("task", "retry", "X"),
        ("claim",),
        ("claim", "--take"),
        ("claim", "--link"),
        ("pair", "list"),
        ("pair", "approve", "X"),
        ("channel", "list"),
        ("channel", "test", "X"),
    ],
)
def test_without_a_daemon_it_says_how_to_start_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    assert run("--state", str(tmp_path), *arguments, "--json") == 1
    seen = capsys.readouterr()
    assert json.loads(seen.out)["error"]["code"] == "nobody_listens"
    assert "outpost run" in seen.err


def test_what_was_not_foreseen_is_a_sentence_unless_asked(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("inner workings")

    monkeypatch.setattr("outpost_agent.cli.status.parse", break_down)
    assert run("status") == 1
    assert capsys.readouterr().err == (
        "outpost: this failed unexpectedly (RuntimeError); with OUTPOST_DEBUG=1 it shows where\n"
    )

    monkeypatch.setenv("OUTPOST_DEBUG", "1")
    with pytest.raises(RuntimeError):
        run("status")


def test_a_device_of_another_version_is_one_sentence(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    device.status = {"name": "old"}

    assert run("status", "--json") == 1
    assert document(capsys)["error"]["code"] == "bad_message"


def test_analyse_prints_what_it_found(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("".join(f"2026-11-24 02:00:{second:02} ERROR disk {second} is full\n" for second in range(60)))

    assert run("analyse", str(log), "--assign", str(tmp_path / "out.csv"), "--json") == 0

    found = document(capsys)
    assert found["lines"] == 60
    assert sum(row["count"] for row in found["templates"]) == 60
    assert {"levels", "anomalies", "seconds"} <= set(found)
    rows = (tmp_path / "out.csv").read_text().splitlines()
    assert rows[0] == "line,template_id"
    assert [row.split(",")[0] for row in rows[1:]] == [str(line) for line in range(1, 61)]


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "bad_input"), (b"\x7fELF\0\0\0\1" * 500, "bad_input"), (None, "system")]
)
def test_a_file_that_is_no_log_is_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None, code: str
) -> None:
    log = tmp_path / "app.log"
    if content is not None:
        log.write_bytes(content)

    assert run("analyse", str(log), "--json") == 1
    seen = capsys.readouterr()
    assert json.loads(seen.out)["error"]["code"] == code
    assert seen.err.count("\n") == 1


def test_the_socket_is_found_where_it_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, demo = tmp_path / "state", tmp_path / "demo"
    demo.mkdir()
    (demo / "run.json").write_text('{"socket": "/x/demo.sock", "chat": "http://127.0.0.1:1"}')
    named = {"OUTPOST_SOCKET": "/x/named.sock", "OUTPOST_STATE": str(state)}

    assert find_socket(Path("/x/given.sock"), state, named) == Path("/x/given.sock")
    assert find_socket(None, demo, named) == Path("/x/demo.sock")
    assert find_socket(None, state, named) == state / "device.sock"
    assert find_socket(None, None, named) == Path("/x/named.sock")
    assert find_socket(None, None, {"OUTPOST_STATE": str(state)}) == state / "device.sock"

    monkeypatch.setattr("outpost_agent.cli.device.SYSTEM_STATE", tmp_path / "var")
    assert find_socket(None, None, {}) == tmp_path / "var" / "device.sock"
    (tmp_path / "here" / ".state").mkdir()
    (tmp_path / "here" / ".state" / "run.json").write_text('{"socket": "/x/here.sock"}')
    assert find_socket(None, None, {}) == Path("/x/here.sock")


def test_a_broken_run_file_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{")

    assert run("status", "--state", str(tmp_path), "--json") == 1
    assert document(capsys)["error"]["code"] == "bad_run_file"


def test_the_command_starts_without_what_it_does_not_need() -> None:
    code = "import sys, outpost_agent.cli.main; print(' '.join(sys.modules))"
    modules = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )

    assert modules.isdisjoint({"aiohttp", "asyncio", "rich", "msgspec", "sqlite3", "socket", "outpost_agent.app"})


def test_status_needs_no_event_loop(device: SmallDevice) -> None:
    code = (
        "import sys; from outpost_agent.cli.main import main; code = main(['status', '--json']);"
        "print(' '.join(sys.modules), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == STATUS
    assert set(done.stderr.split()).isdisjoint({"aiohttp", "asyncio", "rich", "sqlite3"})


def test_a_reader_that_leaves_early_is_no_trouble(device: SmallDevice) -> None:
    code = "import sys; from outpost_agent.cli.main import main; sys.exit(main(['status']))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)

    assert (done.returncode, done.stderr) == (1, "")


def test_numbers_read_well() -> None:
    english, chinese = (Output(is_json=False, language=language) for language in ("en", "zh"))

    assert [size(count) for count in (0, 1023, 1024, 5 << 30)] == ["0 B", "1023 B", "1.0 KiB", "5.0 GiB"]
    assert [duration(seconds, english) for seconds in (5, 65, 90_061)] == ["5 s", "1 min", "1 d 1 h"]
    assert duration(90_061, chinese) == "1 天 1 小时"
    assert [share(value) for value in (None, 0.0, 0.256)] == ["", "0%", "26%"]


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_GB", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LC_ALL": "", "LANG": "zh"}, "zh"),
    ],
)
def test_the_language_is_that_of_the_environment(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language


def test_the_view_passes_over_what_it_does_not_know() -> None:
    assert msgspec.convert({**STATUS, "later": 1}, Status).device.name == "kitchen"
