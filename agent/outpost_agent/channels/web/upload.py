"""The form of one message: text in memory, files of a multipart form (RFC 7578) streamed to the disk as they come."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

from outpost_sdk.channel import Attachment, ChannelContext
from outpost_sdk.handler import Language
from outpost_wire.errors import BadInput

FIELD_LIMIT = 256 * 1024
FIELDS_LIMIT = 16
NAME_LIMIT = 200
READ_BYTES = 256 * 1024

_LANGUAGES: dict[str, Language] = {"en": "en", "zh": "zh"}


@dataclass(frozen=True, slots=True)
class Form:
    """What a form held; `digest` tells it from any other."""

    text: str
    attachments: tuple[Attachment, ...]
    language: Language | None
    digest: bytes


async def read_form(request: web.Request, context: ChannelContext, files_limit: int) -> Form:
    """Return the form in `request`, its files kept. Raises BadInput, AttachmentTooLarge or DeviceFull."""
    media_type = _media_type(request.headers)
    if media_type == "application/x-www-form-urlencoded":
        return _form(await _plain_fields(request), [])
    if media_type != "multipart/form-data":
        raise BadInput("Send the message as multipart/form-data.", "请以 multipart/form-data 发送消息。")
    fields: dict[str, str] = {}
    attachments: list[Attachment] = []
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name is None:
                continue
            if part.name == "file" or part.filename:
                if len(attachments) >= files_limit:
                    raise BadInput(
                        f"More than {files_limit} files in one message: send the rest in another.",
                        f"一条消息最多 {files_limit} 个文件：其余请另发一条。",
                    )
                name = clean_name(part.filename or "file")
                attachments.append(await context.keep(name, _type_of(part, name), _pieces(part)))
            else:
                if len(fields) >= FIELDS_LIMIT:
                    raise BadInput("The form has too many fields.", "表单字段过多。")
                fields[part.name] = await _field(part)
    except (ValueError, AssertionError) as error:
        raise BadInput("The form is damaged.", "表单已损坏。") from error
    return _form(fields, attachments)


def clean_name(name: str) -> str:
    """Return the last part of a file name, without control characters and of bounded length."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(character for character in last if character.isprintable()).strip(". ")
    return kept[-NAME_LIMIT:] or "file"


def _form(fields: Mapping[str, str], attachments: list[Attachment]) -> Form:
    text = fields.get("text", "")
    return Form(text, tuple(attachments), _LANGUAGES.get(fields.get("language", "")), _digest(text, attachments))


async def _plain_fields(request: web.Request) -> dict[str, str]:
    if (request.content_length or 0) > FIELD_LIMIT:
        raise _too_long()
    body = bytearray()
    async for piece in request.content.iter_chunked(READ_BYTES):
        body += piece
        if len(body) > FIELD_LIMIT:
            raise _too_long()
    try:
        return dict(
            parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_LIMIT, errors="strict")
        )
    except ValueError as error:
        raise BadInput("The form is damaged.", "表单已损坏。") from error


def _too_long() -> BadInput:
    return BadInput("The text is too long: send it as a file.", "文字过长：请作为文件发送。")


async def _field(part: BodyPartReader) -> str:
    value = bytearray()
    while piece := await part.read_chunk(READ_BYTES):
        value += piece
        if len(value) > FIELD_LIMIT:
            raise _too_long()
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise BadInput("The text is not UTF-8.", "文字不是 UTF-8 编码。") from error


async def _pieces(part: BodyPartReader) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk(READ_BYTES):
        yield bytes(piece)


def _type_of(part: BodyPartReader, name: str) -> str:
    return _media_type(part.headers) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _media_type(headers: Mapping[str, str]) -> str:
    """Return what Content-Type says before its parameters, "" without one.

    The request's own `content_type` parses those too, and with a boundary that is new each time that is a quarter of
    what a message costs.
    """
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _digest(text: str, attachments: list[Attachment]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in (text, *(value for item in attachments for value in (item.name, item.id))):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8) + encoded)
    return digest.digest()
