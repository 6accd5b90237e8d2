"""What an event leaves in memory: decisions, errors, open tasks, constraints, facts with terms, files, symbols."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from scoring.memory.records import inline, read_json, records
from scoring.memory.terms import TermKind, find_terms
from scoring.memory.types import (
    MAX_ITEM_CHARS,
    MAX_ITEM_TERMS,
    MAX_SOURCE_ID_CHARS,
    MAX_TOOL_CHARS,
    ItemKind,
    MemoryItem,
)

MAX_ITEMS_PER_EVENT: Final = 48
_SPOKEN_EVENTS: Final = frozenset({"user_message", "assistant_message", "tool_call", "scored_turn"})

_INSTRUCTION_EVENTS: Final = frozenset({"policy", "system", "system_message", "instructions"})
_RESULT_EVENTS: Final = frozenset({"tool_result", "tool_output", "observation"})
_MERGED_CHARS: Final = 200
_SPAN_TRIES: Final = 3
_SPAN_REACH_CHARS: Final = 20_000
"""How many values are looked for, and how far ahead, before a record's span becomes all of its source."""
_LINE_END: Final = re.compile(r"\n+|(?<=[.!?])\s+(?=[A-Z\"'(*-])")
_MARKUP: Final = re.compile(r"\*{1,3}(?=\S)|(?<=\S)\*{1,3}|`{1,3}|^\s*(?:[-*•]|\d{1,3}[.)]|#{1,6})\s+")

_CUES: Final[tuple[tuple[ItemKind, re.Pattern[str]], ...]] = (
    (
        ItemKind.ERROR,
        re.compile(
            r"\b(?:error|exception|traceback|fail(?:ed|ure|s)|no such|permission denied|refused|timed? ?out|"
            r"not found|segmentation fault|undefined|command not found)\b",
            re.IGNORECASE,
        ),
    ),
    (
        ItemKind.DECISION,
        re.compile(
            r"\b(?:decided?|decision|we(?:'ll| will) use|going with|go with|chose|chosen|instead of|agreed|"
            r"confirm(?:ed)?|approved|let's|i(?:'ll| will) (?!need|be able)|has been|have been|successfully)\b",
            re.IGNORECASE,
        ),
    ),
    (
        ItemKind.OPEN_TASK,
        re.compile(
            r"\b(?:todo|fixme|next step|remaining|pending task|still need|need to|needs to|please|could you|can you|"
            r"i(?:'d| would) like|i want|want to)\b|\[ \]",
            re.IGNORECASE,
        ),
    ),
    (
        ItemKind.CONSTRAINT,
        re.compile(
            r"\b(?:must(?: not)?|never|always|only|cannot|can ?not|should(?: not|n't)?|at most|at least|no more than|"
            r"required?|do not|don't|within \d+)\b",
            re.IGNORECASE,
        ),
    ),
    (ItemKind.SYMBOL, re.compile(r"^\s*(?:async def|def|class|func|fn|interface|struct|export function)\s+\w+")),
)
_ACTION: Final = re.compile(
    r"^(?:cancel|modify|update|book|exchange|return|create|delete|remove|send|transfer|submit|write|edit|add|set|apply|"
    r"commit|merge|deploy|rename|move)(?:_|[A-Z]|$)"
)


def extract_items(event: Mapping[str, Any], source_id: str) -> tuple[MemoryItem, ...]:
    """The items of one event ``{event_type, content, metadata?}``; ``source_id`` is the vault's name for its text.

    At most 48: those with the most terms are kept, in the order of the text. Spans are characters of ``content``.
    Raises ``ValueError`` for an event without text or with a source name over 128 characters.
    """
    content, event_type = event.get("content"), event.get("event_type")
    if not isinstance(content, str) or not isinstance(event_type, str):
        raise ValueError("an event needs the text fields 'event_type' and 'content'")
    if not 0 < len(source_id) <= MAX_SOURCE_ID_CHARS:
        raise ValueError(f"source_id must have 1 to {MAX_SOURCE_ID_CHARS} characters, has {len(source_id)}")
    parsed = read_json(content)
    if parsed is None:
        items = list(_prose_items(content, event_type, source_id))
    else:
        items = list(_json_items(parsed, content, source_id))
    if len(items) > MAX_ITEMS_PER_EVENT:
        ranked = sorted(range(len(items)), key=lambda at: (-len(items[at].terms), at))[:MAX_ITEMS_PER_EVENT]
        items = [items[at] for at in sorted(ranked)]
    metadata = event.get("metadata")
    tool = metadata.get("tool") if isinstance(metadata, Mapping) else None
    tool = tool[:MAX_TOOL_CHARS] if isinstance(tool, str) and event_type in _RESULT_EVENTS else ""
    spoken = event_type in _SPOKEN_EVENTS
    return tuple(replace(item, tool=tool, spoken=spoken) for item in items)


