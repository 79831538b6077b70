"""A person with one device and no manager: from the first start to the way back in, in Chromium and Telegram.

The tests are one story in their order; what comes after one that failed is skipped.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
import segno
from playwright.async_api import Page, Response, expect

from tests.support.browser import PHONE, Browsers, Visitor, browsers
from tests.support.fake_telegram import USERNAME, FakeTelegram, Person
from tests.support.logs import auth_log
from tests.support.lone_device import LoneDevice, lone_device
from tests.support.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

OUTAGE_S = 1.0
NAME = "cabin"
ANN = Person(1001, "Ann")
OLGA = Person(2002, "Olga")
"""Olga is the owner."""
MALLORY = Person(3003, "Mallory")
WRONG_TOKEN = "700000002:BBWrongTokenForTestsOnly_abcdefghijkl"
TOKEN_SENTENCE = "Telegram does not take this bot's token: it is wrong or was revoked."
OFF = re.compile(r"This device was off for (\d+ min )?\d+ s and is back\.")


@dataclass
class Journey:
    """Who takes part, and what was handed from one step to the next."""

    device: LoneDevice
    telegram: FakeTelegram
    browsers: Browsers
    ended_at: str = ""
    kept: dict[str, str] = field(default_factory=dict)
    visitors: dict[str, Visitor] = field(default_factory=dict)

    @property
    def owner(self) -> Page:
        """Return the owner's page."""
        return self.visitors["owner"].page

    async def open(self, who: str, address: str = "", **context: object) -> Visitor:
        """Open the device's page in a browser of its own."""
        visitor = self.visitors[who] = await self.browsers.visitor(**context)
        await visitor.page.goto(address or f"{self.device.url}/")
        return visitor

    async def owner_goes_to(self, section: str) -> None:
        """Have the owner choose a page."""
        await self.owner.get_by_test_id(f"nav-{section}").click()
        await expect(self.owner.get_by_test_id(f"nav-{section}")).to_have_attribute("aria-current", "page")

    def tokens_kept(self) -> list[Path]:
        """Return the files in which the device keeps tokens of bots."""
        return [path for path in self.device.state.rglob("*token*") if path.is_file()]

    async def try_token(self, token: str, *, server: str = "", proxy: str = "") -> None:
        """Have the owner fill in the form of Telegram and send it."""
        form = self.owner.get_by_test_id("add-telegram-dialog")
        if not await form.get_by_test_id("server").is_visible():
            await form.locator("summary").click()
        await form.get_by_test_id("token").fill(token)
        await form.get_by_test_id("server").fill(server or self.telegram.url)
        await form.get_by_test_id("proxy").fill(proxy)
        await form.get_by_test_id("connect").click()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def journey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Journey]:
    folder = tmp_path_factory.mktemp("journey")
    settings = f"[notices]\noutage_s = {OUTAGE_S}\n"
    async with (
        FakeTelegram() as telegram,
        lone_device(folder, settings, name=NAME) as device,
        browsers() as chromium,
    ):
        yield Journey(device, telegram, chromium)


@pytest.fixture(autouse=True)
def step(request: pytest.FixtureRequest, journey: Journey) -> Iterator[None]:
    """Skip what comes after the step at which the journey ended; let no page have complained."""
    if journey.ended_at:
        pytest.skip(f"the journey ended at {journey.ended_at}")
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        journey.ended_at = request.node.name
    elif journey.browsers.complaints():
        journey.ended_at = request.node.name
        pytest.fail(f"the console said: {journey.browsers.complaints()}")


async def test_the_first_start_prints_a_code_and_a_link(journey: Journey) -> None:
    await journey.device.start()
    code = await journey.device.claim_code()
    link = await journey.device.claim_link()
    assert link == f"{journey.device.url}/#claim={code.replace('-', '')}"
    assert "█" not in journey.device.said
    journey.kept |= {"code": code, "link": link}


