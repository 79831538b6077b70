"""The command `outpost` beside a running demo: documents, files, sentences, exit codes, and what a terminal shows."""

from __future__ import annotations

import collections
import csv
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.demo import ROOT, Demo, running_demo
from tests.support.said import Said

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]

LIMIT_S = 60.0
PNG = b"\x89PNG\r\n\x1a\n"
STEPS = ["log.report", "log.analyse", "log.standardise"]
ROWS, COLUMNS = 40, 120
LOG = "".join(
    f"2026-03-01 10:{n // 60:02d}:{n % 60:02d} "
    + (f"ERROR pool: job {n} failed after {n * 7 % 900} ms\n" if n % 10 == 0 else f"INFO pool: job {n} is done\n")
    for n in range(600)
)
TRACE = 'Traceback (most recent call last):\n  File "pool.py", line 7, in run\nValueError: no room\n'
# A blank line, an event of four lines, and no end of line at the end.
UNEVEN_LOG = "\n" + LOG + TRACE + "2026-03-01 10:10:00 INFO pool: job 600 is done"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo() -> AsyncIterator[Demo]:
    async with running_demo() as demo:
        yield demo


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "pool.log"
    path.write_text(LOG)
    return path


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "outpost_agent", *map(str, arguments)]


def environment(language: str) -> dict[str, str]:
    """Return an environment of which only the language is told."""
    ours = ("LC_", "LANG", "OUTPOST_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"LANG": language, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}


def outpost(*arguments: str | Path, folder: Path, language: str = "C.UTF-8") -> Said:
    """Run the command in `folder` as from a script."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(language),
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def outpost_on_terminal(*arguments: str | Path, folder: Path, language: str = "C.UTF-8") -> tuple[int, str]:
    """Run the command in `folder` on a terminal of its own; return its exit code and all that was drawn."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    with subprocess.Popen(
        command(*arguments), cwd=folder, env=environment(language), stdin=its, stdout=its, stderr=its
    ) as process:
        os.close(its)
        drawn = b"".join(iter(lambda: read_terminal(ours), b""))
        os.close(ours)
        return process.wait(LIMIT_S), drawn.decode()


def read_terminal(number: int) -> bytes:
    try:
        return os.read(number, 65_536)
    except OSError:  # EIO: the other side has closed its last descriptor
        return b""


