"""What a session's memory keeps: ``python -m benchmarks.memory SESSIONS.jsonl[.gz] [--json OUT]``.

Sessions ``{id, group, events: [{event_type, content, metadata}]}`` are replayed event by event. At each turn of the
agent (``assistant_message``, ``tool_call``) the identifiers, numbers, names, paths and addresses that it uses and that
were last seen more than ``--min-age`` events ago are what it needs. Recall is the share of them that a text of the same
token budget holds: the hot context, the last tokens of the history (sliding window), the first event and then the last
ones (last_n), or what BM25 finds for the last three events; ``repair`` asks one repair call for all of them, over the
originals. Intervals are 95% bootstrap intervals over groups of sessions. The rules of the memory were chosen on one
half of the groups (by hash); the other half is reported.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.provenance import provenance, save_figures
from benchmarks.rows import read_json_lines
from models.registry import encoder_spec, load_tokenizer
from scoring.memory.repair import MAX_MISSING_TERMS, Document, build_repair
from scoring.memory.terms import term_texts, vocabulary
from scoring.memory.working_memory import MemoryState, extract_items, initial_memory, render_hot_context, update_memory

TURNS = frozenset({"assistant_message", "tool_call"})
BASELINES = ("sliding_window", "last_n", "bm25")
AGE_BUCKETS = ((1, 5), (6, 10), (11, 15), (16, 20), (21, 30), (31, 10**9))
_WORD = re.compile(r"\w+")
_CHUNK_CHARS = 600
_QUERY_EVENTS = 3
_RESAMPLES = 1_000

CountTokens = Callable[[str], int]


@dataclass
class Tally:
    """Per group, how many needed terms there were and how many each text held; by age as well."""

    needed: Counter[str] = field(default_factory=Counter)
    held: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    by_age: dict[tuple[int, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    packet_tokens: list[int] = field(default_factory=list)
    hot_tokens: list[int] = field(default_factory=list)
    render_ms: list[float] = field(default_factory=list)
    update_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Setting:
    """What is held equal between the texts that are compared."""

    budget_tokens: int
    repair_tokens: int
    min_age_events: int
    count_tokens: CountTokens


def read_sessions(path: Path) -> Iterator[dict[str, Any]]:
    """The sessions of a JSON-lines file, plain, gzip or xz."""
    yield from read_json_lines(path)


def is_tuning(group: str) -> bool:
    """Whether the group belongs to the half that the rules were chosen on."""
    return hashlib.sha256(group.encode()).digest()[0] % 2 == 0


def replay(session: Mapping[str, Any], setting: Setting, tally: Tally) -> None:
    """One session: before each event, look; after it, remember."""
    events = session["events"]
    group = str(session.get("group", session["id"]))
    state = initial_memory()
    last_seen: dict[str, int] = {}
    documents: list[Document] = []
    for now, event in enumerate(events):
        terms = term_texts(event["content"])
        if event["event_type"] in TURNS:
            ages = {term: now - last_seen[term] for term in sorted(terms) if term in last_seen}
            if ages:
                _look(group, state, documents, ages, setting, tally)
        last_seen |= dict.fromkeys(terms, now)
        documents.append(Document(f"event-{now}", event["content"]))
        started = time.perf_counter()
        state = update_memory(state, extract_items(event, f"event-{now}"))
        tally.update_ms.append((time.perf_counter() - started) * 1e3)


def _look(
    group: str, state: MemoryState, documents: list[Document], ages: Mapping[str, int], setting: Setting, tally: Tally
) -> None:
    old = [term for term, age in ages.items() if age > setting.min_age_events]
    started = time.perf_counter()
    hot = render_hot_context(state, setting.budget_tokens, setting.count_tokens)
    tally.render_ms.append((time.perf_counter() - started) * 1e3)
    tally.hot_tokens.append(hot.tokens)
    texts = {"hot_context": hot.text}
    contents = [document.text for document in documents]
    texts |= {
        "sliding_window": last_tokens(contents, setting.budget_tokens, setting.count_tokens),
        "last_n": first_and_last(contents, setting.budget_tokens, setting.count_tokens),
        "newest_lines": newest_lines(state, setting.budget_tokens, setting.count_tokens),
    }
    if old:
        texts["bm25"] = bm25_text(contents, setting.budget_tokens, setting.count_tokens)
        packet = build_repair(
            old[:MAX_MISSING_TERMS],
            documents,
            count_tokens=setting.count_tokens,
            max_tokens=setting.repair_tokens,
        )
        tally.packet_tokens.append(setting.count_tokens(packet.text))
        texts["repair"] = packet.text
    tally.needed[group] += len(old)
    for name, text in texts.items():
        words = vocabulary(text)
        tally.held[name][group] += sum(term in words for term in old)
        for term, age in ages.items():
            bucket = next(bucket for bucket in AGE_BUCKETS if bucket[0] <= age <= bucket[1])
            tally.by_age[bucket][name] += term in words
            tally.by_age[bucket]["needed"] += name == "hot_context"


def last_tokens(texts: Sequence[str], budget: int, count_tokens: CountTokens) -> str:
    """The end of the history: whole events from the last back, then as much of the next one's end as fits."""
    parts: list[str] = []
    left = budget
    for text in reversed(texts):
        tokens = count_tokens(text)
        if tokens > left:
            parts.append(_fitting_end(text, left, count_tokens))
            break
        parts.append(text)
        left -= tokens
    return "\n".join(reversed(parts))


