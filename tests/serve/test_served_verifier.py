"""A server with the bundled verifier: verdicts come through its replica, are kept for their tenant, and change nothing."""

from __future__ import annotations

from collections import Counter

import httpx
from prometheus_client.parser import text_string_to_metric_families

from models.registry import SHIPPED_VERIFIER
from tests.serve.support import RAG

CONTEXT = "The Lisbon depot stores 412 pallets. Its night shift begins at nine in the evening."
ANSWER = "412 pallets are stored at the depot in Lisbon. The night shift begins at 9 p.m."
"""No other test may send these: their verdicts must not be kept yet."""


def verdicts(client: httpx.Client) -> Counter[str]:
    """Verdicts of the rag lane so far, by where they came from."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == "groundlane_verdicts_total"]
    return Counter({sample.labels["source"]: int(sample.value) for sample in samples if sample.labels["lane"] == "rag"})


def test_a_second_call_takes_its_verdicts_from_the_cache(client: httpx.Client) -> None:
    body = {"response_text": ANSWER, "raw_context": CONTEXT}
    before = verdicts(client)
    first = client.post(RAG, json=body).raise_for_status().json()
    judged = verdicts(client)
    second = client.post(RAG, json=body).raise_for_status().json()
    cached = verdicts(client)
    asked = judged["judged"] - before["judged"]
    assert asked >= 2
    assert (judged["cached"] - before["cached"], cached["judged"] - judged["judged"]) == (0, 0)
    assert cached["cached"] - judged["cached"] == asked
    assert SHIPPED_VERIFIER in first["versions"]["verifier"]
    for name in ("score", "band", "claims", "versions"):
        assert first[name] == second[name]
