"""Mines message templates by Drain.

P. He, J. Zhu, Z. Zheng, M. R. Lyu: "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017.

A message is a list of tokens. A tree of fixed depth leads from the number of tokens over the first tokens to a leaf
with a few templates; the most similar one takes the message, and tokens in which they differ become `<*>`. If none is
similar enough, the message founds a template.

Three things are added. A message whose masked text was seen before goes straight to the template that took it, which
makes the miner several times faster. A leaf holds at most `siblings` templates: text that fills one is free text,
and a further message joins the most similar template there whatever the similarity. And the number of templates is
bounded: when it is reached, the least used tenth is forgotten and its messages count as template `T0`, "other".

Invariants: every message is counted exactly once, in a template or in `other`; a template keeps its number of tokens,
and its tokens only ever turn into `<*>`; there are at most `limit` templates; memory is bounded by the limits alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import eq

from outpost_agent.logs.masks import WILDCARD, Masker

OTHER = "T0"
_REMEMBERED = 10_000
_LONGEST_REMEMBERED = 500


@dataclass(slots=True, eq=False)
class Template:
    """A message pattern: what stays the same, `<*>` for what varies, and how many messages it took."""

    id: str
    tokens: list[str]
    wildcards: int
    count: int = 0
    is_alive: bool = True

    @property
    def text(self) -> str:
        """Return the pattern as one line of text."""
        return " ".join(self.tokens)

    def widen(self, tokens: list[str]) -> None:
        """Turn the tokens that differ from `tokens`, of which there are as many, into `<*>`."""
        self.tokens = [mine if mine == other else WILDCARD for mine, other in zip(self.tokens, tokens, strict=True)]
        self.wildcards = self.tokens.count(WILDCARD)


@dataclass(slots=True)
class _Node:
    """An inner node leads on by token; a leaf holds templates."""

    children: dict[str, _Node] = field(default_factory=dict)
    templates: list[Template] = field(default_factory=list)


class Miner:
    """Finds the template of each message; owns no file and no clock.

    `depth` counts the levels of the tree as the paper does (root, length, tokens, leaf), `similarity` is the share
    of equal tokens that joins a message to a template, `children` bounds the fan-out of a node, `siblings` the
    templates of a leaf, `limit` all templates. Of a message the first `length` characters and `width` tokens count.
    """

    def __init__(
        self,
        *,
        depth: int = 4,
        similarity: float = 0.5,
        children: int = 100,
        siblings: int = 100,
        limit: int = 4000,
        length: int = 2048,
        width: int = 128,
    ) -> None:
        self._levels = depth - 2
        self._similarity = similarity
        self._children = children
        self._siblings = siblings
        self._limit = limit
        self._length = length
        self._width = width
        self._masker = Masker()
        self._lengths: dict[int, _Node] = {}
        self._templates: dict[str, Template] = {}
        self._seen: dict[str, Template] = {}
        self._founded = 0
        self.other = 0

    def templates(self) -> Iterator[Template]:
        """Yield the living templates in the order they were first seen."""
        yield from self._templates.values()

    def add(self, message: str) -> Template:
        """Count `message` and return its template."""
        tokens = self._masker.tokens(message[: self._length])
        if len(tokens) > self._width:
            tokens[self._width :] = [WILDCARD]
        text = " ".join(tokens)
        template = self._seen.get(text)
        if template is None or not template.is_alive:
            template = self._place(tokens)
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            if len(text) <= _LONGEST_REMEMBERED:
                self._seen[text] = template
        template.count += 1
        return template

    def _place(self, tokens: list[str]) -> Template:
        leaf = self._leaf(tokens)
        least = 0.0 if len(leaf.templates) >= self._siblings else self._similarity
        best = _most_similar(leaf.templates, tokens, least)
        if best is not None:
            best.widen(tokens)
            return best
        if len(self._templates) >= self._limit:
            self._forget()
            leaf = self._leaf(tokens)
        self._founded += 1
        template = Template(f"T{self._founded}", tokens, tokens.count(WILDCARD))
        leaf.templates.append(template)
        self._templates[template.id] = template
        return template

    def _leaf(self, tokens: list[str]) -> _Node:
        node = self._lengths.get(len(tokens))
        if node is None:
            node = self._lengths[len(tokens)] = _Node()
        for token in tokens[: self._levels]:
            children = node.children
            following = children.get(token)
            if following is None:
                key = token
                if len(children) >= self._children - 1 or _looks_variable(token):
                    key = WILDCARD
                following = children.get(key)
                if following is None:
                    following = children[key] = _Node()
            node = following
        return node

    def _forget(self) -> None:
        """Forget the least used tenth of the templates; their messages count as other."""
        by_use = sorted(self._templates.values(), key=lambda template: template.count)
        for template in by_use[: max(1, self._limit // 10)]:
            template.is_alive = False
            self.other += template.count
            del self._templates[template.id]
        self._seen.clear()
        self._lengths.clear()
        for template in self._templates.values():
            self._leaf(template.tokens).templates.append(template)


def _most_similar(templates: list[Template], tokens: list[str], least: float) -> Template | None:
    """Return the template with the largest share of equal tokens, at least `least`; of equals the wider one."""
    best, best_score = None, (least * len(tokens), -1)
    for template in templates:
        score = sum(map(eq, template.tokens, tokens)), template.wildcards
        if score > best_score:
            best, best_score = template, score
    return best


def _looks_variable(token: str) -> bool:
    """Return whether a token has digits, as the paper asks; a path names a place and may."""
    return token[0] != "/" and any(character.isdigit() for character in token)
