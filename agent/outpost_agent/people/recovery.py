"""The recovery file: a short text that people print or save, and that makes its holder the owner of one device.

Its last line is a secret of 140 bits in seven groups of five characters. The fifth of each group checks the other four
and the group's place: over GF(32), with the polynomial x⁵+x²+1 and its root α, it is n + α·a + α²·b + α³·c + α⁴·d for
the characters a b c d of group n. So one wrong character in a group, two that changed places in it, and groups in
another order are always noticed, and the sentence names the group; of other errors 31 in 32 are noticed, per group.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime, timedelta

from outpost_agent.people.core import ALPHABET, Entropy, clean_name, new_code, parse_symbols, shown
from outpost_agent.people.errors import RecoveryRefused

GROUPS = 7
GROUP_LENGTH = 5
TEXT_LIMIT = 16_384
_LENGTH = GROUPS * GROUP_LENGTH
_LINE = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Za-z]{5}[^\w\r\n]{0,3}){6}[0-9A-Za-z]{5}(?![0-9A-Za-z])")
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TEXT = """\
OUTPOST RECOVERY FILE · OUTPOST 恢复文件

Device / 设备: {device}
Made / 生成时间: {made}

Whoever holds this file can become the owner of the device named above. Print
it or save it where you keep important papers, and give it to nobody.
You need it when no browser of yours is signed in any more: open the device's
page, say that you lost your browser, and hand in this file or type its last
line. It works once: you then get a new one, and your other browsers are signed
out.

持有此文件的人可以成为上述设备的主人。请打印或妥善保存，不要交给任何人。
当您的浏览器都无法登录时使用：打开设备页面，选择用恢复文件找回设备，提交此文件或输入最后一行。
此文件只能使用一次；之后您会得到一个新文件，您其他的浏览器都会退出登录。

{line}
"""


def new_secret(entropy: Entropy) -> str:
    """Return a new recovery secret, 28 characters without its checks."""
    return new_code(entropy, GROUPS * (GROUP_LENGTH - 1))


def recovery_text(secret: str, device: str, now_ms: int) -> str:
    """Return the file for a secret of the device that people call `device`."""
    name = clean_name(device) or "Outpost"
    return _TEXT.format(device=name, made=_date(now_ms), line=shown(_checked(secret), GROUP_LENGTH))


def parse_recovery(text: str) -> str:
    """Return the secret in a recovery file, or in its last line alone; raises RecoveryRefused that says what is wrong.

    Case, width and dashes do not matter, nor what else stands in the file.
    """
    plain = unicodedata.normalize("NFKC", text[:TEXT_LIMIT])
    symbols = parse_symbols(plain)
    if symbols is None or len(symbols) != _LENGTH:
        lines = _LINE.findall(plain)
        symbols = parse_symbols(lines[-1]) if lines else ""
    if symbols is None:
        raise RecoveryRefused(
            "There is a character in this recovery code that no code has: there is no 0 and no O in it. Compare it with"
            " the file.",
            "恢复码中有不会出现的字符：其中没有 0 和 O。请对照文件检查。",
        )
    if len(symbols) != _LENGTH:
        raise RecoveryRefused(
            "There is no recovery code in this: hand in the whole file, or its last line of seven groups of five"
            " characters.",
            "其中没有恢复码：请提交整个文件，或其最后一行（七组，每组五个字符）。",
        )
    groups = [symbols[at : at + GROUP_LENGTH] for at in range(0, _LENGTH, GROUP_LENGTH)]
    for number, group in enumerate(groups, 1):
        if _check(number, group[:-1]) != group[-1]:
            raise RecoveryRefused(
                f"There is a typing error in group {number} of the recovery code, {group}: compare it with the file.",
                f"恢复码第 {number} 组 {group} 有输入错误：请对照文件检查。",
            )
    return "".join(group[:-1] for group in groups)


def digest_of(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(b"outpost recovery " + secret.encode()).digest()


def _checked(secret: str) -> str:
    size = GROUP_LENGTH - 1
    groups = [secret[at : at + size] for at in range(0, GROUPS * size, size)]
    return "".join(group + _check(number, group) for number, group in enumerate(groups, 1))


def _check(number: int, group: str) -> str:
    value = number
    for power, character in enumerate(group, 1):
        value ^= _times_alpha(_VALUE[character], power)
    return ALPHABET[value]


def _times_alpha(value: int, power: int) -> int:
    for _ in range(power):
        value <<= 1
        if value & 32:
            value ^= 0b100101
    return value


def _date(now_ms: int) -> str:
    """Return the day and minute in UTC; a clock beyond all calendars gives the nearest day that there is."""
    latest = datetime.max.replace(tzinfo=UTC) - _EPOCH
    moment = _EPOCH + min(timedelta(milliseconds=max(0, min(now_ms, 2**53))), latest)
    return f"{moment:%Y-%m-%d %H:%M} UTC"
