"""Answers of traces scored by themselves with the real lanes and models, in this process."""

from __future__ import annotations

from typing import Any

import httpx

from benchmarks.store_server import build_app, build_services
from serving.config.load import load_config
from serving.config.traces import TraceSettings
from serving.evals.local_lanes import LocalLanes
from serving.http.routes.lanes import check_limits
from serving.reviews.assembly import build_reviews
from serving.reviews.settling import Lanes
from serving.store.store import Store

CONTEXT = "France's capital city is Paris. The city proper has 2.1 million inhabitants."
CART = "# file: shop.py\n```python\nclass Cart:\n    def add_item(self, name: str) -> None: ...\n```"
TURNS = {
    "grounded": ("What is the capital?", "Paris is the capital of France.", [{"id": "france.md", "content": CONTEXT}]),
    "invented": (
        "What is the capital?",
        "It is Lyon, with 9 million people.",
        [{"id": "france.md", "content": CONTEXT}],
    ),
    "code": (f"Add tea.\n{CART}", "```python\nfrom shop import Cart\n\nCart().add_product('tea')\n```", []),
}


async def test_real_lanes_score_what_was_retrieved_and_code(tmp_path: Any) -> None:
    config = load_config(None, {"data_dir": str(tmp_path)}, environment={})
    local = LocalLanes(config)

    async def score(lane: str, request: dict[str, Any], _: str) -> dict[str, Any]:
        return await local.score(lane, request)

    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    settings = TraceSettings(settle_s=0)
    services = build_services(store, traces_settings=settings)
    lanes = Lanes(score, lambda body: check_limits(body, config.limits))
    settler = build_reviews(store, settings, services.cases, lanes, local.embed).settler
    transport = httpx.ASGITransport(app=build_app(services))
    headers = {"authorization": "Bearer one"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1", headers=headers) as client:
        calls = [
            {"conversation_id": name, "model": "m", "question": question, "answer": answer, "documents": documents}
            for name, (question, answer, documents) in TURNS.items()
        ]
        for call in calls:
            if not call["documents"]:
                del call["documents"]
        assert (await client.post("/traces", json=calls)).json()["accepted"] == 3
        assert await settler.settle() == 3
        turns = {}
        for name in TURNS:
            found = (await client.get(f"/conversations/{name}")).json()["conversation"]
            turns[name] = found["timeline"][0]
        spans = {
            name: (await client.get(f"/spans/{turn['answer_span_id']}")).json()["span"] for name, turn in turns.items()
        }
    assert {name: turn["score_state"] for name, turn in turns.items()} == dict.fromkeys(TURNS, "scored")
    assert turns["grounded"]["score"] > turns["invented"]["score"]
    assert turns["invented"]["band"] == "red"
    assert [claim["verdict"] for claim in spans["grounded"]["evaluation"]["claims"]] == ["supported"]
    assert spans["code"]["evaluation"]["lane"] == "code"
    assert "add_product" in " ".join(spans["code"]["evaluation"]["phantoms"])
    await services.sessions.shut_down()
    local.close()
    store.close()
