"""How commands speak: for people in their language, or one JSON document; nicely on a terminal, plainly elsewhere.

With --json exactly one document goes to stdout and nothing else; what is said on the way goes to stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from rich.console import Console

Language = Literal["en", "zh"]
FAILED = 1
MISUSED = 2


def language_of(environment: Mapping[str, str]) -> Language:
    """Return the language that the environment asks for (POSIX: LC_ALL, then LC_MESSAGES, then LANG)."""
    wanted = next(filter(None, (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "zh" if wanted.lower().startswith("zh") else "en"


class Progress(Protocol):
    """Something that shows how far work has come."""

    def __call__(self, done: float, title: str = "") -> None:
        """Show that `done`, from 0 to 1, of the work called `title` is behind us."""
        ...


class Output:
    """Where a command's words go."""

    def __init__(self, *, is_json: bool, language: Language) -> None:
        self.is_json = is_json
        self.language = language

    @property
    def is_rich(self) -> bool:
        """Say whether stdout is a terminal that shows tables and colours."""
        return not self.is_json and sys.stdout.isatty()

    def say(self, en: str, zh: str) -> str:
        """Return the sentence in the reader's language."""
        return zh if self.language == "zh" else en

    def line(self, text: str) -> None:
        """Write a line for people; with --json it goes to stderr."""
        print(text, file=sys.stderr if self.is_json else sys.stdout, flush=True)

    def document(self, value: Any) -> None:
        """Write the one JSON document, on one line."""
        import msgspec  # noqa: PLC0415

        print(msgspec.json.encode(value).decode(), flush=True)

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write names with their values."""
        if not self.is_rich:
            for name, value in rows:
                print(f"{name}: {value}")
            return
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        grid = Table.grid(padding=(0, 2))
        for name, value in rows:
            grid.add_row(Text(name, style="dim"), Text(value))
        _console().print(grid)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table; without a terminal its cells are separated by tabs, and there is no header."""
        if not self.is_rich:
            for row in rows:
                print("\t".join(row))
            return
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in header:
            table.add_column(name, overflow="fold", no_wrap=name in ("ID", "编号"))
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        _console().print(table)

    def markdown(self, text: str) -> None:
        """Write a text in Markdown, drawn on a terminal and as it is elsewhere."""
        if not self.is_rich:
            print(text)
            return
        from rich.markdown import Markdown  # noqa: PLC0415

        _console().print(Markdown(text, hyperlinks=False))

    @contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """Show a bar on stderr while the context lasts, when that is a terminal."""
        if self.is_json or not sys.stderr.isatty():
            yield _silent
            return
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
        from rich.progress import Progress as Bars  # noqa: PLC0415

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
            bar = bars.add_task(title, total=1.0)

            def show(done: float, title: str = "") -> None:
                bars.update(bar, completed=done, description=title or None)

            yield show

    def failed(self, error: BaseException) -> int:
        """Tell of `error` in one sentence and return the exit code."""
        code, sentence = self._sentence(error)
        return self._end(code, sentence, FAILED)

    def misused(self, sentence: str) -> int:
        """Tell of wrong usage and return the exit code."""
        return self._end("usage", sentence, MISUSED)

    def _end(self, code: str, sentence: str, status: int) -> int:
        if self.is_json:
            self.document({"error": {"code": code, "message": sentence}})
        print(f"outpost: {sentence}", file=sys.stderr, flush=True)
        return status

    def _sentence(self, error: BaseException) -> tuple[str, str]:
        from outpost_wire.errors import OutpostError  # noqa: PLC0415

        if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            return self._sentence(error.exceptions[0])
        if isinstance(error, OutpostError):
            fault = getattr(error, "fault", None)
            return getattr(fault, "code", error.code), self.say(str(error), getattr(error, "zh", "") or str(error))
        if isinstance(error, OSError) and error.strerror:
            where = f"{error.filename}: " if error.filename else ""
            return "system", f"{where}{error.strerror}"
        name = type(error).__name__
        en = f"this failed unexpectedly ({name}); with OUTPOST_DEBUG=1 it shows where"
        return "unexpected", self.say(en, f"意外出错（{name}），设置 OUTPOST_DEBUG=1 可查看出错位置")


def _silent(done: float, title: str = "") -> None:
    """Show nothing: nobody watches."""


def _console() -> Console:
    from rich.console import Console as RichConsole  # noqa: PLC0415

    return RichConsole()
