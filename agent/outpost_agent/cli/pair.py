"""`outpost pair list|approve|refuse|revoke`."""

from __future__ import annotations

import argparse

from outpost_agent.cli.device import connect
from outpost_agent.cli.output import Output
from outpost_agent.cli.views import Approved, People, Person, Refused, parse
from outpost_agent.cli.words import local_time_ms


def run(options: argparse.Namespace, output: Output) -> int:
    """Carry out the action that was asked for."""
    actions = {"list": _list, "approve": _approve, "refuse": _refuse, "revoke": _revoke}
    actions[options.action](options, output)
    return 0


def _list(options: argparse.Namespace, output: Output) -> None:
    with connect(options) as client:
        value = client.call("people.list").value
    known = parse(value, People)
    if output.is_json:
        output.document(value)
        return
    say = output.say
    rows = [
        (say("asks", "请求中"), f"{request.code[:4]}-{request.code[4:]}", request.name, request.channel, request.sender,
         say(f"until {local_time_ms(request.expires_ms)}", f"有效至 {local_time_ms(request.expires_ms)}"))
        for request in known.requests
    ]  # fmt: skip
    for person in known.people:
        role = say(person.role, "主人" if person.role == "owner" else "用户")
        rows += [
            (role, person.id, identity.name or person.name, identity.channel, identity.sender,
             local_time_ms(identity.since_ms))
            for identity in person.identities
        ] or [(role, person.id, person.name, "", "", "")]  # fmt: skip
    header = (say("Is", "状态"), "ID", say("Name", "名称"), say("Channel", "渠道"), say("There", "平台 ID"))
    output.table((*header, say("Since", "时间")), rows)
    if known.turned_away:
        output.line(say(f"{known.turned_away} more got no code.", f"另有 {known.turned_away} 人未获得配对码。"))


def _approve(options: argparse.Namespace, output: Output) -> None:
    wanted = {"code": options.code, "role": "owner" if options.owner else "user", "name": options.name}
    with connect(options) as client:
        value = client.call("pair.approve", wanted).value
    approved = parse(value, Approved)
    if output.is_json:
        output.document(value)
        return
    name, channel = _called(approved.person, output), approved.channel
    output.line(
        output.say(f"{name} may talk to this device on {channel} now.", f"{name} 现在可以通过 {channel} 与本设备对话。")
    )


def _refuse(options: argparse.Namespace, output: Output) -> None:
    with connect(options) as client:
        value = client.call("pair.refuse", {"code": options.code}).value
    refused = parse(value, Refused)
    if output.is_json:
        output.document(value)
        return
    output.line(
        output.say(f"Turned {refused.name or refused.sender} down.", f"已拒绝 {refused.name or refused.sender}。")
    )


def _revoke(options: argparse.Namespace, output: Output) -> None:
    wanted = {"person": options.person, "channel": options.channel, "sender": options.sender}
    with connect(options) as client:
        value = client.call("pair.revoke", wanted).value
    name = _called(parse(value, Approved).person, output)
    if output.is_json:
        output.document(value)
        return
    where = f" on {options.channel}" if options.channel else ""
    where_zh = f"（{options.channel}）" if options.channel else ""
    output.line(
        output.say(f"{name} may not talk to this device{where} any more.", f"{name} 不能再与本设备对话{where_zh}。")
    )


def _called(person: Person, output: Output) -> str:
    """Return what to call a person; the owner need not have a name."""
    return person.name or output.say("The owner", "主人")
