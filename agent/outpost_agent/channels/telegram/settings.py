"""The options of the Telegram channel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from outpost_agent.channels.telegram.api import BotApi
from outpost_agent.channels.telegram.channel import TelegramChannel
from outpost_sdk.channel import Options, Outlet
from outpost_wire.errors import BadSetting

TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
MIB = 1 << 20

Limit = Annotated[int, Meta(ge=1)]


class TelegramOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the bot is reached; exactly one of `token` and `token_file`.

    `api` is the address of the Bot API server. `poll_s` is how long it may keep a poll waiting, in seconds. What bots
    may fetch and send, in bytes, is that of Telegram's own server; a local one allows 2000 MB.
    """

    token: str = ""
    token_file: str = ""
    api: str = "https://api.telegram.org"
    poll_s: Annotated[int, Meta(ge=1, le=300)] = 50
    download_limit: Limit = 20 * MIB
    upload_limit: Limit = 50 * MIB


def make(name: str, options: Options, outlet: Outlet) -> TelegramChannel:
    """Return the channel called `name`; raises BadSetting that names the option at fault."""
    try:
        chosen = msgspec.convert(dict(options), TelegramOptions)
    except msgspec.ValidationError as error:
        raise BadSetting(f"telegram: {error}", f"telegram：{error}") from error
    _check_address(chosen.api)
    api = BotApi(outlet, chosen.api.rstrip("/"), _token(chosen))
    return TelegramChannel(
        name,
        api,
        poll_s=chosen.poll_s,
        download_limit=chosen.download_limit,
        upload_limit=chosen.upload_limit,
    )


def _check_address(api: str) -> None:
    parts = urlsplit(api)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadSetting(
            "api: expected the address of a Bot API server, such as https://api.telegram.org",
            "api：应为 Bot API 服务器的地址，例如 https://api.telegram.org",
        )


def _token(options: TelegramOptions) -> str:
    if bool(options.token) == bool(options.token_file):
        raise BadSetting(
            "token: expected either token or token_file, and not both",
            "token：应填写 token 或 token_file 其中之一，不能同时填写",
        )
    option, token = "token", options.token.strip()
    if options.token_file:
        option = "token_file"
        try:
            token = Path(options.token_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetting(
                f"token_file: {options.token_file} cannot be read ({type(error).__name__})",
                f"token_file：无法读取 {options.token_file}（{type(error).__name__}）",
            ) from error
    if not TOKEN.fullmatch(token):
        raise BadSetting(
            f"{option}: expected the token that @BotFather gave, in the form 123456:ABC-DEF",
            f"{option}：应为 @BotFather 给出的令牌，格式如 123456:ABC-DEF",
        )
    return token
