"""A session's bounded memory and the hot context made of it. Pure and deterministic; ``docs/memory.md`` has the rules.

An item survives by its terms: a term weighs by recency (with a half-life) and by how often somebody used it, an item by
its terms, its kind and the scored turns that cited it. In the text, a term that is already there is worth nothing a
second time, so the lines that add the most weight per token win.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from scoring.memory.codec import memory_from_json, memory_to_json
from scoring.memory.extract import extract_items
from scoring.memory.terms import find_terms, missing_identifiers
from scoring.memory.types import (
    MAX_EVENTS,
    MAX_ITEMS,
    MAX_TERM_STATS,
    CountTokens,
    HotContext,
    HotLine,
    ItemKind,
    MemoryItem,
    MemoryState,
    MemoryStateError,
    TermUse,
    TurnFeedback,
)

__all__ = [
    "DEFAULT_BUDGET_TOKENS",
    "HotContext",
    "HotLine",
    "ItemKind",
    "MemoryItem",
    "MemoryState",
    "MemoryStateError",
    "TurnFeedback",
    "extract_items",
    "find_terms",
    "initial_memory",
    "memory_from_json",
    "memory_to_json",
    "missing_identifiers",
    "render_hot_context",
    "update_memory",
]

DEFAULT_BUDGET_TOKENS: Final = 2_000
HALF_LIFE_EVENTS: Final = 200.0
USE_GAIN: Final = 0.5
CITED_GAIN: Final = 0.5
DEMOTION: Final = 0.1
PINNED_SHARE: Final = 0.2
PIN_WINDOW_EVENTS: Final = 200
MAX_PINNED: Final = 64
KIND_WEIGHT: Final[Mapping[ItemKind, float]] = {
    ItemKind.DECISION: 1.2,
    ItemKind.ERROR: 1.2,
    ItemKind.OPEN_TASK: 1.1,
    ItemKind.CONSTRAINT: 0.5,
    ItemKind.FACT: 1.0,
    ItemKind.FILE: 1.0,
    ItemKind.SYMBOL: 1.0,
}
_CHARS_PER_TOKEN: Final = 3.0
_LINE_TOKENS: Final = 4.0
_RESOLVING: Final = frozenset({"fixed", "resolved", "solved", "works", "passes", "passed"})


def initial_memory() -> MemoryState:
    """The memory of a session before its first event."""
    return MemoryState()


def update_memory(
    state: MemoryState, items: Iterable[MemoryItem], turn_feedback: TurnFeedback | None = None
) -> MemoryState:
    """The memory after one event: its items join, what they repeat or replace steps back, the coldest leave.

    Call once per event, in order, with what :func:`extract_items` gave (nothing, too, is an event). ``turn_feedback``
    comes from a scored turn. Cost is bounded by the caps of the state, not by the length of the session.
    """
    now = min(state.events + 1, MAX_EVENTS)
    new = [replace(item, event=now) for item in items]
    uses = _count_uses(dict(state.terms), new, now)
    kept = _merge(state.items, new)
    if turn_feedback is not None:
        kept = [_with_feedback(item, turn_feedback) for item in kept]
    kept, evicted = _evict(kept, uses, now)
    return MemoryState(state.version, now, state.evicted + evicted, tuple(kept), _bounded_uses(uses, kept))


def render_hot_context(state: MemoryState, token_budget: int, count_tokens: CountTokens) -> HotContext:
    """The best lines that fit ``token_budget`` tokens, in order of events; each ends in its event's number.

    Pinned lines come first up to a fifth of the budget, then the lines that add the most weight of terms per token,
    then the weightiest of the rest. The text is counted as a whole before it is returned. Raises ``ValueError`` for a
    negative budget.
    """
    if token_budget < 0:
        raise ValueError(f"token_budget must be at least 0, got {token_budget}")
    lines = [_line(state.items[at]) for at in sorted(_choose(state, token_budget, count_tokens))]
    text = "\n".join(line.text for line in lines)
    tokens = count_tokens(text)
    while lines and tokens > token_budget:
        lines.pop(0)
        text = "\n".join(line.text for line in lines)
        tokens = count_tokens(text)
    return HotContext(text, tuple(lines), tokens, len(lines), len(state.items) - len(lines), state.evicted)


def _line(item: MemoryItem) -> HotLine:
    label = "" if item.kind is ItemKind.FACT else f"{item.kind.value.replace('_', ' ')}: "
    return HotLine(f"{label}{item.text} [{item.event}]", item.kind, item.source_id, item.start, item.end, item.event)


def _count_uses(uses: dict[str, TermUse], new: Sequence[MemoryItem], now: int) -> dict[str, TermUse]:
    """One more event for each term of the new items, and one more use where somebody spoke."""
    spoken = {term for item in new if item.spoken for term in item.terms}
    for term in {term for item in new for term in item.terms}:
        before = uses.get(term, TermUse(0, 0, now))
        uses[term] = TermUse(before.events + 1, before.spoken + (term in spoken), now)
    return uses


def _merge(old: Sequence[MemoryItem], new: Sequence[MemoryItem]) -> list[MemoryItem]:
    """Old items less those repeated word for word, then the new; superseded and resolved ones are marked."""
    texts = {item.text for item in new}
    keys = {item.key for item in new if item.key}
    failing = {item.tool for item in new if item.kind is ItemKind.ERROR}
    working = {item.tool for item in new if item.tool} - failing
    settled = {term for item in new if _RESOLVING & set(item.text.lower().split()) for term in item.terms}
    merged = []
    for item in old:
        if item.text in texts:
            continue
        if item.key in keys and not item.superseded:
            item = replace(item, superseded=True)
        if item.kind is ItemKind.ERROR and not item.resolved and (item.tool in working or settled & set(item.terms)):
            item = replace(item, resolved=True)
        merged.append(item)
    return merged + list({item.text: item for item in new}.values())


def _with_feedback(item: MemoryItem, feedback: TurnFeedback) -> MemoryItem:
    if item.source_id in feedback.contradicted_source_ids:
        return replace(item, superseded=True)
    if item.source_id in feedback.cited_source_ids:
        return replace(item, cited=min(item.cited + 1, MAX_EVENTS))
    return item


def _recency(event: int, now: int) -> float:
    return float(0.5 ** ((now - event) / HALF_LIFE_EVENTS))


def _term_weights(items: Sequence[MemoryItem], uses: Mapping[str, TermUse], now: int) -> dict[str, float]:
    """Weight of every term held: recency of its last event, times the logarithm of its uses."""
    weights: dict[str, float] = {}
    for item in items:
        for term in item.terms:
            if term not in weights:
                use = uses.get(term, TermUse(1, 0, item.event))
                weights[term] = _recency(use.last_event, now) * (1.0 + USE_GAIN * math.log2(1 + use.spoken))
    return weights


def _factor(item: MemoryItem) -> float:
    """What an item's kind, citations and demotion make of the weight of its terms."""
    factor = KIND_WEIGHT[item.kind] * (1.0 + CITED_GAIN * math.log2(1 + item.cited))
    return factor * DEMOTION if item.superseded or item.resolved else factor


