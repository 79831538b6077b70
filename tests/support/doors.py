"""A device with its doors, as tests of them need it: real process, real Telegram adapter, people to play.

It keeps port and state over kills. `Worker` is held while asked to, so that work stays under way for as long as a test
wants it to.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from outpost_agent.local.async_client import AsyncLocalClient
from outpost_disk import short_socket_path
from outpost_wire.messages import Role
from tests.support.device import ROOT, until_ready, write_settings
from tests.support.device_page import Browser
from tests.support.fake_telegram import ANN, FakeTelegram, Person, Shown
from tests.support.paired import pair

WAIT_S = 30.0
LOOK_S = 0.02
BOB = Person(id=2002, name="Bob")
CAROL = Person(id=3003, name="Carol")
OWNER = Person(id=9009, name="Olive")
LOG = b"".join(
    b"2026-01-01 00:00:%02d %s disk: read of block %d\n" % (n % 60, b"ERROR" if n % 7 == 0 else b"INFO", n)
    for n in range(300)
)


def telegram_settings(telegram: FakeTelegram, token_file: Path, *, name: str = "telegram", more: str = "") -> str:
    """Return the settings of a channel to a fake server, whose token is written to `token_file`."""
    token_file.write_text(telegram.token)
    return f"""
[channels.{name}]
adapter = "telegram"
{more}
options = {{ token_file = "{token_file}", api = "{telegram.url}", poll_s = 1 }}
"""


class Doors:
    """A device; `telegram` is the server that its channel of that name talks to, where a test has one."""

    def __init__(self, folder: Path, settings: str, telegram: FakeTelegram | None) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.settings, port = write_settings(folder, settings)
        self.url = f"http://127.0.0.1:{port}"
        self.headers = {"Authorization": f"Bearer {(folder / 'token').read_text()}"}
        self.is_holding = False
        self._telegram = telegram
        self._process: asyncio.subprocess.Process | None = None
        self._held: set[int] = set()

    @property
    def telegram(self) -> FakeTelegram:
        """Return the server."""
        assert self._telegram is not None
        return self._telegram

    @property
    def process(self) -> asyncio.subprocess.Process:
        """Return the daemon's process."""
        assert self._process is not None
        return self._process

    @property
    def log(self) -> str:
        """Return what all its lives have logged."""
        return (self.folder / "device.log").read_text("utf-8")

    # Life and death

    async def start(self) -> None:
        """Start it; ready when this returns."""
        command = [sys.executable, "-m", "outpost_agent", "run", "--config", str(self.settings)]
        with (self.folder / "device.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=log
            )
        await until_ready(self._process, self.url)

    async def kill(self, *, in_mid_sentence: bool = False) -> None:
        """Pull the plug: nobody has a last word. Unless asked to, not while a call's fate would be unknown by that."""
        if not in_mid_sentence:
            await self.until(lambda: not self.undelivered(), f"nothing is to be said; left: {self.undelivered()}")
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Stop it in order, if it runs."""
        await self._end(signal.SIGTERM)

    async def restart(self) -> None:
        """Kill it and start it again."""
        await self.kill()
        await self.start()

    def reload(self) -> None:
        """Have it read its settings anew."""
        self.process.send_signal(signal.SIGHUP)

    async def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()
        self._let_go(signal.SIGKILL)

    # The worker

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        """Hold every worker as soon as it is there; what is under way then stays so, over restarts too."""
        holder = asyncio.create_task(self._hold())
        try:
            yield
        finally:
            holder.cancel()
            await asyncio.gather(holder, return_exceptions=True)
            self._let_go(signal.SIGCONT)

    async def _hold(self) -> None:
        while True:
            for pid in self._workers() - self._held:
                os.kill(pid, signal.SIGSTOP)
                self._held.add(pid)
            await asyncio.sleep(0.002)

    def _let_go(self, number: signal.Signals) -> None:
        for pid in self._held:
            if _is_worker(pid):
                os.kill(pid, number)
        self._held.clear()

    def _workers(self) -> set[int]:
        if self._process is None or self._process.returncode is not None:
            return set()
        found = set()
        for children in Path(f"/proc/{self._process.pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found |= {int(pid) for pid in children.read_text().split() if _is_worker(int(pid))}
        return found

    # Asking

    async def call(self, method: str, **params: Any) -> Any:
        """Call a method of the local socket, as the command line does. Raises CallFailed."""
        with AsyncLocalClient.connect(short_socket_path(self.state, "device.sock")) as client:
            return (await client.call(method, params or None)).value

    async def get(self, path: str) -> Any:
        """Return what the owner reads on the device's page."""
        return (await self.ask("GET", path))[1]

    async def ask(self, method: str, path: str, **arguments: Any) -> tuple[int, Any]:
        """Return status and JSON of what the owner asks of the device's page."""
        async with (
            aiohttp.ClientSession(headers=self.headers) as session,
            session.request(method, f"{self.url}/api/v1/{path}", **arguments) as response,
        ):
            is_json = response.content_type == "application/json"
            return response.status, await response.json() if is_json else None

    async def metric(self, name: str) -> float:
        """Return the value of one metric without labels."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as response:
            lines = (await response.text()).splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    async def tasks(self) -> list[dict[str, Any]]:
        """Return the last task of every piece of work, newest first."""
        found: list[dict[str, Any]] = await self.get("tasks?scope=all&limit=100")
        return found

    async def channel(self, name: str = "telegram") -> dict[str, Any]:
        """Return how a channel is."""
        (found,) = [each for each in await self.get("channels") if each["name"] == name]
        facts: dict[str, Any] = found
        return facts

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows of the device's database, which it may be using."""
        with contextlib.closing(sqlite3.connect(self.state / "device.sqlite", timeout=10)) as database:
            return database.execute(query, values).fetchall()

    async def work(self) -> dict[str, str]:
        """Return the open pieces of work: by the names of their files, who asked."""
        names = {person["id"]: person["name"] for person in (await self.get("people"))["people"]}
        return {
            task["title"].partition(": ")[2]: names.get(task["person"], task["person"])
            for task in await self.tasks()
            if task["state"] in ("waiting", "ready", "running")
        }

    async def until_work(self, work: dict[str, str]) -> None:
        """Wait until that is the open work, by the names of its files."""

        async def is_it() -> bool:
            return await self.work() == work

        await self.until(is_it, f"open work is {work}")

    def undelivered(self) -> list[tuple[Any, ...]]:
        """Return what still has to go out by a call, or may not have arrived."""
        return self.rows(
            "SELECT seq, text, state FROM message WHERE direction = 'out' AND channel NOT IN ('web', 'local')"
            " AND state NOT IN ('delivered', 'replaced')"
        )

    # Waiting

    async def until(self, is_so: Callable[[], bool | Awaitable[bool]], what: str = "", wait_s: float = WAIT_S) -> None:
        """Look again and again until it is so."""
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    found = is_so()
                    if await found if isinstance(found, Awaitable) else found:
                        return
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise AssertionError(f"not so within {wait_s:g} s: {what or is_so}") from None

    async def until_state(self, state: str, name: str = "telegram", wait_s: float = WAIT_S) -> dict[str, Any]:
        """Wait until a channel is in a state, and return how it is."""

        async def is_in_it() -> bool:
            return bool((await self.channel(name))["state"] == state)

        await self.until(is_in_it, f"{name} is {state}", wait_s)
        return await self.channel(name)

    async def heard(self, words: str, person: Person = ANN, *, chat: int | None = None, times: int = 1) -> Shown:
        """Wait until a person has been told something with these words in it, and return the last one."""
        where = person.id if chat is None else chat

        def told() -> list[Shown]:
            return [shown for shown in self.telegram.shown(where) if words in shown.text]

        await self.until(lambda: len(told()) >= times, f"{person.name} hears {words!r}; heard {self.said(where)}")
        return told()[-1]

    async def asks(self, person: Person, text: str) -> str:
        """Have a person write in their own chat, and return what answers it."""
        (message,) = self.telegram.person_says(text, person=person)

        def answers() -> list[Shown]:
            return [shown for shown in self.telegram.shown(person.id) if shown.reply_to == message["message_id"]]

        await self.until(lambda: bool(answers()), f"{text!r} of {person.name} is answered")
        return answers()[0].text

    def said(self, where: int) -> list[str]:
        """Return what stands in a chat; of a file its name."""
        return [shown.file_name or shown.text for shown in self.telegram.shown(where)]

    async def quiet(self) -> None:
        """Wait until all that was written to the device was read and all that it has to say was said."""
        telegram = self.telegram
        await self.until(
            lambda: not telegram.updates and not self.undelivered(), f"all is said; left: {self.undelivered()}"
        )


