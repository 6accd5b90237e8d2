"""Two encoder replicas: a session's second turn meets the one that encoded its context."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serve.support import RAG, UNLIMITED, Server, start_server

SESSIONS = 8
TWO_ENCODERS = {"ENCODERS": '[{"name": "minilm", "replicas": 2, "threads": 1}]'}


@pytest.fixture
def two_encoders(tmp_path: Path) -> Iterator[Server]:
    server = start_server(tmp_path, {**UNLIMITED, **TWO_ENCODERS})
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


def scored(client: httpx.Client, number: int, response: str, **fields: Any) -> dict[str, Any]:
    units = [{"text": f"Report {number} of part {part}: pressure was {number * 7 + part} bar."} for part in range(4)]
    body = {"response_text": response, "support_units": units, "verbose": True, **fields}
    answer = client.post(RAG, json=body)
    assert answer.status_code == 200, answer.text
    diagnostics: dict[str, Any] = answer.json()["diagnostics"]
    return diagnostics


def tokens(client: httpx.Client, kind: str) -> float:
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == "groundlane_tokens_total"]
    return sum(sample.value for sample in samples if sample.labels["kind"] == kind)


def test_turn_two_finds_its_context_encoded(two_encoders: Server) -> None:
    before = {process.pid: process.cpu_times().user for process in two_encoders.replicas("Encoder-minilm")}
    with httpx.Client(base_url=two_encoders.url, timeout=60.0) as client:
        for number in range(2 * SESSIONS):
            session = {"session_id": f"s-{number}"} if number < SESSIONS else {}
            first = scored(client, number, "The pressure was 7 bar.", **session)
            second = scored(client, number, "It was measured twice.", **session)
            assert first["cached_tokens"] == 0
            assert second["cached_tokens"] == second["context_tokens"] > 0
        assert tokens(client, "context_cached") == tokens(client, "context") / 2
    after = {process.pid: process.cpu_times().user for process in two_encoders.replicas("Encoder-minilm")}
    assert len(after) == 2
    assert all(after[pid] > before[pid] for pid in before)
