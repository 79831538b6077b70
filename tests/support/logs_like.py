"""Small logs in the style of ten systems whose logs the miner was not made from, with the kind of every line.

Written from what these systems are known to print; no line of a published data set is in here. The messages are in
tests/vectors/logs/like.txt; `{name}` in one is drawn from POOLS or made by MADE, and so is what stands before it.
Weights are rough: few kinds make up most of a real log.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Style:
    """How one system's lines look: what stands before each message, and the messages with their weights."""

    header: str
    messages: tuple[tuple[int, str], ...]


POOLS: dict[str, tuple[str, ...]] = {
    "user": ("root", "admin", "oracle", "test", "guest", "ubuntu", "pi", "support", "git", "www-data", "alice"),
    "fewusers": ("root", "root", "root", "root", "fztu", "curi", "news"),
    "host": ("mail.example.com", "ns1.dyn.example.net", "static-41-7.isp.example", "gate.example.org", "pc9.lan"),
    "site": ("www.example.com", "cdn.example.net", "api.example.org", "update.example.com", "proxy.example.hk"),
    "package": ("com.android.systemui", "com.tencent.mm", "com.android.phone", "com.example.player", "android"),
    "class": ("PhoneWindow", "StatusBar", "NavigationBar", "Toast", "InputMethod", "Keyguard", "Recents"),
    "bool": ("true", "false"),
    "zlevel": ("INFO ", "WARN ", "ERROR"),
    "alevel": ("V", "D", "I", "W", "E"),
    "core": ("parity error in read queue", "floating point exception", "machine check interrupt"),
    "size": ("12 KB", "3.5 MB", "700 B", "1.13 KB", "64 MB"),
    "life": ("00:01", "<1 sec", "12:31", "01:02:03", "<1 sec"),
    "path": ("/p/gb1/stella/RAPTOR/2183", "/home/yates/run/x", "/usr/lib/a.so", "/bgl/apps/scratch"),
    "winpath": (r"C:\Windows\winsxs\amd64_x_31bf_6.1\cbs.dll", r"C:\Windows\servicing\sqm\*_std.sqm"),
    "month": ("Jan", "Feb", "Nov", "Dec"),
}
MADE: dict[str, Callable[[random.Random], str]] = {
    "n": lambda r: str(r.randrange(1, 90_000)),
    "d": lambda r: str(r.randrange(0, 10)),
    "ip": lambda r: ".".join(str(r.randrange(1, 250)) for _ in range(4)),
    "port": lambda r: str(r.randrange(1024, 65_000)),
    "hex": lambda r: f"0x{r.randrange(1 << 32):08x}",
    "barehex": lambda r: f"{r.randrange(1 << 32):08x}",
    "shorthex": lambda r: f"{r.randrange(1 << 24, 1 << 28):07x}",
    "uuid": lambda r: (
        f"{r.randrange(1 << 32):08x}-{r.randrange(1 << 16):04x}-4{r.randrange(1 << 12):03x}-"
        f"a{r.randrange(1 << 12):03x}-{r.randrange(1 << 48):012x}"
    ),
    "tenant": lambda r: f"{r.randrange(1 << 128):032x}",
    "float": lambda r: f"{r.random() * 30:.6f}",
    "mac": lambda r: ":".join(f"{r.randrange(256):02x}" for _ in range(6)),
    "hms": lambda r: f"{r.randrange(24):02d}:{r.randrange(60):02d}:{r.randrange(60):02d}",
    "epoch": lambda r: str(r.randrange(1_077_000_000, 1_178_000_000)),
    "ms": lambda r: f"{r.randrange(1000):03d}",
    "node": lambda r: f"R{r.randrange(64):02d}-M{r.randrange(2)}-N{r.randrange(16)}-C:J{r.randrange(18):02d}-U11",
    "names": lambda r: " ".join(r.sample(("alpha", "beta", "gamma", "delta", "omega"), r.randrange(1, 5))),
    "list": lambda r: ", ".join(str(r.randrange(99)) for _ in range(r.randrange(1, 6))),
}

_FILE = Path(__file__).parents[1] / "vectors" / "logs" / "like.txt"


def _styles() -> dict[str, Style]:
    styles: dict[str, Style] = {}
    for section in _FILE.read_text(encoding="utf-8").split("\n== ")[1:]:
        name, header, *rows = section.rstrip("\n").split("\n")
        pairs = [row.split(" ", 1) for row in rows]
        styles[name] = Style(header.removesuffix("|"), tuple((int(weight), message) for weight, message in pairs))
    return styles


LIKE = _styles()

_PLACE = re.compile(r"\{\{|\}\}|\{(\w+)\}")


def lines_like(name: str, count: int = 1000, seed: int = 7) -> list[tuple[str, str]]:
    """Return `count` lines in the style of `name`, each with the kind of its message."""
    style, chance = LIKE[name], random.Random(seed)
    kinds = [message for _, message in style.messages]
    weights = [weight for weight, _ in style.messages]
    drawn = chance.choices(kinds, weights, k=count)
    return [(_filled(style.header, chance) + _filled(kind, chance), kind) for kind in drawn]


def _filled(text: str, chance: random.Random) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0][0]
        return chance.choice(POOLS[name]) if name in POOLS else MADE[name](chance)

    return _PLACE.sub(value, text)
