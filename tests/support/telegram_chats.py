"""The chats of a Telegram for tests: what people write and press, as updates that wait, and what they see."""

from __future__ import annotations

import asyncio
import mimetypes
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.telegram_html import Mark, utf16

BOT_ID = 700000001
USERNAME = "outpost_test_bot"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a Telegram account."""

    id: int = 1001
    name: str = "Ann"
    language: str = "en"


ANN = Person()


@dataclass(slots=True)
class Shown:
    """What a person sees of a message of the bot's; `text` is without marks, `marks` are those on it."""

    message_id: int
    chat: str
    text: str
    source: str = ""
    marks: tuple[Mark, ...] = ()
    buttons: list[dict[str, str]] = field(default_factory=list)
    file: bytes | None = None
    file_name: str = ""
    kind: str = "text"
    reply_to: int | None = None
    edits: int = 0


class Chats:
    """Updates until they are confirmed, messages until they are deleted, and the files of both."""

    def __init__(self) -> None:
        self.username = USERNAME
        self.updates: list[dict[str, Any]] = []
        self.confirmed = 0
        self.messages: dict[tuple[str, int], Shown] = {}
        self._files: dict[str, tuple[str, bytes]] = {}
        self._changed = asyncio.Condition()
        self._wanted: tuple[str, ...] = ()
        self._next_update = 500_000_000
        self._next_message: dict[str, int] = defaultdict(int)

    def person_says(
        self,
        text: str = "",
        files: tuple[tuple[str, bytes], ...] = (),
        *,
        person: Person = ANN,
        chat: int | None = None,
        group: bool = False,
        **extra: Any,
    ) -> list[dict[str, Any]]:
        """Have a person write; several files become an album. `extra` goes into the message as it is."""
        album = {"media_group_id": f"9{self._next_update}"} if len(files) > 1 else {}
        messages = []
        for index, (name, data) in enumerate(files or (("", b""),)):
            words = text if index == 0 else ""
            content: dict[str, Any] = {"text": words} if words else {}
            if files:
                content = {"document": self.file(name, data), **album, **({"caption": words} if words else {})}
            messages.append(self.message({**content, **extra}, person=person, chat=chat, group=group))
        for message in messages:
            self.update({"message": message})
        return messages

    def file(self, name: str, data: bytes, **more: Any) -> dict[str, Any]:
        """Keep a file and return it as messages name it; without a name it has none."""
        identity = f"F{len(self._files)}"
        self._files[identity] = (name, data)
        named = {"file_name": name, "mime_type": mimetypes.guess_type(name)[0] or "application/octet-stream"}
        return {
            "file_id": identity,
            "file_unique_id": f"u{identity}",
            "file_size": len(data),
            **(named if name else {}),
            **more,
        }

    def message(
        self, content: dict[str, Any], *, person: Person = ANN, chat: int | None = None, group: bool = False
    ) -> dict[str, Any]:
        """Return a message of a person's as updates carry it."""
        identity = chat if chat is not None else person.id
        kind = {"type": "supergroup", "title": "Team"} if group else {"type": "private", "first_name": person.name}
        self._next_message[str(identity)] += 1
        message = {
            "message_id": self._next_message[str(identity)],
            "from": {
                "id": person.id,
                "is_bot": False,
                "first_name": person.name,
                **({"language_code": person.language} if person.language else {}),
            },
            "chat": {"id": identity, **kind},
            "date": 1_700_000_000,
            **content,
        }
        if "text" in content and "entities" not in content and content["text"].startswith("/"):
            length = utf16(content["text"].split()[0])
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
        return message

    def update(self, content: dict[str, Any]) -> int:
        """Put an update into the queue and return its id."""
        self._next_update += 1
        if not self._wanted or any(kind in content for kind in self._wanted):
            self.updates.append({"update_id": self._next_update, **content})
        asyncio.get_running_loop().create_task(self._notify())
        return self._next_update

    def press(self, shown: Shown, label: str, *, person: Person = ANN) -> str:
        """Have a person press the button with this label; return the query's id."""
        (data,) = [button["callback_data"] for button in shown.buttons if button["text"] == label]
        identity = f"4{self._next_update}"
        message = self._as_message(shown)
        sender = self.message({}, person=person)["from"]
        query = {"id": identity, "from": sender, "message": message, "chat_instance": "1", "data": data}
        self.update({"callback_query": query})
        return identity

    def shown(self, chat: int | str = ANN.id) -> list[Shown]:
        """Return what stands in the chat, in order."""
        return [shown for (where, _), shown in self.messages.items() if where == str(chat)]

    def texts(self, chat: int | str = ANN.id) -> list[str]:
        """Return the words that stand in the chat, in order."""
        return [shown.text for shown in self.shown(chat)]

    def acknowledged(self) -> int:
        """Return how many updates were confirmed by an offset beyond them."""
        return self.confirmed

    async def until(self, is_so: Callable[[], bool], deadline_s: float = 10.0) -> None:
        """Wait until `is_so`, looking after every call and update."""
        async with asyncio.timeout(deadline_s), self._changed:
            await self._changed.wait_for(is_so)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _confirm(self, offset: int) -> None:
        before = len(self.updates)
        self.updates = [update for update in self.updates if update["update_id"] >= offset]
        self.confirmed += before - len(self.updates)

    def _as_message(self, shown: Shown) -> dict[str, Any]:
        content: dict[str, Any] = {"text": shown.text}
        if shown.kind == "document":
            content = {"document": self.file(shown.file_name, shown.file or b""), "caption": shown.text}
        elif shown.kind == "photo":
            content = {"photo": [self.file("", shown.file or b"", width=90, height=90)], "caption": shown.text}
        return {
            "message_id": shown.message_id,
            "from": {"id": BOT_ID, "is_bot": True, "first_name": "Outpost", "username": self.username},
            "chat": {"id": int(shown.chat), "type": "private", "first_name": "Ann"},
            "date": 1_700_000_000,
            **content,
        }
