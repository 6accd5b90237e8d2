"""What a turn adds up over its calls, and a conversation over its turns: pure, and the same in whatever order calls come.

Rows are dictionaries with the columns of ``traces`` and ``conversations``. A question and an answer carry a rank; the
highest stays, so a call that comes late takes the place of a poorer one and never of a better one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

SUMS: Final = ("spans", "errors", "input_tokens", "output_tokens", "charge_usd")
MAX_FACETS: Final = 64
FACET_CHARACTERS: Final = 128

REVIEW_FACETS: Final = ("band", "cause", "feedback", "label", "reason", "suggestion")
"""Facets that reviews give a turn, apart from what its calls say."""

Row = dict[str, Any]


def facet(name: str, value: str) -> str:
    """One line of ``facets``: ``model=gpt-4o``. Control characters would end the line early."""
    return f"{name}={''.join(char for char in value if char.isprintable())[:FACET_CHARACTERS]}"


def facet_line(entry: str) -> str:
    """The text to look for in ``facets``: with its line ends, so that ``model=gpt-4`` does not find ``model=gpt-4o``."""
    return f"\n{entry}\n"


def join_facets(*texts: str) -> str:
    """The lines of all, each once, in order of the alphabet, at most 64: ``\\nmodel=a\\nroute=b\\n``. Reviews' go first."""
    lines = {line for text in texts for line in text.split("\n") if line}
    if len(lines) > MAX_FACETS:
        lines = set(sorted(lines, key=lambda line: (line.partition("=")[0] not in REVIEW_FACETS, line))[:MAX_FACETS])
    return "\n" + "".join(f"{line}\n" for line in sorted(lines))


def replace_facets(text: str, names: Iterable[str], entries: Iterable[str]) -> str:
    """``text`` without the lines of ``names``, and with ``entries``."""
    dropped = tuple(f"{name}=" for name in names)
    kept = "\n".join(line for line in text.split("\n") if not line.startswith(dropped))
    return join_facets(kept, "\n".join(entries))


def review_facets(text: str) -> list[str]:
    """The lines of ``text`` that reviews gave."""
    return [line for line in text.split("\n") if line.partition("=")[0] in REVIEW_FACETS]


def empty_totals(started_ms: int, ended_ms: int) -> Row:
    """Totals of nothing, at a time."""
    return {
        **dict.fromkeys(SUMS, 0),
        "charge_usd": 0.0,
        "started_ms": started_ms,
        "ended_ms": ended_ms,
        "latency_ms": 0,
        "question": b"",
        "question_rank": -(2**62),
        "answer": b"",
        "answer_rank": -(2**62),
        "facets": "\n",
        "band": None,
        "score": None,
        "label": None,
    }


def add_call(turn: Row, call: Mapping[str, Any]) -> None:
    """Count a new call into its turn. ``call``: sums, times, and question and answer with their ranks."""
    for name in SUMS:
        turn[name] += call[name]
    turn["started_ms"] = min(turn["started_ms"], call["started_ms"])
    turn["ended_ms"] = max(turn["ended_ms"], call["ended_ms"])
    turn["latency_ms"] = turn["ended_ms"] - turn["started_ms"]
    for name in ("question", "answer"):
        if call[name] and call[f"{name}_rank"] > turn[f"{name}_rank"]:
            turn[name], turn[f"{name}_rank"] = call[name], call[f"{name}_rank"]
            if name == "answer":
                turn["answer_span_id"] = call["span_id"]
    turn["facets"] = join_facets(turn["facets"], call["facets"])


def add_turn(conversation: Row, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
    """Bring a conversation up to date with one of its turns. ``before``: the turn as the conversation had counted it."""
    conversation["turns"] += before is None
    for name in SUMS:
        conversation[name] += after[name] - (before[name] if before else 0)
    if after["question"] and (-after["started_ms"] >= conversation["question_rank"]):
        conversation["question"], conversation["question_rank"] = after["question"], -after["started_ms"]
    if after["answer"] and after["started_ms"] >= conversation["answer_rank"]:
        conversation["answer"], conversation["answer_rank"] = after["answer"], after["started_ms"]
    conversation["started_ms"] = min(conversation["started_ms"], after["started_ms"])
    conversation["ended_ms"] = max(conversation["ended_ms"], after["ended_ms"])
    conversation["latency_ms"] = max(conversation["latency_ms"], after["latency_ms"])
    conversation["facets"] = join_facets(conversation["facets"], after["facets"])