def plain(drawn: str) -> str:
    """Return what was drawn without the sequences that move and colour it."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn)


def chain_of(task: dict[str, Any]) -> list[tuple[str, str]]:
    """Return kind and state of a task, then of its parent, and so on."""
    return [(task["kind"], task["state"]), *(pair for parent in task["parents"] for pair in chain_of(parent))]


def test_status_tells_of_this_device(demo: Demo, tmp_path: Path) -> None:
    said = outpost("--state", demo.state, "status", "--json", folder=tmp_path)

    assert (said.code, said.err) == (0, "")
    assert said.document["device"]["id"] == demo.first_line["device"]
    assert said.document["pid"] == demo.line["pids"]["device"]
    assert said.document["chat"] == demo.first_line["chat"]
    assert said.document["state"] == "ready"


def test_the_socket_may_be_named_instead_of_the_folder(demo: Demo, tmp_path: Path) -> None:
    said = outpost("status", "--socket", demo.first_line["socket"], "--json", folder=tmp_path)

    assert said.document["device"]["id"] == demo.first_line["device"]


@pytest.mark.parametrize(("language", "word"), [("C.UTF-8", "Processor"), ("zh_CN.UTF-8", "处理器")])
def test_a_command_of_the_chat_is_answered_in_the_language_of_who_asks(
    demo: Demo, tmp_path: Path, language: str, word: str
) -> None:
    said = outpost("--state", demo.state, "ask", "/status", "--json", folder=tmp_path, language=language)

    assert (said.code, said.err) == (0, "")
    assert word in said.document["text"]
    assert said.document["task_id"] is None
    assert said.document["attachments"] == []


def test_a_log_sent_along_comes_back_as_a_report_with_its_files(demo: Demo, tmp_path: Path, log: Path) -> None:
    kept = tmp_path / "kept"

    said = outpost("--state", demo.state, "ask", "--attach", log, "--save", kept, "--json", folder=tmp_path)

    assert (said.code, said.err) == (0, "")
    assert "pool.log" in said.document["text"]
    files = {attachment["name"]: Path(attachment["path"]) for attachment in said.document["attachments"]}
    assert sorted(kept.iterdir()) == sorted(files.values())
    plots = [path for name, path in files.items() if name.endswith(".png")]
    assert [path.read_bytes()[:8] for path in plots] == [PNG, PNG]
    events = [json.loads(line) for line in files["events.jsonl"].read_text().splitlines()]
    assert [event["line"] for event in events] == list(range(1, 601))
    assert collections.Counter(event["level"] for event in events) == {"error": 60, "info": 540}


def test_the_tasks_of_a_log_are_listed_and_shown(demo: Demo, tmp_path: Path, log: Path) -> None:
    asked = outpost("--state", demo.state, "ask", "--attach", log, "--json", folder=tmp_path).document

    listed = outpost("--state", demo.state, "task", "list", "--limit", "3", "--json", folder=tmp_path)
    shown = outpost("--state", demo.state, "task", "show", asked["task_id"], "--json", folder=tmp_path)

    assert (listed.code, shown.code) == (0, 0)
    assert sorted(task["kind"] for task in listed.document) == sorted(STEPS)
    assert {task["message_id"] for task in listed.document} == {asked["message_id"]}
    assert shown.document["id"] == asked["task_id"]
    assert chain_of(shown.document) == [(kind, "done") for kind in STEPS]


def test_a_finished_task_cannot_be_cancelled(demo: Demo, tmp_path: Path, log: Path) -> None:
    asked = outpost("--state", demo.state, "ask", "--attach", log, "--json", folder=tmp_path).document

    said = outpost("--state", demo.state, "task", "cancel", asked["task_id"], "--json", folder=tmp_path)

    assert (said.code, said.document) == (0, {"cancelled": []})


def test_doctor_finds_a_running_demo_well(demo: Demo, tmp_path: Path) -> None:
    said = outpost("--state", demo.state, "doctor", "--json", folder=tmp_path)

    verdicts = {check["check"]: check["verdict"] for check in said.document["checks"]}
    assert (said.code, said.document["ok"]) == (0, True), said
    assert verdicts.keys() >= {"python", "sqlite", "config", "state", "space", "daemon", "port", "broker", "clock"}
    assert "fail" not in verdicts.values()


def test_doctor_says_what_to_do_where_no_daemon_runs(tmp_path: Path) -> None:
    said = outpost("--state", tmp_path / "absent", "doctor", "--json", folder=tmp_path)

    checks = {check["check"]: check for check in said.document["checks"]}
    assert (said.code, said.document["ok"]) == (1, False)
    assert checks["daemon"]["verdict"] == "fail"
    assert "outpost run" in checks["daemon"]["remedy"]


def assigned(path: Path) -> list[tuple[int, str]]:
    """Return line number and template of each row, after the header."""
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["line", "template_id"]
    return [(int(line), template) for line, template in rows]


def test_analyse_assigns_every_line_once_and_counts_what_it_assigned(tmp_path: Path, log: Path) -> None:
    said = outpost("analyse", log, "--json", "--assign", "out.csv", folder=tmp_path)

    rows = assigned(tmp_path / "out.csv")
    found = said.document
    assert (said.code, said.err) == (0, "")
    assert [line for line, _ in rows] == list(range(1, 601))
    assert collections.Counter(template for _, template in rows) == {
        template["id"]: template["count"] for template in found["templates"]
    }
    assert {template["template"]: template["count"] for template in found["templates"]} == {
        "job <*> is done": 540,
        "job <*> failed after <*> ms": 60,
    }
    assert (found["lines"], found["levels"]) == (600, {"error": 60, "info": 540})
    assert 0 < found["seconds"] < LIMIT_S


def test_analyse_assigns_lines_that_continue_an_event_or_are_blank(tmp_path: Path) -> None:
    (tmp_path / "uneven.log").write_text(UNEVEN_LOG)

    found = outpost("analyse", "uneven.log", "--json", "--assign", "out.csv", folder=tmp_path).document

    rows = assigned(tmp_path / "out.csv")
    assert [line for line, _ in rows] == list(range(1, found["lines"] + 1))
    assert found["lines"] == 605
    assert {template for _, template in rows[601:604]} == {rows[600][1]}
    assert sum(template["count"] for template in found["templates"]) == found["events"]


def test_analyse_reads_a_packed_log_as_the_plain_one(tmp_path: Path, log: Path) -> None:
    subprocess.run(["gzip", "--keep", str(log)], check=True)

    plain_log, packed = (
        outpost("analyse", name, "--json", folder=tmp_path).document for name in ("pool.log", "pool.log.gz")
    )

    assert packed["templates"] == plain_log["templates"]


LANGUAGES = ["C.UTF-8", "zh_CN.UTF-8"]


@pytest.mark.parametrize(
    ("content", "sentences"),
    [
        (b"", ["“file.log” is empty", "“file.log”是空文件"]),
        (bytes(range(256)) * 40, ["“file.log” is a binary file", "“file.log”是二进制文件"]),
    ],
    ids=["empty", "binary"],
)
def test_a_file_that_is_no_log_gets_one_sentence_with_and_without_the_device(
    demo: Demo, tmp_path: Path, content: bytes, sentences: list[str]
) -> None:
    (tmp_path / "file.log").write_bytes(content)

    for language, sentence in zip(LANGUAGES, sentences, strict=True):
        analysed = outpost("analyse", "file.log", "--json", folder=tmp_path, language=language)
        asked = outpost(
            "--state", demo.state, "ask", "--attach", "file.log", "--json", folder=tmp_path, language=language
        )

        fault = analysed.document["error"]
        assert (analysed.code, fault["code"]) == (1, "bad_input")
        assert fault["message"].startswith(sentence)
        assert analysed.err == f"outpost: {fault['message']}\n"
        assert (asked.code, asked.document["text"]) == (0, fault["message"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["analyse", "absent.log"], "system", "absent.log"),
        (["ask", "--attach", "absent.log"], "system", "absent.log"),
        (["task", "show", "01J00000000000000000000003"], "no_such_task", "01J00000000000000000000003"),
        (["task", "cancel", "01J00000000000000000000003"], "no_such_task", "01J00000000000000000000003"),
    ],
)
def test_what_is_not_there_is_named_in_one_sentence(
    demo: Demo, tmp_path: Path, language: str, arguments: list[str], code: str, named: str
) -> None:
    said = outpost("--state", demo.state, *arguments, "--json", folder=tmp_path, language=language)

    assert (said.code, said.document["error"]["code"]) == (1, code)
    assert named in said.document["error"]["message"]
    assert said.err == f"outpost: {said.document['error']['message']}\n"


@pytest.mark.parametrize(
    ("language", "sentence"), [("C.UTF-8", "no daemon answers"), ("zh_CN.UTF-8", "没有守护进程应答")]
)
@pytest.mark.parametrize("arguments", [["status"], ["ask", "hello"], ["task", "list"]], ids=" ".join)
def test_without_a_daemon_every_command_says_how_to_start_one(
    tmp_path: Path, language: str, sentence: str, arguments: list[str]
) -> None:
    said = outpost("--state", tmp_path, *arguments, folder=tmp_path, language=language)

    assert (said.code, said.out) == (1, "")
    assert sentence in said.err
    assert "outpost run" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("language", "sentence"), [("C.UTF-8", "see outpost"), ("zh_CN.UTF-8", "用法有误")], ids=["en", "zh"]
)
def test_wrong_usage_is_exit_code_two(tmp_path: Path, language: str, sentence: str) -> None:
    said = outpost("task", "list", "--limit", "0", folder=tmp_path, language=language)

    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("language", "title", "heading"),
    [("C.UTF-8", "analysing pool.log", "Most frequent messages"), ("zh_CN.UTF-8", "正在分析 pool.log", "最常见的消息")],
    ids=["en", "zh"],
)
def test_a_terminal_shows_a_bar_and_then_the_report(
    tmp_path: Path, log: Path, language: str, title: str, heading: str
) -> None:
    code, drawn = outpost_on_terminal("analyse", log, folder=tmp_path, language=language)

    assert code == 0
    assert "Traceback" not in drawn
    assert title in drawn
    assert "━━━" in drawn
    assert drawn.index(title) < drawn.index(heading)
    assert max(map(len, plain(drawn).replace("\r", "\n").splitlines())) <= COLUMNS


def test_a_terminal_shows_the_answer_and_tells_of_its_files(demo: Demo, tmp_path: Path, log: Path) -> None:
    code, drawn = outpost_on_terminal("--state", demo.state, "ask", "--attach", log, folder=tmp_path)

    assert code == 0
    assert "Traceback" not in drawn
    assert "━━━" in drawn
    assert "pool.log" in plain(drawn)
    assert "--save DIR keeps them" in " ".join(plain(drawn).split())


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("C.UTF-8", ["ID", "State", "done", "Log analysis: pool.log"]),
        ("zh_CN.UTF-8", ["编号", "状态", "完成", "log.report"]),
    ],
    ids=["en", "zh"],
)
def test_a_terminal_shows_tasks_as_a_table(
    demo: Demo, tmp_path: Path, log: Path, language: str, words: list[str]
) -> None:
    asked = outpost("--state", demo.state, "ask", "--attach", log, "--json", folder=tmp_path).document

    code, drawn = outpost_on_terminal("--state", demo.state, "task", "list", folder=tmp_path, language=language)

    assert code == 0
    assert "Traceback" not in drawn
    header, first, *_ = plain(drawn).splitlines()
    assert all(word in header + first for word in words)
    assert asked["task_id"] in plain(drawn)


def test_a_terminal_shows_what_the_doctor_found(demo: Demo, tmp_path: Path) -> None:
    code, drawn = outpost_on_terminal("--state", demo.state, "doctor", folder=tmp_path)

    assert code == 0
    assert "Traceback" not in drawn
    assert "This device is well." in drawn
