from __future__ import annotations

import asyncio
from urllib.parse import quote

import numpy as np
import pytest

from models.types import ModelInfo
from serving.api.errors import NotFoundError, OverloadedError
from serving.jobs.runner import JobRunner, RunnerSettings

pytestmark = pytest.mark.store
CHUNKS = "/trace/chunks"


async def put(client, *chunks):
    answer = await client.put(CHUNKS, json=[{"chunk_id": name, "text": text} for name, text in chunks])
    assert answer.status_code == 200, answer.text
    return answer.json()["chunks"]


async def test_a_chunk_is_stored_read_and_deleted(client, clock):
    body = [{"chunk_id": 7, "text": "Paris is big.", "source_id": "geo.md", "metadata": {"page": 3}}]
    stored = (await client.put(CHUNKS, json=body)).json()
    assert stored["chunks"] == [{"chunk_id": "7", "tokens": 4, "encoded": True}]
    clock.advance_s(5)
    await put(client, ("7", "Paris is very big."))
    chunk = (await client.get(f"{CHUNKS}/7")).json()
    assert chunk == {
        "success": True,
        "chunk_id": "7",
        "text": "Paris is very big.",
        "created_at": "2026-09-21T14:13:20.000Z",
        "updated_at": "2026-09-21T14:13:25.000Z",
    }
    assert (await client.delete(f"{CHUNKS}/7")).json()["deleted"]
    assert (await client.delete(f"{CHUNKS}/7")).status_code == 404
    assert (await client.get(f"{CHUNKS}/7")).status_code == 404


@pytest.mark.parametrize("name", ["docs/a.md", "/a", "a/", "a//b", "50%", "a?b#c", "ä b", "%2F", ".../x", "a b/c d"])
async def test_any_printable_id_is_read_and_deleted_by_its_url(client, name):
    await put(client, (name, "one"), ("docs", "another"))
    url = f"{CHUNKS}/{quote(name, safe='')}"
    assert (await client.get(url)).json()["chunk_id"] == name
    assert (await client.get(f"{CHUNKS}/{quote(name)}")).json()["chunk_id"] == name
    assert (await client.delete(url)).json() == {"success": True, "chunk_id": name, "deleted": True}
    assert (await client.get(url)).status_code == 404


@pytest.mark.parametrize("name", [".", "..", "a/../b", "a/."])
async def test_an_id_that_no_url_can_carry_is_refused(client, name):
    answer = await client.put(CHUNKS, json=[{"chunk_id": name, "text": "one"}])
    assert (answer.status_code, "chunk_id" in answer.json()["message"]) == (400, True)


async def test_personal_data_leaves_a_chunk_where_privacy_is_asked_for(client, services):
    text = "Ann is at ann@example.com."
    private = {"chunk_id": "a", "text": text, "metadata": {"author": "ann@example.com"}, "privacy_mode": True}
    stored = (await client.put(CHUNKS, json=[private, {"chunk_id": "b", "text": text}])).json()["chunks"]
    assert [sum(chunk.get("redactions", {}).values()) for chunk in stored] == [2, 0]
    kept = (await client.get(f"{CHUNKS}/a")).json()
    assert "ann@" not in str(kept)
    assert "ann@" not in services.encoder.encoded[0]
    assert (await client.get(f"{CHUNKS}/b")).json()["text"] == text


async def test_text_is_encoded_once(client, services):
    await put(client, ("a", "one two"), ("b", "three"))
    again = await put(client, ("a", "one two"), ("b", "three four"), ("c", "five"))
    assert [chunk["encoded"] for chunk in again] == [False, True, True]
    assert services.encoder.encoded == ["one two", "three", "three four", "five"]


async def test_vectors_come_back_as_they_were_made_to_half_precision(client, services):
    text = "Vectors survive the store."
    await put(client, ("a", text))
    [made] = await services.encoder.encode([text], None)
    [chunk] = await services.chunks.load("one", ["a"], await services.encoder.info(None))
    assert chunk.vectors.dtype == np.float16
    assert np.abs(chunk.vectors.astype(np.float64) - made.vectors).max() < 5e-4
    np.testing.assert_array_equal(chunk.char_spans, made.char_spans)
    np.testing.assert_array_equal(chunk.content, made.content)
    assert [text[start:end] for start, end in chunk.char_spans] == ["Vectors", "survive", "the", "store", "."]


async def test_another_revision_is_encoded_again_when_it_is_needed(client, services):
    await put(client, ("a", "one two"), ("b", "three"))
    services.encoder.revision = "2"
    services.encoder.encoded.clear()
    model = await services.encoder.info(None)
    assert [chunk.vectors for chunk in await services.chunks.load("one", ["b", "a"], model)] == [None, None]
    first = await services.chunks.load_encoded("one", ["b"])
    assert services.encoder.encoded == ["three"]
    both = await services.chunks.load_encoded("one", ["a", "b", "a"])
    assert services.encoder.encoded == ["three", "one two"]
    assert [chunk.chunk_id for chunk in both] == ["a", "b", "a"]
    np.testing.assert_array_equal(both[1].vectors, first[0].vectors)
    other = await services.chunks.load_encoded("one", ["a"], "second-model")
    assert other[0].vectors is not None
    assert [chunk.vectors is None for chunk in await services.chunks.load("one", ["a", "b"], model)] == [False, False]


