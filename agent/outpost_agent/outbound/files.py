"""The files of a message as a channel sends them: plain, piece by piece, whatever they are stored as."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from outpost_agent.content import unpacked
from outpost_sdk.channel import Attachment, OutgoingFile
from outpost_wire.errors import OutpostError

BLOCK = 1 << 18


class FileChanged(OutpostError):
    """A file's content is not as long as it was when it was kept."""

    code = "file_changed"


def is_whole(path: Path, attachment: Attachment) -> bool:
    """Say whether the content is still on the disk, and as long as it should be where that can be seen; blocks."""
    try:
        size = path.stat().st_size
    except OSError:
        return False
    return bool(attachment.encoding) or size == attachment.size


def outgoing_file(path: Path, attachment: Attachment) -> OutgoingFile:
    """Return the file whose content lies at `path`; reading raises FileChanged when it is not of the size it was."""
    return OutgoingFile(
        name=attachment.name, type=attachment.type, size=attachment.size, read=partial(_read, path, attachment)
    )


async def _read(path: Path, attachment: Attachment) -> AsyncIterator[bytes]:
    stored = await asyncio.to_thread(path.open, "rb")
    try:
        plain = unpacked(stored, attachment.encoding)
        left = attachment.size
        while piece := await asyncio.to_thread(plain.read, BLOCK):
            left -= len(piece)
            if left < 0:
                break
            yield piece
    finally:
        stored.close()
    if left:
        raise FileChanged(f"content {attachment.id[:12]} is not {attachment.size} bytes long")