def newest_lines(state: MemoryState, budget: int, count_tokens: CountTokens) -> str:
    """Ablation: the memory's own compact lines, the newest that fit, without any rule of survival."""
    lines: list[str] = []
    left = budget
    for item in reversed(state.items):
        line = f"{item.text} [{item.event}]"
        left -= count_tokens(line) + 1
        if left < 0:
            break
        lines.append(line)
    return "\n".join(reversed(lines))


def first_and_last(texts: Sequence[str], budget: int, count_tokens: CountTokens) -> str:
    """The first event, then the end of the rest in what is left of the budget."""
    if not texts:
        return ""
    first = texts[0] if count_tokens(texts[0]) <= budget else _fitting_start(texts[0], budget, count_tokens)
    rest = last_tokens(texts[1:], budget - count_tokens(first), count_tokens)
    return f"{first}\n{rest}"


def _fitting_end(text: str, budget: int, count_tokens: CountTokens) -> str:
    return _longest(text, budget, count_tokens, lambda length: text[len(text) - length :])


def _fitting_start(text: str, budget: int, count_tokens: CountTokens) -> str:
    return _longest(text, budget, count_tokens, lambda length: text[:length])


def _longest(text: str, budget: int, count_tokens: CountTokens, part: Callable[[int], str]) -> str:
    low, high = 0, min(len(text), budget * 12)
    while low < high:
        middle = (low + high + 1) // 2
        if count_tokens(part(middle)) <= budget:
            low = middle
        else:
            high = middle - 1
    return part(low)


def bm25_text(texts: Sequence[str], budget: int, count_tokens: CountTokens) -> str:
    """Pieces of up to 600 characters of all events, best BM25 (k1 1.2, b .75) for the last three events first."""
    pieces = [piece for text in texts for piece in _pieces(text)]
    bags = [_bag(piece) for piece in pieces]
    query = set(_WORD.findall(" ".join(texts[-_QUERY_EVENTS:]).lower()))
    frequency = Counter(word for bag in bags for word in bag if word in query)
    lengths = [sum(bag.values()) for bag in bags]
    mean = statistics.fmean(lengths) if lengths else 1.0
    scored = []
    for at, bag in enumerate(bags):
        score = 0.0
        for word in query & bag.keys():
            rarity = math.log(1 + (len(bags) - frequency[word] + 0.5) / (frequency[word] + 0.5))
            score += rarity * bag[word] * 2.2 / (bag[word] + 1.2 * (0.25 + 0.75 * lengths[at] / max(mean, 1.0)))
        scored.append((-score, -at))
    chosen, left = [], budget
    for _, negative in sorted(scored):
        tokens = count_tokens(pieces[-negative])
        if tokens <= left:
            chosen.append(-negative)
            left -= tokens
    return "\n".join(pieces[at] for at in sorted(chosen))


@lru_cache(maxsize=100_000)
def _bag(piece: str) -> Counter[str]:
    return Counter(_WORD.findall(piece.lower()))


@lru_cache(maxsize=100_000)
def _pieces(text: str) -> tuple[str, ...]:
    pieces, start = [], 0
    while len(text) - start > _CHUNK_CHARS:
        cut = max(text.rfind("\n", start, start + _CHUNK_CHARS), text.rfind(" ", start, start + _CHUNK_CHARS))
        cut = cut if cut > start else start + _CHUNK_CHARS
        pieces.append(text[start:cut])
        start = cut
    pieces.append(text[start:])
    return tuple(pieces)