async def test_a_terminal_shows_the_same_link_as_a_qr_code(journey: Journey) -> None:
    await journey.device.stop()
    await journey.device.start(terminal=True)
    assert await journey.device.claim_link() == journey.kept["link"]
    drawn = segno.make(journey.kept["link"], error="m").matrix_iter(border=4)
    lines = ["".join("█" if dark == 0 else " " for dark in row) for row in drawn]
    await journey.device.until_said("▀" * len(lines[0]))
    assert [line for line in journey.device.said.splitlines() if line and set(line) <= set("█▀▄ ")] == _halved(lines)


async def test_a_wrong_code_is_refused_and_the_right_one_makes_an_owner(journey: Journey) -> None:
    owner = await journey.open("owner")
    gate = owner.page.get_by_test_id("gate")
    await expect(gate).to_have_attribute("data-view", "claim")
    await expect(gate.get_by_role("heading")).to_have_text("Make this device yours")
    wrong = "2222-2222" if journey.kept["code"] != "2222-2222" else "3333-3333"
    await gate.get_by_test_id("claim-code").fill(wrong)
    await gate.get_by_test_id("claim").click()
    await expect(gate.get_by_role("alert")).to_contain_text("code")
    owner.excuse("status of 403")

    rival = await journey.open("rival", journey.kept["link"])
    await expect(rival.page.get_by_test_id("claim-code")).to_have_value(re.compile(r"^[A-Z0-9]{4}-?[A-Z0-9]{4}$"))
    assert "claim" not in rival.page.url

    await gate.get_by_test_id("claim-code").fill(journey.kept["code"].lower().replace("-", " "))
    await gate.get_by_test_id("claim").click()
    await expect(owner.page.get_by_test_id("recovery")).to_be_visible()


async def test_the_recovery_file_is_shown_until_it_is_saved(journey: Journey) -> None:
    sheet = journey.owner.get_by_test_id("recovery")
    text = await sheet.get_by_test_id("recovery-content").inner_text()
    assert f"Device / 设备: {NAME}" in text
    await expect(sheet.get_by_test_id("recovery-done")).to_be_disabled()
    async with journey.owner.expect_download() as saving:
        await sheet.get_by_test_id("recovery-save").click()
    saved = await saving.value
    assert saved.suggested_filename == f"outpost-recovery-{NAME}.txt"
    assert Path(await saved.path()).read_text(encoding="utf-8") == text
    await sheet.get_by_test_id("recovery-saved").check()
    await sheet.get_by_test_id("recovery-done").click()
    await expect(journey.owner.get_by_test_id("connection")).to_have_attribute("data-state", "online")
    await expect(journey.owner.get_by_test_id("composer")).to_be_focused()
    journey.kept["recovery"] = text


async def test_a_second_claim_is_refused(journey: Journey) -> None:
    rival = journey.visitors["rival"]
    await rival.page.get_by_test_id("claim").click()
    gate = rival.page.get_by_test_id("gate")
    await expect(gate).to_have_attribute("data-view", "doors")
    await expect(gate.get_by_role("heading")).to_have_text(f"{NAME} is owned")
    rival.excuse("status of 409")
    answer = await rival.page.evaluate(
        """async (code) => {
            const headers = { "Content-Type": "application/json" };
            const answer = await fetch("/api/v1/claim", { method: "POST", headers, body: JSON.stringify({ code }) });
            return [answer.status, (await answer.json()).error.code];
        }""",
        journey.kept["code"],
    )
    assert answer == [409, "already_claimed"]
    rival.excuse("status of 409")
    assert (await rival.page.request.get(f"{journey.device.url}/api/v1/people")).status == 401


