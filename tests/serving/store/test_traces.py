"""Calls in over HTTP, conversations out: each call once, in whatever order it comes, on both databases."""

from __future__ import annotations

import gzip
import random

import orjson
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from benchmarks.store_server import build_app, build_services
from serving.config.traces import ProjectSettings, TraceSettings
from serving.store.sweeper import Sweeper
from serving.store.trace_schema import bodies, conversations, spans, traces
from tests.serving.store.spans import PROTOBUF, otlp, rag_turn, span, span_id, trace_id

pytestmark = pytest.mark.store
OTHER = {"authorization": "Bearer two"}


async def export(client, given, headers=None):
    answer = await client.post("http://test/v1/traces", content=otlp(given), headers=PROTOBUF | (headers or {}))
    assert answer.status_code == 200, answer.text
    return answer


async def listed(client, **filters):
    answer = await client.get("/conversations", params=filters)
    assert answer.status_code == 200, answer.text
    return answer.json()["conversations"]


async def counts(store):
    """Rows of each table, whosever they are."""
    tables = (spans, bodies, traces, conversations)
    return {
        table.name: len(await store.read_all(lambda connection, table=table: connection.execute(table.select()).all()))
        for table in tables
    }


async def test_a_turn_becomes_a_conversation_with_its_calls(client):
    await export(client, rag_turn("t1", "chat-7", "When did it open?", "It opened in 1932."))
    [found] = await listed(client)
    assert found["conversation_id"] == "chat-7"
    assert (found["turns"], found["spans"], found["errors"]) == (1, 4, 0)
    assert (found["question"], found["answer"]) == ("When did it open?", "It opened in 1932.")
    assert (found["input_tokens"], found["output_tokens"], found["charge_usd"]) == (110, 21, 0.002)
    assert found["models"] == ["large-1", "large-1-2026", "small-1"]
    assert found["project"] == "shop"
    whole = (await client.get("/conversations/chat-7")).json()["conversation"]
    [turn] = whole["timeline"]
    assert [call["name"] for call in turn["calls"]] == ["root", "retrieve", "classify", "answer"]
    assert [call["kind"] for call in turn["calls"]] == ["chain", "retriever", "llm", "llm"]
    assert turn["calls"][1]["hit_count"] == 1
    answer = (await client.get(f"/spans/{span_id('t1', 'answer').hex()}")).json()["span"]
    assert answer["input"]["messages"][0]["parts"][0]["content"] == "When did it open?"
    assert answer["output"]["messages"][0]["parts"][0]["content"] == "It opened in 1932."
    assert answer["config_hash"] == "c0ffee"
    assert answer["tokens"]["input"] == 100
    retrieved = (await client.get(f"/spans/{span_id('t1', 'retrieve').hex()}")).json()["span"]["retrieval"]
    assert retrieved["results"][0]["document_id"] == "bridge.md"
    assert retrieved["query"] == "When did it open?"


@pytest.mark.parametrize("seed", range(6))
async def test_order_repetition_and_splitting_change_nothing(client, store, seed):
    chance = random.Random(seed)
    turns = [rag_turn(f"t{n}", "chat" if n < 2 else None, f"question {n}?", f"answer {n}.", n * 1000) for n in range(3)]
    sent = [one for turn in turns for one in turn] * 2
    chance.shuffle(sent)
    while sent:
        size = chance.randint(1, 7)
        await export(client, sent[:size])
        sent = sent[size:]
    found = {one["conversation_id"]: one for one in await listed(client)}
    assert set(found) == {"chat", trace_id("t2").hex()}
    assert (found["chat"]["turns"], found["chat"]["spans"], found["chat"]["input_tokens"]) == (2, 8, 220)
    assert (found["chat"]["question"], found["chat"]["answer"]) == ("question 0?", "answer 1.")
    assert found["chat"]["latency_ms"] == 300
    assert found["chat"]["charge_usd"] == pytest.approx(0.004)
    whole = (await client.get("/conversations/chat")).json()["conversation"]
    assert [turn["answer"] for turn in whole["timeline"]] == ["answer 0.", "answer 1."]
    assert (await counts(store))["trace_spans"] == 12


