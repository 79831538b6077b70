"""The words of the report, in both languages.

Fields in braces are filled in by `report`; every field of the two tables is the same sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

from outpost_sdk.handler import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The words of one language."""

    title: str
    several: str
    calm: str
    asked: str
    asked_nothing: str
    asked_heads: tuple[str, ...]
    look: str
    entered: str
    entered_as: str
    failed_logins: str
    spike: str
    errors: str
    new_trouble: str
    burst: str
    file: str
    files: str
    lines: str
    events: str
    lines_of_events: str
    span: str
    span_value: str
    no_times: str
    levels: str
    no_levels: str
    templates: str
    format: str
    anomalies: str
    anomaly_heads: tuple[str, ...]
    kinds: dict[str, str]
    usual: str
    examples: str
    line: str
    line_of: str
    more: str
    logins: str
    login_heads: tuple[str, ...]
    login_note: str
    no: str
    yes: str
    top: str
    top_heads: tuple[str, ...]
    inside: str
    inside_note: str
    part: str
    part_range: str
    part_more: str
    since: str
    since_same: str
    since_new: str
    since_gone: str
    since_more: str
    notes: str
    assumed_year: str
    no_zone: str
    outliers: str
    replaced: str
    cut: str
    shortened: str
    other: str
    dropped: str
    no_font: str
    units: tuple[str, str, str, str]
    level_names: dict[str, str]
    plot_time: str
    plot_order: str
    plot_templates: str
    joiner: str
    colon: str
    at: str


EN = Texts(
    title="Log analysis: {name}",
    several="{name} and {n} more",
    asked="You asked: {focus}",
    asked_nothing="None of the most frequent or unusual messages has any of these words: {words}.",
    asked_heads=("Count", "Message"),
    calm="Nothing unusual: no errors that stand out, no bursts, no suspicious logins.",
    look="Nothing that needs attention at once; {n} things are worth a look.",
    entered="Someone may have got in: after {n} failed logins from {source}, a login succeeded{when}.",
    entered_as="Someone may have got in: after {n} failed logins from {source}, a login as {user} succeeded{when}.",
    failed_logins="{n} logins failed; sources that kept trying: {sources}, most of all {source} ({most} times).",
    spike="Errors jumped to {n}{when}: mostly {text}.",
    errors="{n} of {events} events are errors ({share}).",
    new_trouble="A new problem came up late in the log{when}: {text}.",
    burst="{n} messages in a burst{when}: {text}.",
    file="File",
    files="Files",
    lines="Lines",
    events="Events",
    lines_of_events="{lines}, in {events} events",
    span="Time",
    span_value="{first} to {last} ({length})",
    no_times="no timestamps found",
    levels="Levels",
    no_levels="none given in the log",
    templates="Kinds of message",
    format="Format",
    anomalies="What stands out",
    anomaly_heads=("What", "When", "Events", "Message"),
    kinds={"error_spike": "error spike", "burst": "burst", "new": "new", "rare": "rare"},
    usual="{n} (usually {usual})",
    examples="One line of each",
    line="line {n}",
    line_of="line {n} of {name}",
    more="and {n} more like these; the full result has them all.",
    logins="Suspicious logins",
    login_heads=("Source", "Failed", "As", "First", "Last", "Got in later"),
    login_note="{n} sources in all.",
    no="no",
    yes="yes",
    top="Most frequent messages",
    top_heads=("", "Events", "Share", "Level", "Message"),
    inside="What varies in them",
    inside_note="One line of each, and what stands in the places of `<*>`, from left to right.",
    part="({n}) {values}",
    part_range="{least} to {most}{unit}",
    part_more="{values} and {n} more",
    since="Since the last analysis of this log",
    since_same="No new kind of message, and none is missing.",
    since_new="New kinds of message ({n})",
    since_gone="Kinds of message that did not come again ({n})",
    since_more="and {n} more",
    notes="Good to know",
    assumed_year="The times have no year; {years} was assumed.",
    no_zone="The times have no zone and are shown as they were written.",
    outliers="{n} events with times far from the rest are left out of the plot over time.",
    replaced="{n} characters were not valid UTF-8 and are shown as \ufffd.",
    cut="{n} lines were longer than 1 MiB; the rest of them was skipped.",
    shortened="The text of {n} very long events was shortened.",
    other="{n} events have messages of so many kinds that the rarest were put together as “other”.",
    dropped="{n} sources with few failed logins were not kept.",
    no_font="The plots are kept as SVG only: no font with Chinese characters is installed on this device.",
    units=("d", "h", "min", "s"),
    level_names={"none": "no level"},
    plot_time="Events over time, per {width}",
    plot_order="Events in their order, per {width}",
    plot_templates="Most frequent messages",
    joiner=", ",
    colon=": ",
    at=" at {time}",
)