def _json_items(parsed: tuple[str, Any], content: str, source_id: str) -> Iterator[MemoryItem]:
    name, value = parsed
    if name:
        text = f"{name}({inline(value)})"
        kind = ItemKind.DECISION if _ACTION.match(name) else ItemKind.FACT
        for at in range(0, len(text), MAX_ITEM_CHARS):
            yield _item(kind, text[at : at + MAX_ITEM_CHARS], source_id, 0, len(content))
        return
    cursor = 0
    seen: dict[str, int] = {}
    for record in records(value):
        start, end = _span(record.values, content, cursor)
        cursor = 0 if end == len(content) else end
        number = seen[record.key] = seen.get(record.key, -1) + 1
        yield _item(ItemKind.FACT, record.text, source_id, start, end, f"{record.key}#{number}"[:MAX_ITEM_CHARS])


def _span(values: str, content: str, cursor: int) -> tuple[int, int]:
    """Characters of ``content`` from the first to the last term of ``values``, in order; all of it where none is found.

    The search starts where the last record ended, for records follow the text, and from the top if that fails.
    """
    written = [values[term.start : term.end] for term in find_terms(values)]
    for begin in (cursor, 0):
        start, end = -1, begin
        for number, value in enumerate(written):
            if start < 0 and number == _SPAN_TRIES:
                break
            reach = _SPAN_REACH_CHARS if start < 0 else len(values) + 400
            at = content.find(value, end, end + reach)
            if at >= 0:
                start = at if start < 0 else start
                end = at + len(value)
        if start >= 0:
            return start, end
    return 0, len(content)


def _prose_items(content: str, event_type: str, source_id: str) -> Iterator[MemoryItem]:
    """Lines with a cue or with terms; neighbouring facts share an item up to 200 characters."""
    held: tuple[int, int, str] | None = None
    for start, end in _lines(content):
        text = _MARKUP.sub("", content[start:end]).strip()
        kind = _kind(text, event_type)
        if kind is None and not find_terms(text):
            continue
        if kind is None or kind is ItemKind.SYMBOL:
            if held and len(held[2]) + len(text) < _MERGED_CHARS:
                held = (held[0], end, f"{held[2]}; {text}")
                continue
            if held:
                yield _fact(held, source_id)
            held = (start, end, text)
            continue
        if held:
            yield _fact(held, source_id)
            held = None
        yield _item(kind, text, source_id, start, end)
    if held:
        yield _fact(held, source_id)


def _fact(held: tuple[int, int, str], source_id: str) -> MemoryItem:
    start, end, text = held
    terms = find_terms(text)
    paths = sum(term.kind is TermKind.PATH for term in terms)
    symbol = _CUES[-1][1].match(text)
    kind = ItemKind.SYMBOL if symbol else ItemKind.FILE if paths and 2 * paths >= len(terms) else ItemKind.FACT
    return _item(kind, text, source_id, start, end)


def _lines(content: str) -> Iterator[tuple[int, int]]:
    """Spans of lines and sentences that are not blank, each at most MAX_ITEM_CHARS."""
    start = 0
    ends = [(match.start(), match.end()) for match in _LINE_END.finditer(content)]
    for stop, following in [*ends, (len(content), len(content))]:
        while stop - start > MAX_ITEM_CHARS:
            cut = content.rfind(" ", start + MAX_ITEM_CHARS // 2, start + MAX_ITEM_CHARS)
            cut = start + MAX_ITEM_CHARS if cut < 0 else cut
            yield start, cut
            start = cut
        if content[start:stop].strip():
            yield start, stop
        start = following


def _kind(text: str, event_type: str) -> ItemKind | None:
    if event_type in _INSTRUCTION_EVENTS:
        return ItemKind.CONSTRAINT
    for kind, cue in _CUES:
        if cue.search(text):
            if event_type in _RESULT_EVENTS and kind not in (ItemKind.ERROR, ItemKind.SYMBOL):
                return None
            return kind
    return None


def _item(kind: ItemKind, text: str, source_id: str, start: int, end: int, key: str = "") -> MemoryItem:
    text = " ".join(text.split())[:MAX_ITEM_CHARS]
    terms = tuple(dict.fromkeys(term.text for term in find_terms(text)))[:MAX_ITEM_TERMS]
    return MemoryItem(kind, text, source_id, start, end, terms, key)
