"""The checks of `outpost doctor` about who comes in and what goes out: the owner, channels, the page, proxies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from outpost_agent.cli.checks import ANSWER_S, Finding, Say, Verdict, unreachable
from outpost_agent.cli.views import ChannelView, Status, parse
from outpost_agent.config import Config
from outpost_agent.local.client import LocalClient
from outpost_disk.settings import is_loopback, split_address
from outpost_wire.errors import OutpostError

WEB = "web"
DIRECT = "direct"


def check_owner(status: Status, say: Say) -> Finding:
    """Look whether somebody owns the device; while nobody does, whoever sees its claim code can."""
    if status.owned:
        return Finding("owner", "ok", say("this device is owned", "已有主人"))
    return Finding("owner", "warn", say("nobody owns this device yet", "设备尚无主人"), "outpost claim")


def check_channels(path: Path, say: Say) -> Iterator[Finding]:
    """Ask the daemon how each channel is that somebody connected."""
    try:
        with LocalClient(path) as client:
            channels = parse(client.call("channels.list", timeout_s=ANSWER_S).value, tuple[ChannelView, ...])
    except OutpostError as error:
        found = say(str(error), getattr(error, "zh", "") or str(error))
        yield Finding("channel", "warn", found, say("see its log and restart it", "请查看日志并重启"))
        return
    for channel in channels:
        if channel.kind != WEB:
            yield _of_channel(channel, say)


def check_exposure(listen: str, is_tls: bool, say: Say) -> Finding:
    """Look whether the page is served in the clear to other machines."""
    host, _ = split_address(listen)
    if is_tls:
        return Finding("exposure", "ok", say(f"TLS at {listen}", f"{listen} 使用 TLS"))
    if is_loopback(host):
        return Finding("exposure", "ok", say("only this machine reaches the page", "仅本机可以访问页面"))
    found = say(
        f"the page is served without TLS at {listen}: others on the network can read along",
        f"页面在 {listen} 上未使用 TLS，同一网络中的其他人可以窃听",
    )
    remedy = say(
        "set web.certificate and web.key, or web.listen to 127.0.0.1",
        "请设置 web.certificate 和 web.key，或将 web.listen 改为 127.0.0.1",
    )
    return Finding("exposure", "warn", found, remedy)


def check_proxies(config: Config, say: Say) -> Iterator[Finding]:
    """Knock at each proxy that the settings name; its user and password are not shown."""
    named = {"network.proxy": config.network.proxy}
    named |= {f"channels.{name}.proxy": channel.proxy for name, channel in config.channels.items()}
    for setting, proxy in named.items():
        if not proxy or proxy == DIRECT:
            continue
        parts = urlsplit(proxy)
        host, port = parts.hostname or "", parts.port or 0
        reason = unreachable(host, port, say)
        where = f"{setting} {parts.scheme}://{host}:{port}"
        if reason is None:
            yield Finding("proxy", "ok", say(f"{where} is reached", f"{where} 可连接"))
            continue
        remedy = say(f"start this proxy, or correct {setting}", f"请启动该代理，或修正 {setting}")
        yield Finding("proxy", "warn", f"{where}: {reason}", remedy)


def _of_channel(channel: ChannelView, say: Say) -> Finding:
    name = channel.name
    verdicts: dict[str, Verdict] = {"on": "ok", "off": "ok", "connecting": "warn", "unreachable": "warn"}
    known = f"{name} ({channel.account})" if channel.account else name
    told = say(channel.en, channel.zh) or say(channel.state, channel.state)
    anew = (
        say(
            f"give it a token that works: outpost channel remove {name}, then outpost channel add {channel.kind}",
            f"请更换有效的令牌：先 outpost channel remove {name}，再 outpost channel add {channel.kind}",
        )
        if channel.removable
        else say(
            f"put a token that works into channels.{name} of the settings",
            f"请在设置的 channels.{name} 中填写有效的令牌",
        )
    )
    remedies = {
        "on": "",
        "off": "",
        "connecting": say("look again in a moment: outpost channel list", "请稍后再看：outpost channel list"),
        "unreachable": say(
            f"see that the network and the proxy are up: outpost channel test {name}",
            f"请检查网络和代理：outpost channel test {name}",
        ),
        "refused": anew,
        "contested": say(
            "stop the other program that uses this token, or make a new token",
            "请停止使用同一令牌的其他程序，或生成新的令牌",
        ),
    }
    remedy = remedies.get(channel.state, say("see the device's log", "请查看设备日志"))
    return Finding("channel", verdicts.get(channel.state, "fail"), f"{known}: {told}", remedy)
