"""What the daemon and a worker say to each other: one method, `run`, over the local socket.

The request is an `Order`. Descriptors of open files and folders travel with it, so that a worker needs no path and no
right to any folder: first each input, then the task's own folder, then each parent's folder. Updates are
`{"started": true}` once, before the handler runs, and `{"progress": 0 to 1}`. The result is the outcome as msgpack, in
the answer's bulk; an error is a `Fault` with one of the codes below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from outpost_sdk.handler import Input, Language
from outpost_wire.errors import BadMessage

RUN = "run"
FIRST_PASSED = 3  # the descriptor of the listening socket, sd_listen_fds(3)
BAD_INPUT = "bad_input"
OUT_OF_MEMORY = "out_of_memory"
HANDLER_FAILED = "handler_failed"
HANDLER_MISSING = "handler_missing"
WORKER_DIED = "worker_died"


class Parent(msgspec.Struct, frozen=True):
    """A parent task: its kind and what its outcome handed on."""

    kind: str
    data: Mapping[str, Any] = {}


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One job to be run."""

    kind: str
    params: Mapping[str, Any] = {}
    language: Language = "en"
    inputs: tuple[Input, ...] = ()
    parents: tuple[Parent, ...] = ()

    @property
    def descriptors(self) -> int:
        """Return how many descriptors go with this order."""
        return len(self.inputs) + 1 + len(self.parents)


def parse_order(params: Any, descriptors: int) -> Order:
    """Return the order in a request's `params`; raises BadMessage that names the field at fault."""
    try:
        order = msgspec.convert(params, Order)
    except msgspec.ValidationError as error:
        raise BadMessage(f"order: {error}") from error
    if order.descriptors != descriptors:
        raise BadMessage(f"order: {order.descriptors} descriptors are expected, {descriptors} came")
    return order
