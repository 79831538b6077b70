"""The miner: what it joins and keeps apart, and that neither order, nor shards, nor restarts change that."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpost_agent.logs.headers import HeaderParser
from outpost_agent.logs.mining.core import OTHER, Mined, Miner
from outpost_agent.logs.mining.shapes import Limits
from outpost_agent.logs.times import Clock
from tests.support.logs_like import LIKE, lines_like

WORDS = (
    "open",
    "close",
    "file",
    "user",
    "17",
    "blk_-9",
    "10.0.0.1:80",
    "|",
    "x=1",
    "<*>",
    "Ok",
    "a.b.C",
    "NEW",
    '"q r"',
)
MESSAGES = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=60)
TIGHT = Limits(firsts=3, seconds=3, words=3, shelf=10_000, shapes=100_000)


def mined(messages: Iterable[str]) -> Mined:
    miner = Miner()
    for message in messages:
        miner.add(message)
    return miner.result()


def texts(messages: Iterable[str]) -> dict[str, int]:
    return {template.text: template.count for template in mined(messages).templates}


def parted(miner: Miner, messages: Sequence[str]) -> set[frozenset[int]]:
    """Return which of the messages, all of which the miner has met before, belong together."""
    marks = [miner.add(message) for message in messages]
    found = miner.result()
    members: defaultdict[str, set[int]] = defaultdict(set)
    for index, mark in enumerate(marks):
        members[found.template_of[mark]].add(index)
    return {frozenset(group) for group in members.values()}


def shards(messages: Sequence[str], cuts: Iterable[int]) -> list[Sequence[str]]:
    edges = [0, *sorted(cut % (len(messages) + 1) for cut in cuts), len(messages)]
    return [messages[start:end] for start, end in pairwise(edges)]


def test_messages_that_differ_in_values_share_a_template() -> None:
    assert texts(["took 12 ms", "took 7 ms", "took 0x1f ms"]) == {"took <*> ms": 3}


def test_units_are_part_of_the_value_when_they_vary() -> None:
    assert texts(["sent 12 KB to disk", "sent 7 MB to disk"]) == {"sent <*> to disk": 2}


def test_a_few_words_of_prose_keep_messages_apart() -> None:
    messages = [f"VM {state} (Lifecycle Event) {n}" for n in range(9) for state in ("Started", "Paused", "Stopped")]
    assert len(texts(messages)) == 3


def test_many_words_in_one_place_are_a_value() -> None:
    messages = [f"{word} startup of service was fine" for word in ("cups", "klog", "sdp", "port", "hci", "irq")]
    assert texts(messages) == {"<*> startup of service was fine": 6}


@pytest.mark.parametrize("header", ["svc-a | worker | ", "[app] [svc] [main] x - "])
def test_words_of_an_unknown_header_change_nothing(header: str) -> None:
    messages = [line.partition(": ")[2] for line, _ in lines_like("sshd", 500)]
    assert texts(header + message for message in messages) == {
        header + text: count for text, count in texts(messages).items()
    }


def test_values_that_always_come_together_are_values_all_the_same() -> None:
    names = ["".join(pair) for pair in product("abcdef", "uvwxyz")]
    messages = [f"login {name} host{name} dept{name} ok" for name in names for _ in range(len(name))]
    assert texts([*messages, "logout of all is ok"]) == {"login <*> <*> <*> ok": 72, "logout of all is ok": 1}


def test_what_differing_words_have_in_common_stays_around_the_wildcard() -> None:
    requests = [f'request: "GET /{name}.html HTTP/1.1", host: "h"' for name in ("about", "index", "news", "blog", "x")]
    assert list(texts(requests)) == ['request: "GET /<*>", host: "h"']


def test_names_are_sooner_a_value_than_prose() -> None:
    assert texts(f"session closed for user {name}" for name in ("root", "news", "alice")) == {
        "session closed for user <*>": 3
    }


def test_states_in_capitals_are_kept_apart_longer() -> None:
    states = ("NEW", "SCHEDULED", "RUNNING", "KILLED", "FAILED", "DONE", "LOST")
    assert len(texts(f"task 7 changed to {state} now" for state in states)) == 7


def test_a_missing_value_is_a_value() -> None:
    assert texts(["from 10.0.0.1 () at once", "from 10.0.0.2 (7) at once"]) == {"from <*> (<*>) at once": 2}


def test_rows_and_quoted_sentences_of_any_length_are_one_word() -> None:
    assert texts(["delete blk_1 blk_2 blk_3", "delete blk_7", "delete blk_8 blk_9"]) == {"delete blk_<*>": 3}
    assert len(texts(["speeds ( 1 2 3 )", "speeds ( 4 5 )", "speeds ( 6 )"])) == 1


@pytest.mark.parametrize("name", LIKE)
def test_groups_logs_it_was_not_made_from(name: str) -> None:
    lines = lines_like(name)
    miner, parser = Miner(), HeaderParser(Clock(datetime(2025, 11, 24, tzinfo=UTC)))
    headers = [parser.parse(line) for line, _ in lines]
    marks = [miner.add(header.pattern if header else line) for header, (line, _) in zip(headers, lines, strict=True)]
    found = miner.result()
    kinds: defaultdict[str, set[int]] = defaultdict(set)
    groups: defaultdict[str, set[int]] = defaultdict(set)
    for index, ((_, kind), mark) in enumerate(zip(lines, marks, strict=True)):
        kinds[kind].add(index)
        groups[found.template_of[mark]].add(index)
    right = {frozenset(group) for group in kinds.values()}
    assert sum(len(group) for group in groups.values() if frozenset(group) in right) >= 0.9 * len(lines)


@given(MESSAGES, st.randoms(use_true_random=False))
def test_order_does_not_change_the_groups(messages: list[str], chance: random.Random) -> None:
    order = list(range(len(messages)))
    chance.shuffle(order)
    one, other = Miner(limits=TIGHT), Miner(limits=TIGHT)
    for index in range(len(messages)):
        one.add(messages[index])
        other.add(messages[order[index]])
    assert parted(one, messages) == parted(other, messages)


@given(MESSAGES, st.lists(st.integers(0, 100), max_size=4), st.randoms(use_true_random=False))
def test_shards_in_any_order_give_the_groups_of_one_run(
    messages: list[str], cuts: list[int], chance: random.Random
) -> None:
    models = []
    for shard in shards(messages, cuts):
        miner = Miner(limits=TIGHT)
        for message in shard:
            miner.add(message)
        models.append(miner.model())
    chance.shuffle(models)
    merged, whole = Miner(limits=TIGHT), Miner(limits=TIGHT)
    for model in models:
        merged.merge(model)
    for message in messages:
        whole.add(message)
    assert parted(merged, messages) == parted(whole, messages)


@given(MESSAGES, st.lists(st.integers(0, 100), max_size=4))
def test_restarts_do_not_change_the_groups(messages: list[str], cuts: list[int]) -> None:
    whole = Miner(limits=TIGHT)
    for message in messages:
        whole.add(message)
    model = None
    for shard in shards(messages, cuts):
        miner = Miner(model, limits=TIGHT)
        for message in shard:
            miner.add(message)
        model = miner.model()
    assert parted(Miner(model, limits=TIGHT), messages) == parted(whole, messages)


@given(MESSAGES)
def test_the_same_again_keeps_every_id_and_founds_none(messages: list[str]) -> None:
    first = Miner()
    before = {first.add(message) for message in messages}
    ids = {template.id: template.text for template in first.result().templates}
    assert len(before) >= len(ids)
    again = Miner(first.model())
    for message in messages:
        again.add(message)
    found = again.result()
    assert {template.id: template.text for template in found.templates} == ids
    assert (found.new, found.gone) == ((), ())


def test_an_id_stays_when_its_template_widens() -> None:
    first = Miner()
    for name in ("root", "root", "news"):
        first.add(f"login of user {name} refused")
    before = {template.text: template.id for template in first.result().templates}
    second = Miner(first.model())
    for name in ("alice", "bob", "carol"):
        second.add(f"login of user {name} refused")
    (template,) = second.result().templates
    assert template.text == "login of user <*> refused"
    assert template.id == before["login of user root refused"]


def test_tells_what_is_new_and_what_is_gone_from_one_day_to_the_next() -> None:
    monday = Miner()
    for message in ("backup 1 done", "backup 2 done", "disk 7 is fine"):
        monday.add(message)
    assert monday.result().new == ()
    tuesday = Miner(monday.model())
    for message in ("backup 3 done", "disk 7 failed to spin up"):
        tuesday.add(message)
    found = tuesday.result()
    texts_by_id = {template.id: template.text for template in found.templates}
    assert [texts_by_id[name] for name in found.new] == ["disk <*> failed to spin up"]
    assert [(template.text, template.last) for template in found.gone] == [("disk <*> is fine", 1)]
    wednesday = Miner(tuesday.model())
    wednesday.add("backup 4 done")
    assert [template.text for template in wednesday.result().gone] == ["disk <*> failed to spin up"]


@given(MESSAGES)
def test_every_message_is_counted_once(messages: list[str]) -> None:
    miner = Miner(limits=Limits(shapes=5), templates=3)
    marks = [miner.add(message) for message in messages]
    found = miner.result()
    assert sum(template.count for template in found.templates) + found.other == len(messages)
    assert len(found.templates) <= 3
    assert {found.template_of.get(mark, OTHER) for mark in marks} <= {OTHER, *(one.id for one in found.templates)}


@given(st.text(max_size=400))
def test_any_text_has_a_template(message: str) -> None:
    assert [template.count for template in mined([message]).templates] == [1]


@settings(max_examples=20)
@given(
    st.sampled_from(
        ['"', "'", "(", "[a, ", "/", "a.", "1:", "=", ",", "x=1,", "<*>", "@", "a@", "\x1f", "://", "f", "0-"]
    )
)
def test_repeated_signs_take_linear_time(unit: str) -> None:
    assert len(mined([unit * 100_000, f"a {unit * 3000} b"]).templates) <= 2


def test_free_text_is_bounded() -> None:
    chance = random.Random(3)
    miner = Miner(limits=Limits(firsts=20, seconds=20, words=20, shelf=100, shapes=500))
    for _ in range(20_000):
        length = chance.randrange(1, 12)
        miner.add(" ".join("".join(chance.choices("abcdefgh", k=5)) for _ in range(length)))
    found = miner.result()
    assert len(found.templates) <= 500
    assert sum(template.count for template in found.templates) + found.other == 20_000
