"""The usual shapes of a log line's header, as data.

A `Format` is one pattern with the groups `time`, `level`, `component` and `message`, and the kind of its time. The
formats of one kind stand in order, the most telling first. A weak format matches almost anything after the time; a
line that fits one is always tried against the telling ones first, so that one odd line cannot hide the levels of the
rest. No pattern nests a repetition in another over the same characters, so matching takes linear time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from outpost_agent.logs.levels import WORD


@dataclass(frozen=True, slots=True)
class Format:
    """One shape of a header; `name` is what the report calls it, `kind` a key of `times.READERS`."""

    name: str
    kind: str
    pattern: re.Pattern[str]
    is_weak: bool = False


_ISO = r"\d{4}[-/.]\d\d[-/.]\d\d[T _]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:\s?(?:Z|UTC|GMT)\b|\s?[+-]\d\d:?\d\d\b)?"
_SYSLOG = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]?\d \d\d:\d\d:\d\d(?:\.\d{1,9})?"
_APACHE = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d(?:\.\d{1,9})? \d{4}"
_ACCESS = r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?: [+-]\d{4})?"
_MONTH_DAY = r"\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_HMS = r"\d\d:\d\d:\d\d"
_NAME = r"[\w.$@/#:<>{}()+*~-]"
_THREAD = r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]"
_NO_LEVEL = r"(?P<level>)"
_NO_COMPONENT = r"(?P<component>)"
_LEVEL = rf"\[?(?P<level>{WORD}\b|[FEWIDTV]\b)\]?"
_WORD = r"[^\s:\[\]]+"
_PROCESS = (
    rf"(?P<component>{_WORD}(?: \d[\d.]*)?|{_WORD}(?: {_WORD}){{1,2}}(?=\[\d+\]))"
    r"(?:\[[\w.-]+\])?(?: \([^)]*\))?(?: <(?P<level>\w+)>)?: ?"
)
_APART = r"(?<=:)(?=\[|\Z)|(?<=: )"
"""What tells a process from the name of something with a colon in it, such as `libc6:amd64`."""


def _format(name: str, kind: str, pattern: str, *, is_weak: bool = False) -> Format:
    return Format(name, kind, re.compile(pattern, re.DOTALL), is_weak)


def _after(time: str) -> str:
    """Return the pattern of a time at the start of a line, bare or in brackets."""
    return rf"[\[(<]?(?P<time>{time})[\])>]?"


def _application(kind: str, time: str) -> tuple[Format, ...]:
    """Return the formats that applications write after a full date of `kind`."""
    t = _after(time)
    message = r"(?P<message>.*)"
    return (
        _format("rust", kind, rf"\[(?P<time>{time}) +(?P<level>{WORD}) +(?P<component>\S+)\] {message}"),
        _format("java", kind, rf"{t} +{_LEVEL} +{_THREAD} (?P<component>{_NAME}+?):(?=\s|$)\s?{message}"),
        _format("logback", kind, rf"{t} +{_THREAD} +{_LEVEL} +(?P<component>{_NAME}+?)(?: -|:) {message}"),
        _format("spring", kind, rf"{t} +{_LEVEL} +\d+ --- (?:{_THREAD} )+(?P<component>\S+) +: {message}"),
        _format("zookeeper", kind, rf"{t} - {_LEVEL} +\[(?P<component>[^\]]*(?:\][^\s-][^\]]*)*)\] - {message}"),
        _format("python", kind, rf"{t} - (?P<component>{_NAME}+) - {_LEVEL} - {message}"),
        _format("dashes", kind, rf"{t} - {_NO_COMPONENT}{_LEVEL} - {message}"),
        _format("elastic", kind, rf"{t} ?\[(?P<level>{WORD}) *\] ?\[(?P<component>[^\]]*)\] ?{message}"),
        _format("monolog", kind, rf"{t} (?P<component>[\w-]+)\.(?P<level>[A-Z]+): {message}"),
        _format("nginx", kind, rf"{t} \[(?P<level>{WORD})\] {_NO_COMPONENT}\d+#\d+: {message}"),
        _format("mysql", kind, rf"{t} \d+ \[(?P<level>\w+)\] (?:\[MY-\d+\] )?(?:\[(?P<component>\w+)\] )?{message}"),
        _format("openstack", kind, rf"{t} \d+ {_LEVEL} (?P<component>{_NAME}+) {message}"),
        _format(
            "postgres",
            kind,
            rf"{t}(?: [A-Z]{{3,4}})? \[\d+\](?: \S+@\S+)? {_NO_COMPONENT}(?P<level>[A-Z]+): +{message}",
        ),
        _format("windows", kind, rf"{t}, {_LEVEL} {{2,}}(?P<component>\S+) +{message}"),
        _format("level and component", kind, rf"{t}[ :]+{_LEVEL} +(?P<component>[\w.$/-]+(?:::[\w.$]+)*): {message}"),
        _format("container", kind, rf"{t} (?P<component>stdout|stderr) [FP] {_NO_LEVEL}{message}"),
        _format("level", kind, rf"{t}[\s:|,-]*{_NO_COMPONENT}{_LEVEL}[\]\s:|-]+{message}", is_weak=True),
        _format("host and process", kind, rf"{t} [\w.-]+ {_PROCESS}(?:{_APART}){message}", is_weak=True),
        _format("date", kind, rf"{t}[:\s|,\]-]*{_NO_LEVEL}{_NO_COMPONENT}{message}", is_weak=True),
    )


BY_KIND: dict[str, tuple[Format, ...]] = {
    "iso": (
        *_application("iso", _ISO),
        _format(
            "openstack",
            "iso",
            rf"\S+ (?P<time>{_ISO}) \d+ {_LEVEL} (?P<component>{_NAME}+) (?P<message>.*)",
        ),
    ),
    "syslog": (
        _format("syslog", "syslog", rf"(?P<time>{_SYSLOG}) [^\s:\[\]]+ +(?:-- )?{_PROCESS}(?P<message>.*)"),
        _format(
            "syslog", "syslog", rf"(?P<time>{_SYSLOG}) \S+ {_NO_LEVEL}{_NO_COMPONENT}(?P<message>.*)", is_weak=True
        ),
    ),
    "apache": (
        _format(
            "apache error",
            "apache",
            rf"\[(?P<time>{_APACHE})\] \[(?:(?P<component>\w+):)?(?P<level>\w+)\] (?:\[pid [^\]]*\] )?(?P<message>.*)",
        ),
        _format("date", "apache", rf"{_after(_APACHE)}[:\s]*{_NO_LEVEL}{_NO_COMPONENT}(?P<message>.*)", is_weak=True),
    ),
    "compact": (
        _format("hdfs", "compact", rf"(?P<time>\d{{6}} \d{{6}}) \d+ {_LEVEL} (?P<component>[^\s:]+): ?(?P<message>.*)"),
    ),
    "short_year": _application("short_year", rf"\d\d/\d\d/\d\d {_HMS}(?:[.,]\d{{1,9}})?"),
    "month_day": (
        _format(
            "android",
            "month_day",
            rf"(?P<time>{_MONTH_DAY}) +\d+ +\d+ (?P<level>[VDIWEFA]) (?P<component>[^:]*?) *: (?P<message>.*)",
        ),
        _format(
            "proxifier",
            "month_day",
            rf"\[(?P<time>\d\d\.\d\d {_HMS})\] {_NO_LEVEL}(?P<component>\S+)(?: \*\d+)? - (?P<message>.*)",
        ),
        _format(
            "date", "month_day", rf"{_after(_MONTH_DAY)}[:\s]*{_NO_LEVEL}{_NO_COMPONENT}(?P<message>.*)", is_weak=True
        ),
    ),
    "glog": (
        _format(
            "glog",
            "month_day",
            rf"(?P<level>[IWEF])(?P<time>\d{{4}} {_HMS}\.\d{{6}}) +\d+ (?P<component>[^\s:]+):\d+\] (?P<message>.*)",
        ),
    ),
    "rfc5424": (
        _format(
            "rfc5424",
            "iso",
            r"<(?P<level>\d{1,3})>\d{1,2} (?P<time>\S+) \S+ (?P<component>\S+) \S+ \S+ "
            r"(?:-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: \ufeff?(?P<message>.*)|$)",
        ),
    ),
    "priority": (
        _format(
            "syslog",
            "syslog",
            rf"<(?P<level>\d{{1,3}})>(?P<time>{_SYSLOG}) (?:\S+ )??"
            rf"(?P<component>{_WORD})(?:\[[\w.-]+\])?: ?(?P<message>.*)",
        ),
        _format("kernel", "none", rf"<(?P<level>\d{{1,3}})>(?P<time>){_NO_COMPONENT}(?P<message>.*)", is_weak=True),
    ),
    "access": (
        _format(
            "access",
            "access",
            rf"(?P<component>\S+) \S+ [^\[]*\[(?P<time>{_ACCESS})\] "
            r'(?P<message>"(?P<request>(?:[^"\\]|\\.)*)" (?P<level>\d{3}|-)(?: .*|$))',
        ),
        _format(
            "access",
            "access",
            rf"(?P<component>\S+) \S+ [^\[]*\[(?P<time>{_ACCESS})\] {_NO_LEVEL}(?P<message>.*)",
            is_weak=True,
        ),
    ),
    "bgl": (
        _format(
            "bgl",
            "epoch",
            r"\S+ (?P<time>\d{10}) \d{4}\.\d\d\.\d\d \S+ \S+ \S+ "
            rf"(?P<component>\w+ \w+) (?P<level>{WORD}|FAILURE) ?(?P<message>.*)",
        ),
        _format(
            "thunderbird",
            "epoch",
            rf"\S+ (?P<time>\d{{10}}) \d{{4}}\.\d\d\.\d\d \S+ {_SYSLOG} \S+ {_PROCESS}(?P<message>.*)",
        ),
        _format("date", "epoch", rf"\S+ (?P<time>\d{{10}}) {_NO_LEVEL}{_NO_COMPONENT}(?P<message>.*)", is_weak=True),
    ),
    "cluster": (
        _format(
            "cluster",
            "epoch",
            rf"\d+ \S+ (?P<component>\S+) \S+ (?P<time>1\d{{9}}) \d+ {_NO_LEVEL}(?P<message>.*)",
        ),
    ),
    "epoch": (
        _format(
            "epoch",
            "epoch",
            rf"{_after(r'[01]?[0-9]{10}(?:[.][0-9]{1,9}|[0-9]{3}|[0-9]{6}|[0-9]{9})?')}[\s:,|]+(?:{_LEVEL}[\s:|-]+)?{_NO_COMPONENT}(?P<message>.*)",
        ),
    ),
    "health": (
        _format(
            "health",
            "health",
            r"(?P<time>\d{8}-\d{1,2}:\d{1,2}:\d{1,2}:\d{1,3})\|(?P<component>[^|]*)\|\d+\|(?P<level>)(?P<message>.*)",
        ),
        _format(
            "date",
            "health",
            rf"(?P<time>\d{{8}} {_HMS}(?:[.,]\d{{1,9}})?)[\s:|-]+(?:{_LEVEL}[\s:|-]+)?{_NO_COMPONENT}(?P<message>.*)",
            is_weak=True,
        ),
    ),
    "uptime": (_format("kernel", "none", rf"(?P<time>\[ *\d+\.\d{{6}}\]) {_NO_LEVEL}{_NO_COMPONENT}(?P<message>.*)"),),
}

LEVEL_ONLY = _format(
    "level only",
    "none",
    r"(?P<time>)(?:\[(?P<level>[A-Z]+)\]|(?P<bare>TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL))"
    r"[:\s|-]+(?P<component>)(?P<message>.*)",
)

HEAD = re.compile(
    rf"(?P<iso>[\[(<]?{_ISO}|\S{{1,80}} {_ISO} \d)"
    rf"|(?P<syslog>{_SYSLOG} )"
    rf"|(?P<apache>[\[(]?{_APACHE})"
    rf"|(?P<compact>\d{{6}} \d{{6}} \d)"
    rf"|(?P<short_year>[\[(]?\d\d/\d\d/\d\d {_HMS})"
    rf"|(?P<month_day>[\[(]?\d\d[.-]\d\d {_HMS})"
    rf"|(?P<glog>[IWEF]\d{{4}} {_HMS}\.\d)"
    r"|(?P<rfc5424><\d{1,3}>\d{1,2} \S+ \S+ )"
    r"|(?P<priority><\d{1,3}>)"
    rf"|(?P<access>\S{{1,200}} \S{{1,200}} [^\[\]]{{1,200}}\[{_ACCESS}\])"
    r"|(?P<bgl>\S{1,80} \d{10} \d{4}\.\d\d\.\d\d )"
    r"|(?P<cluster>\d{1,20} \S{1,80} \S{1,80} \S{1,80} 1\d{9} \d)"
    r"|(?P<epoch>[\[(]?[01]?[0-9]{10}(?:\.[0-9]|[0-9]{3}|[0-9]{6}|[0-9]{9})?\d*[\]\s:,|)])"
    r"|(?P<health>\d{8}[ -]\d{1,2}:\d{1,2}:\d)"
    r"|(?P<uptime>\[ *\d+\.\d{6}\] )"
)
"""Tells by its named group which formats of BY_KIND a line can have."""
