"""The values of a session's memory: items, what is known of their terms, and the text made of the best of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MEMORY_VERSION: Final = 1
MAX_ITEMS: Final = 256
MAX_TERM_STATS: Final = 1_024
MAX_ITEM_CHARS: Final = 400
MAX_ITEM_TERMS: Final = 48
MAX_SOURCE_ID_CHARS: Final = 128
MAX_TOOL_CHARS: Final = 80
MAX_EVENTS: Final = 2**31

CountTokens = Callable[[str], int]
"""Number of tokens of a text under the tokenizer the budget is meant for; must not fall when text is added."""


class ItemKind(StrEnum):
    """What an item is to the session."""

    DECISION = "decision"
    ERROR = "error"
    OPEN_TASK = "open_task"
    CONSTRAINT = "constraint"
    FACT = "fact"
    FILE = "file"
    SYMBOL = "symbol"


@dataclass(frozen=True)
class MemoryItem:
    """One thing worth keeping. ``source_id`` and the characters ``[start, end)`` point at the original record.

    ``key``: what it tells of; a later item with the same key and other text supersedes it. ``terms``: its identifiers,
    numbers, names and paths. ``tool``: the tool that gave it. ``spoken``: somebody said or did it, it was not merely
    listed. The rest is the state's: ``event`` counts from 1, ``cited`` counts scored turns that used its source,
    ``superseded`` and ``resolved`` (of errors) demote it.
    """

    kind: ItemKind
    text: str
    source_id: str
    start: int
    end: int
    terms: tuple[str, ...]
    key: str = ""
    tool: str = ""
    spoken: bool = False
    event: int = 0
    cited: int = 0
    superseded: bool = False
    resolved: bool = False


@dataclass(frozen=True)
class TermUse:
    """In how many events a term occurred, in how many of those somebody spoke or acted, and when last."""

    events: int
    spoken: int
    last_event: int


@dataclass(frozen=True)
class TurnFeedback:
    """What a scored turn says of the memory: the sources it drew on, and those it found contradicted."""

    cited_source_ids: frozenset[str] = frozenset()
    contradicted_source_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class MemoryState:
    """A session's memory, bounded: 256 items, 1,024 terms. What is evicted stays in the vault and counts as cold."""

    version: int = MEMORY_VERSION
    events: int = 0
    evicted: int = 0
    items: tuple[MemoryItem, ...] = ()
    terms: tuple[tuple[str, TermUse], ...] = ()


@dataclass(frozen=True)
class HotLine:
    """One line of the hot context and where it came from."""

    text: str
    kind: ItemKind
    source_id: str
    start: int
    end: int
    event: int


@dataclass(frozen=True)
class HotContext:
    """``text`` is its lines joined by newlines, within the budget. Counts are of items: hot are in the text, warm are
    in the state only, cold were evicted and are in the vault only.
    """

    text: str
    lines: tuple[HotLine, ...]
    tokens: int
    hot: int
    warm: int
    cold: int


class MemoryStateError(ValueError):
    """A memory state that nothing here wrote; ``field`` names the part at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field

    def __str__(self) -> str:
        return f"memory.{self.args[0]}: {self.args[1]}" if self.args[0] else f"memory: {self.args[1]}"


__all__ = [
    "CountTokens",
    "HotContext",
    "HotLine",
    "ItemKind",
    "MemoryItem",
    "MemoryState",
    "MemoryStateError",
    "TermUse",
    "TurnFeedback",
]
