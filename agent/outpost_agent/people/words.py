"""What is said to those who ask to be let in. To a stranger: nothing about the device or whose it is."""

from __future__ import annotations

from outpost_agent.people.core import shown
from outpost_agent.replies import Said, say
from outpost_sdk.handler import Language
from outpost_wire.document import Button

_STRANGER: dict[Language, str] = {
    "en": (
        "You are not known here, so what you write is not read. If you were asked to write here, give this code to the"
        " person who asked you: `{code}`\n\nIt is valid for one hour."
    ),
    "zh": (
        "这里还不认识您，您发送的内容不会被读取。如果有人请您在这里联系，请把这个配对码告诉对方：`{code}`\n\n"
        "一小时内有效。"
    ),
}
_APPROVED: dict[Language, str] = {
    "en": (
        "**You are in.** From now on you are heard here; what you wrote before was not read. `/help` shows what you can"
        " do."
    ),
    "zh": "**已通过。** 现在您可以在这里对话了，之前发送的内容没有被读取。发送 `/help` 查看可以做什么。",
}
_HELP: dict[Language, Button] = {"en": Button("Help", "/help"), "zh": Button("帮助", "/help")}


def to_stranger(code: str, language: Language | None) -> Said:
    """Give a stranger their code; in both languages when theirs is not known."""
    languages: tuple[Language, ...] = (language,) if language else ("en", "zh")
    return say("\n\n".join(_STRANGER[each].format(code=shown(code)) for each in languages))


def to_approved(language: Language | None) -> Said:
    """Tell somebody that they were let in."""
    languages: tuple[Language, ...] = (language,) if language else ("en", "zh")
    return say("\n\n".join(_APPROVED[each] for each in languages), _HELP[languages[0]])
