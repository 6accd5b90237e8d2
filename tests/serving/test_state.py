"""The gateway with its store, in process: real lanes, the bundled encoder, a real SQLite file, over ASGI."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.api.errors import OverloadedError
from serving.config.load import load_config
from serving.lanes.factory import alignment_service
from tests.serving.local_app import LocalEncoder, local_app, local_config

BRIDGE = ["The Lindau Bridge opened on 4 May 1932.", "It is 1,149 metres long.", "Clara Hoffmann designed it."]
SHOP = "# file: shop.py\nclass Cart:\n    def add_item(self, name: str) -> None: ...\n"
PHANTOM = "```python\nfrom shop import Cart\nCart().add_product('tea')\n```"


@pytest.fixture(scope="module")
def encoder() -> Any:
    built = LocalEncoder(alignment_service(load_config(environment={})))
    yield built
    built.close()


@asynccontextmanager
async def running(encoder: LocalEncoder, folder: Path, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway of its own; ``settings``: of the section ``store``."""
    config = local_config(folder, **{f"store.{key}": value for key, value in settings.items()})
    app, code = local_app(config, encoder)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as found:
        yield found
    code.close()


@pytest.fixture
async def client(encoder: LocalEncoder, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with running(encoder, tmp_path) as found:
        yield found


async def put_bridge(client: httpx.AsyncClient) -> None:
    chunks = [{"chunk_id": f"c{i}", "text": text, "source_id": f"bridge-{i}"} for i, text in enumerate(BRIDGE)]
    assert (await client.put("/api/v1/trace/chunks", json=chunks)).status_code == 200


async def test_stored_chunks_score_like_their_texts_without_being_encoded_again(
    client: httpx.AsyncClient, encoder: LocalEncoder
) -> None:
    await put_bridge(client)
    asked = {"response_text": "The bridge is 1,149 metres long. It opened in 1933.", "query_text": "How long is it?"}
    units = [{"text": text, "source_id": f"bridge-{i}"} for i, text in enumerate(BRIDGE)]
    raw = (await client.post("/api/v1/trace/rag", json=asked | {"support_units": units})).json()
    stored = (await client.post("/api/v1/trace/rag", json=asked | {"chunk_ids": ["c0", "c1", "c2"]})).json()
    assert encoder.replies[-1].cached_tokens == encoder.replies[-1].context_tokens
    assert stored["score"] == pytest.approx(raw["score"], abs=2e-3)
    for left, right in zip(stored["claims"], raw["claims"], strict=True):
        assert left["verdict"] == right["verdict"]
        assert left["score"] == pytest.approx(right["score"], abs=5e-3)
    assert [unit["source_id"] for unit in stored["support_units"]] == ["bridge-0", "bridge-1", "bridge-2"]


async def test_chunks_join_raw_context_and_unknown_ids_are_all_named(client: httpx.AsyncClient) -> None:
    await put_bridge(client)
    both = {"response_text": "It is long.", "chunk_ids": ["c1"], "raw_context": "The weather was fine."}
    answer = (await client.post("/api/v1/trace/rag", json=both)).json()
    assert [unit.get("source_id") for unit in answer["support_units"]] == ["bridge-1", None]
    missing = await client.post("/api/v1/trace/rag", json=both | {"chunk_ids": ["c1", "nope", 7]})
    assert missing.status_code == 404
    assert all(name in missing.json()["message"] for name in ("'nope'", "'7'"))
    assert "c1" not in missing.json()["message"]


@pytest.mark.parametrize("lane", ["rag", "code", "rollup"])
async def test_return_job_gives_the_result_later(client: httpx.AsyncClient, lane: str) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "rag": {"response_text": BRIDGE[1], "raw_context": " ".join(BRIDGE)},
        "code": {"response_text": PHANTOM, "raw_context": SHOP},
        "rollup": {"turns": [{"score": 0.9, "band": "green"}]},
    }
    accepted = await client.post(f"/api/v1/trace/{lane}", json=bodies[lane] | {"return_job": True})
    assert accepted.status_code == 202
    job = accepted.json()
    for _ in range(200):
        found = (await client.get(job["poll_url"])).json()
        if found["status"] in {"COMPLETED", "FAILED"}:
            break
        await asyncio.sleep(0.05)
    assert found["status"] == "COMPLETED", found
    assert found["output"]["scoring_mode"] == lane


