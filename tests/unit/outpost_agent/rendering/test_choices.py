"""Buttons: what a platform can show is shown, what it cannot is said."""

from __future__ import annotations

from outpost_agent.rendering import Part, render
from outpost_sdk.channel import Caps, Delivery
from outpost_wire.document import Button, Buttons, Document, Item, ListBlock, Paragraph, Quote, Text

AGAIN = Button("Try again", "/retry 7")
STOP = Button("Stop", "/cancel 7")
TEXT = Paragraph((Text("It failed."),))


def rendered(document: Document, *, limit: int = 3, label: int = 20, size: int = 20, text: int = 0) -> tuple[Part, ...]:
    caps = Caps(
        delivery=Delivery.BY_CALL,
        format="telegram",
        text_limit=text,
        buttons_limit=limit,
        button_label=label,
        button_bytes=size,
    )
    return render(document, caps)


def test_buttons_go_to_the_last_part() -> None:
    parts = rendered(Document((Buttons((AGAIN, STOP)), TEXT, TEXT)), text=12)
    assert parts == (Part("It failed."), Part("It failed.", (AGAIN, STOP)))


def test_a_command_that_is_too_long_is_told() -> None:
    long = Button("Open", "/open " + "é" * 8)
    assert rendered(Document((TEXT, Buttons((long, STOP))))) == (
        Part("It failed.\n\nOpen: <code>/open éééééééé</code>", (STOP,)),
    )


def test_buttons_beyond_the_limit_are_told() -> None:
    assert rendered(Document((TEXT, Buttons((AGAIN, STOP)))), limit=1) == (
        Part("It failed.\n\nStop: <code>/cancel 7</code>", (AGAIN,)),
    )


def test_without_buttons_on_the_platform_all_are_told() -> None:
    assert rendered(Document((TEXT, Buttons((AGAIN, Button("/help", "/help"))))), limit=0) == (
        Part("It failed.\n\nTry again: <code>/retry 7</code>\n<code>/help</code>"),
    )


def test_a_long_label_is_cut_between_what_people_see_as_characters() -> None:
    (part,) = rendered(Document((TEXT, Buttons((Button("Go 👩\u200d👩\u200d👧", "/go"),)))), label=6)
    assert part.buttons == (Button("Go…", "/go"),)


def test_buttons_deep_in_a_document_are_found() -> None:
    inside = Quote((ListBlock((Item((Buttons((STOP,)),)),)), Buttons((AGAIN,))))
    (part,) = rendered(Document((TEXT, inside)))
    assert part.buttons == (STOP, AGAIN)


def test_a_message_of_nothing_but_buttons_names_them() -> None:
    assert rendered(Document((Buttons((AGAIN, STOP)),))) == (Part("Try again / Stop", (AGAIN, STOP)),)