def _is_worker(pid: int) -> bool:
    """Say whether a process is a worker; one that is just being started is none yet."""
    try:
        return b"outpost_agent.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


class WebPerson:
    """Somebody who was let in at the device's page, with a browser of their own."""

    def __init__(self, device: Doors, name: str) -> None:
        self.name = name
        self.person = ""
        self.browser = Browser(device.url)
        self._device = device
        self._said = 0

    async def __aenter__(self) -> WebPerson:
        _, asked = await self.browser.ask("POST", "/api/v1/pair", {"name": self.name})
        await self._device.call("pair.approve", code=asked["code"])
        self.person = (await self.browser.get("/api/v1/gate"))["person"]["id"]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.browser.session.close()

    async def says(self, text: str, *files: tuple[str, bytes]) -> str:
        """Send a message and return its id."""
        self._said += 1
        form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
        form.add_field("text", text)
        for name, data in files:
            form.add_field("file", data, filename=name)
        async with self.browser.session.post(
            f"{self.browser.url}/api/v1/messages", data=form, headers={"Idempotency-Key": f"{self._said}"}
        ) as response:
            assert response.status == 202, await response.text()
            return str((await response.json())["message_id"])

    async def asks(self, text: str) -> str:
        """Write, and return what answers it."""
        message, answers = await self.says(text), list[str]()

        async def is_answered() -> bool:
            found = await self.browser.get("/api/v1/messages?after=0&limit=500")
            answers.extend(each["text"] for each in found if each["reply_to"] == message)
            return bool(answers)

        await self._device.until(is_answered, f"{text!r} of {self.name} is answered")
        return answers[0]


@asynccontextmanager
async def doors(
    folder: Path, settings: str = "", *, known: tuple[Person, ...] = (), group: int | None = None
) -> AsyncIterator[Doors]:
    """Run a device with Telegram for as long as the context lasts, at which `known` people are paired.

    Its owner is there and claimed, and `OWNER` in Telegram where they are among `known`. It answers in `group`.
    """
    groups = f'groups = ["{group}"]' if group is not None else ""
    async with FakeTelegram() as telegram:
        settings += telegram_settings(telegram, folder / "bot_token", more=groups)
        device = Doors(folder, settings, telegram)
        for person in known:
            role: Role = "owner" if person is OWNER else "user"
            await pair(device.state, "telegram", str(person.id), str(person.id), role=role, name=person.name)
        await device.start()
        try:
            await device.call("claim.take")
            yield device
        finally:
            await device.stop()
