"""Documents as Telegram's HTML, to the letter."""

from __future__ import annotations

import pytest

from outpost_agent.markdown import parse_markdown
from outpost_agent.rendering import length, render
from outpost_sdk.channel import Caps, Delivery
from outpost_wire.document import Block, CodeBlock, Document, Image, Link, Paragraph, Strong, Text
from tests.unit.outpost_agent.rendering.telegram_reader import read

LIMIT = 4096


def telegram(text_limit: int = LIMIT, mark_limit: int = 100) -> Caps:
    return Caps(
        delivery=Delivery.BY_CALL,
        format="telegram",
        text_limit=text_limit,
        text_unit="utf16",
        mark_limit=mark_limit,
    )


def html(markdown: str) -> str:
    (part,) = render(parse_markdown(markdown), telegram())
    return part.text


def texts(markdown: str, text_limit: int = LIMIT, mark_limit: int = 100) -> list[str]:
    return [part.text for part in render(parse_markdown(markdown), telegram(text_limit, mark_limit))]


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("a < b & c > \"d\" 'e'", "a &lt; b &amp; c &gt; \"d\" 'e'"),
        ("**b** *i* ~~s~~ `c`", "<b>b</b> <i>i</i> <s>s</s> <code>c</code>"),
        ("**bold *both* bold**", "<b>bold <i>both</i> bold</b>"),
        ("one\ntwo\\\nthree", "one two\nthree"),
        ("# Head *soft*\n\ntext\n\ntext", "<b>Head <i>soft</i></b>\ntext\n\ntext"),
        ("***", "──────────"),
        ("- a\n- b\n  - c\n    - d\n- e", "• a\n• b\n    ◦ c\n        ▪ d\n• e"),
        ("7. a\n8. b\n   1. c", "7. a\n8. b\n    1. c"),
        ("- one\\\n  two\n\n  three", "• one\n    two\n    three"),
        ("- ```\n  code\n  ```", "•\n<pre>code</pre>"),
        ("> a\n>\n> b", "<blockquote>a\n\nb</blockquote>"),
        ("> a\n>\n> > b\\\n> > c", "<blockquote>a\n\n&gt; b\n&gt; c</blockquote>"),
        ("```\na\n\n\tb\n```", "<pre>a\n\n    b</pre>"),
        ("```c++ x\na<b\n```", '<pre><code class="language-c++">a&lt;b</code></pre>'),
        ('```"><b>\na\n```', "<pre>a</pre>"),
    ],
)
def test_writes(markdown: str, expected: str) -> None:
    assert html(markdown) == expected


def test_code_stands_under_no_other_mark() -> None:
    assert html("**bold `code` bold**") == "<b>bold </b><code>code</code><b> bold</b>"


def test_a_link_keeps_its_address_rather_than_its_code() -> None:
    assert html("**[`code`](https://x.y)**") == '<b><a href="https://x.y">code</a></b>'


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ('https://x.y/?a=1&b="<', '<a href="https://x.y/?a=1&amp;b=&quot;&lt;">text</a>'),
        ("HTTP://x.y", '<a href="HTTP://x.y">text</a>'),
        ("mailto:a@b.c", "text (a@b.c)"),
        ("/api/v1/x", "text"),
        ("javascript:alert(1)", "text"),
        ("https://x.y/ z", "text"),
        ("", "text"),
    ],
)
def test_links_only_to_what_telegram_takes(link: str, expected: str) -> None:
    (part,) = render(Document((Paragraph((Link(link, (Text("text"),)),)),)), telegram())
    assert part.text == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image("https://x.y/z.png", "a plot"), '<a href="https://x.y/z.png">a plot</a>'),
        (Image("https://x.y/z.png"), '<a href="https://x.y/z.png">https://x.y/z.png</a>'),
        (Image("/content/z.png", "a plot"), "a plot"),
    ],
)
def test_a_picture_is_a_link_to_what_it_shows(image: Image, expected: str) -> None:
    (part,) = render(Document((Paragraph((image,)),)), telegram())
    assert part.text == expected


def test_a_narrow_table_is_aligned_and_counts_wide_characters_twice() -> None:
    source = "| 名称 | n |\n|:--|--:|\n| 日志 | 5 |\n| a | 12 |"
    assert html(source) == "<pre>名称   n\n----  --\n日志   5\na     12</pre>"


def test_a_table_without_labels_has_no_header() -> None:
    assert html("| | |\n|--|--|\n| a | 1 |") == "<pre>a  1</pre>"


def test_a_wide_table_is_a_list_with_labels() -> None:
    wide = "x" * 40
    source = f"| Name | **What** | Note |\n|--|--|--|\n| a | `{wide}` | |\n| b | c | d |"
    assert html(source) == (
        f"• Name: a\n    <b>What</b>: <code>{wide}</code>\n    Note: –\n• Name: b\n    <b>What</b>: c\n    Note: d"
    )


