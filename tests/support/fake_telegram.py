"""A Telegram Bot API server for tests, on loopback, with people to play and faults to set.

It answers as https://core.telegram.org/bots/api says and the real server does: updates are kept until an offset beyond
them confirms them, a second long poll ends the first with 409, marks and lengths are checked, errors carry the
sentences of the original. Its tests drive the real client library python-telegram-bot against it.

    python -m tests.support.fake_telegram PORT

serves one until it is stopped and prints its address and token as a line of JSON. People are then played over HTTP:
POST /_control/say {"text", "files": [{"name", "base64"}], "person", "name", "chat"}, POST /_control/press {"chat",
"message_id", "label"}, POST /_control/token {"works": bool}, GET /_control/shown?chat=ID.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.support.telegram_chats import ANN, BOT_ID, USERNAME, Chats, Person, Shown
from tests.support.telegram_html import MARKS_LIMIT, BadHtml, Mark, parse, utf16

__all__ = ["ANN", "BOT_ID", "TOKEN", "USERNAME", "FakeTelegram", "Fault", "Person", "Shown"]

TOKEN = "700000001:AAFakeTokenForTestsOnly_abcdefghijklmn"

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
DOWNLOAD_LIMIT = 20 << 20
UPLOAD_LIMIT = 50 << 20
PHOTO_LIMIT = 10 << 20
DATA_LIMIT = 64

CONTESTED = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with one call.

    `how`: "flood" (429 with `retry_after`), "status" (an answer with `code` and no effect), "status_after" (the effect,
    then that answer), "abort" (the connection ends without effect), "abort_after" (after the effect), "hang" (no answer
    and no effect, until the server stops), "hang_after", "garbage" (200 with something that is not JSON).
    """

    how: str
    retry_after: int = 0
    code: int = 502


