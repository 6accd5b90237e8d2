"""Answers of traces scored by themselves, by the real lanes of the running server."""

from __future__ import annotations

import time
from typing import Any

import httpx

from tests.serve.support import CONTEXT

LIMIT_S = 90.0


def test_traces_are_scored_by_the_real_lanes(client: httpx.Client) -> None:
    answers = {
        "grounded": "Paris is the capital of France.",
        "invented": "Lyon is the capital and has 9 million inhabitants.",
    }
    calls = [
        {
            "conversation_id": name,
            "project": "scored",
            "question": "What is the capital of France?",
            "answer": answer,
            "documents": [{"id": "france.md", "content": CONTEXT}],
        }
        for name, answer in answers.items()
    ]
    assert client.post("/api/v1/traces", json=calls).json()["accepted"] == 2
    turns = {name: _settled(client, name) for name in answers}
    assert {turn["score_state"] for turn in turns.values()} == {"scored"}
    assert turns["grounded"]["score"] > turns["invented"]["score"]
    assert turns["invented"]["band"] == "red"
    span = client.get(f"/api/v1/spans/{turns['invented']['answer_span_id']}").json()["span"]
    assert any(claim["verdict"] != "supported" for claim in span["evaluation"]["claims"])
    listed = client.get("/api/v1/conversations", params={"project": "scored", "band": "red"}).json()["conversations"]
    assert [one["conversation_id"] for one in listed] == ["invented"]


def _settled(client: httpx.Client, conversation_id: str) -> dict[str, Any]:
    until_s = time.monotonic() + LIMIT_S
    while time.monotonic() < until_s:
        found = client.get(f"/api/v1/conversations/{conversation_id}").json()["conversation"]
        turn: dict[str, Any] = found["timeline"][0]
        if turn["score_state"] not in ("waiting", "claimed"):
            return turn
        time.sleep(0.25)
    raise AssertionError(f"{conversation_id} was not scored within {LIMIT_S:g} s: {turn}")