async def test_a_wrong_token_gets_one_clear_sentence(journey: Journey) -> None:
    await journey.owner_goes_to("channels")
    await journey.owner.get_by_test_id("add-telegram").click()
    problem = journey.owner.get_by_test_id("add-telegram-dialog").get_by_test_id("problem")
    await journey.try_token("hello")
    await expect(problem).to_have_text("A token is a number, a colon and 35 signs. Copy the whole of it.")
    await journey.try_token(WRONG_TOKEN)
    await expect(problem).to_have_text(
        f"{TOKEN_SENTENCE} Get the current one from @BotFather and give it to this channel."
    )
    journey.visitors["owner"].excuse("status of 502")


async def test_no_internet_gets_one_clear_sentence(journey: Journey) -> None:
    problem = journey.owner.get_by_test_id("add-telegram-dialog").get_by_test_id("problem")
    await journey.try_token(journey.telegram.token, server=f"http://127.0.0.1:{free_port()}")
    await expect(problem).to_have_text(
        "Telegram is not reached: check the internet connection; where Telegram is blocked, set a proxy for this "
        "channel."
    )
    for scheme in ("socks5", "http"):
        async with journey.owner.expect_response(_is_adding) as answering:
            await journey.try_token(journey.telegram.token, proxy=f"{scheme}://127.0.0.1:{free_port()}")
        assert (await answering.value).status == 502
        await expect(problem).to_have_text(
            "The proxy is not reached or lets nothing through: check the channel's proxy setting and whether the proxy "
            "runs."
        )
    journey.visitors["owner"].excuse("status of 502")
    assert journey.tokens_kept() == []


async def test_the_right_token_connects_the_bot(journey: Journey) -> None:
    await journey.try_token(journey.telegram.token)
    await expect(journey.owner.get_by_test_id("connected")).to_have_text(f"Connected as @{USERNAME}")
    await journey.owner.keyboard.press("Escape")
    card = journey.owner.locator('[data-testid="channel-card"][data-kind="telegram"]')
    await expect(card).to_have_attribute("data-state", "on")
    await expect(card).to_contain_text(f"@{USERNAME}")
    (kept,) = journey.tokens_kept()
    assert kept.read_text() == journey.telegram.token
    assert kept.stat().st_mode & 0o077 == 0
    log = (journey.device.folder / "device.log").read_text()
    assert journey.telegram.token not in log
    assert WRONG_TOKEN not in log


async def test_a_stranger_gets_a_code_and_nothing_else(journey: Journey) -> None:
    await journey.owner_goes_to("chat")
    journey.telegram.person_says("/status", person=ANN)
    await journey.telegram.until(lambda: len(journey.telegram.texts(ANN.id)) == 1)
    (said,) = journey.telegram.texts(ANN.id)
    (code,) = re.findall(r"\b[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}\b", said)
    assert NAME not in said
    journey.telegram.person_says("Are you there?", (("auth.log", auth_log(50)),), person=ANN)
    confirmed = journey.telegram.confirmed
    await journey.telegram.until(lambda: journey.telegram.confirmed > confirmed)
    assert journey.telegram.texts(ANN.id) == [said]
    assert journey.telegram.downloads == 0
    journey.kept["ann"] = code


async def test_the_owner_sees_the_request_as_it_comes_and_lets_them_in(journey: Journey) -> None:
    toast = journey.owner.get_by_test_id("toast")
    await expect(toast).to_contain_text("Ann asks to be let in (Telegram)")
    await expect(journey.owner.get_by_test_id("nav-people").get_by_test_id("count")).to_contain_text("1")
    await toast.get_by_role("link", name="Look").click()
    card = journey.owner.get_by_test_id("request-card")
    await expect(card).to_have_count(1)
    await expect(card.get_by_test_id("request-code")).to_have_text(journey.kept["ann"])
    await expect(card).to_contain_text("Ann")
    await card.get_by_test_id("approve").click()
    await expect(card).to_have_count(0)
    await expect(journey.owner.get_by_test_id("person").filter(has_text="Ann")).to_contain_text("Telegram")
    await journey.telegram.until(lambda: len(journey.telegram.texts(ANN.id)) == 2)
    assert journey.telegram.texts(ANN.id)[1].startswith("You are in.")


