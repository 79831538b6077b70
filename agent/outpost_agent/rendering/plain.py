"""Text without any mark-up, for platforms that have none."""

from __future__ import annotations

from outpost_agent.rendering.lines import Kind, Mark, Marks


class Plain:
    """A dialect without marks: what they say is said in characters or not at all."""

    kinds: frozenset[Kind] = frozenset()
    schemes: tuple[str, ...] = ()

    def under(self, marks: Marks, mark: Mark) -> Marks:
        return marks

    def text(self, text: str) -> str:
        return text

    def opening(self, mark: Mark) -> str:
        return ""

    def closing(self, mark: Mark) -> str:
        return ""