def test_a_wide_table_of_two_columns_without_labels_takes_the_first_as_labels() -> None:
    wide = "x" * 40
    assert html(f"| | |\n|--|--|\n| Memory | {wide} |\n| Disk | full |") == f"• Memory: {wide}\n• Disk: full"


def test_a_table_with_links_is_a_list_so_that_they_work() -> None:
    source = "| a | b |\n|--|--|\n| [c](https://x.y) | d |"
    assert html(source) == '• a: <a href="https://x.y">c</a>\n    b: d'


def test_long_code_is_closed_and_opened_again() -> None:
    source = "```py\n" + "\n".join(f"line_{number}" for number in range(6)) + "\n```"
    assert texts(source, text_limit=16) == [
        '<pre><code class="language-py">line_0\nline_1</code></pre>',
        '<pre><code class="language-py">line_2\nline_3</code></pre>',
        '<pre><code class="language-py">line_4\nline_5</code></pre>',
    ]


def test_nested_emphasis_is_closed_and_opened_again() -> None:
    assert texts("**one two *three four five* six**", text_limit=14) == [
        "<b>one two <i>three</i></b>",
        "<b><i>four five</i> six</b>",
    ]


def test_a_long_quote_is_closed_and_opened_again() -> None:
    assert texts("> one two three\n>\n> four five six", text_limit=20) == [
        "<blockquote>one two three</blockquote>",
        "<blockquote>four five six</blockquote>",
    ]


def test_the_quote_sign_of_an_inner_quote_is_said_again() -> None:
    assert texts("> > one two three four", text_limit=14) == [
        "<blockquote>&gt; one two</blockquote>",
        "<blockquote>&gt; three four</blockquote>",
    ]


def test_a_bullet_is_not_said_again() -> None:
    assert texts("- one two three four\n- five", text_limit=14) == ["• one two", "    three four", "• five"]


def test_a_long_table_goes_on_as_literal_lines() -> None:
    rows = "\n".join(f"| row {number} | {number} |" for number in range(4))
    assert texts(f"| a | b |\n|--|--|\n{rows}", text_limit=30) == [
        "<pre>a      b\n-----  -\nrow 0  0</pre>",
        "<pre>row 1  1\nrow 2  2\nrow 3  3</pre>",
    ]


def test_blocks_are_kept_whole_where_they_fit() -> None:
    assert texts("one one\n\ntwo two\n\n- three\n- four", text_limit=20) == ["one one\n\ntwo two", "• three\n• four"]


def test_a_heading_stays_with_what_it_is_above() -> None:
    assert texts("text text\n\n# Head\n\nmore more", text_limit=20) == ["text text", "<b>Head</b>\nmore more"]


def test_a_short_block_above_a_long_one_is_no_message_of_its_own() -> None:
    assert texts("One.\n\nTwo three four five six seven.", text_limit=24) == [
        "One.\n\nTwo three four",
        "five six seven.",
    ]


def test_code_keeps_its_indentation_where_it_is_cut() -> None:
    assert texts("```\nif x:\n    y()\n```", text_limit=10) == ["<pre>if x:</pre>", "<pre>    y()</pre>"]


def test_marks_are_counted_as_the_server_counts_entities() -> None:
    parts = texts("**a** b " * 250)
    assert [len(read(part).entities) for part in parts] == [100, 100, 50]


def test_blocks_of_code_and_quotes_count_as_marks() -> None:
    source = "> q\n\n```\nc\n```\n\n" * 3
    assert [len(read(part).entities) for part in texts(source, mark_limit=2)] == [2, 2, 2]


def test_neighbouring_blocks_of_code_stay_two() -> None:
    document: tuple[Block, ...] = (CodeBlock("a"), CodeBlock("b"))
    (part,) = render(Document(document), telegram())
    assert part.text == "<pre>a</pre>\n\n<pre>b</pre>"


def test_length_is_counted_in_utf16_and_without_mark_up() -> None:
    document = Document((Paragraph((Strong((Text("😀" * 2048),)),)),))
    (part,) = render(document, telegram())
    assert part.text == f"<b>{'😀' * 2048}</b>"
    assert len(read(part.text).text.encode("utf-16-le")) // 2 == length("😀" * 2048, "utf16") == LIMIT


def test_an_emoji_more_begins_another_message() -> None:
    parts = render(Document((Paragraph((Text("😀" * 2049),)),)), telegram())
    assert [part.text for part in parts] == ["😀" * 2048, "😀"]


def test_what_nobody_sees_is_not_sent() -> None:
    assert render(Document((Paragraph((Text(" \u200b\u2060\n"),)), CodeBlock("\n \n"))), telegram()) == ()


def test_half_a_surrogate_pair_and_controls_do_not_reach_the_platform() -> None:
    (part,) = render(Document((Paragraph((Text("a\ud83d\x00b\r\nc"),)),)), telegram())
    assert part.text == "a\ufffdb c"