ZH = Texts(
    title="日志分析：{name}",
    several="{name} 等 {n} 个文件",
    asked="您的问题：{focus}",
    asked_nothing="最常见和异常的消息中都没有这些词：{words}。",
    asked_heads=("次数", "消息"),
    calm="一切正常：没有突出的错误，没有突发事件，也没有可疑登录。",
    look="没有需要立即处理的问题；有 {n} 处值得看一看。",
    entered="可能已有人入侵：来自 {source} 的登录失败 {n} 次之后，有一次登录成功{when}。",
    entered_as="可能已有人入侵：来自 {source} 的登录失败 {n} 次之后，以 {user} 登录成功{when}。",
    failed_logins="登录失败共 {n} 次；反复尝试的来源有 {sources} 个，最多的是 {source}（{most} 次）。",
    spike="错误激增至 {n} 条{when}，多为：{text}。",
    errors="{events} 条事件中有 {n} 条错误（{share}）。",
    new_trouble="日志后段出现了新问题{when}：{text}。",
    burst="短时间内集中出现 {n} 条消息{when}：{text}。",
    file="文件",
    files="文件",
    lines="行数",
    events="事件",
    lines_of_events="{lines} 行，{events} 条事件",
    span="时间",
    span_value="{first} 至 {last}（{length}）",
    no_times="未发现时间戳",
    levels="级别",
    no_levels="日志中没有级别",
    templates="消息种类",
    format="格式",
    anomalies="值得注意",
    anomaly_heads=("类型", "时间", "事件数", "消息"),
    kinds={"error_spike": "错误激增", "burst": "突发", "new": "新出现", "rare": "罕见"},
    usual="{n}（平时 {usual}）",
    examples="各举一行",
    line="第 {n} 行",
    line_of="{name} 第 {n} 行",
    more="此外还有 {n} 处类似情况，详见完整结果。",
    logins="可疑登录",
    login_heads=("来源", "失败次数", "用户", "首次", "最近", "之后登录成功"),
    login_note="共 {n} 个来源。",
    no="否",
    yes="是",
    top="最常见的消息",
    top_heads=("", "事件数", "占比", "级别", "消息"),
    inside="消息中的变量",
    inside_note="各举一行，并列出 `<*>` 各处的内容（从左到右）。",
    part="（{n}）{values}",
    part_range="{least} 至 {most}{unit}",
    part_more="{values} 等，另有 {n} 种",
    since="与上次分析该日志相比",
    since_same="没有新的消息种类，也没有消失的种类。",
    since_new="新出现的消息种类（{n}）",
    since_gone="未再出现的消息种类（{n}）",
    since_more="另有 {n} 种",
    notes="说明",
    assumed_year="时间戳中没有年份，按 {years} 年处理。",
    no_zone="时间戳中没有时区，按原样显示。",
    outliers="有 {n} 条事件的时间与其余相差太远，未画入时间图。",
    replaced="有 {n} 个字符不是有效的 UTF-8，显示为 \ufffd。",
    cut="有 {n} 行超过 1 MiB，超出部分已跳过。",
    shortened="有 {n} 条过长事件的文本已截短。",
    other="消息种类过多，最罕见的 {n} 条事件合并为“其他”。",
    dropped="有 {n} 个登录失败次数很少的来源未保留。",
    no_font="图表仅保存为 SVG：本设备未安装中文字体。",
    units=(" 天", " 小时", " 分", " 秒"),
    level_names={
        "fatal": "致命",
        "error": "错误",
        "warn": "警告",
        "notice": "通知",
        "info": "信息",
        "debug": "调试",
        "trace": "跟踪",
        "none": "无级别",
    },
    plot_time="事件随时间的分布，每格 {width}",
    plot_order="事件按先后的分布，每格 {width}",
    plot_templates="最常见的消息",
    joiner="，",
    colon="：",
    at="（{time}）",
)

TEXTS: dict[Language, Texts] = {"en": EN, "zh": ZH}