class Refused(Exception):
    """The server says no."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


def bad(description: str, **parameters: int) -> Refused:
    """Return a 400."""
    return Refused(400, f"Bad Request: {description}", **parameters)


class FakeTelegram(Chats):
    """The server, run for as long as it is entered; state is kept over `stop` and `start`."""

    def __init__(self, token: str = TOKEN, *, port: int = 0) -> None:
        super().__init__()
        self.token = token
        self.token_works = True
        self.webhook = ""
        self.url = ""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.deleted: list[Shown] = []
        self.typing: list[str] = []
        self.answered: list[str] = []
        self.blocked: set[str] = set()
        self.unknown_chats: set[str] = set()
        self.moved: dict[str, int] = {}
        self.downloads = 0
        self.local_folder = ""
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._port = port
        self._runner: web.AppRunner | None = None
        self._poll: asyncio.Event | None = None
        self._stopping = asyncio.Event()
        self._transports: set[asyncio.Transport] = set()

    async def __aenter__(self) -> FakeTelegram:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Serve, at the same port as before if there was one."""
        self._stopping.clear()
        application = web.Application(client_max_size=UPLOAD_LIMIT * 2)
        application.router.add_route("*", "/bot{token}/{method}", self._call)
        application.router.add_get("/file/bot{token}/{path:.*}", self._download)
        application.router.add_post("/_control/{verb}", self._control)
        application.router.add_get("/_control/shown", self._control_shown)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Be gone: nothing listens, connections are cut."""
        self._stopping.set()
        self.cut_connections()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def cut_connections(self) -> None:
        """Abort every connection."""
        for transport in list(self._transports):
            transport.abort()
        self._transports.clear()

    def fail(self, method: str, *faults: Fault) -> None:
        """Have the next calls of `method` go wrong, one for each fault; "file" means a download."""
        self._faults[method.lower()].extend(faults)

    def forgive(self, method: str) -> None:
        """Have no more calls of `method` go wrong."""
        self._faults[method.lower()].clear()

    @property
    def is_polled(self) -> bool:
        """Say whether somebody waits for updates."""
        return self._poll is not None

    # What follows is the server.

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"].lower()
        self._know(request)
        fault = self._faults[method].popleft() if self._faults[method] else None
        parameters = await _parameters(request)
        self.calls.append((method, parameters))
        if fault is not None and (early := await self._early(fault, request)) is not None:
            await self._notify()
            return early
        try:
            self._check_token(request)
            handler: _Method = _METHODS.get(method, _no_method)
            result = await handler(self, parameters)
        except Refused as error:
            await self._notify()
            return _refusal(error)
        await self._notify()
        if fault is not None:
            return await self._late(fault, request)
        return web.json_response({"ok": True, "result": result})

    def _know(self, request: web.Request) -> None:
        if isinstance(request.transport, asyncio.Transport):
            self._transports.add(request.transport)
            self._transports = {known for known in self._transports if not known.is_closing()}

    def _check_token(self, request: web.Request) -> None:
        number, separator, _ = request.match_info["token"].partition(":")
        if not separator or not number.isdecimal():
            raise Refused(404, "Not Found")
        if request.match_info["token"] != self.token or not self.token_works:
            raise Refused(401, "Unauthorized")

    async def _early(self, fault: Fault, request: web.Request) -> web.StreamResponse | None:
        match fault.how:
            case "flood":
                sentence = f"Too Many Requests: retry after {fault.retry_after}"
                return _refusal(Refused(429, sentence, retry_after=fault.retry_after))
            case "status":
                return _broken(fault.code)
            case "garbage":
                return web.Response(text="<html>Sign in to the hotel's network</html>", content_type="text/html")
            case "abort":
                _abort(request)
                return web.Response()
            case "hang":
                await self._stopping.wait()
                return web.Response()
        return None

    async def _late(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        match fault.how:
            case "status_after":
                return _broken(fault.code)
            case "hang_after":
                await self._stopping.wait()
        _abort(request)
        return web.Response()

    async def _download(self, request: web.Request) -> web.StreamResponse:
        self._know(request)
        self.downloads += 1
        fault = self._faults["file"].popleft() if self._faults["file"] else None
        try:
            self._check_token(request)
        except Refused as error:
            return _refusal(error)
        identity = request.match_info["path"].rpartition("_")[2].partition(".")[0]
        if identity not in self._files:
            return _refusal(Refused(404, "Not Found"))
        data = self._files[identity][1]
        if fault is None:
            return web.Response(body=data)
        if (early := await self._early(fault, request)) is not None:
            return early
        response = web.StreamResponse(headers={"Content-Length": str(len(data))})
        await response.prepare(request)
        await response.write(data[: len(data) // 2])
        _abort(request)
        return response

    async def _get_me(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": BOT_ID,
            "is_bot": True,
            "first_name": "Outpost",
            "username": self.username,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }

    async def _get_updates(self, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        if self.webhook:
            raise Refused(409, WEBHOOK)
        if self._poll is not None:
            self._poll.set()
        mine = self._poll = asyncio.Event()
        offset, limit = int(parameters.get("offset", 0)), int(parameters.get("limit", 100))
        if parameters.get("allowed_updates"):
            self._wanted = tuple(parameters["allowed_updates"])
        if offset < 0:
            offset = max([update["update_id"] for update in self.updates[offset:]][:1] or [0])
        self._confirm(offset)
        await self._notify()
        try:
            async with asyncio.timeout(float(parameters.get("timeout", 0))):
                async with self._changed:
                    await self._changed.wait_for(lambda: bool(self.updates) or mine.is_set() or self._stopping.is_set())
        except TimeoutError:
            pass
        if mine.is_set():
            raise Refused(409, CONTESTED)
        if self._poll is mine:
            self._poll = None
        return self.updates[: max(1, min(limit, 100))]

    def _check_chat(self, parameters: dict[str, Any]) -> str:
        if "chat_id" not in parameters:
            raise bad("chat_id is empty")
        chat = str(parameters["chat_id"])
        if chat in self.unknown_chats or not chat.lstrip("-").isdecimal():
            raise bad("chat not found")
        if chat in self.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        if chat in self.moved:
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=self.moved[chat])
        return chat

    def _words(self, parameters: dict[str, Any], name: str, limit: int) -> tuple[str, tuple[Mark, ...]]:
        source = str(parameters.get(name, ""))
        text = source
        marks: tuple[Mark, ...] = ()
        mode = str(parameters.get("parse_mode", "")).lower()
        if mode == "html":
            try:
                text, marks = parse(source)
            except BadHtml as error:
                raise bad(f"can't parse entities: {error}") from None
        elif mode:
            raise bad("unsupported parse_mode")
        if utf16(text.strip()) > limit:
            raise bad("message is too long" if name == "text" else "message caption is too long")
        if name == "text" and not text.strip():
            raise bad("message text is empty")
        return text, marks[:MARKS_LIMIT]

    def _show(self, parameters: dict[str, Any], chat: str, **content: Any) -> dict[str, Any]:
        buttons = _buttons(parameters)
        reply = _json(parameters.get("reply_parameters")) or {}
        reply_to = reply.get("message_id")
        if reply_to is not None and not 1 <= int(reply_to) <= self._next_message[chat]:
            if not reply.get("allow_sending_without_reply"):
                raise bad("message to be replied not found")
            reply_to = None
        self._next_message[chat] += 1
        shown = Shown(self._next_message[chat], chat, buttons=buttons, reply_to=reply_to, **content)
        self.messages[chat, shown.message_id] = shown
        return self._as_message(shown)

    async def _send_message(self, parameters: dict[str, Any]) -> dict[str, Any]:
        chat = self._check_chat(parameters)
        text, marks = self._words(parameters, "text", TEXT_LIMIT)
        return self._show(parameters, chat, text=text.strip(), source=str(parameters["text"]), marks=marks)

    async def _send_file(self, parameters: dict[str, Any], kind: str, limit: int) -> dict[str, Any]:
        chat = self._check_chat(parameters)
        text, marks = self._words(parameters, "caption", CAPTION_LIMIT)
        given = parameters.get(kind)
        if isinstance(given, str) and given.startswith("attach://"):
            given = parameters.get(given.removeprefix("attach://"))
        if not isinstance(given, tuple):
            raise bad(f"there is no {kind} in the request")
        name, data = given
        if not data:
            raise bad("file must be non-empty")
        if len(data) > UPLOAD_LIMIT:
            raise Refused(413, "Request Entity Too Large")
        if len(data) > limit:
            raise bad("file is too big")
        if kind == "photo" and not data.startswith((b"\x89PNG", b"\xff\xd8")):
            raise bad("IMAGE_PROCESS_FAILED")
        return self._show(parameters, chat, text=text, marks=marks, file=data, file_name=name, kind=kind)

    async def _send_photo(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return await self._send_file(parameters, "photo", PHOTO_LIMIT)

    async def _send_document(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return await self._send_file(parameters, "document", UPLOAD_LIMIT)

    async def _edit_message_text(self, parameters: dict[str, Any]) -> dict[str, Any]:
        chat = self._check_chat(parameters)
        shown = self.messages.get((chat, int(parameters.get("message_id", 0))))
        if shown is None:
            raise bad("message to edit not found")
        text, marks = self._words(parameters, "text", TEXT_LIMIT)
        if (shown.text, shown.marks, shown.buttons) == (text.strip(), marks, _buttons(parameters)):
            raise bad(
                "message is not modified: specified new message content and reply markup are exactly the same as a "
                "current content and reply markup of the message"
            )
        shown.text, shown.marks, shown.buttons = text.strip(), marks, _buttons(parameters)
        shown.edits += 1
        return self._as_message(shown)

    async def _delete_message(self, parameters: dict[str, Any]) -> bool:
        chat = self._check_chat(parameters)
        shown = self.messages.pop((chat, int(parameters.get("message_id", 0))), None)
        if shown is None:
            raise bad("message to delete not found")
        self.deleted.append(shown)
        return True

    async def _send_chat_action(self, parameters: dict[str, Any]) -> bool:
        self.typing.append(self._check_chat(parameters))
        return True

    async def _get_file(self, parameters: dict[str, Any]) -> dict[str, Any]:
        identity = str(parameters.get("file_id", ""))
        if identity not in self._files:
            raise bad("invalid file_id")
        name, data = self._files[identity]
        if len(data) > DOWNLOAD_LIMIT:
            raise bad("file is too big")
        path = f"documents/file_{identity}.{name.rpartition('.')[2] or 'bin'}"
        if self.local_folder:
            path = f"{self.local_folder}/{self.token}/{path}"
        return {"file_id": identity, "file_unique_id": f"u{identity}", "file_size": len(data), "file_path": path}

    async def _answer_callback_query(self, parameters: dict[str, Any]) -> bool:
        identity = str(parameters.get("callback_query_id", ""))
        if not identity.isdecimal() or identity in self.answered:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        self.answered.append(identity)
        return True

    async def _set_webhook(self, parameters: dict[str, Any]) -> bool:
        self.webhook = str(parameters.get("url", ""))
        return True

    async def _delete_webhook(self, parameters: dict[str, Any]) -> bool:
        self.webhook = ""
        if str(parameters.get("drop_pending_updates", "")).lower() in ("true", "1"):
            self.updates = []
        return True

    async def _get_webhook_info(self, _: dict[str, Any]) -> dict[str, Any]:
        pending = len(self.updates)
        return {"url": self.webhook, "has_custom_certificate": False, "pending_update_count": pending}

    async def _done(self, _: dict[str, Any]) -> bool:
        return True

    # What follows plays people from another process.

    async def _control(self, request: web.Request) -> web.Response:
        wish = await request.json()
        match request.match_info["verb"]:
            case "say":
                files = tuple((file["name"], base64.b64decode(file["base64"])) for file in wish.get("files", ()))
                person = Person(int(wish.get("person", ANN.id)), wish.get("name", ANN.name), wish.get("language", "en"))
                chat = int(wish["chat"]) if "chat" in wish else None
                said = self.person_says(wish.get("text", ""), files, person=person, chat=chat)
                return web.json_response({"message_ids": [message["message_id"] for message in said]})
            case "press":
                shown = self.messages[str(wish["chat"]), int(wish["message_id"])]
                return web.json_response({"query": self.press(shown, wish["label"], person=Person(int(wish["chat"])))})
            case "token":
                self.token_works = bool(wish["works"])
                return web.json_response({"works": self.token_works})
        raise web.HTTPNotFound

    async def _control_shown(self, request: web.Request) -> web.Response:
        shown = [
            {
                "message_id": message.message_id,
                "text": message.text,
                "kind": message.kind,
                "buttons": [button["text"] for button in message.buttons],
                "file_name": message.file_name,
                "file_bytes": len(message.file or b""),
                "edits": message.edits,
                "reply_to": message.reply_to,
            }
            for message in self.shown(request.query.get("chat", str(ANN.id)))
        ]
        return web.json_response(shown)


_Method = Callable[[FakeTelegram, dict[str, Any]], Awaitable[Any]]


_METHODS: dict[str, _Method] = {
    "getme": FakeTelegram._get_me,
    "getupdates": FakeTelegram._get_updates,
    "sendmessage": FakeTelegram._send_message,
    "sendphoto": FakeTelegram._send_photo,
    "senddocument": FakeTelegram._send_document,
    "editmessagetext": FakeTelegram._edit_message_text,
    "deletemessage": FakeTelegram._delete_message,
    "sendchataction": FakeTelegram._send_chat_action,
    "getfile": FakeTelegram._get_file,
    "answercallbackquery": FakeTelegram._answer_callback_query,
    "setwebhook": FakeTelegram._set_webhook,
    "deletewebhook": FakeTelegram._delete_webhook,
    "getwebhookinfo": FakeTelegram._get_webhook_info,
    "setmycommands": FakeTelegram._done,
    "logout": FakeTelegram._done,
}


async def _no_method(_: FakeTelegram, __: dict[str, Any]) -> None:
    raise Refused(404, "Not Found: method not found")


async def _parameters(request: web.Request) -> dict[str, Any]:
    """Return the call's parameters however they are given; a file is a pair of its name and content."""
    parameters: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        return {**parameters, **(await request.json())}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            parameters[name] = (value.filename, value.file.read())
        else:
            parameters[name] = value
    for name in ("allowed_updates",):
        parameters[name] = _json(parameters.get(name))
    return parameters


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value else value


def _buttons(parameters: dict[str, Any]) -> list[dict[str, str]]:
    markup = _json(parameters.get("reply_markup")) or {}
    buttons = [button for row in markup.get("inline_keyboard", []) for button in row]
    for button in buttons:
        if not 1 <= len(button.get("callback_data", "").encode()) <= DATA_LIMIT:
            raise bad("BUTTON_DATA_INVALID")
        if not button.get("text", "").strip():
            raise bad("text buttons are unallowed in the inline keyboard")
    return buttons


def _refusal(error: Refused) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
    if error.parameters:
        body["parameters"] = error.parameters
    return web.json_response(body, status=error.code)


def _broken(code: int) -> web.Response:
    return web.Response(status=code, text=f"<html><h1>{code} Bad Gateway</h1></html>", content_type="text/html")


def _abort(request: web.Request) -> None:
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()


async def serve(port: int) -> None:
    """Serve until stopped; the first line printed says where."""
    async with FakeTelegram(port=port) as telegram:
        print(json.dumps({"url": telegram.url, "token": telegram.token, "account": f"@{USERNAME}"}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
