"""`outpost claim`, `pair` and `channel` against a small device: what is asked of it, and what is said."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pty
import struct
import sys
import termios
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.small_device import (
    ADDRESS,
    CHANNELS,
    CODE,
    LINK,
    NEXT_RECOVERY,
    PEOPLE,
    RECOVERY,
    TOKEN,
    SmallDevice,
    document,
    run,
)

pytestmark = pytest.mark.usefixtures("surroundings")

ROWS, COLUMNS = 60, 120
REQUEST, OWNER, USER = PEOPLE["requests"][0], PEOPLE["people"][0], PEOPLE["people"][1]


@pytest.fixture
def chinese(surroundings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")


def run_on_terminal(*arguments: str) -> str:
    """Run the command with a terminal for stdout, see it succeed, and return what was drawn."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    with ThreadPoolExecutor(1) as reader:
        drawn = reader.submit(read_to_end, ours)
        with os.fdopen(its, "w", encoding="utf-8") as stream, contextlib.redirect_stdout(stream):
            assert run(*arguments) == 0
        return drawn.result(timeout=30).decode()


def read_to_end(number: int) -> bytes:
    drawn = b""
    with os.fdopen(number, "rb", buffering=0) as terminal, contextlib.suppress(OSError):  # EIO: nobody writes any more
        while piece := terminal.read(65_536):
            drawn += piece
    return drawn


def test_claim_of_an_unclaimed_device_shows_code_and_link(
    device: SmallDevice, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("claim") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"Nobody owns this device yet. Open {ADDRESS}/ and give this code: K7M2-PQRS",
        f"Or open: {ADDRESS}/#claim={CODE}",
    ]


