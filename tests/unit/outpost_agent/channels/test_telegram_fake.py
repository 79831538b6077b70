"""The fake Telegram is faithful: the client library python-telegram-bot works against it as against the real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    ReplyParameters,
    Update,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TimedOut
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    ContextTypes,
    MessageHandler,
    filters,
)
from telegram.request import HTTPXRequest

from tests.support.fake_telegram import ANN, BOT_ID, TOKEN, USERNAME, FakeTelegram, Fault
from tests.support.telegram_html import BadHtml, parse, utf16

PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as telegram:
        yield telegram


def make_bot(telegram: FakeTelegram, token: str = TOKEN) -> Bot:
    request, polling = (HTTPXRequest(read_timeout=5, httpx_kwargs={"trust_env": False}) for _ in range(2))
    return Bot(
        token,
        base_url=f"{telegram.url}/bot",
        base_file_url=f"{telegram.url}/file/bot",
        request=request,
        get_updates_request=polling,
    )


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    async with make_bot(telegram) as bot:
        yield bot


async def test_says_who_the_bot_is(bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.username, me.is_bot) == (BOT_ID, USERNAME, True)


async def test_an_application_polls_answers_and_hears_buttons(telegram: FakeTelegram) -> None:
    async def answer(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message is not None
        markup = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="/yes")]])
        await update.message.reply_text(f"<b>{update.message.text}</b>", parse_mode="HTML", reply_markup=markup)

    async def hear(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer()
        await update.callback_query.edit_message_text(f"pressed {update.callback_query.data}")

    application = (
        Application.builder()
        .token(TOKEN)
        .base_url(f"{telegram.url}/bot")
        .base_file_url(f"{telegram.url}/file/bot")
        .build()
    )
    application.add_handler(MessageHandler(filters.TEXT, answer))
    application.add_handler(CallbackQueryHandler(hear))
    async with application:
        await application.start()
        assert application.updater is not None
        await application.updater.start_polling(poll_interval=0)
        telegram.person_says("hello")
        telegram.person_says("again")
        await telegram.until(lambda: len(telegram.shown()) == 2)
        assert telegram.texts() == ["hello", "again"]
        query = telegram.press(telegram.shown()[0], "Yes")
        await telegram.until(lambda: telegram.texts() == ["pressed /yes", "again"])
        assert telegram.answered == [query]
        await application.updater.stop()
        await application.stop()
    assert telegram.acknowledged() == 3


async def test_updates_stay_until_an_offset_beyond_them(telegram: FakeTelegram, bot: Bot) -> None:
    for number in range(120):
        telegram.person_says(str(number))
    first = await bot.get_updates(timeout=0)
    assert len(first) == 100
    assert await bot.get_updates(timeout=0) == first
    rest = await bot.get_updates(offset=first[-1].update_id + 1, timeout=0)
    assert [update.message.text for update in rest if update.message] == [str(number) for number in range(100, 120)]
    (last,) = await bot.get_updates(offset=-1, timeout=0)
    assert last == rest[-1]
    assert telegram.acknowledged() == 119


async def test_updates_that_are_not_wanted_do_not_come(telegram: FakeTelegram, bot: Bot) -> None:
    await bot.get_updates(timeout=0, allowed_updates=["message"])
    telegram.update({"edited_message": telegram.message({"text": "edited"})})
    telegram.person_says("hello")
    (update,) = await bot.get_updates(timeout=0)
    assert update.message is not None


async def test_a_poll_waits_for_what_comes(telegram: FakeTelegram, bot: Bot) -> None:
    polling = asyncio.create_task(bot.get_updates(timeout=5))
    await telegram.until(lambda: any(method == "getupdates" for method, _ in telegram.calls))
    assert not polling.done()
    telegram.person_says("hello")
    assert len(await polling) == 1


async def test_a_second_poll_ends_the_first(telegram: FakeTelegram, bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=5))
    await telegram.until(lambda: any(method == "getupdates" for method, _ in telegram.calls))
    async with make_bot(telegram) as other:
        second = asyncio.create_task(other.get_updates(timeout=5))
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await first
        telegram.person_says("hello")
        assert len(await second) == 1


async def test_a_webhook_stands_against_polls(telegram: FakeTelegram, bot: Bot) -> None:
    await bot.set_webhook("https://bot.example/hook")
    assert (await bot.get_webhook_info()).url == "https://bot.example/hook"
    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates(timeout=0)
    await bot.delete_webhook()
    assert await bot.get_updates(timeout=0) == ()


async def test_files_come_and_go_byte_for_byte(telegram: FakeTelegram, bot: Bot) -> None:
    data = bytes(range(256)) * 1000
    telegram.person_says("see", (("a b.log", data),))
    (update,) = await bot.get_updates(timeout=0)
    assert update.message is not None
    assert update.message.document is not None
    assert (update.message.caption, update.message.document.file_name) == ("see", "a b.log")
    file = await update.message.document.get_file()
    assert bytes(await file.download_as_bytearray()) == data
    await bot.send_document(ANN.id, InputFile(data, filename="报告.bin"))
    sent = await bot.send_photo(ANN.id, PNG, caption="<i>plot</i>", parse_mode=ParseMode.HTML)
    assert sent.photo
    document, photo = telegram.shown()
    assert (document.file, document.file_name, document.kind) == (data, "报告.bin", "document")
    assert (photo.file, photo.text, photo.kind) == (PNG, "plot", "photo")


async def test_a_file_over_20_mb_is_not_given_to_bots(telegram: FakeTelegram, bot: Bot) -> None:
    big = telegram.file("big.bin", bytes((20 << 20) + 1))
    with pytest.raises(BadRequest, match="File is too big"):
        await bot.get_file(big["file_id"])
    with pytest.raises(BadRequest, match="Invalid file_id"):
        await bot.get_file("nonsense")


async def test_messages_are_changed_and_deleted(telegram: FakeTelegram, bot: Bot) -> None:
    sent = await bot.send_message(ANN.id, "one", link_preview_options=LinkPreviewOptions(is_disabled=True))
    await sent.edit_text("two")
    assert telegram.texts() == ["two"]
    with pytest.raises(BadRequest, match="Message is not modified"):
        await sent.edit_text("two")
    assert await sent.delete()
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await sent.delete()
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await sent.edit_text("three")


async def test_a_reply_names_its_message(telegram: FakeTelegram, bot: Bot) -> None:
    (asked,) = telegram.person_says("hello")
    await bot.send_message(ANN.id, "answer", reply_parameters=ReplyParameters(asked["message_id"]))
    assert telegram.shown()[0].reply_to == asked["message_id"]
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(ANN.id, "lost", reply_parameters=ReplyParameters(999))
    await bot.send_message(ANN.id, "still", reply_parameters=ReplyParameters(999, allow_sending_without_reply=True))
    assert telegram.texts() == ["answer", "still"]


async def test_shows_that_somebody_types(telegram: FakeTelegram, bot: Bot) -> None:
    assert await bot.send_chat_action(ANN.id, ChatAction.TYPING)
    assert telegram.typing == [str(ANN.id)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x" * 4097, "Message is too long"),
        ("🙂" * 2049, "Message is too long"),
        (" ", "Message text is empty"),
        ("<b>open", "Can't parse entities: can't find end tag corresponding to start tag \"b\""),
        ("<b><i>x</b></i>", "Can't parse entities: unmatched end tag at byte offset 7"),
        ("<h1>x</h1>", 'Can\'t parse entities: unsupported start tag "h1" at byte offset 0'),
        ("a < b", 'Can\'t parse entities: unsupported start tag "" at byte offset 2'),
        ("x</b>", "Can't parse entities: unexpected end tag at byte offset 1"),
    ],
)
async def test_words_and_marks_are_checked(bot: Bot, text: str, sentence: str) -> None:
    with pytest.raises(BadRequest) as caught:
        await bot.send_message(ANN.id, text, parse_mode=ParseMode.HTML)
    assert sentence.lower() in str(caught.value).lower()


async def test_the_limit_counts_what_is_seen_and_not_its_marks(telegram: FakeTelegram, bot: Bot) -> None:
    await bot.send_message(ANN.id, f"<b>{'&lt;' * 4096}</b>", parse_mode=ParseMode.HTML)
    assert telegram.texts() == ["<" * 4096]


async def test_a_button_holds_64_bytes(bot: Bot) -> None:
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="是" * 22)]])
    with pytest.raises(BadRequest, match="Button_data_invalid"):
        await bot.send_message(ANN.id, "Which?", reply_markup=markup)


async def test_closed_chats_are_told_apart(telegram: FakeTelegram, bot: Bot) -> None:
    telegram.blocked.add(str(ANN.id))
    telegram.unknown_chats.add("5")
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ANN.id, "hello")
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(5, "hello")


async def test_a_flood_says_how_long_to_wait(telegram: FakeTelegram, bot: Bot) -> None:
    telegram.fail("sendMessage", Fault("flood", retry_after=7))
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(ANN.id, "hello")
    assert int(caught.value.retry_after) == 7  # type: ignore[arg-type]
    await bot.send_message(ANN.id, "hello")
    assert telegram.texts() == ["hello"]


@pytest.mark.parametrize("token", [f"{TOKEN}x", "nonsense"])
async def test_a_wrong_token_is_refused(telegram: FakeTelegram, token: str) -> None:
    with pytest.raises(InvalidToken):
        async with make_bot(telegram, token):
            pass


async def test_a_revoked_token_is_refused(telegram: FakeTelegram, bot: Bot) -> None:
    telegram.token_works = False
    with pytest.raises(InvalidToken):
        await bot.send_message(ANN.id, "hello")


async def test_connections_break_before_and_after_the_effect(telegram: FakeTelegram, bot: Bot) -> None:
    telegram.fail("sendMessage", Fault("abort"), Fault("abort_after"), Fault("status"), Fault("status_after"))
    for _ in range(4):
        with pytest.raises(NetworkError):
            await bot.send_message(ANN.id, "hello")
    assert telegram.texts() == ["hello"] * 2


async def test_a_call_may_hang(telegram: FakeTelegram, bot: Bot) -> None:
    telegram.fail("sendMessage", Fault("hang"), Fault("hang_after"))
    for _ in range(2):
        with pytest.raises(TimedOut):
            await bot.send_message(ANN.id, "hello", read_timeout=0.2)
    assert telegram.texts() == ["hello"]


def test_marks_are_read_as_telegram_reads_them() -> None:
    text, marks = parse(
        '<b>🙂 <a href="https://x.example/?a=1&amp;b=2">链</a></b> &lt;&nbsp;'
        '<pre><code class="language-py">x</code></pre>'
    )
    assert text == "🙂 链 <&nbsp;x"
    assert [(mark.type, mark.offset, mark.length, mark.value) for mark in marks] == [
        ("bold", 0, 4, ""),
        ("text_link", 3, 1, "https://x.example/?a=1&b=2"),
        ("code", 12, 1, "language-py"),
        ("pre", 12, 1, ""),
    ]
    assert utf16(text) == 13


def test_a_span_must_be_a_spoiler() -> None:
    with pytest.raises(BadHtml, match="span"):
        parse("<span>x</span>")