async def test_managed_and_carried_state_give_the_same_signals(client: httpx.AsyncClient) -> None:
    session = (await client.post("/api/v1/trace/sessions", json={"kind": "code"})).json()["session"]["session_id"]
    clean = PHANTOM.replace("add_product", "add_item")
    state: dict[str, Any] | None = None
    for text in (clean, PHANTOM, PHANTOM, clean):
        body = {"response_text": text, "raw_context": SHOP}
        carried = (await client.post("/api/v1/trace/code", json=body | {"session_state": state})).json()
        turn = {"lane": "code", "trace_request": body}
        managed = (await client.post(f"/api/v1/trace/sessions/{session}/score", json=turn)).json()["trace_response"]
        assert managed["session_signals"] == carried["session_signals"]
        assert managed["next_session_state"] == carried["next_session_state"]
        state = carried["next_session_state"]
    assert carried["session_signals"]["total_turns"] == 4
    assert carried["session_signals"]["phantom_rate"] > 0


async def test_a_repair_packet_does_not_hide_a_phantom(client: httpx.AsyncClient) -> None:
    session = (await client.post("/api/v1/trace/sessions", json={"kind": "code"})).json()["session"]["session_id"]
    event = {"event_type": "decision", "content": "Decision: baskets use Cart.add_product from the old shop module."}
    await client.post(f"/api/v1/trace/sessions/{session}/events", json={"event": event})
    turn = {
        "lane": "code",
        "trace_request": {"response_text": PHANTOM, "raw_context": SHOP},
        "force_original_on_trigger": True,
    }
    answer = (await client.post(f"/api/v1/trace/sessions/{session}/score", json=turn)).json()
    flagged = [s["name"] for s in answer["trace_response"]["code_lane"]["symbols"] if s["status"] == "phantom"]
    assert flagged == ["add_product"]


async def test_budget_and_retention_are_those_of_the_configuration(encoder: LocalEncoder, tmp_path: Path) -> None:
    async with running(
        encoder, tmp_path, hot_context_tokens=64, session_retention="12h", job_retention="90m"
    ) as client:
        session = (await client.post("/api/v1/trace/sessions", json={"kind": "rag"})).json()["session"]
        assert session["retention"] == "12h"
        path = f"/api/v1/trace/sessions/{session['session_id']}"
        events = [{"event_type": "note", "content": f"Decision: order_{n} goes to Bremen."} for n in range(40)]
        await client.post(f"{path}/events", json={"events": events})
        hot = (await client.get(f"{path}/context")).json()["hot_context"]
        assert 0 < hot["tokens"] <= hot["budget_tokens"] == 64
        job = {"lane": "rag", "requests": [{"response_text": "a", "raw_context": "a"}]}
        assert (await client.post("/api/v1/jobs", json=job)).json()["retention"] == "90m"


SAID = [
    "Users are signed out after 45 minutes without activity.",
    "The nightly backup is written to the second data centre.",
    "Invoices are rounded to whole cents.",
    "Anna prefers dark roast coffee in the morning.",
]


@pytest.fixture
async def talk(client: httpx.AsyncClient) -> str:
    session = (await client.post("/api/v1/trace/sessions", json={"kind": "rag"})).json()["session"]["session_id"]
    events = [{"event_type": "user_message", "content": text} for text in SAID]
    await client.post(f"/api/v1/trace/sessions/{session}/events", json={"events": events})
    return f"/api/v1/trace/sessions/{session}/repair"


async def test_a_repair_finds_by_meaning_what_shares_no_word(client: httpx.AsyncClient, talk: str) -> None:
    for question, said in (("login session timeout duration", SAID[0]), ("favourite beverage", SAID[3])):
        body = {"missing_terms": [question], "max_tokens": 20}
        packet = (await client.post(talk, json=body)).json()["repair_packet"]
        best = packet["excerpts"][0]
        assert (best["text"], best["nearest"], best["terms"]) == (said, [question], [])
        assert packet["vector_search"] == {"status": "used", "windows": 4}
        assert (packet["found"], packet["not_found"]) == ([], [question])
        assert packet["tokens"] <= 20


async def test_a_repair_without_an_encoder_says_so(client: httpx.AsyncClient, encoder: Any, talk: str) -> None:
    encoder.away = OverloadedError("replicas are restarting", retry_after_s=1.0)
    try:
        body = {"missing_terms": ["login session timeout duration", "data centre"]}
        packet = (await client.post(talk, json=body)).json()["repair_packet"]
    finally:
        encoder.away = None
    assert [excerpt["text"] for excerpt in packet["excerpts"]] == [SAID[1]]
    assert packet["vector_search"] == {
        "status": "unavailable",
        "windows": 0,
        "reason": "no encoder: replicas are restarting",
    }


async def test_what_words_find_asks_no_encoder(client: httpx.AsyncClient, talk: str) -> None:
    packet = (await client.post(talk, json={"missing_terms": ["dark roast"]})).json()["repair_packet"]
    assert packet["vector_search"] == {"status": "not_needed", "windows": 0}


async def test_every_route_of_the_document_has_an_example(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            contents = [response.get("content", {}) for response in operation["responses"].values()]
            assert all("example" in media for content in contents for media in content.values()), path
