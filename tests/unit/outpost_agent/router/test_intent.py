"""What a message asks for."""

from __future__ import annotations

import pytest

from outpost_agent.language import language_of
from outpost_agent.router.core import Analyse, Command, Said, UnknownCommand, parse_intent
from outpost_wire.http import accepted_language


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("/status", Command("status")),
        ("  /STATUS  ", Command("status")),
        ("/状态", Command("status")),
        ("／状态", Command("status")),
        ("status", Command("status")),
        ("状态？", Command("status")),
        ("/tasks", Command("tasks")),
        ("/cancel", Command("cancel")),
        ("/cancel 2", Command("cancel", "2")),
        ("/取消 2", Command("cancel", "2")),
        ("/cancel@my_bot 3", Command("cancel", "3")),
        ("/help me\nplease", Command("help", "me\nplease")),
        ("/start", Command("help")),
        ("/nothing", UnknownCommand("nothing")),
        ("/", Said("/")),
        ("/etc/passwd is what?", Said("/etc/passwd is what?")),
        ("how are you", Said("how are you")),
        ("", Said("")),
    ],
)
def test_reads_what_is_wanted(text: str, intent: object) -> None:
    assert parse_intent(text, has_files=False) == intent


@pytest.mark.parametrize("text", ["", "/status", "please look at logins"])
def test_files_are_analysed_whatever_is_said(text: str) -> None:
    assert parse_intent(text, has_files=True) == Analyse(text)


@pytest.mark.parametrize(
    ("text", "preferred", "language"),
    [
        ("what is this", None, "en"),
        ("这是什么", None, "zh"),
        ("show me 状态", "en", "zh"),
        ("what is this", "zh", "en"),
        ("/status", "zh", "zh"),
        ("", "zh", "zh"),
        ("", None, "en"),
        ("123", "zh", "zh"),
    ],
)
def test_answers_in_the_language_of_the_sender(text: str, preferred: str | None, language: str) -> None:
    assert language_of(text, preferred) == language  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("de,fr;q=0.5", None),
        ("de, zh;q=0.3, en;q=0.5", "en"),
        ("zh;q=bad,en", "en"),
        ("", None),
    ],
)
def test_reads_the_language_that_a_browser_asks_for(header: str, language: str | None) -> None:
    assert accepted_language(header) == language