def _worth(item: MemoryItem, weights: Mapping[str, float], now: int) -> float:
    """An item's weight by itself."""
    return _factor(item) * (_recency(item.event, now) + math.fsum(weights[term] for term in item.terms))


def _is_pinned(item: MemoryItem, now: int) -> bool:
    """Decisions and unresolved errors of the last 200 events."""
    lasting = item.kind is ItemKind.DECISION or item.kind is ItemKind.ERROR
    return lasting and not (item.superseded or item.resolved) and now - item.event < PIN_WINDOW_EVENTS


def _evict(items: list[MemoryItem], uses: Mapping[str, TermUse], now: int) -> tuple[list[MemoryItem], int]:
    excess = len(items) - MAX_ITEMS
    if excess <= 0:
        return items, 0
    weights = _term_weights(items, uses, now)
    pinned = set([at for at, item in enumerate(items) if _is_pinned(item, now)][-MAX_PINNED:])
    worth = sorted((at in pinned, _worth(item, weights, now), at) for at, item in enumerate(items))
    leaving = {at for _, _, at in worth[:excess]}
    return [item for at, item in enumerate(items) if at not in leaving], excess


def _bounded_uses(uses: Mapping[str, TermUse], items: Sequence[MemoryItem]) -> tuple[tuple[str, TermUse], ...]:
    held = {term for item in items for term in item.terms}
    kept = [(term, use) for term, use in uses.items() if term in held]
    kept.sort(key=lambda entry: (-entry[1].spoken, -entry[1].last_event, entry[0]))
    return tuple(sorted(kept[:MAX_TERM_STATS], key=lambda entry: entry[0]))


def _choose(state: MemoryState, budget: int, count_tokens: CountTokens) -> list[int]:
    """Positions of the items whose lines make the text."""
    items, now = state.items, state.events
    weights = _term_weights(items, dict(state.terms), now)
    taken: dict[int, int] = {}
    covered: set[str] = set()

    def take(at: int, limit: int) -> None:
        cost = count_tokens(_line(items[at]).text) + 1
        if sum(taken.values()) + cost <= limit:
            taken[at] = cost
            covered.update(items[at].terms)

    def new_weight(at: int) -> float:
        return _factor(items[at]) * math.fsum(weights[term] for term in items[at].terms if term not in covered)

    for at in range(len(items) - 1, -1, -1):
        if _is_pinned(items[at], now) and new_weight(at) > 0.0:
            take(at, int(budget * PINNED_SHARE))
    _greedily(items, taken, new_weight, lambda at: take(at, budget))
    _greedily(items, taken, lambda at: _worth(items[at], weights, now), lambda at: take(at, budget))
    return list(taken)


def _greedily(
    items: Sequence[MemoryItem],
    taken: Collection[int],
    value: Callable[[int], float],
    take: Callable[[int], None],
) -> None:
    """Try every item once, best value per token first. Values may fall as items are taken, so the best is re-read."""

    def density(at: int) -> float:
        return value(at) / (len(items[at].text) / _CHARS_PER_TOKEN + _LINE_TOKENS)

    heap = [(-density(at), at) for at in range(len(items)) if at not in taken]
    heapq.heapify(heap)
    while heap:
        stale, at = heapq.heappop(heap)
        fresh = -density(at)
        if fresh >= 0.0:
            continue
        if fresh > stale:
            heapq.heappush(heap, (fresh, at))
        else:
            take(at)
