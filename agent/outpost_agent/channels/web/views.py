"""Messages and tasks as the web interface shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec

from outpost_agent.conversation import Stored
from outpost_agent.egress import Egress
from outpost_agent.people.who import Who
from outpost_sdk.channel import Attachment
from outpost_sdk.handler import Language
from outpost_sdk.tasks import Task
from outpost_wire.egress import Departure

_encode = msgspec.json.Encoder().encode


def shown(egress: Egress, message: Stored, view: dict[str, Any] | None = None) -> msgspec.Raw:
    """Return a message, as `message_view` or as another `view` of it, as the JSON that may leave for a browser."""
    encoded = _encode(message_view(message) if view is None else view)
    departure = Departure(destination="web", kind="reply", bytes=len(encoded), chat=message.chat)
    return msgspec.Raw(egress.leave(departure, encoded))


def message_view(message: Stored) -> dict[str, Any]:
    """Return a message as JSON values (the document as its struct)."""
    return {
        "seq": message.seq,
        "id": message.id,
        "direction": message.direction,
        "text": message.text,
        "document": message.document,
        "attachments": [attachment_view(attachment) for attachment in message.attachments],
        "reply_to": message.reply_to,
        "task_id": message.task_id,
        "state": message.state,
        "created": iso(message.created_ms),
    }


def person_view(who: Who) -> dict[str, str]:
    """Return a person as JSON values."""
    return {"id": who.person, "name": who.name, "role": who.role}


def attachment_view(attachment: Attachment) -> dict[str, Any]:
    """Return an attachment as JSON values."""
    return {
        "name": attachment.name,
        "type": attachment.type,
        "size": attachment.size,
        "url": f"/api/v1/attachments/{attachment.id}/{quote(attachment.name, safe='')}",
    }


def task_view(task: Task, progress: float | None, language: Language = "en") -> dict[str, Any]:
    """Return a task as JSON values; its error is a sentence in `language`."""
    failure = task.failure if task.state in ("failed", "ready") else None
    return {
        "id": task.id,
        "kind": task.spec.kind,
        "title": task.spec.title,
        "state": task.state,
        "progress": 1.0 if task.state == "done" else progress,
        "error": None if failure is None else (failure.zh if language == "zh" else failure.en),
        "attempt": task.attempt,
        "priority": task.spec.priority,
        "person": task.spec.principal,
        "channel": task.spec.channel,
        "chat": task.spec.chat,
        "message_id": task.spec.message_id,
        "created": iso(task.created_ms),
        "updated": iso(task.updated_ms),
    }


def with_parents(task: Task, parents: Sequence[dict[str, Any]], progress: float | None) -> dict[str, Any]:
    """Return a task with the views of its parents."""
    return {**task_view(task, progress, task.spec.language), "parents": list(parents)}


def iso(unix_ms: int) -> str:
    """Return Unix milliseconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
