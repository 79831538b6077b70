"""`outpost task list|show|cancel|retry`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from outpost_agent.cli.device import connect
from outpost_agent.cli.output import Output
from outpost_agent.cli.views import Cancelled, TaskView, parse
from outpost_agent.cli.words import local_time, share, state_word


def run(options: argparse.Namespace, output: Output) -> int:
    """Carry out the action that was asked for."""
    actions = {"list": _list, "show": _show, "cancel": _cancel, "retry": _retry}
    actions[options.action](options, output)
    return 0


def _list(options: argparse.Namespace, output: Output) -> None:
    with connect(options) as client:
        value = client.call("tasks.list", {"states": options.states, "limit": options.limit}).value
    tasks = parse(value, tuple[TaskView, ...])
    if output.is_json:
        output.document(value)
        return
    if not tasks and output.is_rich:
        output.line(output.say("There are no such tasks.", "没有符合条件的任务。"))
        return
    say = output.say
    header = (say("ID", "编号"), say("State", "状态"), say("Done", "进度"), say("Kind", "类型"), say("Title", "标题"))
    output.table((*header, say("Created", "创建时间")), [_row(task, output) for task in tasks])


def _row(task: TaskView, output: Output) -> tuple[str, ...]:
    state = state_word(task.state, output) if output.is_rich else task.state
    created = local_time(task.created) if output.is_rich else task.created
    return (task.id, state, share(task.progress), task.kind, task.title, created)


def _show(options: argparse.Namespace, output: Output) -> None:
    with connect(options) as client:
        value = client.call("tasks.show", {"task": options.id}).value
    task = parse(value, TaskView)
    if output.is_json:
        output.document(value)
        return
    say = output.say
    rows = [
        (say("Task", "任务"), task.id),
        (say("Kind", "类型"), task.kind),
        (say("Title", "标题"), task.title),
        (say("State", "状态"), f"{state_word(task.state, output)} {share(task.progress)}".strip()),
        (say("Attempt", "尝试次数"), str(task.attempt)),
        (say("Created", "创建时间"), local_time(task.created)),
        (say("Changed", "更新时间"), local_time(task.updated)),
    ]
    if task.error:
        rows.append((say("Error", "错误"), task.error))
    rows += [(say("After", "前置任务"), text) for text in _ancestors(task, output)]
    output.facts(rows)


def _ancestors(task: TaskView, output: Output, depth: int = 0) -> Iterator[str]:
    for parent in task.parents:
        yield f"{'  ' * depth}{parent.id} {parent.kind} {state_word(parent.state, output)}"
        yield from _ancestors(parent, output, depth + 1)


def _cancel(options: argparse.Namespace, output: Output) -> None:
    with connect(options) as client:
        value = client.call("tasks.cancel", {"task": options.id}).value
    cancelled = parse(value, Cancelled).cancelled
    if output.is_json:
        output.document(value)
        return
    for task in cancelled:
        output.line(output.say(f"Cancelled {task}.", f"已取消 {task}。"))
    if not cancelled:
        output.line(output.say("It had ended already; nothing was cancelled.", "任务已经结束，无需取消。"))


def _retry(options: argparse.Namespace, output: Output) -> None:
    with connect(options) as client:
        value = client.call("tasks.retry", {"task": options.id}).value
    task = parse(value, TaskView)
    if output.is_json:
        output.document(value)
        return
    output.line(output.say(f"Trying {task.id} again.", f"正在重试 {task.id}。"))
