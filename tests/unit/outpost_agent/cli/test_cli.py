"""The command `outpost` against a small device: what it prints, how it fails, and that it starts light."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from outpost_agent.cli.device import find_socket
from outpost_agent.cli.main import main
from outpost_agent.cli.output import Output, language_of
from outpost_agent.cli.views import Status
from outpost_agent.cli.words import duration, share, size
from outpost_agent.local.answer import Reply
from outpost_agent.local.server import Call, LocalServer, Method
from outpost_sdk.tasks import NoSuchTask
from outpost_wire.errors import BadInput

TASK = {
    "id": "01J00000000000000000000003",
    "kind": "log.report",
    "title": "app.log",
    "state": "running",
    "progress": 0.5,
    "created": "2026-11-24T02:00:00.000Z",
    "updated": "2026-11-24T02:00:01.000Z",
    "attempt": 1,
    "error": None,
    "priority": 5,
}
PARENT = {**TASK, "id": "01J00000000000000000000002", "kind": "log.analyse", "state": "done", "parents": []}
STATUS = {
    "device": {"id": "outpost-1", "name": "kitchen"},
    "release": "0.1.0",
    "state": "ready",
    "uptime_s": 3_700.0,
    "boot_id": "01J00000000000000000000001",
    "pid": 42,
    "chat": "http://127.0.0.1:7780",
    "health": {"cpu": 0.12, "memory": 0.4, "disk": 0.3, "load": 0.5, "temperature": None, "rss": 50_000_000},
    "tasks": {"running": 1, "done": 2, "failed": 0},
    "link": {"connected": True, "outbox": 3},
    "channels": [{"id": "web", "state": "on"}],
}


class SmallDevice:
    """Answers as the daemon does, and keeps what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.asked: list[Any] = []
        self.received: list[bytes] = []
        self.status: dict[str, Any] = dict(STATUS)

    def table(self) -> dict[str, Method]:
        return {
            "status": self.tell_status,
            "tasks.list": self.list,
            "tasks.show": self.show,
            "tasks.cancel": self.cancel,
            "ask": self.ask,
        }

    async def tell_status(self, _call: Call) -> dict[str, Any]:
        return self.status

    async def list(self, call: Call) -> list[dict[str, Any]]:
        self.asked.append(call.params)
        return [TASK, PARENT]

    async def show(self, call: Call) -> dict[str, Any]:
        if call.params["task"] != TASK["id"]:
            raise NoSuchTask(call.params["task"])
        return {**TASK, "parents": [PARENT]}

    async def cancel(self, call: Call) -> dict[str, Any]:
        return {"cancelled": [TASK["id"]] if call.params["task"] == TASK["id"] else []}

    async def ask(self, call: Call) -> Reply:
        self.asked.append(call.params)
        self.received = [os.pread(number, 1000, 0) for number in call.fds]
        if call.params["text"] == "refuse":
            raise BadInput("This file is empty.", "文件是空的。")
        await call.update({"accepted": {"message_id": "M1", "task_id": TASK["id"]}})
        await call.update({"task": TASK})
        made = {"../report.md": b"# Report", "events.jsonl": zstandard.compress(b'{"line":1}\n')}
        numbers, attachments = [], []
        for index, (name, content) in enumerate(made.items()):
            path = self._folder / str(index)
            path.write_bytes(content)
            numbers.append(os.open(path, os.O_RDONLY))
            encoding = "zstd" if name.endswith("jsonl") else ""
            attachments.append({"name": name, "type": "x/y", "size": len(content), "encoding": encoding})
        return Reply({"text": "All **well**.", "attachments": attachments}, files=numbers)


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDevice]:
    """Run a small device in a thread and point the command at it."""
    small = SmallDevice(tmp_path)
    path = tmp_path / "state" / "device.sock"
    monkeypatch.setenv("OUTPOST_SOCKET", str(path))
    is_up = threading.Event()
    loop = asyncio.new_event_loop()
    down = asyncio.Event()

    async def serve() -> None:
        async with LocalServer(path, small.table()):
            is_up.set()
            await down.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert is_up.wait(10)
    yield small
    loop.call_soon_threadsafe(down.set)
    thread.join()
    loop.close()


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty folder, in English, with nothing named in the environment."""
    empty = tmp_path / "here"
    empty.mkdir()
    monkeypatch.chdir(empty)
    for name in ("LC_ALL", "LC_MESSAGES", "OUTPOST_SOCKET", "OUTPOST_STATE", "OUTPOST_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the one JSON document that was printed."""
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return json.loads(out)


def run(*arguments: str) -> int:
    """Return the exit code, also where argparse leaves by itself."""
    try:
        return main(arguments)
    except SystemExit as leaving:
        return int(leaving.code or 0)


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
        "Machine: CPU 12%, memory 40%, disk 30%, load 0.50",
        "Daemon: pid 42, 47.7 MiB of memory",
        "Tasks: 1 running, 2 done",
        "Manager: connected, 3 messages on their way",
        "Channels: web on",
    ]


def test_status_in_chinese(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    device.status["link"] = None

    assert run("status") == 0
    out = capsys.readouterr().out
    assert "状态: 就绪，已运行 1 小时 1 分" in out
    assert "管理端: 未设置，设备独立运行" in out


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
    ],
)
def test_wrong_usage_is_one_sentence_and_two(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert run(*arguments, "--json") == 2
    seen = capsys.readouterr()
    assert json.loads(seen.out)["error"]["code"] == "usage"
    assert seen.err.startswith("outpost: ")
    assert seen.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("status",), ("ask", "hello"), ("task", "list"), ("task", "show", "X"), ("task", "cancel", "X")]
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