@pytest.mark.usefixtures("chinese")
def test_claim_in_chinese(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("claim") == 0
    assert f"请打开 {ADDRESS}/ 并输入认领码：K7M2-PQRS" in capsys.readouterr().out


def test_a_terminal_shows_the_claim_link_as_a_qr_code(device: SmallDevice) -> None:
    drawn = run_on_terminal("claim")
    assert "K7M2-PQRS" in drawn
    squares = [line for line in drawn.splitlines() if set("█▀▄") & set(line)]
    assert len(squares) >= 13  # a code of version 3, two rows to a line


def test_claim_as_json_is_what_the_device_said(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("claim", "--json") == 0
    assert document(capsys) == {"owned": False, "code": CODE, "address": ADDRESS, "link": f"{ADDRESS}/#claim={CODE}"}


@pytest.mark.parametrize(
    ("language", "words"), [("C", "This device has an owner."), ("zh_CN.UTF-8", "本设备已有主人。")]
)
def test_claim_of_an_owned_device_says_what_else_there_is(
    device: SmallDevice,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    words: str,
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    device.is_owned = True

    assert run("claim") == 0
    out = capsys.readouterr().out
    assert out.startswith(words)
    assert f"{ADDRESS}/" in out
    assert "outpost claim --link" in out


def test_take_makes_whoever_runs_it_the_owner(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("claim", "--take") == 0
    out = capsys.readouterr().out
    assert out.startswith("You own this device now.\n")
    assert LINK in out
    assert out.endswith(f"{RECOVERY}\n")
    assert device.is_owned


def test_take_as_json_has_link_and_recovery(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("claim", "--take", "--json") == 0
    assert document(capsys) == {"link": LINK, "recovery": RECOVERY}


def test_a_second_take_is_refused(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    device.is_owned = True

    assert run("claim", "--take", "--json") == 1
    assert document(capsys)["error"]["code"] == "already_claimed"


@pytest.mark.usefixtures("chinese")
def test_a_refusal_is_in_chinese(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    device.is_owned = True

    assert run("claim", "--take") == 1
    assert capsys.readouterr().err.startswith("outpost: 本设备已有主人。")


def test_link_signs_another_browser_in(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    device.is_owned = True

    assert run("claim", "--link") == 0
    assert capsys.readouterr().out == (
        f"Open this once, within ten minutes, to sign a browser in as the owner: {LINK}\n"
    )
    assert run("claim", "--link", "--json") == 0
    assert document(capsys) == {"link": LINK}


def test_there_is_no_link_to_what_nobody_owns(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("claim", "--link", "--json") == 1
    assert document(capsys)["error"]["code"] == "not_claimed"


def test_recover_hands_in_the_file_and_shows_the_next(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    paper = tmp_path / "recovery.txt"
    paper.write_text(RECOVERY, encoding="utf-8")

    assert run("claim", "--recover", str(paper)) == 0

    assert device.asked == [{"recovery": RECOVERY}]
    out = capsys.readouterr().out
    assert out.startswith(f"You own this device again; your other browsers are signed out, and {paper} is void.\n")
    assert out.endswith(f"{NEXT_RECOVERY}\n")


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"of another device", "recovery_refused"), (bytes(range(256)) * 1000, "recovery_refused"), (None, "system")],
    ids=["other", "binary", "absent"],
)
def test_a_file_that_is_not_the_recovery_file_is_one_sentence(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None, code: str
) -> None:
    paper = tmp_path / "recovery.txt"
    if content is not None:
        paper.write_bytes(content)

    assert run("claim", "--recover", str(paper), "--json") == 1
    seen = capsys.readouterr()
    assert json.loads(seen.out)["error"]["code"] == code
    assert seen.err.count("\n") == 1


def test_a_new_recovery_file_is_for_its_owner_alone(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    paper = tmp_path / "recovery.txt"

    assert run("claim", "--new-recovery", str(paper)) == 0

    assert paper.read_text(encoding="utf-8") == NEXT_RECOVERY
    assert paper.stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().out == f"Wrote {paper}. The recovery file before it is void.\n"


def test_no_recovery_file_becomes_void_for_one_that_has_no_place(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("claim", "--new-recovery", str(tmp_path / "absent" / "recovery.txt"), "--json") == 1
    assert document(capsys)["error"]["code"] == "system"
    assert device.is_untouched


def test_a_new_recovery_file_that_cannot_be_written_is_shown(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("claim", "--new-recovery", str(tmp_path), "--json") == 1
    seen = capsys.readouterr()
    assert json.loads(seen.out)["error"]["code"] == "system"
    assert seen.err.startswith(NEXT_RECOVERY)


def test_pair_list_shows_who_asks_and_who_is_known(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pair", "list") == 0
    *rows, last = capsys.readouterr().out.splitlines()
    assert [row.split("\t")[:5] for row in rows] == [
        ["asks", "ABCD-2345", "Bo", "telegram", "42"],
        ["owner", "owner", "Ada", "telegram", "41"],
        ["user", USER["id"], "Lin", "", ""],
    ]
    assert rows[0].split("\t")[5].startswith("until 20")
    assert last == "3 more got no code."


@pytest.mark.usefixtures("chinese")
def test_pair_list_in_chinese(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pair", "list") == 0
    out = capsys.readouterr().out
    assert "请求中\tABCD-2345\tBo" in out
    assert "主人\towner\tAda" in out
    assert "另有 3 人未获得配对码。" in out


def test_pair_list_on_a_terminal_is_a_table(device: SmallDevice) -> None:
    drawn = run_on_terminal("pair", "list")
    assert "Channel" in drawn
    assert "ABCD-2345" in drawn


def test_pair_list_as_json_is_what_the_device_said(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pair", "list", "--json") == 0
    assert document(capsys) == PEOPLE


def test_approve_lets_somebody_in(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pair", "approve", "abcd-2345", "--name", "Bo") == 0
    assert device.asked == [{"code": "abcd-2345", "role": "user", "name": "Bo"}]
    assert capsys.readouterr().out == "Bo may talk to this device on telegram now.\n"


@pytest.mark.usefixtures("chinese")
def test_approve_as_the_owner_says_so_also_where_the_owner_has_no_name(
    device: SmallDevice, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("pair", "approve", "abcd-2345", "--owner") == 0
    assert device.asked == [{"code": "abcd-2345", "role": "owner", "name": None}]
    assert capsys.readouterr().out == "主人 现在可以通过 telegram 与本设备对话。\n"


def test_a_code_that_nobody_was_given_is_one_sentence(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pair", "approve", "WXYZ2345", "--json") == 1
    assert document(capsys)["error"]["code"] == "no_such_request"


@pytest.mark.parametrize(
    ("code", "words"), [("ABCD2345", "Turned Bo down."), ("NONAME", "Turned 42 down.")], ids=["named", "unnamed"]
)
def test_refuse(device: SmallDevice, capsys: pytest.CaptureFixture[str], code: str, words: str) -> None:
    assert run("pair", "refuse", code) == 0
    assert device.asked == [{"code": code}]
    assert capsys.readouterr().out == f"{words}\n"


@pytest.mark.parametrize(
    ("arguments", "asked", "words"),
    [
        ((), {"channel": None, "sender": None}, "Bo may not talk to this device any more."),
        (
            ("--channel", "telegram", "--sender", "42"),
            {"channel": "telegram", "sender": "42"},
            "Bo may not talk to this device on telegram any more.",
        ),
    ],
    ids=["everywhere", "there"],
)
def test_revoke(
    device: SmallDevice,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    asked: dict[str, str | None],
    words: str,
) -> None:
    assert run("pair", "revoke", USER["id"], *arguments) == 0
    assert device.asked == [{"person": USER["id"], **asked}]
    assert capsys.readouterr().out == f"{words}\n"


def test_the_owner_is_not_revoked(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pair", "revoke", "owner", "--json") == 1
    assert document(capsys)["error"]["code"] == "owner_stays"


def test_channel_list_says_how_each_is_and_why(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("channel", "list") == 0
    assert [row.split("\t") for row in capsys.readouterr().out.splitlines()] == [
        ["web", "web", "on", "", ""],
        ["telegram", "telegram", "unreachable", "@kitchen_bot", "Telegram is not reached: there is no route."],
    ]


@pytest.mark.usefixtures("chinese")
def test_channel_list_in_chinese(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("channel", "list") == 0
    assert "telegram\ttelegram\t连不上\t@kitchen_bot\t无法连接 Telegram：没有路由。" in capsys.readouterr().out


def test_channel_list_as_json_is_what_the_device_said(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("channel", "list", "--json") == 0
    assert document(capsys) == CHANNELS


def test_a_channel_is_added_with_a_token_from_a_pipe(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"  {TOKEN}\n"))

    assert run("channel", "add", "telegram") == 0

    assert device.asked == [
        {"name": "telegram", "kind": "telegram", "options": {"token": TOKEN}, "proxy": "", "groups": []}
    ]
    assert capsys.readouterr().out == "telegram is connected as @kitchen_bot.\n"


def test_a_channel_is_added_with_a_token_from_a_file_and_all_that_may_be_said(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    more = ("--name", "work", "--proxy", "socks5://127.0.0.1:1080", "--api", "http://127.0.0.1:8081")
    groups = ("--group", "-1001", "--group", "-1002")

    assert run("channel", "add", "telegram", "--token-file", str(tmp_path / "token"), *more, *groups, "--json") == 0

    assert device.asked == [
        {
            "name": "work",
            "kind": "telegram",
            "options": {"token": TOKEN, "api": "http://127.0.0.1:8081"},
            "proxy": "socks5://127.0.0.1:1080",
            "groups": ["-1001", "-1002"],
        }
    ]
    told = document(capsys)
    assert (told["name"], told["state"]) == ("work", "connecting")
    assert TOKEN not in json.dumps(told)


def test_a_token_typed_on_a_terminal_is_not_shown(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def type_unseen(prompt: str) -> str:
        asked.append(prompt)
        return TOKEN

    typing = io.StringIO()
    monkeypatch.setattr(typing, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", typing)
    monkeypatch.setattr("getpass.getpass", type_unseen)

    assert run("channel", "add", "telegram") == 0
    assert asked == ["Token (not shown): "]
    assert TOKEN not in "".join(capsys.readouterr())


@pytest.mark.parametrize("arguments", [("--token", TOKEN), (f"--token={TOKEN}",)], ids=["apart", "joined"])
def test_a_token_among_the_arguments_is_refused_and_not_repeated(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run("channel", "add", "telegram", *arguments) == 2
    seen = capsys.readouterr()
    assert "--token-file" in seen.err
    assert TOKEN not in seen.err
    assert device.is_untouched


@pytest.mark.parametrize(("piped", "code"), [("", "bad_input"), ("  \n", "bad_input"), ("7:wrong\n", "channel_down")])
def test_a_token_that_is_none_is_one_sentence(
    device: SmallDevice,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    piped: str,
    code: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(piped))

    assert run("channel", "add", "telegram", "--json") == 1
    seen = capsys.readouterr()
    assert json.loads(seen.out)["error"]["code"] == code
    assert seen.err.count("\n") == 1
    assert "7:wrong" not in seen.err


def test_a_channel_is_removed(device: SmallDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("channel", "remove", "telegram") == 0
    assert capsys.readouterr().out == "Removed telegram.\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("telegram", "telegram works: it knows us as @kitchen_bot.\n"),
        ("web", "web works: it knows us as this device.\n"),
    ],
)
def test_a_channel_is_tested(device: SmallDevice, capsys: pytest.CaptureFixture[str], name: str, words: str) -> None:
    assert run("channel", "test", name) == 0
    assert capsys.readouterr().out == words


@pytest.mark.parametrize("action", ["remove", "test"])
def test_a_channel_that_is_not_there_is_one_sentence(
    device: SmallDevice, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    assert run("channel", action, "pigeon", "--json") == 1
    assert document(capsys)["error"] == {"code": "no_such_channel", "message": "There is no channel 'pigeon'."}
