"""What the rules must know of a text beyond its names. Each fact is captured by the grammar's ``*.facts.scm`` query.

No rule searches the text for such a thing: a comment or a string that only mentions a name says nothing about code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from parsers.values.types import Span

__all__ = ["CodeFacts"]


@dataclass(frozen=True)
class CodeFacts:
    """Facts of one text. Receivers are written as in the text; offsets are characters, lines count from 1."""

    ignored_lines: frozenset[int] = frozenset()
    """Lines whose comment asks checkers to look away: ``x.y()  # type: ignore``."""

    narrowed: frozenset[str] = frozenset()
    """What a check may make more than its declaration says: ``isinstance(x, T)``, ``x instanceof T``, ``x as T``."""

    by_text: frozenset[tuple[str, str]] = frozenset()
    """(receiver, name) of members that code reaches by a text: ``setattr(x, "name", …)``, ``x["name"]``, ``"name" in x``."""

    asked: frozenset[str] = frozenset()
    """Paths whose presence a condition asks for: ``if (x.hook)``, ``x.hook && …``, ``x.hook?.()``, ``typeof x.hook``."""

    assigned: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Plain names and where they get another value, declarations left out: ``x = 2``, ``x += 1``."""

    choices: frozenset[frozenset[str]] = frozenset()
    """Pairs of members of which code takes what is there: ``a.selector || a.selectors``."""

    guarded: frozenset[Span] = frozenset()
    """Imports directly inside ``try:``, ``except``, ``else`` or ``if sys.version_info``: they may fail."""

    own_this: tuple[Span, ...] = ()
    """Functions, methods and class bodies of JavaScript: each has a ``this`` of its own."""

    inferred: frozenset[str] = frozenset()
    """Names that ``infer T`` binds."""

    macros: frozenset[str] = frozenset()
    """Macros that the tokens of other macros call: ``assert!(matches!(…))``."""

    occurrences: Mapping[str, int] = field(default_factory=dict)
    """How often each word stands in the code, comments and texts left out (JavaScript, TypeScript and Rust)."""

    module: bool = False
    """Whether the text exports (JavaScript and TypeScript)."""

    code_characters: int = 0
    """Length of the text without comments: whether it is long enough to be a file of its own."""

    @property
    def named_by_text(self) -> frozenset[str]:
        """The members that code reaches by a text, of whatever receiver."""
        return frozenset(name for _, name in self.by_text)

    def assigned_within(self, name: str, scope: Span) -> bool:
        """Whether ``name`` gets another value inside ``scope``."""
        return any(scope[0] <= position < scope[1] for position in self.assigned.get(name, ()))
