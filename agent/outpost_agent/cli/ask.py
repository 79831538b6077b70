"""`outpost ask`: says something to the device, with files, and shows the answer."""

from __future__ import annotations

import argparse
import os
import shutil
import stat
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from outpost_agent.cli.device import connect
from outpost_agent.cli.output import Output, Progress
from outpost_agent.cli.views import Accepted, Answered, AskUpdate, File, parse
from outpost_agent.cli.words import size
from outpost_agent.local.answer import Answer
from outpost_wire.errors import BadInput

COPY_BLOCK = 1024 * 1024


def run(options: argparse.Namespace, output: Output) -> int:
    """Ask, wait for the answer however long it takes, show it and keep its files if wanted."""
    if not options.text and not options.attach:
        return output.misused(output.say("say something or --attach a file", "请输入要说的话，或用 --attach 附上文件"))
    accepted = Accepted("")
    with ExitStack() as stack:
        files = [_open(path, stack) for path in options.attach]
        params = {
            "text": options.text,
            "language": output.language,
            "names": [path.name for path in options.attach],
        }
        client = stack.enter_context(connect(options))
        with output.progress(output.say("working", "处理中")) as show:

            def updated(update: Any) -> None:
                nonlocal accepted
                accepted = _follow(parse(update, AskUpdate), show) or accepted

            answer = client.call("ask", params, files=files, on_update=updated, timeout_s=None)
        stack.enter_context(answer)
        answered = parse(answer.value, Answered)
        saved = _save(answered, answer, options.save) if options.save is not None else []
    _tell(answered, accepted, saved, output)
    return 0


def _follow(update: AskUpdate, show: Progress) -> Accepted | None:
    if update.task is not None:
        show(update.task.progress or 0.0, update.task.title or update.task.kind)
    return update.accepted


def _tell(answered: Answered, accepted: Accepted, saved: list[Path], output: Output) -> None:
    if output.is_json:
        attachments: list[dict[str, str | int]] = [
            {"name": file.name, "type": file.type, "size": file.size} for file in answered.attachments
        ]
        for attachment, path in zip(attachments, saved, strict=False):
            attachment["path"] = str(path)
        output.document(
            {
                "message_id": accepted.message_id,
                "task_id": accepted.task_id,
                "text": answered.text,
                "attachments": attachments,
            }
        )
        return
    output.markdown(answered.text)
    for path in saved:
        output.line(output.say(f"Saved {path}", f"已保存 {path}"))
    if answered.attachments and not saved:
        names = ", ".join(f"{file.name} ({size(file.size)})" for file in answered.attachments)
        output.line(output.say(f"Files: {names}; --save DIR keeps them.", f"附件：{names}，用 --save DIR 保存。"))


def _open(path: Path, stack: ExitStack) -> int:
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, number)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        raise BadInput(f"{path} is not a file", f"{path} 不是普通文件")
    return number


def _save(answered: Answered, answer: Answer, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return [_keep(file, answer.files[index], folder) for index, file in enumerate(answered.attachments)]


def _keep(file: File, number: int, folder: Path) -> Path:
    """Write the file behind descriptor `number` under its name, or the next free one; nothing is overwritten."""
    path, out = _create(folder, file.name)
    with out, os.fdopen(os.dup(number), "rb") as packed:
        source: Any = packed
        if file.encoding == "zstd":
            import zstandard  # noqa: PLC0415 - few answers are packed

            source = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        shutil.copyfileobj(source, out, COPY_BLOCK)
    return path


def _create(folder: Path, name: str) -> tuple[Path, BinaryIO]:
    plain = Path(Path(name).name.lstrip(".") or "file")
    for number in count(1):
        path = folder / (plain.name if number == 1 else f"{plain.stem}-{number}{plain.suffix}")
        try:
            return path, path.open("xb")
        except FileExistsError:
            continue
    raise AssertionError("count never ends")
