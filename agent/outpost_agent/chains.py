"""The chains of tasks that a device offers."""

from __future__ import annotations

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
    for kind in LOG_CHAIN:
        specs.append(
            TaskSpec(
                id=TaskId(new_id()),
                kind=kind,
                principal=principal,
                params={"names": [file.name for file in files], "focus": focus[:500]},
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
