"""What leaves the device, as a label: the words that the one way out and its rules are written in."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["reply", "file", "progress", "telemetry", "event", "result", "shadow", "state", "answer", "model"]


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """Something about to leave: `destination` is a channel's name, `manager` or a model's; `bytes` is its size.

    `chat` is whose words or files they are, where they are a chat's.
    """

    destination: str
    kind: Kind
    bytes: int
    chat: str | None = None
