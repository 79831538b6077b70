"""The Telegram adapter against the fake server: the channel suite, and what is its own."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from outpost_agent.channels.telegram import make
from outpost_agent.channels.telegram.channel import Pace
from outpost_agent.outlet import ProxiedOutlet
from outpost_sdk.channel import (
    Accepted,
    AttachmentTooLarge,
    ChannelDown,
    DeviceFull,
    Incoming,
    KeyReused,
    SendLater,
    SendRefused,
    SendUnknown,
    Unfetched,
)
from outpost_sdk.suites.channel import CalledChannelSuite, RecordingContext
from outpost_wire.document import Button
from outpost_wire.errors import BadSetting
from tests.support.fake_telegram import BOT_ID, TOKEN, USERNAME, FakeTelegram, Fault, Person
from tests.support.ports import free_port
from tests.support.telegram_rig import CHAT, TelegramRig, adapter, file_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)
SECRET = TOKEN.partition(":")[2]


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as telegram:
        yield telegram


@pytest.fixture
async def rig(telegram: FakeTelegram) -> AsyncIterator[TelegramRig]:
    async with TelegramRig(telegram, adapter(telegram)).running() as rig:
        yield rig


@pytest.fixture
def quiet(telegram: FakeTelegram) -> TelegramRig:
    """A rig whose channel does not run: what is sent needs no poll."""
    return TelegramRig(telegram, adapter(telegram))


class TestTelegramChannel(CalledChannelSuite):
    """The suite over the fake server."""


def entity(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **more}


MENTION = f"@{USERNAME}"


@pytest.mark.parametrize(
    ("content", "is_addressed", "text"),
    [
        ({"text": "just talk"}, False, "just talk"),
        (
            {"text": f"{MENTION}, how warm?", "entities": [entity("mention", 0, len(MENTION))]},
            True,
            "how warm?",
        ),
        (
            {"text": f"🙂 {MENTION.upper()} hi", "entities": [entity("mention", 3, len(MENTION))]},
            True,
            f"🙂 {MENTION.upper()} hi",
        ),
        ({"text": "@somebody_else hi", "entities": [entity("mention", 0, 14)]}, False, "@somebody_else hi"),
        (
            {"text": f"/help{MENTION} me", "entities": [entity("bot_command", 0, 5 + len(MENTION))]},
            True,
            "/help me",
        ),
        ({"text": "/help@other_bot", "entities": [entity("bot_command", 0, 15)]}, False, "/help@other_bot"),
        (
            {
                "text": "Outpost hi",
                "entities": [entity("text_mention", 0, 7, user={"id": BOT_ID, "first_name": "Outpost"})],
            },
            True,
            "hi",
        ),
        (
            {
                "text": "yes",
                "reply_to_message": {"message_id": 1, "from": {"id": BOT_ID, "is_bot": True, "first_name": "O"}},
            },
            True,
            "yes",
        ),
    ],
)
async def test_knows_in_a_group_when_it_is_meant(
    rig: TelegramRig, content: dict[str, Any], is_addressed: bool, text: str
) -> None:
    rig.telegram.person_says(chat=-1001, group=True, **content)
    await rig.context.until_accepted(1)
    (incoming,) = rig.context.accepted
    assert (incoming.is_group, incoming.is_addressed, incoming.text) == (True, is_addressed, text)


async def test_says_who_wrote_where_and_in_which_language(rig: TelegramRig) -> None:
    rig.telegram.person_says("你好", person=Person(77, "小明", "zh-hans"))
    rig.telegram.person_says("hei", person=Person(78, "Aino", "fi"))
    rig.telegram.person_says("?", person=Person(79, "X", ""))
    await rig.context.until_accepted(3)
    assert [
        (said.sender, said.sender_name, said.chat, said.platform_id, said.language, said.is_group)
        for said in rig.context.accepted
    ] == [
        ("77", "小明", "77", "77:1", "zh", False),
        ("78", "Aino", "78", "78:1", "en", False),
        ("79", "X", "79", "79:1", None, False),
    ]


async def test_an_anonymous_administrator_is_nobody_who_can_be_paired(rig: TelegramRig) -> None:
    group = {"id": -1001, "type": "supergroup", "title": "Team"}
    anonymous = Person(1087968824, "Group")
    rig.telegram.person_says("hello", person=anonymous, chat=-1001, group=True, sender_chat=group)
    await rig.context.until_accepted(1)
    assert rig.context.accepted[0].sender == "-1001"


async def test_what_nobody_said_is_passed_over(rig: TelegramRig) -> None:
    bot = {"id": 5, "is_bot": True, "first_name": "Other"}
    rig.telegram.update({"message": rig.telegram.message({"text": "from a bot", "from": bot})})
    rig.telegram.person_says(new_chat_title="Renamed")
    rig.telegram.update({"message": {"message_id": "not a number"}})
    rig.telegram.person_says("hello")
    await rig.context.until_accepted(1)
    assert [said.text for said in rig.context.accepted] == ["hello"]


async def test_a_deep_link_and_a_sticker_are_words(rig: TelegramRig) -> None:
    rig.telegram.person_says("/start ABCD2345")
    rig.telegram.person_says(sticker={"file_id": "s", "emoji": "👍"})
    await rig.context.until_accepted(2)
    assert [said.text for said in rig.context.accepted] == ["/start ABCD2345", "👍"]


@pytest.mark.parametrize(
    ("field", "name", "type_"),
    [
        ("audio", "audio-1.mp3", "audio/mpeg"),
        ("video", "video-1.mp4", "video/mp4"),
        ("voice", "voice-1.ogg", "audio/ogg"),
        ("animation", "animation-1.mp4", "video/mp4"),
        ("video_note", "video-1.mp4", "video/mp4"),
        ("document", "document-1", "application/octet-stream"),
    ],
)
async def test_a_file_without_a_name_gets_one(rig: TelegramRig, field: str, name: str, type_: str) -> None:
    content = {field: rig.telegram.file("", b"data"), "caption": "see"}
    rig.telegram.update({"message": rig.telegram.message(content)})
    await rig.context.until_accepted(1)
    (incoming,) = rig.context.accepted
    assert [(item.name, item.type, item.size) for item in incoming.attachments] == [(name, type_, 4)]
    assert incoming.text == "see"


async def test_of_a_photo_the_largest_size_is_fetched(rig: TelegramRig) -> None:
    small = rig.telegram.file("", b"small", width=90, height=60)
    large = rig.telegram.file("", b"large!", width=1280, height=960)
    rig.telegram.person_says(photo=[small, large, {**small, "width": 320, "height": 240}])
    await rig.context.until_accepted(1)
    assert list(rig.context.kept.values()) == [b"large!"]
    assert rig.context.files()[0].name == "photo-1.jpg"


async def test_the_pictures_of_an_album_are_meant_when_one_of_them_is(rig: TelegramRig) -> None:
    caption = f"{MENTION} look"
    mention = [entity("mention", 0, len(MENTION))]
    rig.telegram.person_says(
        caption, (("a.log", b"a"), ("b.log", b"b")), chat=-1001, group=True, caption_entities=mention
    )
    await rig.context.until_accepted(2)
    assert [said.is_addressed for said in rig.context.accepted] == [True, True]
    assert len({said.album for said in rig.context.accepted}) == 1


async def test_a_file_over_the_limit_is_told_of_and_not_asked_for(telegram: FakeTelegram) -> None:
    async with TelegramRig(telegram, adapter(telegram, download_limit=1000)).running() as rig:
        await rig.person_says("see", (("big.log", bytes(1001)),))
        await rig.context.until_accepted(1)
    assert rig.context.accepted[0].unfetched == (Unfetched(name="big.log", size=1001),)
    assert telegram.downloads == 0


async def test_a_file_that_telegram_finds_too_big_is_told_of(telegram: FakeTelegram) -> None:
    async with TelegramRig(telegram, adapter(telegram, download_limit=100 << 20)).running() as rig:
        await rig.person_says("see", (("big.log", bytes((20 << 20) + 1)),))
        await rig.context.until_accepted(1)
    assert rig.context.accepted[0].unfetched == (Unfetched(name="big.log", size=(20 << 20) + 1),)


async def test_a_file_that_the_device_finds_too_large_is_told_of(rig: TelegramRig) -> None:
    async def keep(*_: object) -> None:
        raise AttachmentTooLarge("too large", "太大")

    rig.context.keep = keep  # type: ignore[method-assign, assignment]
    await rig.person_says("see", (("a.log", b"abc"),))
    await rig.context.until_accepted(1)
    assert rig.context.accepted[0].unfetched == (Unfetched(name="a.log", size=3),)


async def test_a_download_that_breaks_off_is_begun_anew(rig: TelegramRig) -> None:
    rig.telegram.fail("file", Fault("abort_after"), Fault("status"), Fault("abort"))
    data = bytes(range(256)) * 4000
    await rig.person_says("see", (("a.log", data),))
    await rig.context.until_accepted(1)
    assert list(rig.context.kept.values()) == [data]


async def test_a_file_that_never_comes_does_not_hold_up_the_words(rig: TelegramRig) -> None:
    rig.telegram.fail("file", *[Fault("abort_after")] * 5)
    await rig.person_says("see", (("a.log", b"abc" * 1000),))
    await rig.person_says("and this")
    await rig.context.until_accepted(2)
    assert [(said.text, len(said.unfetched)) for said in rig.context.accepted] == [("see", 1), ("and this", 0)]


async def test_a_local_server_names_files_by_their_place_on_its_disk(rig: TelegramRig) -> None:
    rig.telegram.local_folder = "/var/lib/telegram-bot-api"
    await rig.person_says("see", (("a.log", b"abc"),))
    await rig.context.until_accepted(1)
    assert list(rig.context.kept.values()) == [b"abc"]


async def test_what_the_device_will_never_take_does_not_hold_up_the_rest(rig: TelegramRig) -> None:
    rig.context.refusal = KeyReused("again", "重复")
    await rig.person_says("not taken")
    await rig.context.until_asked(1)
    await rig.telegram.until(lambda: rig.telegram.acknowledged() == 1)
    rig.context.refusal = None
    await rig.person_says("taken")
    await rig.context.until_accepted(1)
    assert [said.text for said in rig.context.accepted] == ["taken"]


async def test_a_full_device_takes_the_message_once_it_has_room(rig: TelegramRig) -> None:
    rig.context.refusal = DeviceFull("full", "已满")
    await rig.person_says("first")
    await rig.person_says("second")
    await rig.context.until_asked(3)
    assert rig.telegram.acknowledged() == 0
    rig.context.refusal = None
    await rig.context.until_accepted(2)
    assert [said.text for said in rig.context.accepted] == ["first", "second"]


class ClosesAfterOne(RecordingContext):
    """Accepts one message and then holds all others back."""

    async def accept(self, incoming: Incoming) -> Accepted:
        accepted = await super().accept(incoming)
        self.gate.clear()
        return accepted


async def test_what_was_accepted_is_confirmed_at_the_stop(quiet: TelegramRig) -> None:
    telegram = quiet.telegram
    quiet.context = ClosesAfterOne()
    await quiet.person_says("first")
    await quiet.person_says("second")
    async with quiet.running():
        await quiet.context.until_asked(2)
        before = telegram.acknowledged()
    assert (before, telegram.acknowledged()) == (0, 1)


async def test_a_pressed_button_is_its_command_and_is_answered(rig: TelegramRig) -> None:
    await rig.channel.send(rig.outgoing("Which?", buttons=(Button("Yes", "/yes 1"), Button("No", "/no 1"))))
    query = rig.telegram.press(rig.telegram.shown()[0], "Yes")
    await rig.context.until_accepted(1)
    (incoming,) = rig.context.accepted
    assert (incoming.text, incoming.platform_id, incoming.chat) == ("/yes 1", f"cb:{query}", CHAT)
    await rig.telegram.until(lambda: query in rig.telegram.answered)


async def test_shows_marks_and_answers_a_message(quiet: TelegramRig) -> None:
    (asked,) = quiet.telegram.person_says("hello")
    sent = await quiet.channel.send(
        quiet.outgoing("<b>bold</b> &amp; 1 &lt; 2", reply_to_platform_id=f"{CHAT}:{asked['message_id']}")
    )
    (shown,) = quiet.telegram.shown()
    assert (shown.text, [mark.type for mark in shown.marks]) == ("bold & 1 < 2", ["bold"])
    assert shown.reply_to == asked["message_id"]
    assert sent == f"{CHAT}:{shown.message_id}"
    assert quiet.telegram.calls[-1][1]["link_preview_options"] == {"is_disabled": True}


@pytest.mark.parametrize("answered", [f"{CHAT}:99999", "cb:123", "4711:1"])
async def test_what_it_answers_need_not_be_there(quiet: TelegramRig, answered: str) -> None:
    await quiet.channel.send(quiet.outgoing("here", reply_to_platform_id=answered))
    assert quiet.telegram.texts() == ["here"]


async def test_marks_that_telegram_does_not_take_are_left_out(quiet: TelegramRig) -> None:
    await quiet.channel.send(quiet.outgoing("<b>1 &lt; 2</b> <blink>now</blink>"))
    assert quiet.telegram.texts() == ["1 < 2 now"]


async def test_a_group_that_has_moved_is_followed(quiet: TelegramRig) -> None:
    quiet.telegram.moved["-5"] = -1005
    sent = await quiet.channel.send(quiet.outgoing("here", chat="-5", reply_to_platform_id="-5:1"))
    assert quiet.telegram.texts(-1005) == ["here"]
    assert sent is not None
    assert sent.startswith("-1005:")


@pytest.mark.parametrize(
    ("name", "type_", "data", "kind"),
    [
        ("plot.png", "image/png", PNG, "photo"),
        ("plot.png", "image/png", PNG + bytes(10 << 20), "document"),
        ("broken.png", "image/png", b"no picture", "document"),
        ('报告 "1".md', "text/markdown", b"# report", "document"),
    ],
)
async def test_sends_a_file_byte_for_byte(quiet: TelegramRig, name: str, type_: str, data: bytes, kind: str) -> None:
    await quiet.channel.send(quiet.outgoing(file=file_of(name, type_, data)))
    (shown,) = quiet.telegram.shown()
    assert shown.kind == kind
    assert shown.file == data
    assert shown.file_name.replace("%22", '"') == name


async def test_a_file_that_is_not_what_it_was_said_to_be_is_refused(quiet: TelegramRig) -> None:
    with pytest.raises(SendRefused):
        await quiet.channel.send(quiet.outgoing(file=file_of("a.log", "text/plain", b"short", size=5000)))
    assert quiet.telegram.shown() == []


async def test_an_upload_cut_before_its_end_showed_nothing_and_may_be_tried_again(quiet: TelegramRig) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.transport.abort()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    quiet.telegram.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    channel = adapter(quiet.telegram)
    async with server:
        with pytest.raises(SendLater):
            await channel.send(quiet.outgoing(file=file_of("a.log", "text/plain", bytes(20 << 20))))


@pytest.mark.parametrize(
    ("fault", "error", "shown"),
    [
        (Fault("flood", retry_after=7), SendLater, 0),
        (Fault("status", code=502), SendUnknown, 0),
        (Fault("status_after", code=504), SendUnknown, 1),
        (Fault("status", code=403), SendLater, 0),
        (Fault("status", code=413), SendRefused, 0),
        (Fault("abort"), SendUnknown, 0),
        (Fault("abort_after"), SendUnknown, 1),
        (Fault("garbage"), SendUnknown, 0),
    ],
)
async def test_says_what_a_failed_send_means(
    quiet: TelegramRig, fault: Fault, error: type[Exception], shown: int
) -> None:
    quiet.telegram.fail("sendMessage", fault)
    with pytest.raises(error) as caught:
        await quiet.channel.send(quiet.outgoing("hello"))
    assert len(quiet.telegram.shown()) == shown
    assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_waits_as_long_as_telegram_asks(quiet: TelegramRig) -> None:
    quiet.telegram.fail("sendMessage", Fault("flood", retry_after=7))
    with pytest.raises(SendLater) as caught:
        await quiet.channel.send(quiet.outgoing("hello"))
    assert caught.value.after_s == 7


async def test_a_chat_that_is_closed_to_the_bot_is_refused(quiet: TelegramRig) -> None:
    quiet.telegram.blocked.add(CHAT)
    quiet.telegram.unknown_chats.add("5")
    with pytest.raises(SendRefused, match="blocked by the user"):
        await quiet.channel.send(quiet.outgoing("hello"))
    with pytest.raises(SendRefused, match="chat not found"):
        await quiet.channel.send(quiet.outgoing("hello", chat="5"))


async def test_a_server_that_is_not_there_is_tried_later(quiet: TelegramRig) -> None:
    await quiet.telegram.stop()
    with pytest.raises(SendLater) as caught:
        await quiet.channel.send(quiet.outgoing("hello"))
    assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_shows_progress_by_changing_one_message(quiet: TelegramRig) -> None:
    shown_as = await quiet.channel.show_progress(CHAT, "10 %", None)
    assert await quiet.channel.show_progress(CHAT, "20 %", shown_as) == shown_as
    assert await quiet.channel.show_progress(CHAT, "20 %", shown_as) == shown_as
    assert quiet.telegram.texts() == ["20 %"]
    await quiet.channel.end_progress(CHAT, shown_as)
    await quiet.channel.end_progress(CHAT, shown_as)
    assert quiet.telegram.texts() == []


async def test_shows_that_it_is_typing(quiet: TelegramRig) -> None:
    await quiet.channel.typing(CHAT)
    assert quiet.telegram.typing == [CHAT]


async def test_a_check_says_who_we_are(quiet: TelegramRig) -> None:
    assert await quiet.channel.check() == f"@{USERNAME}"


async def test_a_check_says_in_one_sentence_what_is_wrong(telegram: FakeTelegram) -> None:
    with pytest.raises(ChannelDown, match="token") as wrong:
        await adapter(telegram, token=TOKEN + "x").check()
    with pytest.raises(ChannelDown, match="proxy") as no_proxy:
        await adapter(telegram, proxy=f"socks5://127.0.0.1:{free_port()}").check()
    await telegram.stop()
    with pytest.raises(ChannelDown, match="internet") as no_way:
        await adapter(telegram).check()
    for caught in (wrong, no_proxy, no_way):
        assert caught.value.zh
        assert str(caught.value).count(". ") <= 1
        assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_a_check_that_succeeds_ends_the_wait_for_a_token_that_works(telegram: FakeTelegram) -> None:
    rig = TelegramRig(telegram, adapter(telegram, pace=Pace(first_s=0.01, cap_s=600.0, patience_s=600.0)))
    telegram.token_works = False
    async with rig.running():
        await until_health(rig, "refused")
        telegram.token_works = True
        await rig.channel.check()
        await until_health(rig, "on")


async def until_health(rig: TelegramRig, state: str) -> None:
    async with asyncio.timeout(10):
        while not rig.context.health or rig.context.health[-1].state != state:
            await asyncio.sleep(0.005)


async def test_says_how_it_is(rig: TelegramRig) -> None:
    async def until(state: str) -> None:
        await until_health(rig, state)

    await until("on")
    assert rig.context.health[0].state == "connecting"
    assert rig.context.health[-1].account == f"@{USERNAME}"
    rig.telegram.token_works = False
    rig.telegram.cut_connections()
    await until("refused")
    rig.telegram.token_works = True
    await until("on")
    rig.telegram.webhook = "https://elsewhere.example/"
    rig.telegram.cut_connections()
    await until("contested")
    assert "webhook" in rig.context.health[-1].en
    rig.telegram.webhook = ""
    await until("on")
    await rig.telegram.stop()
    await until("unreachable")
    await rig.telegram.start()
    await until("on")
    assert all(health.en and health.zh for health in rig.context.health if health.state not in ("on", "connecting"))


async def test_a_poll_that_is_never_answered_is_given_up(telegram: FakeTelegram) -> None:
    telegram.fail("getUpdates", Fault("hang"), Fault("hang"))
    async with TelegramRig(telegram, adapter(telegram, poll_s=1)).running() as rig:
        await rig.person_says("hello")
        await rig.context.until_accepted(1)
    assert [said.text for said in rig.context.accepted] == ["hello"]


async def test_no_log_line_holds_the_token(rig: TelegramRig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    faults = [Fault("abort"), Fault("garbage"), Fault("status"), Fault("flood"), Fault("status", code=401)]
    rig.telegram.fail("getUpdates", *faults)
    rig.telegram.cut_connections()
    await rig.person_says("hello")
    await rig.context.until_accepted(1)
    assert [record for record in caplog.records if "telegram" in record.getMessage()]
    assert not [record for record in caplog.records if SECRET in str(vars(record))]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "token"),
        ({"token": TOKEN, "token_file": "/x"}, "token"),
        ({"token": "nonsense"}, "token"),
        ({"token_file": "/does/not/exist"}, "token_file"),
        ({"token": TOKEN, "api": "telegram.org"}, "api"),
        ({"token": TOKEN, "poll_s": 0}, "poll_s"),
        ({"token": TOKEN, "color": "red"}, "color"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(BadSetting, match=named) as caught:
        make("telegram", options, ProxiedOutlet())
    assert SECRET not in str(caught.value)


def test_the_token_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    channel = make("work", {"token_file": str(tmp_path / "token"), "upload_limit": 1000}, ProxiedOutlet())
    assert (channel.id, channel.caps.attachment_limit) == ("work", 1000)
