"""The accumulator of one text's facts; the handlers of each language's ``*.facts.scm`` fill it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from parsers.syntax.facts import CodeFacts
from parsers.values.types import Span

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["FactCollector", "descendants"]

_MAX_RECEIVER = 200
_MAX_WALK = 400
_WORD = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")
_IGNORING = re.compile(
    # ``x.y()  # type: ignore[attr-defined]``, ``// @ts-ignore``, ``// eslint-disable-line``; not ``ignore[arg-type]``
    r"(?:type|pyright):\s*ignore(?!\[)|@ts-ignore|@ts-expect-error|eslint-disable"
    r"|ignore\[[\w, -]*(?:attr|name-def|call|import|union|misc|override|index)"
)


@dataclass
class FactCollector:
    """Collects the facts of one text while its captures are read."""

    text: str
    ignored_lines: set[int] = field(default_factory=set)
    narrowed: set[str] = field(default_factory=set)
    by_text: set[tuple[str, str]] = field(default_factory=set)
    listed_texts: set[str] = field(default_factory=set)
    computed: bool = False
    asked: set[str] = field(default_factory=set)
    assigned: dict[str, list[int]] = field(default_factory=dict)
    choices: set[frozenset[str]] = field(default_factory=set)
    guarded: set[Span] = field(default_factory=set)
    own_this: list[Span] = field(default_factory=list)
    inferred: set[str] = field(default_factory=set)
    macros: set[str] = field(default_factory=set)
    silent: list[Span] = field(default_factory=list)
    comment_characters: int = 0

    def source(self, node: Node | None) -> str:
        """Source text of a receiver; '' when there is none or it is long."""
        if node is None or node.end_byte - node.start_byte > _MAX_RECEIVER:
            return ""
        return self.text[node.start_byte : node.end_byte]

    def comment(self, node: Node) -> None:
        """A comment is no code; some ask checkers to ignore their line."""
        self.silent.append((node.start_byte, node.end_byte))
        self.comment_characters += node.end_byte - node.start_byte
        if _IGNORING.search(self.text, node.start_byte, node.end_byte):
            self.ignored_lines.update(range(node.start_point[0] + 1, node.end_point[0] + 2))

    def quoted(self, node: Node) -> None:
        """A text is no code either."""
        self.silent.append((node.start_byte, node.end_byte))

    def narrow(self, node: Node | None) -> None:
        """A check of ``node``'s type or shape."""
        if receiver := self.source(node):
            self.narrowed.add(receiver)

    def ask(self, node: Node | None) -> None:
        """A condition asks whether ``node`` is there."""
        if path := self.source(node):
            self.asked.add(path)

    def reach(self, receiver: str, name: str) -> None:
        """The member ``name`` is reached by a text."""
        if name.isidentifier():
            self.by_text.add((receiver, name))

    def assign(self, node: Node | None) -> None:
        """A plain name gets another value."""
        if node is not None and node.type == "identifier" and (name := self.source(node)):
            self.assigned.setdefault(name, []).append(node.start_byte)

    def finish(self, *, counts_words: bool, module: bool) -> CodeFacts:
        """All that was collected. Texts in lists name members where the code makes members by computed names."""
        if self.computed:
            for name in self.listed_texts:
                self.reach("", name)
        return CodeFacts(
            frozenset(self.ignored_lines),
            frozenset(self.narrowed),
            frozenset(self.by_text),
            frozenset(self.asked),
            {name: tuple(places) for name, places in self.assigned.items()},
            frozenset(self.choices),
            frozenset(self.guarded),
            tuple(self.own_this),
            frozenset(self.inferred),
            frozenset(self.macros),
            Counter(_WORD.findall(_without(self.text, self.silent))) if counts_words else {},
            module,
            len(self.text) - self.comment_characters,
        )


def _without(text: str, spans: Iterable[Span]) -> str:
    """``text`` with a blank for each of the spans; a span inside another one is part of it."""
    kept: list[str] = []
    end = 0
    for start, stop in sorted(spans):
        if start >= end:
            kept.append(text[end:start])
        end = max(end, stop)
    return " ".join([*kept, text[end:]])


def descendants(node: Node) -> Iterator[Node]:
    """The named nodes below ``node``, at most 400 of them."""
    stack = [node]
    for _ in range(_MAX_WALK):
        if not stack:
            return
        found = stack.pop()
        yield found
        stack.extend(reversed(found.named_children))
