"""A server with the bundled verifier: verdicts come through its replica, are kept for their tenant, and change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from models.registry import SHIPPED_VERIFIER
from tests.serve.support import ANSWER, CONTEXT, RAG, UNLIMITED, Server, start_server


@pytest.fixture
def judging(tmp_path: Path) -> Iterator[Server]:
    server = start_server(tmp_path, {**UNLIMITED, "VERIFIER": f'{{"source": "{SHIPPED_VERIFIER}"}}'})
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


def verdicts(client: httpx.Client) -> dict[str, float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == "groundlane_verdicts_total"]
    return {sample.labels["source"]: sample.value for sample in samples}


def test_a_second_call_takes_its_verdicts_from_the_cache(judging: Server) -> None:
    with httpx.Client(base_url=judging.url, timeout=60.0) as client:
        body = {"response_text": ANSWER, "raw_context": CONTEXT}
        first = client.post(RAG, json=body).raise_for_status().json()
        assert verdicts(client) == {"judged": 2.0, "cached": 0.0}
        second = client.post(RAG, json=body).raise_for_status().json()
        assert verdicts(client) == {"judged": 2.0, "cached": 2.0}
    assert SHIPPED_VERIFIER in first["versions"]["verifier"]
    for name in ("score", "band", "claims", "versions"):
        assert first[name] == second[name]
