"""The sentences of what is refused."""

from __future__ import annotations

from outpost_agent.people.core import Standing
from outpost_agent.people.errors import (
    AlreadyClaimed,
    ClaimRefused,
    InviteRefused,
    NoSuchBrowser,
    NoSuchPerson,
    NoSuchRequest,
    NotClaimed,
    OwnerStays,
    RecoveryRefused,
    TooManyPeople,
    TooManyTries,
)

_REQUESTS: dict[Standing | None, tuple[str, str]] = {
    None: (
        "There is no pairing request of this code: see which ones wait, or ask the person to write again.",
        "没有这个配对码的请求：请查看等待中的请求，或请对方重新发送消息。",
    ),
    "pending": ("This pairing request still waits for the owner.", "此配对请求仍在等待主人批准。"),
    "expired": (
        "The hour of this pairing request is over: ask the person to write again, they get a new code.",
        "此配对请求已超过一小时：请对方重新发送消息以获取新的配对码。",
    ),
    "approved": ("This pairing request has been approved already.", "此配对请求已经批准过了。"),
    "refused": (
        "This pairing request was refused: the person can ask again an hour after they asked.",
        "此配对请求已被拒绝：对方可在提出请求一小时后再次请求。",
    ),
}


def no_such_request(standing: Standing | None) -> NoSuchRequest:
    """Say why a request cannot be answered or used: how it stands, None when it is not known."""
    return NoSuchRequest(*_REQUESTS[standing])


def no_such_person() -> NoSuchPerson:
    """Say that nobody has this id."""
    return NoSuchPerson("The device knows no such person.", "本设备不认识此人。")


def no_such_identity() -> NoSuchPerson:
    """Say that the person is not known on this channel."""
    return NoSuchPerson("The device does not know this person there.", "本设备在那里不认识此人。")


def owner_stays() -> OwnerStays:
    """Say that the owner cannot be revoked."""
    return OwnerStays(
        "The owner cannot be revoked: take away one of their channels, or sign out one of their browsers.",
        "不能撤销主人：请移除其某个渠道，或退出其某个浏览器。",
    )


def too_many_people(limit: int) -> TooManyPeople:
    """Say that nobody else can be let in."""
    return TooManyPeople(
        f"The device knows {limit} people, which is the most it can: revoke somebody first.",
        f"本设备已认识 {limit} 人，已达上限：请先撤销某人。",
    )


def too_many_identities(limit: int) -> TooManyPeople:
    """Say that the owner has too many channels."""
    return TooManyPeople(
        f"The owner is known in {limit} places, which is the most there can be: take one away first.",
        f"主人已有 {limit} 个身份，已达上限：请先移除一个。",
    )


def no_such_browser() -> NoSuchBrowser:
    """Say that the browser is not signed in."""
    return NoSuchBrowser("No such browser is signed in.", "没有这个已登录的浏览器。")


def already_claimed() -> AlreadyClaimed:
    """Say that the device has an owner."""
    return AlreadyClaimed(
        "This device has an owner already. If that is you, sign in with a one-time code or recover it with the"
        " recovery file.",
        "本设备已有主人。如果您就是主人，请用一次性代码登录，或用恢复文件找回。",
    )


def not_claimed() -> NotClaimed:
    """Say that the device has no owner."""
    return NotClaimed(
        "Nobody owns this device yet: claim it first, with the code that it printed.",
        "本设备还没有主人：请先用设备显示的认领码认领。",
    )


def no_claim_code() -> ClaimRefused:
    """Say what a claim code looks like."""
    return ClaimRefused(
        "A claim code has eight letters and digits, with no 0, O, 1 or I: see what the device printed.",
        "认领码由八个字母和数字组成，不含 0、O、1、I：请查看设备显示的内容。",
    )


def wrong_claim_code() -> ClaimRefused:
    """Say that the code is not the one."""
    return ClaimRefused(
        "This is not the claim code of this device: see what the device printed, or run `outpost claim` on it.",
        "这不是本设备的认领码：请查看设备显示的内容，或在设备上运行 `outpost claim`。",
    )


def too_many_tries(wait_ms: int) -> TooManyTries:
    """Say how long to wait before another code may be tried."""
    seconds = -(-wait_ms // 1000)
    return TooManyTries(
        f"There were too many wrong codes: wait {seconds} s, then try again.",
        f"错误的代码太多：请等待 {seconds} 秒后再试。",
        seconds,
    )


def other_recovery() -> RecoveryRefused:
    """Say that the file is sound but not the one."""
    return RecoveryRefused(
        "This recovery file is not the one of this device: it is for another device, or a newer file replaced it.",
        "此恢复文件不适用于本设备：它属于另一台设备，或已被更新的文件取代。",
    )


def no_invite() -> InviteRefused:
    """Say that the one-time code is of no use."""
    return InviteRefused(
        "This one-time code is wrong, used or older than ten minutes: make a new one.",
        "此一次性代码有误、已使用或已超过十分钟：请生成新的代码。",
    )
