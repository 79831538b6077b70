"""A network namespace with nothing in it but its own loopback, made by a test and gone with it."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


class Namespace:
    """The namespace; `listener` listens on its loopback, and whoever holds it serves from wherever they are."""

    def __init__(self, fd: int, listener: socket.socket) -> None:
        self.fd = fd
        self.listener = listener

    def command(self, *arguments: str) -> list[str]:
        """Return the command that runs within; to be started with `pass_fds=(namespace.fd,)`."""
        return ["nsenter", f"--net=/proc/self/fd/{self.fd}", *arguments]


def lack() -> str | None:
    """Return why there can be no namespace here, or None."""
    if not shutil.which("nsenter"):
        return "nsenter is not installed (Debian package util-linux)"
    try:
        with made():
            return None
    except OSError as error:
        return f"no network namespace can be made here ({error.strerror})"


@contextmanager
def made() -> Iterator[Namespace]:
    """Make one; raises OSError where the system does not allow it."""
    found: list[Namespace | OSError] = []
    thread = threading.Thread(target=_make, args=(found,))
    thread.start()
    thread.join()
    (namespace,) = found
    if isinstance(namespace, OSError):
        raise namespace
    try:
        yield namespace
    finally:
        namespace.listener.close()
        os.close(namespace.fd)


def _make(found: list[Namespace | OSError]) -> None:
    """Make a namespace, in a thread of its own, which alone moves into it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        found.append(OSError(code, os.strerror(code)))
        return
    try:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        _raise_loopback(listener)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        found.append(Namespace(os.open("/proc/thread-self/ns/net", os.O_RDONLY), listener))
    except OSError as error:
        found.append(error)


def _raise_loopback(any_socket: socket.socket) -> None:
    request = struct.pack("16sH", b"lo", 0).ljust(40, b"\0")
    (flags,) = struct.unpack_from("H", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request), 16)
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH", b"lo", flags | IFF_UP).ljust(40, b"\0"))
