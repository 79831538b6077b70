"""The template miner: what it joins, what it keeps apart, and its bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.logs.drain import Miner
from outpost_agent.logs.masks import Masker

WORDS = ("open", "close", "file", "block", "17", "blk_-9", "10.0.0.1:80", "|", "`x`", "<*>", "ok")
MESSAGES = st.lists(st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join), max_size=60)


def mined(messages: list[str]) -> list[str]:
    miner = Miner()
    for message in messages:
        miner.add(message)
    return [template.text for template in miner.templates()]


def test_messages_that_differ_in_numbers_share_a_template() -> None:
    assert mined(["took 12 ms", "took 7 ms", "took 0x1f ms"]) == ["took <*> ms"]


def test_words_that_vary_become_wildcards() -> None:
    assert mined(["session opened for user root now", "session opened for user bob now"]) == [
        "session opened for user <*> now"
    ]


def test_messages_that_differ_in_their_first_word_stay_apart() -> None:
    assert mined(["Failed password for root", "Accepted password for root"]) == [
        "Failed password for root",
        "Accepted password for root",
    ]


def test_masks_what_is_surely_variable_and_nothing_else() -> None:
    masked = Masker().tokens(
        "workers2 jk2_init() blk_-38 10.0.0.1:50010 size=67 0xFFab 2015-10-18 aa:bb:cc:dd:ee:0f user"
    )
    assert masked == ["workers2", "jk2_init()", "blk_<*>", "<*>", "size=<*>", "<*>", "<*>", "<*>", "user"]


def test_a_full_leaf_takes_free_text_into_its_templates() -> None:
    miner = Miner(siblings=5)
    for index in range(200):
        miner.add("say now " + " ".join(chr(97 + (index * step) % 26) * 3 for step in range(1, 9)))
    assert len(list(miner.templates())) == 5


@given(MESSAGES)
def test_every_message_is_counted_once(messages: list[str]) -> None:
    miner = Miner(limit=4)
    for message in messages:
        miner.add(message)
    living = list(miner.templates())
    assert sum(template.count for template in living) + miner.other == len(messages)
    assert len(living) <= 4


@given(MESSAGES)
def test_mining_the_same_again_founds_nothing_new(messages: list[str]) -> None:
    miner = Miner()
    first = [miner.add(message).id for message in messages]
    before = [template.text for template in miner.templates()]
    again = [miner.add(message).id for message in messages]
    assert again[-1:] == first[-1:]
    assert [template.text for template in miner.templates()] == before


@given(MESSAGES)
def test_a_template_fits_the_messages_it_took(messages: list[str]) -> None:
    miner = Miner()
    taken = [(message, miner.add(message)) for message in messages]
    for message, template in taken:
        tokens = Masker().tokens(message)
        assert len(tokens) == len(template.tokens)
        assert all(mine in {"<*>", token} for mine, token in zip(template.tokens, tokens, strict=True))


@given(st.text(max_size=400))
def test_any_text_has_a_template(message: str) -> None:
    assert Miner(width=8).add(message).count == 1
