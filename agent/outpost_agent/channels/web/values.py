"""JSON in and out of requests: bodies of bounded size, numbers in queries, answers."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from aiohttp import web

from outpost_wire.errors import BadInput

BODY_LIMIT = 64 * 1024
SEQ_LIMIT = 2**53
PAGE_LIMIT = 100
_encode = msgspec.json.Encoder().encode

B = TypeVar("B", bound="Body")


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The JSON object that a request brings."""


async def read_body(request: web.Request, kind: type[B]) -> B:
    """Return the JSON in `request` as a `kind`. Raises BadInput that names the field at fault."""
    raw = bytearray()
    async for piece in request.content.iter_any():
        raw += piece
        if len(raw) > BODY_LIMIT:
            raise BadInput(
                f"The request is larger than {BODY_LIMIT // 1024} KiB.", f"请求超过 {BODY_LIMIT // 1024} KiB。"
            )
    try:
        return msgspec.json.decode(raw or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"The request is not what it should be: {error}.", f"请求有误：{error}。") from error


def answer(value: Any, status: int = 200) -> web.Response:
    """Return `value` as a response in JSON."""
    return web.Response(status=status, body=_encode(value), content_type="application/json")


def number(request: web.Request, name: str, default: float, least: float, most: float) -> float:
    """Return the number `name` of the query, at most `most`. Raises BadInput when it is none, or below `least`."""
    text = request.query.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not value >= least:
        raise BadInput(f"{name}: expected a number from {least:g}.", f"{name}：应为不小于 {least:g} 的数字。")
    return min(value, most)


def page_size(request: web.Request) -> int:
    """Return how many rows a request wants. Raises BadInput."""
    return int(number(request, "limit", PAGE_LIMIT, 1, PAGE_LIMIT))


def before_seq(request: web.Request) -> int:
    """Return the seq that a request wants what lies before of; beyond all when it names none. Raises BadInput."""
    return int(number(request, "before", SEQ_LIMIT, 0, SEQ_LIMIT))
