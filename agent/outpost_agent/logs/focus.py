"""What a person asked about with a log, held against what was found in it: by words, without a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from outpost_agent.logs.analysis import Analysis
from outpost_agent.logs.markdown import code, plain, table
from outpost_agent.logs.texts import Texts

WORDS_LIMIT = 12
SHOWN = 6
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@-]+|[\u3400-\u9fff]{2,}")
_COMMON_WORDS = """
a about all also an and any anything are at be by can check could did do does find for from give go goes going gone
happen happened happens has have help here how i if in is issue issues it just know list log logs look matter me most
my now odd of on or out please problem problems say see show so some strange tell that the there these they this to
today unusual us was way weird went were what when where which who why will with would wrong yesterday you your
一下 什么 为什么 怎么 日志 帮我 看看 有没有 是否 请问 分析 检查 问题 昨天 今天 怎么了
"""
_PHRASE = 4
"""Chinese is written without spaces: more characters than these are a phrase, which no log holds as it is."""
_COMMON = frozenset(_COMMON_WORDS.split())
_SYNONYMS = {
    "登录": ("login", "logon", "session", "password", "auth"),
    "登陆": ("login", "logon", "session", "password", "auth"),
    "密码": ("password",),
    "错误": ("error",),
    "异常": ("exception",),
    "失败": ("fail",),
    "超时": ("timeout", "timed out"),
    "磁盘": ("disk",),
    "内存": ("memory",),
    "网络": ("network",),
    "连接": ("connect",),
    "警告": ("warn",),
}


def words_of(focus: str) -> tuple[str, ...]:
    """Return the words of a question that can be looked for, in lower case, without their plural's s."""
    words: dict[str, None] = {}
    for word in _WORD.findall(focus.lower()):
        bare = word.strip(".:/-")
        if bare in _COMMON or len(bare) < 2:
            continue
        found = [synonym for key, synonyms in _SYNONYMS.items() if key in bare for synonym in synonyms]
        if not found and len(bare) > _PHRASE and not bare.isascii():
            continue
        words |= dict.fromkeys(found or [bare[:-1] if len(bare) > 4 and bare.endswith("s") else bare])
    return tuple(words)[:WORDS_LIMIT]


def asked(focus: str, analysis: Analysis, texts: Texts) -> str:
    """Return the section that answers `focus` with the messages that have its words, "" when it asks for nothing."""
    words = words_of(focus)
    if not words:
        return ""
    head = f"## {texts.asked.format(focus=plain(focus, 120))}"
    found = _matching(words, analysis)
    if not found:
        return f"{head}\n\n{texts.asked_nothing.format(words=texts.joiner.join(code(word, 40) for word in words))}"
    rows = [(f"{count:,}", code(text, 120)) for text, count in found[:SHOWN]]
    return f"{head}\n\n{table(texts.asked_heads, rows, frozenset({0}))}"


def _matching(words: Sequence[str], analysis: Analysis) -> list[tuple[str, int]]:
    """Return what was found that has any of `words`, with its count: what has more of them first, then the frequent."""
    seen: dict[str, int] = {}
    for use in analysis.templates:
        seen[use.template] = use.count
    for anomaly in analysis.anomalies:
        seen.setdefault(anomaly.text, anomaly.count)
    for login in analysis.logins:
        seen.setdefault(f"{login.source} {' '.join(login.users[:3])}", login.failures)
    scored = [(sum(word in text.lower() for word in words), text, count) for text, count in seen.items()]
    return [(text, count) for score, text, count in sorted(scored, key=lambda row: (-row[0], -row[2])) if score]