def interval(tally: Tally, name: str, against: str | None = None) -> dict[str, float | None]:
    """Recall of ``name`` (or its ratio to that of ``against``) with a 95% bootstrap interval over groups."""
    groups = sorted(group for group, needed in tally.needed.items() if needed)
    below = tally.held[against] if against else tally.needed

    def value(sample: Sequence[str]) -> float | None:
        total = sum(below[group] for group in sample)
        return sum(tally.held[name][group] for group in sample) / total if total else None

    source = random.Random(20_260)
    resampled = (value(source.choices(groups, k=len(groups))) for _ in range(_RESAMPLES if groups else 0))
    draws = sorted(draw for draw in resampled if draw is not None)
    point = value(groups)
    if point is None or not draws:
        return {"value": None, "low": None, "high": None}
    low, high = draws[int(0.025 * len(draws))], draws[min(int(0.975 * len(draws)), len(draws) - 1)]
    return {"value": round(point, 4), "low": round(low, 4), "high": round(high, 4)}


def report(tally: Tally, setting: Setting, sessions: int, half: str) -> dict[str, Any]:
    """The figures of one run."""
    names = ("hot_context", *BASELINES, "repair")
    by_age = {
        f"{low}-{high}" if high < 10**6 else f"{low}+": {
            "needed": counts["needed"],
            **{
                name: round(counts[name] / counts["needed"], 4)
                for name in ("hot_context", "sliding_window", "last_n")
                if counts["needed"]
            },
        }
        for (low, high), counts in sorted(tally.by_age.items())
    }
    return {
        "half": half,
        "sessions": sessions,
        "groups": len(tally.needed),
        "needed_terms": sum(tally.needed.values()),
        "budget_tokens": setting.budget_tokens,
        "repair_tokens": setting.repair_tokens,
        "min_age_events": setting.min_age_events,
        "recall": {name: interval(tally, name) for name in names},
        "ablation": {"newest_lines": interval(tally, "newest_lines")},
        "ratio_to_sliding_window": interval(tally, "hot_context", "sliding_window"),
        "recall_by_age": by_age,
        "packets": {
            "built": len(tally.packet_tokens),
            "over_budget": sum(tokens > setting.repair_tokens for tokens in tally.packet_tokens),
            "mean_tokens": round(statistics.fmean(tally.packet_tokens or [0.0]), 1),
        },
        "hot_context": {
            "rendered": len(tally.hot_tokens),
            "over_budget": sum(tokens > setting.budget_tokens for tokens in tally.hot_tokens),
            "mean_tokens": round(statistics.fmean(tally.hot_tokens or [0.0]), 1),
        },
        "ms_p50": {
            "extract_and_update": round(statistics.median(tally.update_ms or [0.0]), 3),
            "render": round(statistics.median(tally.render_ms or [0.0]), 3),
        },
    }


def run(sessions: Sequence[Mapping[str, Any]], setting: Setting, half: str) -> dict[str, Any]:
    """Replay the sessions of one half (``report``, ``tune`` or ``all``)."""
    chosen = [s for s in sessions if half == "all" or is_tuning(str(s.get("group", s["id"]))) == (half == "tune")]
    tally = Tally()
    for session in chosen:
        replay(session, setting, tally)
    return report(tally, setting, len(chosen), half)


def main() -> None:
    """Run, print, write the JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sessions", type=Path)
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here")
    parser.add_argument("--budget", type=int, default=2_000, help="tokens of the compared texts")
    parser.add_argument("--repair-tokens", type=int, default=1_000, help="tokens of a repair packet")
    parser.add_argument("--min-age", type=int, default=10, help="a needed term was last seen more events ago than this")
    parser.add_argument("--half", choices=("report", "tune", "all"), default="report")
    arguments = parser.parse_args()
    count = lru_cache(maxsize=200_000)(load_tokenizer(encoder_spec("all-MiniLM-L6-v2")).count)
    sessions = list(read_sessions(arguments.sessions))
    setting = Setting(arguments.budget, arguments.repair_tokens, arguments.min_age, count)
    figures = run(sessions, setting, arguments.half) | {"provenance": provenance(), "tokens": "all-MiniLM-L6-v2"}
    small = [Setting(tokens, arguments.repair_tokens, arguments.min_age, count) for tokens in (1_000, 500)]
    figures["smaller_budgets"] = {
        str(setting.budget_tokens): run(sessions, setting, arguments.half)["recall"] for setting in small
    }
    for name, row in figures["recall"].items():
        print(f"{name:16} {row['value']}  [{row['low']}, {row['high']}]")
    print(json.dumps({key: value for key, value in figures.items() if key not in ("recall", "provenance")}, indent=2))
    save_figures(figures, arguments.json)


if __name__ == "__main__":
    main()