async def test_json_gzip_and_partial_success(client):
    def attribute(key, value):
        return {"key": key, "value": value}

    good = {
        "traceId": trace_id("j").hex(),
        "spanId": span_id("j", 1).hex(),
        "name": "chat",
        "startTimeUnixNano": "1790000000000000000",
        "endTimeUnixNano": "1790000001000000000",
        "status": {"code": 2, "message": "rate limit"},
        "attributes": [
            attribute("llm.input_messages.0.message.role", {"stringValue": "user"}),
            attribute("llm.input_messages.0.message.content", {"stringValue": "hello"}),
            attribute("openinference.span.kind", {"stringValue": "LLM"}),
            attribute("llm.token_count.prompt", {"intValue": "7"}),
            attribute(
                "odd", {"kvlistValue": {"values": [attribute("a", {"arrayValue": {"values": [{"boolValue": True}]}})]}}
            ),
        ],
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [good, {**good, "spanId": "00"}]}]}]}
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    path = "http://test/api/public/otel/v1/traces"
    answer = await client.post(path, content=gzip.compress(orjson.dumps(body)), headers=headers)
    assert answer.status_code == 200
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    call = (await client.get(f"/spans/{span_id('j', 1).hex()}")).json()["span"]
    assert call["input"]["messages"] == [{"role": "user", "content": "hello"}]
    assert (call["status"], call["error"], call["tokens"]["input"]) == ("error", "rate limit", 7)
    assert call["attributes"]["odd"] == {"a": [True]}
    assert call["latency_ms"] == 1000.0
    assert len(await listed(client, status="error")) == 1


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({"content-type": "text/plain"}, b"", id="type"),
        pytest.param(PROTOBUF, b"\xff\xff\xff", id="no-protobuf"),
        pytest.param({"content-type": "application/json"}, b"{", id="no-json"),
        pytest.param({"content-type": "application/json"}, b"[]", id="no-request"),
        pytest.param(PROTOBUF | {"content-encoding": "gzip"}, b"plain", id="no-gzip"),
        pytest.param(PROTOBUF | {"content-encoding": "gzip"}, gzip.compress(b"x" * 99)[:-9], id="cut-gzip"),
        pytest.param(PROTOBUF | {"content-encoding": "br"}, b"", id="encoding"),
    ],
)
async def test_a_broken_request_is_refused_whole(client, store, headers, body):
    answer = await client.post("http://test/v1/traces", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")
    assert (await counts(store))["trace_spans"] == 0


async def test_what_inflates_past_the_limit_is_refused_before_it_is_whole(client):
    bomb = gzip.compress(b"\x00" * (64 * 1024 * 1024))
    assert len(bomb) < 100_000
    answer = await client.post("http://test/v1/traces", content=bomb, headers=PROTOBUF | {"content-encoding": "gzip"})
    assert answer.status_code == 413


async def test_bodies_past_memory_wait_their_turn(store):
    services = build_services(store, traces_settings=TraceSettings(in_flight_bytes=1024 * 1024))
    big = otlp([span("b", 1, output__value="x" * 900_000)])
    with services.ingest._holding(512 * 1024), pytest.raises(Exception, match="traces being worked on hold") as caught:
        await services.ingest.otlp("one", big, "application/x-protobuf", None)
    assert caught.value.status == 503
    assert caught.value.retry_after_s
    assert (await services.ingest.otlp("one", big, "application/x-protobuf", None)).new == 1


async def test_large_traces_and_large_bodies(client):
    many = [span("big", n, None if n == 0 else 0, n, 1, openinference__span__kind="TOOL") for n in range(6_000)]
    for start in range(0, len(many), 2_000):
        await export(client, many[start : start + 2_000])
    text = "long text " * 500_000
    await export(client, [span("big", "body", 0, 0, 1, output__value=text)])
    whole = (await client.get(f"/conversations/{trace_id('big').hex()}")).json()["conversation"]
    assert whole["spans"] == len(whole["timeline"][0]["calls"]) == 6_001
    call = (await client.get(f"/spans/{span_id('big', 'body').hex()}")).json()["span"]
    assert call["output"] == text


async def test_filters_paging_and_search(client):
    for n in range(7):
        await export(client, rag_turn(f"t{n}", f"chat-{n}", f"question {n} about Brücken", f"answer {n}.", n * 10_000))
    assert [one["conversation_id"] for one in await listed(client, text="bruck")] == [
        f"chat-{n}" for n in range(6, -1, -1)
    ] or (
        [one["conversation_id"] for one in await listed(client, text="brück")]
        == [f"chat-{n}" for n in range(6, -1, -1)]
    )
    assert [one["conversation_id"] for one in await listed(client, text="question 3")] == ["chat-3"]
    assert await listed(client, text="question nowhere") == []
    assert len(await listed(client, model="large-1")) == 7
    assert await listed(client, model="large") == []
    assert len(await listed(client, config="c0ffee", project="shop", min_latency_ms=300, max_charge_usd=1)) == 7
    assert await listed(client, min_latency_ms=301) == []
    seen, cursor = [], None
    while True:
        page = (await client.get("/conversations", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [one["conversation_id"] for one in page["conversations"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"chat-{n}" for n in range(6, -1, -1)]
    for parameters in ({"cursor": "nonsense"}, {"since": "yesterday"}, {"limit": 0}, {"band": "blue"}):
        assert (await client.get("/conversations", params=parameters)).status_code == 400, parameters


async def test_deletion_leaves_nothing_but_what_others_hold(client, store):
    await export(client, rag_turn("t1", "chat-1", "Shared question?", "Shared answer."))
    await export(client, rag_turn("t2", "chat-2", "Shared question?", "Shared answer.", 5_000))
    before = await counts(store)
    deleted = (await client.delete("/conversations/chat-1")).json()["deleted"]
    assert (deleted["spans"], deleted["traces"], deleted["conversations"]) == (4, 1, 1)
    assert (await client.get("/conversations/chat-1")).status_code == 404
    assert (await client.get(f"/spans/{span_id('t1', 'answer').hex()}")).status_code == 404
    assert (await client.get(f"/spans/{span_id('t2', 'answer').hex()}")).json()["span"]["output"]
    assert [one["conversation_id"] for one in await listed(client, text="shared")] == ["chat-2"]
    await client.delete("/conversations/chat-2")
    assert set((await counts(store)).values()) == {0}
    assert before["trace_bodies"] > 0
    assert await listed(client, text="shared") == []


async def test_conversations_go_when_their_time_is_over(client, services, store, clock):
    await export(client, rag_turn("t1", "old", "q?", "a."))
    clock.advance_s(89 * 86_400)
    await export(client, rag_turn("t2", "new", "q?", "a."))
    clock.advance_s(2 * 86_400)
    assert (await Sweeper(store).sweep()).conversations == 1
    assert [one["conversation_id"] for one in await listed(client)] == ["new"]


async def test_metadata_only_keeps_nothing_that_was_said(store):
    import httpx

    settings = TraceSettings(projects={"shop": ProjectSettings(metadata_only=True)})
    services = build_services(store, traces_settings=settings)
    transport = httpx.ASGITransport(app=build_app(services))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test/api/v1", headers={"authorization": "Bearer one"}
    ) as client:
        await export(client, rag_turn("t1", "chat", "Secretive question?", "Secretive answer."))
        [found] = await listed(client)
        assert (found["question"], found["answer"], found["input_tokens"]) == ("", "", 110)
        assert (await counts(store))["trace_bodies"] == 0
        assert await listed(client, text="secretive") == []
        call = (await client.get(f"/spans/{span_id('t1', 'answer').hex()}")).json()["span"]
        assert "input" not in call
        assert call["selected_model"] == "large-1-2026"
    await services.sessions.shut_down()


async def test_one_tenant_sees_nothing_of_another(client):
    await export(client, rag_turn("t1", "chat", "Mine alone?", "Yes."))
    await export(client, rag_turn("t1", "chat", "Mine alone?", "Yes."), OTHER)
    assert (await client.delete("/conversations/chat", headers=OTHER)).json()["deleted"]["spans"] == 4
    assert len(await listed(client, text="alone")) == 1
    found = await client.get("/conversations", params={"text": "alone"}, headers=OTHER)
    assert found.json()["conversations"] == []
    assert (await client.get(f"/spans/{span_id('t1', 'answer').hex()}")).json()["span"]["output"]


PLAIN = {
    "conversation_id": "plain-1",
    "project": "desk",
    "started_at": "2026-11-27T09:00:00Z",
    "latency_ms": 1500,
    "model": "gpt-4o",
    "question": "How long is it?",
    "answer": "1,149 metres.",
    "documents": [{"id": "a", "content": "It is 1,149 metres long.", "score": 0.8}, "a plain text"],
    "tokens": {"input": 12, "output": 4},
    "charge_usd": 0.01,
    "tags": ["night"],
    "request_id": "req-1",
    "custom": {"kept": True},
}


async def test_plain_json(client):
    answer = await client.post(
        "/traces", json={"trace_id": "one", "spans": [PLAIN, {"kind": "tool", "name": "lookup"}]}
    )
    assert answer.json() == {"success": True, "accepted": 2, "duplicates": 0}
    [found] = await listed(client, tag="night", project="desk")
    assert (found["question"], found["answer"], found["spans"]) == ("How long is it?", "1,149 metres.", 2)
    turn = (await client.get("/conversations/plain-1")).json()["conversation"]["timeline"][0]
    call = next(call for call in turn["calls"] if call["kind"] == "llm")
    whole = (await client.get(f"/spans/{call['span_id']}")).json()["span"]
    assert whole["latency_ms"] == 1500.0
    assert [one["document_id"] for one in whole["retrieval"]["results"]] == ["a", "2"]
    assert whole["attributes"] == {"custom": {"kept": True}}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("text", id="text"),
        pytest.param([1], id="number"),
        pytest.param({"kind": "nonsense"}, id="kind"),
        pytest.param({"started_at": "soon"}, id="time"),
        pytest.param([[[[[[]]]]]], id="depth"),
    ],
)
async def test_plain_json_that_is_wrong_is_refused_by_name(client, body):
    answer = await client.post("/traces", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")


async def test_no_secret_of_a_call_reaches_the_disk(client, store):
    secret = "ghp_" + "Zq81xLk3" * 5
    said = f"use {secret} now"
    call = {
        "question": said,
        "answer": said,
        "name": said,
        "error": said,
        "tags": [said],
        "conversation_id": said,
        "documents": [{"content": said, "metadata": {"note": said}}],
        "extra": {said: [said]},
    }
    await client.post("/traces", json=call)
    rows = []
    for table in (spans, bodies, traces, conversations):
        found = await store.read_all(lambda connection, table=table: connection.execute(table.select()).all())
        rows += [value if isinstance(value, bytes) else str(value).encode() for row in found for value in row]
    from serving.traces.bodies import decode_body

    stored = await store.read_all(lambda connection: connection.execute(bodies.select()).all())
    plain = b"\n".join([*rows, *(orjson.dumps(decode_body(row.content)) for row in stored)])
    assert secret.encode() not in plain
    assert plain.count(b"[REDACTED:github_token]") >= 8
    assert await listed(client, text="Zq81xLk3Zq81xLk3Zq81xLk3Zq81xLk3Zq81xLk3") == []


def test_the_answer_in_protobuf_says_what_was_refused():
    from serving.traces.otlp import encode_answer

    parsed = ExportTraceServiceResponse.FromString(encode_answer("application/x-protobuf", 3, "why"))
    assert (parsed.partial_success.rejected_spans, parsed.partial_success.error_message) == (3, "why")
    assert encode_answer("application/x-protobuf", 0, "") == b""