async def test_who_is_refused_hears_nothing_more(journey: Journey) -> None:
    journey.telegram.person_says("hi", person=MALLORY)
    card = journey.owner.get_by_test_id("request-card").filter(has_text="Mallory")
    await card.get_by_test_id("refuse").click()
    await journey.owner.get_by_test_id("confirm-yes").click()
    await expect(card).to_have_count(0)
    confirmed = journey.telegram.confirmed
    journey.telegram.person_says("hi again", person=MALLORY)
    await journey.telegram.until(lambda: journey.telegram.confirmed > confirmed)
    assert len(journey.telegram.texts(MALLORY.id)) == 1


async def test_the_owner_is_the_owner_in_telegram_too(journey: Journey) -> None:
    journey.telegram.person_says("/start", person=OLGA)
    card = journey.owner.get_by_test_id("request-card").filter(has_text="Olga")
    await card.get_by_test_id("approve-owner").click()
    await journey.owner.get_by_test_id("confirm-yes").click()
    await expect(card).to_have_count(0)
    mine = journey.owner.locator('[data-testid="person"][data-id="owner"]')
    await expect(mine.get_by_test_id("identity").filter(has_text="Telegram")).to_have_count(1)
    await expect(mine).to_contain_text("Olga")


async def test_a_phone_is_paired(journey: Journey) -> None:
    phone = await journey.open("phone", **PHONE)
    await phone.page.get_by_test_id("door-ask").tap()
    await phone.page.get_by_test_id("ask-name").fill("Bo, from the lab")
    await phone.page.get_by_test_id("ask").tap()
    code = await phone.page.get_by_test_id("ask-code").inner_text()
    assert await phone.fits()
    card = journey.owner.get_by_test_id("request-card").filter(has_text="Bo, from the lab")
    await expect(card.get_by_test_id("request-code")).to_have_text(code)
    await card.get_by_test_id("approve").click()
    await expect(phone.page.get_by_test_id("composer")).to_be_visible()
    assert await phone.page.get_by_role("navigation").get_by_role("link").count() == 4
    assert await phone.fits()


async def test_a_log_sent_by_telegram_comes_back_as_a_report_with_plots(journey: Journey) -> None:
    before = len(journey.telegram.shown(ANN.id))
    journey.telegram.person_says("What is wrong?", (("auth.log", auth_log()),), person=ANN)

    def pictures() -> int:
        return sum(shown.kind == "photo" for shown in journey.telegram.shown(ANN.id)[before:])

    await journey.telegram.until(lambda: pictures() == 2, deadline_s=60)
    shown = journey.telegram.shown(ANN.id)[before:]
    report = "\n".join(message.text for message in shown)
    assert "10.0.0.9" in report
    assert any(message.marks for message in shown)
    assert all(photo.file and photo.file.startswith(b"\x89PNG") for photo in shown if photo.kind == "photo")
    assert len(journey.telegram.texts(MALLORY.id)) == 1
    assert ANN.id in {int(chat) for chat in journey.telegram.typing}


async def test_the_owner_sends_a_log_in_the_page_and_reads_the_report(journey: Journey) -> None:
    await journey.owner_goes_to("chat")
    answers = journey.owner.locator('[data-testid="message"][data-direction="out"]')
    await journey.owner.get_by_test_id("file-input").set_input_files(
        {"name": "auth.log", "mimeType": "text/plain", "buffer": auth_log()}
    )
    await journey.owner.keyboard.press("Enter")
    await expect(answers).to_have_count(1, timeout=60_000)
    await expect(answers).to_contain_text("10.0.0.9")
    await expect(answers.get_by_test_id("picture")).to_have_count(2)
    await journey.owner_goes_to("results")
    await expect(journey.owner.get_by_test_id("result")).to_have_count(1)
    await journey.owner.get_by_test_id("scope-all").click()
    await expect(journey.owner.get_by_test_id("result")).to_have_count(2)
    await expect(journey.owner.get_by_test_id("result").filter(has_text="Ann · Telegram")).to_have_count(1)


