"""What a device that nobody owns yet says where it was started: how it becomes somebody's; links that hold a code."""

from __future__ import annotations

import sys
from typing import TextIO

from outpost_sdk.handler import Language


def claim_link(address: str, code: str) -> str:
    """Return the link that opens the device's page with the claim code filled in."""
    return f"{address}/#claim={code}"


def sign_in_link(address: str, code: str) -> str:
    """Return the link that opens the device's page and signs a browser in by a one-time code."""
    return f"{address}/#code={code}"


def announce_claim(address: str, code: str, language: Language, out: TextIO = sys.stdout) -> None:
    """Write the claim code and its link, with a QR code where somebody can point a phone at it."""
    shown, link = f"{code[:4]}-{code[4:]}", claim_link(address, code)
    sentence = {
        "en": f"Nobody owns this device yet. Open {address}/ and give this code: {shown}\nOr open: {link}",
        "zh": f"本设备还没有主人。请打开 {address}/ 并输入认领码：{shown}\n或直接打开：{link}",
    }
    print(sentence[language], file=out, flush=True)
    draw_link(link, out)


def draw_link(link: str, out: TextIO = sys.stdout) -> None:
    """Draw `link` as a QR code (ISO/IEC 18004) on a terminal; elsewhere do nothing."""
    if out.isatty():
        import segno  # noqa: PLC0415 - seldom needed

        segno.make(link, error="m").terminal(out, compact=True)
        out.flush()
