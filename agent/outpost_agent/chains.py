"""The chains of tasks that a device offers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from outpost_agent.replies import analysis_title
from outpost_sdk.channel import Attachment
from outpost_sdk.handler import Language
from outpost_sdk.tasks import TaskSpec
from outpost_wire.ids import TaskId

HANDLERS = {
    "log.standardise": "outpost_agent.logs.standardise:standardise",
    "log.analyse": "outpost_agent.logs.analyse:analyse",
    "log.report": "outpost_agent.logs.report:report",
}
LOG_CHAIN = tuple(HANDLERS)
_PACKED = re.compile(r"(?:\.(?:gz|xz|zst|zstd))+$")
_TURN = re.compile(r"[-_.]*[0-9]+")
"""What tells one turn of a log that is rotated from the next: a number or a date."""


def log_chain(
    files: Sequence[Attachment],
    *,
    new_id: Callable[[], str],
    principal: str,
    channel: str,
    chat: str,
    message_id: str,
    language: Language,
    focus: str = "",
) -> tuple[TaskSpec, ...]:
    """Return the three tasks that analyse log `files`, first to last; the last one gives the report."""
    specs: list[TaskSpec] = []
    source = source_of(principal, [file.name for file in files])
    for kind in LOG_CHAIN:
        specs.append(
            TaskSpec(
                id=TaskId(new_id()),
                kind=kind,
                principal=principal,
                params={
                    "names": [file.name for file in files],
                    "focus": focus[:500],
                    **({"source": source} if kind == LOG_CHAIN[0] else {}),
                },
                inputs=tuple(file.id for file in files) if kind == LOG_CHAIN[0] else (),
                parents=(specs[-1].id,) if specs else (),
                language=language,
                title=analysis_title([file.name for file in files], language),
                channel=channel,
                chat=chat,
                message_id=message_id,
            )
        )
    return tuple(specs)


def source_of(principal: str, names: Sequence[str]) -> str:
    """Return what files of one person come from, by their names: `app.log.1` and `app-2024-01-02.log.gz` are alike."""
    kinds = sorted({_TURN.sub("", _PACKED.sub("", name.lower())) for name in names})
    return "\n".join((principal, *kinds))[:500]
