"""Memory state to JSON and back, to the bit; everything read is checked against the caps of the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any, Final

from scoring.memory.types import (
    MAX_EVENTS,
    MAX_ITEM_CHARS,
    MAX_ITEM_TERMS,
    MAX_ITEMS,
    MAX_SOURCE_ID_CHARS,
    MAX_TERM_STATS,
    MAX_TOOL_CHARS,
    MEMORY_VERSION,
    ItemKind,
    MemoryItem,
    MemoryState,
    MemoryStateError,
    TermUse,
)

_FLAGS: Final = ("spoken", "superseded", "resolved")
_COUNTS: Final = ("start", "end", "event", "cited")
_TEXTS: Final = {
    "text": MAX_ITEM_CHARS,
    "source_id": MAX_SOURCE_ID_CHARS,
    "key": MAX_ITEM_CHARS,
    "tool": MAX_TOOL_CHARS,
}
_ITEM_FIELDS: Final = frozenset({"kind", "terms", *_FLAGS, *_COUNTS, *_TEXTS})
_FIELDS: Final = frozenset({"version", "events", "evicted", "items", "terms"})
_KINDS: Final = {kind.value: kind for kind in ItemKind}


def memory_to_json(state: MemoryState) -> dict[str, Any]:
    """The state as JSON values; an item leaves out what is empty, zero or false."""
    items = []
    for item in state.items:
        row: dict[str, Any] = {"kind": item.kind.value, "terms": list(item.terms)}
        row |= {name: getattr(item, name) for name in (*_TEXTS, *_COUNTS, *_FLAGS) if getattr(item, name)}
        items.append(row)
    return {
        "version": state.version,
        "events": state.events,
        "evicted": state.evicted,
        "items": items,
        "terms": [[term, *astuple(use)] for term, use in state.terms],
    }


def memory_from_json(obj: object) -> tuple[MemoryState, tuple[str, ...]]:
    """The state, and warnings. None and unknown versions start empty; the vault still has everything.

    Raises :class:`MemoryStateError`, naming field and limit, for what :func:`memory_to_json` could not have written.
    """
    if obj is None:
        return MemoryState(), ()
    if not isinstance(obj, Mapping):
        raise MemoryStateError("", f"must be an object, got {type(obj).__name__}")
    version = obj.get("version")
    if type(version) is not int or version != MEMORY_VERSION:
        return MemoryState(), (f"memory is not of version {MEMORY_VERSION}: it starts empty",)
    _known(obj, _FIELDS, "")
    events = _count("events", obj.get("events"))
    items = tuple(_item(f"items[{at}]", row, events) for at, row in enumerate(_rows("items", obj, MAX_ITEMS)))
    terms = tuple(_use(f"terms[{at}]", row, events) for at, row in enumerate(_rows("terms", obj, MAX_TERM_STATS)))
    if [term for term, _ in terms] != sorted({term for term, _ in terms}):
        raise MemoryStateError("terms", "must be sorted and distinct")
    return MemoryState(version, events, _count("evicted", obj.get("evicted")), items, terms), ()


def _item(where: str, row: object, events: int) -> MemoryItem:
    if not isinstance(row, Mapping):
        raise MemoryStateError(where, f"must be an object, got {type(row).__name__}")
    _known(row, _ITEM_FIELDS, where)
    kind = row.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise MemoryStateError(f"{where}.kind", f"must be one of {', '.join(_KINDS)}")
    terms = row.get("terms")
    if not isinstance(terms, list) or len(terms) > MAX_ITEM_TERMS:
        raise MemoryStateError(f"{where}.terms", f"must be a list of at most {MAX_ITEM_TERMS}")
    texts = {name: _text(f"{where}.{name}", row.get(name, ""), limit) for name, limit in _TEXTS.items()}
    counts = {name: _count(f"{where}.{name}", row.get(name, 0)) for name in _COUNTS}
    flags = {name: row.get(name, False) for name in _FLAGS}
    if any(type(flag) is not bool for flag in flags.values()):
        raise MemoryStateError(where, f"{', '.join(_FLAGS)} must be true or false")
    if counts["start"] > counts["end"] or counts["event"] > events:
        raise MemoryStateError(where, "start is after end, or event after the last")
    named = tuple(_text(f"{where}.terms[{at}]", term, MAX_ITEM_CHARS) for at, term in enumerate(terms))
    fields: dict[str, Any] = {**texts, **counts, **flags}
    return MemoryItem(kind=_KINDS[kind], terms=named, **fields)


def _use(where: str, row: object, events: int) -> tuple[str, TermUse]:
    if not isinstance(row, list) or len(row) != 4:
        raise MemoryStateError(where, "must be [term, events, spoken, last_event]")
    use = TermUse(*(_count(where, value) for value in row[1:]))
    if use.spoken > use.events or max(use.events, use.last_event) > events:
        raise MemoryStateError(where, "counts do not fit the number of events")
    return _text(where, row[0], MAX_ITEM_CHARS), use


def _known(row: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    unknown = sorted(str(name)[:80] for name in row if name not in known)
    if unknown:
        raise MemoryStateError(f"{where}.{unknown[0]}".lstrip("."), "unknown field")


def _rows(name: str, obj: Mapping[str, Any], limit: int) -> list[Any]:
    rows = obj.get(name)
    if not isinstance(rows, list):
        raise MemoryStateError(name, "must be a list")
    if len(rows) > limit:
        raise MemoryStateError(name, f"has {len(rows)} entries, the limit is {limit}")
    return rows


def _count(where: str, value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAX_EVENTS:
        raise MemoryStateError(where, f"must be a whole number in 0..{MAX_EVENTS}")
    return value


def _text(where: str, value: object, limit: int) -> str:
    if not isinstance(value, str) or len(value) > limit:
        raise MemoryStateError(where, f"must be text of at most {limit} characters")
    return value
