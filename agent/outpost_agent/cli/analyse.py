"""`outpost analyse`: the chain of log analysis in this process, for when there is no device or no wish to ask one."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from outpost_agent.cli.output import Output
from outpost_agent.logs.local import analyse_file


def run(options: argparse.Namespace, output: Output) -> int:
    """Analyse the file and show the report."""
    title = output.say(f"analysing {options.file.name}", f"正在分析 {options.file.name}")
    with TemporaryDirectory(prefix="outpost-") as name, output.progress(title) as show:
        found = analyse_file(
            options.file, Path(name), options.language, assign=options.assign, model=options.model, progress=show
        )
    if output.is_json:
        output.document(found.as_json())
        return 0
    output.markdown(found.outcome.report)
    for written in (options.assign, options.model):
        if written is not None:
            output.line(output.say(f"Wrote {written}", f"已写入 {written}"))
    return 0