async def test_a_phone_has_only_what_its_person_asked_for(journey: Journey) -> None:
    phone = journey.visitors["phone"]
    answers = phone.page.locator('[data-testid="message"][data-direction="out"]')
    await phone.page.get_by_test_id("composer").fill("/status")
    await phone.page.get_by_role("button", name="Send").tap()
    await expect(answers).to_have_count(1)
    for section in ("tasks", "results"):
        await phone.page.get_by_test_id(f"nav-{section}").tap()
        await expect(phone.page.get_by_test_id(f"{section}-empty")).to_be_visible()
        assert await phone.fits()


async def test_after_the_plug_was_pulled_the_owner_hears_once_and_nothing_is_lost(journey: Journey) -> None:
    telegram, device = journey.telegram, journey.device
    await journey.owner_goes_to("chat")
    rows = journey.owner.get_by_test_id("message")
    seqs = [await row.get_attribute("data-seq") for row in await rows.all()]
    before, typed = len(telegram.shown(ANN.id)), len(telegram.typing)
    telegram.person_says("", (("long.log", auth_log(200_000)),), person=ANN)
    await telegram.until(lambda: str(ANN.id) in telegram.typing[typed:])
    await device.kill()
    await expect(journey.owner.get_by_test_id("connection")).to_have_attribute("data-state", "reconnecting")
    telegram.person_says("/status", person=ANN)
    await asyncio.sleep(OUTAGE_S)  # this is the outage
    await device.start()
    await expect(journey.owner.get_by_test_id("connection")).to_have_attribute("data-state", "online", timeout=30_000)
    notice = rows.filter(has_text=OFF)
    await expect(notice).to_have_count(1)
    await expect(notice).to_contain_text("1 open task goes on: ")
    await expect(notice).to_contain_text("Nothing was lost.")

    def answers() -> tuple[int, int, int]:
        shown = telegram.shown(ANN.id)[before:]
        states, reports = (sum(words in message.text for message in shown) for words in (f"{NAME} is up", "10.0.0.9"))
        return states, min(reports, 1), sum(message.kind == "photo" for message in shown)

    await telegram.until(lambda: answers() == (1, 1, 2), deadline_s=90)
    await journey.owner.reload()
    await expect(rows).to_have_count(len(seqs) + 1)
    after = [await row.get_attribute("data-seq") for row in await rows.all()]
    assert after[:-1] == seqs
    assert not any(OFF.search(text) for who in (ANN, OLGA) for text in telegram.texts(who.id))
    for visitor in journey.visitors.values():
        visitor.excuse("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")


async def test_a_revoked_token_gets_one_clear_sentence_and_a_restored_one_works_again(journey: Journey) -> None:
    await journey.owner_goes_to("channels")
    card = journey.owner.locator('[data-testid="channel-card"][data-kind="telegram"]')
    await expect(card).to_have_attribute("data-state", "on")
    journey.telegram.token_works = False
    journey.telegram.cut_connections()
    await expect(card).to_have_attribute("data-state", "refused")
    await expect(card.get_by_test_id("state")).to_have_text("Refused")
    await expect(card).to_contain_text(TOKEN_SENTENCE)
    await card.get_by_test_id("test").click()
    await expect(card.get_by_test_id("problem")).to_contain_text(TOKEN_SENTENCE)
    journey.visitors["owner"].excuse("status of 502")
    journey.telegram.token_works = True
    await card.get_by_test_id("test").click()
    await expect(card.get_by_role("status")).to_have_text(f"It works: connected as @{USERNAME}.")
    await expect(card).to_have_attribute("data-state", "on")
    await expect(card).not_to_contain_text(TOKEN_SENTENCE)


