"""`outpost status`: how the device is doing."""

from __future__ import annotations

import argparse

from outpost_agent.cli.device import connect
from outpost_agent.cli.output import Output
from outpost_agent.cli.views import Channel, Status, parse
from outpost_agent.cli.words import channel_word, duration, share, size, state_word


def run(options: argparse.Namespace, output: Output) -> int:
    """Ask the daemon and show what it says."""
    with connect(options) as client, client.call("status") as answer:
        status = parse(answer.value, Status)
        if output.is_json:
            output.document(answer.value)
        else:
            output.facts(_facts(status, output))
    return 0


def _facts(status: Status, output: Output) -> list[tuple[str, str]]:
    say, health = output.say, status.health
    machine = [
        f"CPU {share(health.cpu)}",
        say(f"memory {share(health.memory)}", f"内存 {share(health.memory)}"),
        say(f"disk {share(health.disk)}", f"磁盘 {share(health.disk)}"),
        say(f"load {health.load:.2f}", f"负载 {health.load:.2f}"),
    ]
    if health.temperature is not None:
        machine.append(f"{health.temperature:.0f} °C")
    name = f"{status.device.id} ({status.device.name})" if status.device.name else status.device.id
    uptime = duration(status.uptime_s, output)
    state = say(f"{status.state}, up {uptime}", f"{_STATE_ZH.get(status.state, status.state)}，已运行 {uptime}")
    process = say(f"pid {status.pid}, {size(health.rss)} of memory", f"进程 {status.pid}，占用内存 {size(health.rss)}")
    separator = say(", ", "，")
    return [
        (say("Device", "设备"), name),
        (say("Release", "版本"), status.release),
        (say("State", "状态"), state),
        (say("Chat", "聊天页面"), status.chat),
        (
            say("Owner", "主人"),
            say("yes", "已认领")
            if status.owned
            else say("nobody yet: run `outpost claim`", "尚未认领：请运行 outpost claim"),
        ),
        (say("Machine", "机器"), separator.join(machine)),
        (say("Daemon", "守护进程"), process),
        (say("Tasks", "任务"), _tasks(status, output)),
        (say("Manager", "管理端"), _link(status, output)),
        (say("Channels", "渠道"), separator.join(_channel(channel, output) for channel in status.channels)),
    ]


_STATE_ZH = {"ready": "就绪", "starting": "正在启动", "stopping": "正在停止"}


def _channel(channel: Channel, output: Output) -> str:
    return " ".join(filter(None, (channel.id, channel.account, channel_word(channel.state, output))))


def _tasks(status: Status, output: Output) -> str:
    counts = [f"{count} {state_word(state, output)}" for state, count in status.tasks.items() if count]
    return output.say(", ", "，").join(counts) or output.say("none", "无")


def _link(status: Status, output: Output) -> str:
    if status.link is None:
        return output.say("none, this device works alone", "未设置，设备独立运行")
    waiting = status.link.outbox
    if status.link.connected:
        return output.say(f"connected, {waiting} messages on their way", f"已连接，{waiting} 条消息待确认")
    return output.say(f"not connected, {waiting} messages wait", f"未连接，{waiting} 条消息等待发送")
