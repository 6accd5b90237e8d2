"""Answers of turns scored by themselves in the background: which, by which lane, and what the score says afterwards."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import httpx
import pytest

from benchmarks.store_server import build_app, build_services
from serving.api.errors import InternalError, OverloadedError, PayloadTooLargeError
from serving.config.traces import ProjectSettings, TraceSettings
from serving.lanes.fake import FakeLane
from serving.lanes.traffic import Traffic
from serving.reviews.assembly import build_reviews
from serving.reviews.scoring import is_chosen
from serving.reviews.settling import Lanes
from tests.serving.store.spans import PROTOBUF, otlp, rag_turn, span, span_id, trace_id

pytestmark = pytest.mark.store
GOOD, BAD = "The Lindau Bridge opened on 4 May 1932.", "Nobody knows anything."
CODE = "```python\nfrom shop import Cart\nCart().phantom_add('tea')\n```"
ASKED = "Use this.\n```python\nclass Cart:\n    def add_item(self): ...\n```"


@asynccontextmanager
async def client_of(services):
    transport = httpx.ASGITransport(app=build_app(services))
    headers = {"authorization": "Bearer one"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1", headers=headers) as opened:
        yield opened


async def export(client, *turns):
    spans = [one for turn in turns for one in turn]
    assert (await client.post("http://test/v1/traces", content=otlp(spans), headers=PROTOBUF)).status_code == 200


async def settle(services, clock, seconds=6):
    clock.advance_s(seconds)
    return await services.reviews.settler.settle()


async def turn_of(client, conversation, index=0):
    found = (await client.get(f"/conversations/{conversation}")).json()
    return found["conversation"]["timeline"][index]


async def listed(client, **filters):
    found = (await client.get("/conversations", params=filters)).json()["conversations"]
    return sorted(one["conversation_id"] for one in found)


async def test_an_answer_gets_score_band_and_claims_against_what_was_retrieved(client, services, clock):
    await export(client, rag_turn("t1", "good", "When?", GOOD), rag_turn("t2", "bad", "When?", BAD, 100))
    assert (await turn_of(client, "good"))["score_state"] == "waiting"
    assert await settle(services, clock) == 2
    turn = await turn_of(client, "good")
    assert (turn["score_state"], turn["band"], turn["score"]) == ("scored", "green", 1.0)
    assert (await listed(client, band="green"), await listed(client, band="red")) == (["good"], ["bad"])
    lane, request, tenant = services.lane.calls[0]
    assert (lane, tenant, request["query_text"]) == ("rag", "one", "When?")
    assert request["support_units"] == [{"text": "The Lindau Bridge opened on 4 May 1932.", "source_id": "bridge.md"}]
    call = (await client.get(f"/spans/{span_id('t1', 'root').hex()}")).json()["span"]
    assert (call["band"], call["score"]) == ("green", 1.0)
    [claim] = call["evaluation"]["claims"]
    assert (claim["verdict"], claim["char_start"], claim["char_end"]) == ("supported", 0, len(GOOD))
    [score] = (await client.get("/scores", params={"name": "groundedness", "trace_id": trace_id("t2").hex()})).json()[
        "scores"
    ]
    assert (score["annotator_kind"], score["evaluator_version"], score["value"]) == ("CODE", "fake-lane", 0.0)
    [item] = (await client.get("/queue")).json()["items"][:1]
    assert (item["conversation_id"], item["risk"], item["why"]) == ("bad", 0.9, "the answer's band is red")


async def test_a_late_call_has_the_turn_scored_again(client, services, clock):
    *early, root = rag_turn("t", "chat", "When?", BAD)
    await export(client, early)
    await settle(services, clock)
    [before] = (await client.get("/scores", params={"name": "groundedness"})).json()["scores"]
    assert before["target"]["id"] == span_id("t", "answer").hex()
    root["attributes"]["output.value"] = GOOD
    await export(client, [root])
    await settle(services, clock)
    turn = await turn_of(client, "chat")
    assert (turn["answer"], turn["band"]) == (GOOD, "green")
    [after] = (await client.get("/scores", params={"name": "groundedness"})).json()["scores"]
    assert after["target"]["id"] == span_id("t", "root").hex()
    earlier = (await client.get(f"/spans/{span_id('t', 'answer').hex()}")).json()["span"]
    assert "band" not in earlier
    assert (await listed(client, band="green"), await listed(client, band="red")) == (["chat"], [])


@pytest.mark.parametrize(
    ("settings", "turn", "reason"),
    [
        pytest.param(TraceSettings(score_rate=0), rag_turn("t", "chat", "q?", GOOD), "score_rate is 0", id="rate"),
        pytest.param(
            TraceSettings(),
            [span("t", "root", None, gen_ai__conversation__id="chat", input__value="q?")],
            "the turn has no answer",
            id="no-answer",
        ),
        pytest.param(
            TraceSettings(),
            [span("t", "root", None, gen_ai__conversation__id="chat", input__value="q?", output__value="a.")],
            "nothing was retrieved",
            id="no-documents",
        ),
        pytest.param(
            TraceSettings(projects={"shop": ProjectSettings(metadata_only=True)}),
            rag_turn("t", "chat", "q?", GOOD),
            "metadata_only",
            id="metadata-only",
        ),
        pytest.param(TraceSettings(score_within="1m"), rag_turn("t", "chat", "q?", GOOD), "score_within", id="late"),
    ],
)
async def test_what_is_not_scored_says_why(store, clock, settings, turn, reason):
    services = build_services(store, traces_settings=settings)
    async with client_of(services) as client:
        await export(client, turn)
        await settle(services, clock, 90)
        found = await turn_of(client, "chat")
        assert found["score_state"] == "skipped"
        assert reason in found["score_reason"]
        assert services.lane.calls == []


async def test_a_filter_is_scored_whatever_the_rate(store, clock):
    settings = TraceSettings(score_rate=0, always_score=("model=large-1",))
    services = build_services(store, traces_settings=settings)
    async with client_of(services) as client:
        await export(client, rag_turn("t", "chat", "q?", GOOD))
        await settle(services, clock)
        assert (await turn_of(client, "chat"))["score_state"] == "scored"


def test_a_rate_draws_its_share_and_always_the_same():
    settings = ProjectSettings(score_rate=0.3)
    drawn = [is_chosen(f"trace {n}", "\n", settings) for n in range(4_000)]
    assert 1_080 < sum(drawn) < 1_320
    assert drawn == [is_chosen(f"trace {n}", "\n", settings) for n in range(4_000)]
    larger = ProjectSettings(score_rate=0.6)
    assert all(is_chosen(f"trace {n}", "\n", larger) for n, was in enumerate(drawn) if was)


async def test_errors_of_the_server_are_tried_again_and_those_of_the_request_are_not(store, clock):
    lane = FakeLane(failures=[InternalError("a lane died"), OverloadedError("full", retry_after_s=3.0)])
    services = build_services(store, lane)
    async with client_of(services) as client:
        await export(client, rag_turn("t", "chat", "q?", GOOD))
        await settle(services, clock)
        assert (await turn_of(client, "chat"))["score_state"] == "waiting"
        assert await settle(services, clock, 0) == 0
        await settle(services, clock, 10)
        await settle(services, clock, 10)
        assert (await turn_of(client, "chat"))["score_state"] == "scored"
        lane.failures = [InternalError("it dies of this one")] * 4
        await export(client, rag_turn("u", "dies", "q?", GOOD, 50))
        for _ in range(5):
            await settle(services, clock, 100)
        found = await turn_of(client, "dies")
        assert (found["score_state"], found["score_reason"]) == ("failed", "it dies of this one (4 attempts)")
        lane.failures = [PayloadTooLargeError("context: 9 characters, the limit is 8")]
        await export(client, rag_turn("v", "large", "q?", GOOD, 80))
        await settle(services, clock)
        assert (await turn_of(client, "large"))["score_state"] == "failed"


async def test_code_is_scored_by_the_code_lane(client, services, clock):
    def turn(name, question, answer):
        return [
            span(
                name,
                "root",
                None,
                gen_ai__conversation__id=name,
                gen_ai__operation__name="chat",
                gen_ai__input__messages=[{"role": "user", "content": question}],
                gen_ai__output__messages=[{"role": "assistant", "content": answer}],
            )
        ]

    await export(client, turn("code", ASKED, CODE), turn("bare", "Write a cart.", CODE))
    await settle(services, clock)
    assert [lane for lane, _, _ in services.lane.calls] == ["code"]
    assert services.lane.calls[0][1]["raw_context"] == ASKED
    call = (await client.get(f"/spans/{span_id('code', 'root').hex()}")).json()["span"]
    assert call["evaluation"]["phantoms"] == ["phantom_add"]
    assert "no code to compare" in (await turn_of(client, "bare"))["score_reason"]
    label = {"thumb": "down", "reason": "wrong"}
    await client.post(f"/spans/{span_id('code', 'root').hex()}/labels", json=label)
    [negative] = (await client.get("/triages")).json()["triages"]
    assert negative["proposal"]["rule"] == "phantom_symbols"


async def test_a_conversation_that_slides_says_so(client, services, clock):
    answers = [GOOD] * 8 + [BAD] * 3
    for n, answer in enumerate(answers):
        await export(client, rag_turn(f"t{n}", "chat", f"question {n}?", answer, n * 1000))
        await settle(services, clock)
    call = (await client.get(f"/spans/{span_id('t10', 'root').hex()}")).json()["span"]
    session = call["evaluation"]["session"]
    assert session["turns"] == 11
    assert session["red_streak"] == 3
    assert session["recommendation"] in ("re_anchor", "fresh_chat")
    first = (await client.get(f"/spans/{span_id('t3', 'root').hex()}")).json()["span"]
    assert first["evaluation"]["session"]["recommendation"] == "continue"


async def test_scoring_waits_while_others_are_served(store, clock):
    traffic = Traffic(time.monotonic)
    services = build_services(store)
    settings = TraceSettings()
    lanes = Lanes(services.lane.score, lambda _: None)
    settler = build_reviews(store, settings, services.cases, lanes, traffic=traffic).settler
    async with client_of(services) as client:
        await export(client, rag_turn("t", "chat", "q?", GOOD))
        clock.advance_s(6)
        with traffic.passing(), traffic.row():
            task = asyncio.create_task(settler.settle())
            done, _ = await asyncio.wait({task}, timeout=0.3)
            assert not done, "a row of a job is under way beside an interactive request: this one has to wait"
            assert services.lane.calls == []
        assert await task == 1


async def test_a_gateway_that_ends_gives_its_turns_back(store, clock):
    services = build_services(store, FakeLane(delay_s=30))
    async with client_of(services) as client:
        await export(client, rag_turn("t", "chat", "q?", GOOD))
        clock.advance_s(6)
        task = asyncio.create_task(services.reviews.settler.settle())
        while not services.lane.calls:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        services.lane.delay_s = 0
        assert await settle(services, clock, 0) == 1
        assert (await turn_of(client, "chat"))["score_state"] == "scored"