async def test_the_recovery_file_brings_the_owner_back_and_signs_the_old_browser_out(journey: Journey) -> None:
    fresh = await journey.open("fresh", **PHONE)
    await fresh.page.get_by_test_id("door-recover").tap()
    file = {"name": "recovery.txt", "mimeType": "text/plain", "buffer": journey.kept["recovery"].encode()}
    await fresh.page.get_by_test_id("recovery-file").set_input_files(file)  # type: ignore[arg-type]
    sheet = fresh.page.get_by_test_id("recovery")
    text = await sheet.get_by_test_id("recovery-content").inner_text()
    assert text != journey.kept["recovery"]
    assert await fresh.fits()
    await sheet.get_by_test_id("recovery-saved").check()
    await sheet.get_by_test_id("recovery-done").tap()
    await expect(fresh.page.get_by_test_id("nav-device")).to_be_visible()
    await expect(journey.owner.get_by_test_id("gate")).to_be_visible()
    journey.visitors["owner"].excuse("status of 401", "HTTP Authentication failed")

    await journey.owner.get_by_test_id("door-recover").click()
    await journey.owner.get_by_test_id("recovery-text").fill(journey.kept["recovery"])
    await journey.owner.get_by_test_id("recover").click()
    await expect(journey.owner.get_by_test_id("problem")).not_to_be_empty()
    journey.visitors["owner"].excuse("status of 403")
    await expect(fresh.page.get_by_test_id("message").filter(has_text=OFF)).to_have_count(1)


async def test_no_page_scrolls_sideways_on_a_phone(journey: Journey) -> None:
    fresh = journey.visitors["fresh"]
    for section in ("chat", "tasks", "results", "people", "channels", "device"):
        await fresh.page.get_by_test_id(f"nav-{section}").tap()
        await expect(fresh.page.get_by_test_id(f"nav-{section}")).to_have_attribute("aria-current", "page")
        await expect(fresh.page.locator(".loading")).to_have_count(0)
        assert await fresh.fits(), section


async def test_another_browser_of_the_owner_comes_in_by_a_link_that_works_once(journey: Journey) -> None:
    fresh = journey.visitors["fresh"]
    await fresh.page.get_by_test_id("nav-device").tap()
    await fresh.page.get_by_test_id("invite").tap()
    link = await fresh.page.get_by_test_id("invite-link").input_value()
    second = await journey.open("second", link)
    await expect(second.page.get_by_test_id("nav-people")).to_be_visible()
    assert "code" not in second.page.url
    third = await journey.open("third", link)
    await expect(third.page.get_by_test_id("problem")).to_contain_text("not valid any more")
    third.excuse("status of 401", "status of 403")


async def test_a_bot_is_removed_and_its_token_forgotten(journey: Journey) -> None:
    page = journey.visitors["second"].page
    await page.get_by_test_id("nav-channels").click()
    card = page.locator('[data-testid="channel-card"][data-kind="telegram"]')
    await card.get_by_test_id("remove").click()
    await page.get_by_test_id("confirm-yes").click()
    await expect(card).to_have_count(0)
    await expect(page.get_by_test_id("add-telegram")).to_be_visible()
    assert journey.tokens_kept() == []


def _is_adding(response: Response) -> bool:
    return response.request.method == "POST" and response.url.endswith("/api/v1/channels")


def _halved(lines: list[str]) -> list[str]:
    """Draw two lines in one, as terminals are asked to: light is drawn, dark is left out."""
    signs = {("█", "█"): "█", ("█", " "): "▀", (" ", "█"): "▄", (" ", " "): " "}
    below = [*lines[1:], " " * len(lines[0])]
    return [
        "".join(signs[pair] for pair in zip(*two, strict=True)) for two in list(zip(lines, below, strict=True))[::2]
    ]