async def test_unknown_ids_are_all_named(client, services):
    await put(client, ("a", "text"))
    model = ModelInfo("fake-encoder", "1", "float16", "cpu")
    with pytest.raises(NotFoundError, match="'x', 'y'"):
        await services.chunks.load("one", ["x", "a", "y", "x"], model)
    with pytest.raises(NotFoundError, match="'a'"):
        await services.chunks.load("two", ["a"], model)


async def test_vectors_of_a_text_that_was_replaced_meanwhile_are_not_kept(client, services):
    """A slow re-encoding ends after the chunk got another text: its vectors must not be taken for the new text's."""
    await put(client, ("a", "old text"))
    services.encoder.revision = "2"
    encode = services.encoder.encode

    async def slow(texts, model):
        made = await encode(texts, model)
        if texts == ["old text"]:
            await put(client, ("a", "new words here"))
        return made

    services.encoder.encode = slow
    await services.chunks.load_encoded("one", ["a"])
    [chunk] = await services.chunks.load("one", ["a"], await services.encoder.info(None))
    assert (chunk.text, len(chunk.vectors)) == ("new words here", 3)


async def test_an_encoder_that_is_away_stores_nothing(client, services):
    services.encoder.failure = OverloadedError("no room", retry_after_s=3)
    answer = await client.put(CHUNKS, json=[{"chunk_id": "a", "text": "text"}])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert (await client.get(f"{CHUNKS}/a")).status_code == 404


async def test_upserts_of_the_same_chunks_at_once_leave_one_of_them_whole(client, services):
    names = [f"c{n}" for n in range(8)]
    sends = [
        put(client, *((name, f"version{k} of {name}") for name in (names if k % 2 else names[::-1]))) for k in range(6)
    ]
    await asyncio.gather(*sends)
    texts = [(await client.get(f"{CHUNKS}/{name}")).json()["text"] for name in names]
    assert len({text.split()[0] for text in texts}) == 1
    chunks = await services.chunks.load("one", names, await services.encoder.info(None))
    assert all(chunk.vectors is not None for chunk in chunks)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        pytest.param([], 400, "at least one", id="none"),
        pytest.param([{"chunk_id": "a"}], 400, "text", id="no-text"),
        pytest.param([{"chunk_id": "a\n", "text": "x"}], 400, "chunk_id", id="control-character"),
        pytest.param(
            [{"chunk_id": "a", "text": "x"}, {"chunk_id": "a", "text": "y"}], 400, "'a' occurs twice", id="twice"
        ),
        pytest.param([{"chunk_id": "a", "text": "x", "tint": 1}], 400, "tint", id="unknown-field"),
        pytest.param([{"chunk_id": str(n), "text": "x"} for n in range(257)], 413, "256", id="too-many"),
        pytest.param([{"chunk_id": "a", "text": "x" * 400_001}], 413, "400000", id="too-long"),
    ],
)
async def test_bad_input_is_refused_by_name(client, body, status, word):
    answer = await client.put(CHUNKS, json=body)
    assert answer.status_code == status
    assert word in answer.json()["message"]


TOKEN_LIKE = "ghp_" + "a1B2" * 9
"""What a chunk may be called, and what redaction takes for a token."""


async def named_chunks_of(client, services, chunk_ids):
    """What a job and a turn on these chunks send to the lane."""
    body = {"lane": "rag", "requests": [{"response_text": "Paris", "chunk_ids": chunk_ids}]}
    assert (await client.post("/jobs", json=body)).status_code == 202
    session = (await client.post("/trace/sessions", json={"kind": "rag"})).json()["session"]["session_id"]
    turn = {"lane": "rag", "trace_request": body["requests"][0]}
    assert (await client.post(f"/trace/sessions/{session}/score", json=turn)).status_code == 200
    runner = JobRunner(services.store, services.lane.score, RunnerSettings(poll_s=0.02))
    task = asyncio.create_task(runner.run())
    async with asyncio.timeout(20):
        while len(services.lane.calls) < 2:
            await asyncio.sleep(0.01)
    await runner.stop()
    await task
    return [request["chunk_ids"] for _, request, _ in services.lane.calls]


async def test_ids_of_stored_chunks_reach_the_lane_as_they_are(client, services):
    await client.put("/trace/chunks", json=[{"chunk_id": TOKEN_LIKE, "text": "one"}, {"chunk_id": 7, "text": "two"}])
    assert await named_chunks_of(client, services, [TOKEN_LIKE, 7, "doc-a"]) == [[TOKEN_LIKE, 7, "doc-a"]] * 2


async def test_an_id_that_names_no_chunk_of_the_tenant_is_redacted_as_text_is(client, services):
    chunk = [{"chunk_id": TOKEN_LIKE, "text": "one"}]
    await client.put("/trace/chunks", json=chunk, headers={"authorization": "Bearer two"})
    assert await named_chunks_of(client, services, [TOKEN_LIKE]) == [["[REDACTED:github_token]"]] * 2
