"""The recorded conversations of ``conversations.yaml`` as bodies for ``POST /api/v1/traces``.

Ids follow from names, so playing them twice changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parent / "conversations.yaml"
_US_PER_CHARACTER = 11_000
"""How long a made answer takes: about ninety characters a second."""


def recorded(now_s: float) -> Iterator[dict[str, Any]]:
    """One body a conversation. ``now_s``: seconds since 1970; the conversations lie in the minutes before it."""
    for conversation in yaml.safe_load(FILE.read_text(encoding="utf-8")):
        at_us = round((now_s - 60 * conversation["minutes_ago"]) * 1_000_000)
        traces = []
        for number, turn in enumerate(conversation["turns"]):
            trace = _turn(conversation, turn, number, at_us)
            traces.append(trace)
            at_us = trace["spans"][-1]["ended_us"] + 45_000_000
        for trace in traces:
            for span in trace["spans"]:
                span["started_at"] = span.pop("started_us") / 1_000_000
                span["ended_at"] = span.pop("ended_us") / 1_000_000
        yield {"traces": traces}


def _turn(conversation: dict[str, Any], turn: dict[str, Any], number: int, at_us: int) -> dict[str, Any]:
    name = f"{conversation['id']} {number}"
    requested, selected = conversation["model"]
    root = _id(name, "root")
    calls = []
    clock_us = at_us + 4_000
    if "docs" in turn:
        documents = [{"id": name, "score": score, "content": text} for name, score, text in turn["docs"]]
        calls.append(
            {
                "kind": "retriever",
                "name": "search knowledge base",
                "retrieval": {"query": turn["q"], "top_k": 3, "results": documents},
                "started_us": clock_us,
                "ended_us": clock_us + 86_000,
            }
        )
        clock_us += 90_000
    for further in turn.get("calls", ()):
        given = dict(further)
        lasts_us = int(given.pop("ms", 120)) * 1_000
        calls.append({**given, "input": turn["q"], "started_us": clock_us, "ended_us": clock_us + lasts_us})
        clock_us += lasts_us
    earlier = [
        {"role": role, "content": before[key]}
        for before in conversation["turns"][:number]
        for role, key in (("user", "q"), ("assistant", "a"))
    ]
    messages = [*earlier, {"role": "user", "content": turn["q"]}]
    shown = [*(text for _, _, text in turn.get("docs", ())), *(message["content"] for message in messages)]
    tokens = {"input": 40 + sum(map(len, shown)) // 4, "output": len(turn["a"]) // 4 + 1}
    lasts_us = 180_000 + _US_PER_CHARACTER * len(turn["a"])
    calls.append(
        {
            "kind": "llm",
            "name": "answer",
            "requested_model": requested,
            "selected_model": selected,
            "route_id": conversation["route"][0],
            "route_reason": conversation["route"][1],
            "input_messages": messages,
            "output_messages": [{"role": "assistant", "content": turn["a"]}],
            "tokens": tokens,
            "charge_usd": round(tokens["input"] * 2.5e-6 + tokens["output"] * 1e-5, 7),
            "started_us": clock_us,
            "ended_us": clock_us + lasts_us,
        }
    )
    whole = {
        "kind": "chain",
        "name": conversation["task"],
        "span_id": root,
        "question": turn["q"],
        "answer": turn["a"],
        "started_us": at_us,
        "ended_us": clock_us + lasts_us + 3_000,
    }
    for order, call in enumerate(calls):
        call |= {"span_id": _id(name, order), "parent_id": root}
    return {
        "trace_id": hashlib.sha256(name.encode()).hexdigest()[:32],
        "conversation_id": conversation["id"],
        "project": conversation["project"],
        "task_hint": conversation["task"],
        "segment": conversation["segment"],
        "tags": conversation["tags"],
        "request_id": f"req-{conversation['id']}-{number + 1}",
        "spans": [*calls, whole],
    }


def _id(name: str, part: object) -> str:
    return hashlib.sha256(f"{name} {part}".encode()).hexdigest()[:16]
