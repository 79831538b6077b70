"""What a finished task gives: an answer for the chat and a result for the manager."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from outpost_agent.markdown import parse_markdown
from outpost_sdk.handler import File, Outcome
from outpost_sdk.tasks import Task
from outpost_wire.document import Document
from outpost_wire.messages import PLOTS_LIMIT, RESULT_LIMIT, OnDevice, Plot, ResultReady, Results, result_size

SUMMARY_CHARACTERS = 1_000
CUT_NOTE = {"en": "\n\n*The rest is on the device.*", "zh": "\n\n*其余内容保存在设备上。*"}


def result_of(
    task: Task, outcome: Outcome, *, plots: Sequence[Plot], on_device: OnDevice | None, bytes_made: int, now_ms: int
) -> ResultReady:
    """Return the result of `task` for the manager, cut to what may travel."""
    report, document, kept, cut = fit(outcome.report, tuple(plots[:PLOTS_LIMIT]), CUT_NOTE[task.spec.language])
    return ResultReady(
        result_id=task.id,
        task_id=task.id,
        message_id=task.spec.message_id,
        created_ms=now_ms,
        title=(outcome.title or task.spec.title)[:256],
        report=report,
        document=document,
        plots=kept,
        bytes=bytes_made,
        on_device=on_device,
        cut=cut or len(plots) > PLOTS_LIMIT,
    )


def leaving(result: ResultReady, how_much: Results) -> ResultReady | None:
    """Return what leaves for the manager of `result`: all of it, its title and first block, or nothing."""
    match how_much:
        case "full":
            return result
        case "none":
            return None
        case "summary":
            first = result.report.split("\n\n", 1)[0][:SUMMARY_CHARACTERS]
            document = Document(parse_markdown(first).blocks[:1])
            return replace(result, report=first, document=document, plots=(), cut=True)


def fit(
    report: str, plots: tuple[Plot, ...], note: str, limit: int = RESULT_LIMIT
) -> tuple[str, Document, tuple[Plot, ...], bool]:
    """Return report, tree and plots of together at most `limit` bytes, and whether something was left out.

    Plots give way first, the last before the first; then the report ends at a block's edge, followed by `note`.
    """
    document = parse_markdown(report)
    kept = plots
    while kept and result_size(report, document, kept) > limit:
        kept = kept[:-1]
    if result_size(report, document, kept) <= limit:
        return report, document, kept, len(kept) < len(plots)
    blocks = report.split("\n\n")
    least, most = 0, len(blocks)
    while least < most:
        middle = (least + most + 1) // 2
        shorter = "\n\n".join(blocks[:middle]) + note
        if result_size(shorter, parse_markdown(shorter), ()) <= limit:
            least = middle
        else:
            most = middle - 1
    shorter = "\n\n".join(blocks[:least]) + note
    return shorter, parse_markdown(shorter), (), True


def is_plot(file: File) -> bool:
    """Say whether a file is a drawing for the console."""
    return file.type == "image/svg+xml"
