"""How the demo claims its device, whatever happens meanwhile, and what it says of it."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_manager.demo.claiming import PASSING, Answer, Entrance, Ownership, enter, parse_answer
from outpost_manager.demo.folder import DemoFolder
from outpost_manager.demo.words import Words, pasteable
from outpost_manager.errors import FolderUnusable
from outpost_wire.http import Language

LINK = "http://127.0.0.1:7780/#code=3FQZ8HYT2BWNK7M4"
RECOVERY = "OUTPOST RECOVERY FILE · OUTPOST 恢复文件\n"


class Killed(Exception):
    """The supervisor ends here, as by SIGKILL."""


class Command:
    """Plays `outpost claim`: `trouble` comes before what the device would say, one for each time it is asked.

    A trouble is a code that the command fails with, and whether the device did what was asked all the same.
    """

    def __init__(self, *trouble: tuple[str, bool], is_owned: bool = False) -> None:
        self.asked: list[str] = []
        self.is_owned = is_owned
        self._trouble = list(trouble)

    async def __call__(self, option: str) -> Answer:
        self.asked.append(option)
        code, is_done = self._trouble.pop(0) if self._trouble else ("", True)
        answer = self._carry_out(option) if is_done else Answer()
        return parse_answer(json.dumps({"error": {"code": code, "message": code}}).encode()) if code else answer

    def _carry_out(self, option: str) -> Answer:
        if option == "--link":
            return Answer(LINK) if self.is_owned else Answer(code="not_claimed", reason="nobody owns it")
        if self.is_owned:
            return Answer(code="already_claimed", reason="somebody owns it")
        self.is_owned = True
        return Answer(LINK, RECOVERY)


@pytest.fixture
def folder(tmp_path: Path) -> DemoFolder:
    made = DemoFolder(tmp_path / "state")
    made.make()
    return made


async def claim(folder: DemoFolder, command: Command) -> Entrance:
    return await enter(folder, command, asyncio.Event(), pause_s=0.0)


async def cut_before_the_file_is_written(folder: DemoFolder, command: Command) -> None:
    async def cut(option: str) -> Answer:
        await command(option)
        raise Killed

    with pytest.raises(Killed):
        await enter(folder, cut, asyncio.Event())


async def test_a_device_that_nobody_owns_is_claimed(folder: DemoFolder) -> None:
    command = Command()

    assert await claim(folder, command) == Entrance(Ownership.TAKEN, LINK)

    assert command.asked == ["--take"]
    assert folder.recovery.read_text(encoding="utf-8") == RECOVERY
    assert folder.recovery.stat().st_mode & 0o777 == 0o600
    assert not folder.claiming.exists()


async def test_at_the_next_start_there_is_a_fresh_link_and_nothing_is_claimed(folder: DemoFolder) -> None:
    command = Command()
    await claim(folder, command)
    command.asked.clear()

    assert await claim(folder, command) == Entrance(Ownership.OURS, LINK)
    assert command.asked == ["--link"]


async def test_a_device_that_somebody_claimed_is_left_to_them(folder: DemoFolder) -> None:
    command = Command(is_owned=True)

    for _start in range(2):
        assert await claim(folder, command) == Entrance(Ownership.THEIRS, LINK)
    assert not folder.recovery.exists()


async def test_a_cut_between_claim_and_file_is_known_until_there_is_a_file(folder: DemoFolder) -> None:
    command = Command()
    await cut_before_the_file_is_written(folder, command)

    for _start in range(2):
        assert await claim(folder, command) == Entrance(Ownership.CUT_OFF, LINK)
    folder.recovery.write_text("made by the owner")
    assert await claim(folder, command) == Entrance(Ownership.OURS, LINK)
    assert folder.recovery.read_text() == "made by the owner"


async def test_a_cut_before_the_claim_is_made_good(folder: DemoFolder) -> None:
    folder.claiming.touch()

    assert (await claim(folder, Command())).ownership is Ownership.TAKEN


async def test_a_cut_after_the_file_is_no_cut(folder: DemoFolder) -> None:
    command = Command()
    await claim(folder, command)
    folder.claiming.touch()

    assert (await claim(folder, command)).ownership is Ownership.OURS
    assert not folder.claiming.exists()


@pytest.mark.parametrize("code", sorted(PASSING))
async def test_a_device_that_is_being_started_again_is_asked_again(folder: DemoFolder, code: str) -> None:
    command = Command((code, False), (code, False))

    assert (await claim(folder, command)).ownership is Ownership.TAKEN
    assert command.asked == ["--take"] * 3


@pytest.mark.parametrize("code", ["connection_lost", "no_answer"])
async def test_a_device_that_died_after_it_was_claimed_has_no_recovery_file(folder: DemoFolder, code: str) -> None:
    command = Command((code, True))

    assert await claim(folder, command) == Entrance(Ownership.CUT_OFF, LINK)
    assert not folder.recovery.exists()


async def test_who_claimed_it_while_it_was_away_keeps_it(folder: DemoFolder) -> None:
    command = Command(("nobody_listens", False), is_owned=True)

    assert (await claim(folder, command)).ownership is Ownership.THEIRS


async def test_a_recovery_file_of_a_state_that_was_removed_is_put_aside(folder: DemoFolder) -> None:
    folder.recovery.write_text("of the device before")

    assert await claim(folder, Command()) == Entrance(Ownership.TAKEN, LINK)
    assert folder.recovery.read_text(encoding="utf-8") == RECOVERY
    assert folder.old_recovery.read_text() == "of the device before"


async def test_a_cut_after_the_old_file_was_put_aside_is_known(folder: DemoFolder) -> None:
    command = Command(("not_claimed", False))
    folder.recovery.write_text("of the device before")

    async def ask(option: str) -> Answer:
        answer = await command(option)
        if option == "--take":
            raise Killed
        return answer

    with pytest.raises(Killed):
        await enter(folder, ask, asyncio.Event())
    assert (await claim(folder, command)).ownership is Ownership.CUT_OFF


async def test_a_refusal_without_a_sentence_of_ours_is_passed_on(folder: DemoFolder) -> None:
    entrance = await claim(folder, Command(("database_failed", False)))

    assert entrance == Entrance(Ownership.UNCLEAR, reason="database_failed")
    assert not folder.claiming.exists()


async def test_a_command_that_says_nothing_may_have_claimed_it(folder: DemoFolder) -> None:
    command = Command()

    async def silent(option: str) -> Answer:
        await command(option)
        return parse_answer(b"")

    assert (await enter(folder, silent, asyncio.Event())).ownership is Ownership.UNCLEAR
    assert (await claim(folder, command)).ownership is Ownership.CUT_OFF


async def test_nobody_waits_for_a_device_when_all_is_to_stop(folder: DemoFolder) -> None:
    stop = asyncio.Event()
    stop.set()
    command = Command(*[("nobody_listens", False)] * 5)

    assert (await enter(folder, command, stop)).ownership is Ownership.UNCLEAR
    assert command.asked == ["--take"]


async def test_a_recovery_file_that_cannot_be_written_stops_the_start(folder: DemoFolder) -> None:
    async def ask(_option: str) -> Answer:
        folder.recovery.mkdir()
        (folder.recovery / "in the way").touch()
        return Answer(LINK, RECOVERY)

    with pytest.raises(FolderUnusable):
        await enter(folder, ask, asyncio.Event())
    assert folder.claiming.exists()


@given(st.binary())
def test_whatever_the_command_prints_is_an_answer(raw: bytes) -> None:
    assert isinstance(parse_answer(raw), Answer)


def test_answers_are_read() -> None:
    assert parse_answer(b'{"link": "L", "recovery": "R", "later": 1}') == Answer("L", "R")
    assert parse_answer(b'{"error": {"code": "c", "message": "m"}}') == Answer(code="c", reason="m")
    assert parse_answer(b'{"error": {"code": "no_answer", "message": "m"}}').is_uncertain
    assert parse_answer(b"Traceback").is_uncertain


def welcome(language: Language, entrance: Entrance, folder: DemoFolder) -> str:
    out = io.StringIO()
    Words(language, out, io.StringIO()).welcome("http://c", "CODE", "http://d", entrance, folder)
    return out.getvalue()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_welcome_has_both_links_and_how_to_get_others(folder: DemoFolder, language: Language) -> None:
    lines = welcome(language, Entrance(Ownership.TAKEN, "http://d/#code=ONCE"), folder)

    assert "http://d/#code=ONCE\n" in lines
    assert f"outpost --state {folder.root} claim --link)" in lines.replace("）", ")")
    assert "http://c/#code=CODE\n" in lines
    assert f"outpost-fleet link --state {folder.root})" in lines.replace("）", ")")
    assert f"\n  {folder.recovery}\n" in lines


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_a_link_the_welcome_has_the_address(folder: DemoFolder, language: Language) -> None:
    text = welcome(language, Entrance(Ownership.UNCLEAR, reason="the disk is full"), folder)

    assert "http://d/\n" in text
    assert "#code=" not in text.replace("#code=CODE", "")
    assert "claim --link" not in text
    assert "the disk is full" in text
    assert f"\n  outpost --state {folder.root} claim\n" in text


@pytest.mark.parametrize(
    ("ownership", "en", "zh"),
    [
        (Ownership.TAKEN, "has been claimed for you", "已为您认领"),
        (Ownership.OURS, "yours since an earlier start", "之前启动时"),
        (Ownership.THEIRS, "has an owner already", "已有主人"),
        (Ownership.CUT_OFF, "cut off before its recovery file was written", "被中断"),
        (Ownership.UNCLEAR, "could not be claimed", "未能"),
    ],
)
def test_programs_starters_hear_of_it_beside_the_line(
    folder: DemoFolder, ownership: Ownership, en: str, zh: str
) -> None:
    sentences: dict[Language, str] = {"en": en, "zh": zh}
    for language, words in sentences.items():
        out, news = io.StringIO(), io.StringIO()
        Words(language, out, news).entered(Entrance(ownership, LINK), folder)
        assert words in news.getvalue()
        assert LINK not in news.getvalue()
        assert out.getvalue() == ""


def test_what_to_do_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "my state")

    text = welcome("en", Entrance(Ownership.CUT_OFF, LINK), folder)

    assert f"\n  outpost --state '{folder.root}' claim --new-recovery '{folder.recovery}'\n" in text


def test_a_program_is_called_so_that_a_shell_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "my env" / "bin" / "python"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert pasteable("outpost") == "'my env/bin/outpost'"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert pasteable("outpost") == f"'{tmp_path}/my env/bin/outpost'"
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/outpost")
    assert pasteable("outpost") == "outpost"


def test_the_last_words_are_told_of_who_failed_and_not_of_who_was_killed() -> None:
    news = io.StringIO()
    words = Words("en", io.StringIO(), news)
    words.ended("device", 1, 0.1, "the disk is full")
    words.ended("device", -9, 0.1, "the disk is full")
    assert news.getvalue().splitlines() == [
        "The device ended (exit 1); starting it again in 0.1 s. the disk is full",
        "The device ended (killed by SIGKILL); starting it again in 0.1 s.",
    ]
