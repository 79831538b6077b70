"""What the figures mean: their gates and stretch goals, their peers, and both as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Budget:
    """A figure's name for people, its unit, its gate and stretch; `more` says that more is better."""

    what: str
    unit: str
    gate: float | None = None
    stretch: float | None = None
    more: bool = False

    def verdict(self, value: float) -> str:
        """Return how `value` stands."""
        for limit, word in ((self.stretch, "stretch"), (self.gate, "gate")):
            if limit is not None and (value >= limit if self.more else value <= limit):
                return word
        return "" if self.gate is None else "MISSED"


BUDGETS = {
    "idle_pss_mb": Budget("Idle memory (PSS): web chat, Telegram, MQTT, metrics", "MB", 60, 45),
    "idle_rss_mb": Budget("  the same as RSS, with all that is shared with other programs", "MB"),
    "cpu_to_ready_s": Budget("CPU to ready", "s", 1.0, 0.6),
    "wall_to_ready_s": Budget("Time to ready", "s"),
    "cpu_ms_per_message": Budget("CPU per durable message, web chat, no model", "ms", 6, 2),
    "telegram_cpu_ms_per_message": Budget("CPU per durable message, Telegram, no model", "ms", 6, 2),
    "floor_cpu_ms_per_message": Budget("  peer: bare aiohttp + two synced rows", "ms"),
    "cpu_ratio_to_floor": Budget("  ratio of the web chat to that floor", "×"),
    "reply_p50_ms": Budget("Message to reply p50, web chat", "ms", 10, 4),
    "reply_p99_ms": Budget("Message to reply p99, web chat", "ms", 40, 20),
    "telegram_reply_p50_ms": Budget("Message to reply p50, Telegram", "ms", 10, 4),
    "telegram_reply_p99_ms": Budget("Message to reply p99, Telegram", "ms", 40, 20),
    "messages_per_s": Budget("Messages a second, web chat, 16 at once, client on the same cores", "/s", more=True),
    "telegram_messages_per_s": Budget("Messages a second, one Telegram chat, 16 at once", "/s", more=True),
    "growth_mb": Budget("Memory growth over the messages below", "MB", 8, 3),
    "messages": Budget("  messages, half of them over Telegram", ""),
    "reply_p50_ms_while_analysing": Budget("Reply p50 while a log is analysed, web chat", "ms"),
    "reply_p99_ms_while_analysing": Budget("Reply p99 while a log is analysed, web chat", "ms", 40, 20),
    "analysed_log_mb": Budget("  size of that log", "MB"),
    "ipc_1kb_p50_us": Budget("Local IPC round trip 1 KB p50", "µs", 100, 40),
    "floor_ipc_1kb_p50_us": Budget("  peer: bare asyncio sockets, 1 KB", "µs"),
    "one_core_ipc_1kb_p50_us": Budget("  both ends on one core, 1 KB", "µs", 100, 40),
    "one_core_floor_ipc_1kb_p50_us": Budget("  peer: bare asyncio sockets on one core, 1 KB", "µs"),
    "ipc_1mb_p50_us": Budget("Local IPC round trip 1 MB p50", "µs", 1000, 500),
    "enqueue_to_start_p50_ms": Budget("Task enqueue to start p50", "ms", 1.0, 0.3),
    "durable_tasks_per_s": Budget("Durable tasks a second", "/s", 3000, 7000, more=True),
    "cpu_us_per_task": Budget("CPU per durable task", "µs"),
    "qos1_round_trip_p50_ms": Budget("MQTT QoS 1 round trip p50, paced", "ms"),
    "link_messages_per_s": Budget("Outbox to consumer", "/s", more=True),
    "ingest_rows_per_s": Budget("Manager ingest, acknowledged after commit", "/s", 5000, more=True),
    "ingest_cpu_us_per_row": Budget("Manager CPU per row", "µs"),
    "log_mb_per_s": Budget("Log analysis, whole chain", "MB/s", more=True),
    "log_lines_per_cpu_s": Budget("Log analysis, lines per CPU second", "/s", more=True),
    "log_peak_mb": Budget("Log analysis, most memory", "MB"),
    "log_mb": Budget("  size of that log", "MB"),
}

COMPARED = {
    "idle_pss_mb": Budget("Idle memory (PSS)", "MB"),
    "idle_rss_mb": Budget("Idle memory (RSS)", "MB"),
    "loaded_pss_mb": Budget("Memory after the load (PSS)", "MB"),
    "cpu_to_ready_s": Budget("CPU to ready", "s"),
    "wall_to_ready_s": Budget("Time to ready", "s"),
    "cpu_ms_one_by_one": Budget("CPU per message, one by one", "ms"),
    "cpu_ms_at_once": Budget("CPU per message, 16 at once", "ms"),
    "reply_p50_ms": Budget("Message to reply p50, one by one", "ms"),
    "reply_p99_ms": Budget("Message to reply p99, one by one", "ms"),
    "messages_per_s": Budget("Messages a second, 16 at once", "/s", more=True),
}


def budgets(figures: Figures) -> Iterator[str]:
    """Return the lines of the table of figures beside what they should be."""
    yield "| What | Measured | Gate | Stretch | |"
    yield "|:--|--:|--:|--:|:--|"
    for name, budget in BUDGETS.items():
        if name in figures:
            value = figures[name]
            limits = f"{_limit(budget.gate)} | {_limit(budget.stretch)}"
            yield f"| {budget.what} | {_figure(value)} {budget.unit} | {limits} | {budget.verdict(value)} |"


def comparison(figures: Figures, peer: str, missing: str = "") -> Iterator[str]:
    """Return the lines of the table of `our_…` beside `their_…` figures, those of `peer`; `missing` says why not."""
    yield f"| Same load, same run | Outpost | {peer} | Outpost ÷ {peer.partition(' ')[0]} |"
    yield "|:--|--:|--:|--:|"
    if missing:
        yield f"| skipped: {missing} | | | |"
        return
    for name, budget in COMPARED.items():
        ours, theirs = figures[f"our_{name}"], figures[f"their_{name}"]
        ratio = f"{_figure(ours / theirs)} ×" if theirs else ""
        yield f"| {budget.what} | {_figure(ours)} {budget.unit} | {_figure(theirs)} {budget.unit} | {ratio} |"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _limit(value: float | None) -> str:
    return "" if value is None else f"{value:,g}"
