"""The model of a source as a file: pinned by vectors, refused when damaged, bounded."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.logs.mining.core import Miner
from outpost_agent.logs.mining.model import Model, encoded, parse_model
from outpost_agent.logs.mining.shapes import Limits
from outpost_agent.logs.mining.templates import id_of
from outpost_wire.errors import BadInput

VECTORS = Path(__file__).parents[4] / "vectors" / "logs"
MESSAGES = ("session closed for user root", "session closed for user news", "took 7 ms", "<*> is down", "ok", "")


def test_ids_are_pinned() -> None:
    pinned: dict[str, str] = json.loads((VECTORS / "ids.json").read_text(encoding="utf-8"))
    assert {text: id_of(text) for text in pinned} == pinned


def test_an_id_that_is_taken_gives_way_to_the_next() -> None:
    first = id_of("x")
    second = id_of("x", {first})
    assert second != first
    assert id_of("x", {first, second}) not in {first, second}


def test_the_file_is_pinned() -> None:
    miner = Miner(limits=Limits(words=1))
    for message in MESSAGES:
        miner.add(message)
    assert encoded(miner.model()) == (VECTORS / "model-1.json").read_bytes().rstrip(b"\n")


def test_the_pinned_file_is_read() -> None:
    model = parse_model((VECTORS / "model-1.json").read_bytes(), "m")
    miner = Miner(model)
    miner.add("session closed for user alice")
    found = miner.result()
    assert [(template.text, template.count, template.before) for template in found.templates] == [
        ("session closed for user <*>", 1, 2)
    ]
    assert (found.new, len(found.gone)) == ((), 4)


def damaged() -> dict[str, bytes]:
    whole = json.loads((VECTORS / "model-1.json").read_bytes())
    shelf = whole["shelves"][-1]
    return {
        "cut": (VECTORS / "model-1.json").read_bytes()[:-20],
        "empty": b"",
        "another version": msgspec.json.encode(whole | {"version": 2}),
        "unknown field": msgspec.json.encode(whole | {"more": 1}),
        "wrong length": msgspec.json.encode(whole | {"shelves": [{**shelf, "length": 99}]}),
        "wrong place": msgspec.json.encode(whole | {"shelves": [{**shelf, "varying": [99]}]}),
        "no cap": msgspec.json.encode(whole | {"shelves": [{**shelf, "cap": 0}]}),
        "negative": msgspec.json.encode(whole | {"runs": -1}),
    }


@pytest.mark.parametrize("name", damaged())
def test_a_damaged_model_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(BadInput, match=r"“m\.zst” is not a model of a log \(.*move it away"):
        parse_model(damaged()[name], "m.zst")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_model_or_refused(data: bytes) -> None:
    try:
        parse_model(data, "m")
    except BadInput as error:
        assert error.zh.endswith("。")


@given(st.lists(st.sampled_from([*MESSAGES, "a b", "c d e"]), max_size=30))
def test_a_model_comes_back_as_it_was(messages: list[str]) -> None:
    miner = Miner(limits=Limits(firsts=2, seconds=2, words=2))
    for message in messages:
        miner.add(message)
    model = miner.model()
    assert parse_model(encoded(model), "m") == model
    again = Miner(model, limits=Limits(firsts=2, seconds=2, words=2)).model()
    assert [shelf.varying for shelf in again.shelves] == [shelf.varying for shelf in model.shelves]
    assert [[row.words for row in shelf.shapes] for shelf in again.shelves] == [
        [row.words for row in shelf.shapes] for shelf in model.shelves
    ]


def test_a_model_of_more_than_fits_is_cut_to_the_limits() -> None:
    big = Miner()
    for number in range(400):
        big.add(f"{'abcdefghij'[number % 10]} {'klmnopqrst'[number // 10 % 10]} {'uvwx'[number // 100]}")
    small = Miner(big.model(), limits=Limits(shapes=50))
    small.add("new here")
    assert sum(len(shelf.shapes) for shelf in small.model().shelves) <= 50


def test_an_empty_model_is_a_first_run() -> None:
    miner = Miner(Model())
    miner.add("x")
    assert (miner.result().runs, miner.result().new) == (0, ())
