"""The sentences about how the channel is: what happened and what to do."""

from __future__ import annotations

from outpost_agent.channels.telegram import answers
from outpost_agent.channels.telegram.answers import ApiFailed, BrokeOff, NotReached, Refused
from outpost_sdk.channel import ChannelHealth

CONNECTING = ChannelHealth(state="connecting")

WRONG_TOKEN = (
    "Telegram does not take this bot's token: it is wrong or was revoked. Get the current one from @BotFather and "
    "give it to this channel.",
    "Telegram 不接受此机器人令牌：令牌有误或已被撤销。请向 @BotFather 获取当前令牌，并交给本渠道。",
)
OTHER_PROGRAM = (
    "Another program takes this bot's messages: stop it, or give this channel a token that only it has.",
    "另有程序在接收此机器人的消息：请停止该程序，或向 @BotFather 获取新令牌，只交给本渠道使用。",
)
WEBHOOK = (
    "This bot's messages go to a webhook: remove it there, or give this channel a token that only it has.",
    "此机器人的消息被发往一个 webhook：请在原处将其移除，或向 @BotFather 获取新令牌，只交给本渠道使用。",
)
NO_PROXY = (
    "The proxy is not reached or lets nothing through: check the channel's proxy setting and whether the proxy runs.",
    "无法连接代理，或代理拒绝转发：请检查该渠道的代理设置以及代理是否在运行。",
)
NO_TRUST = (
    "Telegram's certificate is not trusted: check this device's clock, and whether something on the way intercepts it.",
    "Telegram 的证书不受信任：请检查本设备的时钟，以及途中是否有设备拦截连接。",
)
NO_WAY = (
    "Telegram is not reached: check the internet connection; where Telegram is blocked, set a proxy for this channel.",
    "无法连接 Telegram：请检查网络连接；若 Telegram 被屏蔽，请为该渠道设置代理。",
)
NOT_TELEGRAM = (
    "Something other than Telegram answers: check whether this network asks for a sign-in, and the api setting.",
    "应答的并非 Telegram：请检查此网络是否需要登录认证，以及 api 设置。",
)
IN_TROUBLE = (
    "Telegram is reached but does not answer as it should; nothing to do, it is tried again.",
    "已连接 Telegram，但其应答异常；无需处理，正在重试。",
)


def health_after(error: ApiFailed, account: str) -> ChannelHealth:
    """Return how the channel is once a poll failed with `error`."""
    match error:
        case Refused(is_token=True):
            return _health("refused", WRONG_TOKEN, account)
        case Refused(is_contested=True):
            return _health("contested", WEBHOOK if error.says("webhook") else OTHER_PROGRAM, account)
        case NotReached(cause=answers.PROXY):
            return _health("unreachable", NO_PROXY, account)
        case NotReached(cause=answers.CERTIFICATE):
            return _health("unreachable", NO_TRUST, account)
        case NotReached(cause=answers.OTHER) | BrokeOff(cause=answers.OTHER):
            return _health("unreachable", NOT_TELEGRAM, account)
        case Refused():
            return _health("unreachable", IN_TROUBLE, account)
    return _health("unreachable", NO_WAY, account)


def _health(state: str, sentences: tuple[str, str], account: str) -> ChannelHealth:
    en, zh = sentences
    return ChannelHealth(state=state, en=en, zh=zh, account=account)  # type: ignore[arg-type]
