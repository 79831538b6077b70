"""Owning a state folder, with the system's refusals said in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from outpost_disk import FolderLock
from outpost_manager.errors import FolderUnusable


@contextmanager
def own_folder(folder: Path, owner: str) -> Iterator[None]:
    """Own `folder`, made when it is missing, for as long as the context lasts.

    Raises FolderHeld when another process owns it, FolderUnusable when the system refuses it.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(FolderLock(folder, owner))
        except OSError as error:
            raise FolderUnusable(folder, error.strerror or type(error).__name__) from error
        yield
