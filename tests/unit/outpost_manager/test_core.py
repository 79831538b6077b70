from __future__ import annotations

import pytest

from outpost_manager.core import Presence, supersedes

EARLIER, LATER = "01HAAAAAAAAAAAAAAAAAAAAAAA", "01HBBBBBBBBBBBBBBBBBBBBBBB"
HERE = Presence(online=True, boot_id=LATER, connection=3)
GONE = Presence(online=False, boot_id=LATER, connection=3)


@pytest.mark.parametrize("new", [HERE, GONE])
def test_anything_is_news_of_a_device_that_was_never_seen(new: Presence) -> None:
    assert supersedes(new, None)


@pytest.mark.parametrize(
    ("new", "known", "expected"),
    [
        (GONE, HERE, True),
        (HERE, GONE, False),
        (HERE, HERE, False),
        (Presence(online=False, boot_id=LATER, connection=2), HERE, False),
        (Presence(online=True, boot_id=LATER, connection=4), GONE, True),
        (Presence(online=False, boot_id=EARLIER, connection=9), HERE, False),
        (Presence(online=True, boot_id=EARLIER, connection=1), GONE, True),
        (GONE, Presence(online=True, boot_id=EARLIER, connection=9), True),
    ],
    ids=[
        "the end of this connection",
        "a birth after the end of the same connection",
        "the same birth again",
        "the will of an older connection",
        "a later connection",
        "the will of an older run",
        "a run whose clock went back",
        "the end of a later run",
    ],
)
def test_the_more_recent_news_wins(new: Presence, known: Presence, expected: bool) -> None:
    assert supersedes(new, known) is expected
