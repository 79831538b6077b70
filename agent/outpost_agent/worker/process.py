"""The worker's side: one connection, one job at a time, and the end of the connection is the end of the process.

There is no event loop: the main thread waits for an order and runs its handler; a second thread does nothing but wait
for the daemon to hang up, which is how a job is cancelled and how a worker learns that the daemon is gone.
"""

from __future__ import annotations

import importlib
import os
import select
import socket
import threading
from collections.abc import Mapping
from typing import NoReturn

import msgspec

from outpost_agent.local import descriptors
from outpost_agent.local.bulk import compose
from outpost_agent.local.descriptors import Descriptors, close_all
from outpost_agent.worker.job import DescriptorJob
from outpost_agent.worker.orders import BAD_INPUT, HANDLER_FAILED, HANDLER_MISSING, OUT_OF_MEMORY, RUN, parse_order
from outpost_sdk.handler import Handler, Outcome
from outpost_wire.errors import BadInput, OutpostError
from outpost_wire.frames import BULK_LIMIT, Assembler, Body, Fault, Frame

_WATCHER_STACK = 256 * 1024
_NO_MEMORY = Fault(OUT_OF_MEMORY, "this needs more memory than a task may use here", "任务所需内存超出此设备的限额")


class _Idle(Exception):
    """No order came for a while."""


class BadOutcome(OutpostError):
    """A handler returned what is no outcome, or one that is too large."""

    code = "bad_outcome"


class _NoHandler(OutpostError):
    """No handler is set for this kind of task."""

    code = HANDLER_MISSING


class Worker:
    """Serves one connection until it ends, or no order came for `idle_s`.

    `targets` maps a task kind to the "module:function" of its handler, imported when first wanted.
    """

    def __init__(self, connection: socket.socket, targets: Mapping[str, str], idle_s: float) -> None:
        self._socket = connection
        self._idle_s = idle_s
        self._targets = targets
        self._handlers: dict[str, Handler] = {}
        self._assembler = Assembler()

    def serve(self) -> None:
        """Run one job after another; ends the process when the connection ends."""
        threading.stack_size(_WATCHER_STACK)
        threading.Thread(target=_exit_at_hangup, args=(self._socket,), daemon=True).start()
        is_sound = True
        while is_sound:
            try:
                frame = self._receive()
            except _Idle:
                return
            is_sound = self._answer(frame)

    def _receive(self) -> Frame:
        self._socket.settimeout(self._idle_s)
        while (frame := self._assembler.next()) is None:
            try:
                data, numbers = descriptors.receive(self._socket)
            except TimeoutError:
                raise _Idle from None
            if not data:
                _exit()
            self._assembler.feed(data, numbers)
        return frame

    def _answer(self, frame: Frame) -> bool:
        """Run what `frame` asks for and say how it went; return whether this process may run another job."""
        close_all(frame.sealed)
        number = frame.body.id
        with Descriptors(frame.files) as files:
            if frame.body.method != RUN:
                self._send(Body(id=number, error=Fault("no_such_method", "a worker only runs jobs")))
                return True
            try:
                outcome = self._run(frame.body, files)
            except MemoryError:
                fault = _NO_MEMORY
            except BadInput as error:
                fault = Fault(BAD_INPUT, error.en, error.zh)
            except _NoHandler as error:
                fault = Fault(HANDLER_MISSING, str(error), "此设备没有这类任务的处理程序")
            except Exception as error:  # whatever a handler raises is told, by its type alone, and ends its job only
                fault = _failed(error)
            else:
                self._send(Body(id=number, result=None), outcome)
                return True
        # Outside of the except clauses: what the handler held is free by now, so there is memory to say so.
        self._send(Body(id=number, error=fault))
        return fault.code != OUT_OF_MEMORY

    def _run(self, body: Body, files: Descriptors) -> bytes:
        order = parse_order(body.params, len(files))
        handler = self._handler(order.kind)
        job = DescriptorJob(order, files, lambda done: self._send(Body(id=body.id, update={"progress": done})))
        self._send(Body(id=body.id, update={"started": True}))
        outcome = handler(job)
        if not isinstance(outcome, Outcome):
            raise BadOutcome("a handler returns an Outcome")
        job.settle(outcome)
        encoded = msgspec.msgpack.encode(outcome)
        if len(encoded) > BULK_LIMIT:
            raise BadOutcome(f"an outcome of {len(encoded)} bytes is more than {BULK_LIMIT}")
        return encoded

    def _handler(self, kind: str) -> Handler:
        handler = self._handlers.get(kind)
        if handler is None:
            target = self._targets.get(kind)
            if target is None:
                raise _NoHandler(f"this device has no handler for tasks of kind {kind!r}")
            handler = self._handlers[kind] = _load(target)
        return handler

    def _send(self, body: Body, *pieces: bytes) -> None:
        frame, numbers = compose(body, (), pieces)
        try:
            # However long the daemon takes to read, the connection's end is what ends this.
            self._socket.settimeout(None)
            rest = memoryview(frame)
            rest = rest[descriptors.send(self._socket, rest, numbers) :]
            self._socket.sendall(rest)
        except OSError:
            _exit()
        finally:
            close_all(numbers)


def _load(target: str) -> Handler:
    """Return the function that "module:function" names; raises ImportError or AttributeError."""
    module, _, function = target.partition(":")
    handler: Handler = getattr(importlib.import_module(module), function)
    return handler


def _failed(error: Exception) -> Fault:
    name = type(error).__name__
    return Fault(HANDLER_FAILED, f"the handler failed with {name}", f"处理程序出错（{name}）")


def _exit_at_hangup(connection: socket.socket) -> None:
    hangup = select.poll()
    hangup.register(connection, getattr(select, "POLLRDHUP", 0) | select.POLLHUP)
    hangup.poll()
    _exit()


def _exit() -> NoReturn:
    """End at once: nobody waits for this process's work, and its handler may never come back."""
    os._exit(0)
