"""Labels, feedback, suggestions, causes, the queue and selections over HTTP, on both databases."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from benchmarks.store_server import build_app, build_services
from serving.config.traces import TraceSettings
from serving.reviews.queue import rate_of
from serving.store import review_order
from serving.store.trace_schema import score_revisions, scores, suggestions, triages
from tests.serving.store.spans import PROTOBUF, otlp, rag_turn, span_id, trace_id

pytestmark = pytest.mark.store
OTHER = {"authorization": "Bearer two"}
UNSCORED = TraceSettings(score_rate=0.0)
"""Scores of the server itself are the subject of ``test_scored_by_itself.py``; here only people and other tools give some."""
MARA, TOM = {"author": "mara"}, {"author": "tom"}


@pytest.fixture
async def services(store):
    built = build_services(store, traces_settings=UNSCORED)
    yield built
    await built.sessions.shut_down()


async def export(client, *turns, headers=None):
    spans = [one for turn in turns for one in turn]
    answer = await client.post("http://test/v1/traces", content=otlp(spans), headers=PROTOBUF | (headers or {}))
    assert answer.status_code == 200, answer.text


async def settle(services, clock):
    clock.advance_s(6)
    while await services.reviews.settler.settle():
        pass


async def ask(client, method, path, status=200, headers=None, **body):
    answer = await client.request(method, path, json=body or None, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def label(client, trace, thumb, reason=None, status=200, **more):
    body = {"thumb": thumb} | ({"reason": reason} if reason else {}) | more
    return await ask(client, "POST", f"/spans/{answer_of(trace)}/labels", status, **body)


def answer_of(trace):
    return span_id(trace, "root").hex()


def named(trace):
    return trace_id(trace).hex()


async def listed(client, **filters):
    answer = await client.get("/conversations", params=filters)
    assert answer.status_code == 200, answer.text
    return [one["conversation_id"] for one in answer.json()["conversations"]]


async def rows_of(store, *tables):
    return {
        table.name: len(await store.read_all(lambda connection, table=table: connection.execute(table.select()).all()))
        for table in tables
    }


async def test_a_label_needs_a_reason_is_changed_undone_and_remembered(client):
    await export(client, rag_turn("t", "chat", "When did it open?", "In 1933."))
    refused = await label(client, "t", "down", status=400)
    assert "reason: is required" in refused["message"]
    assert "is none of project" in (await label(client, "t", "down", "no idea", 400))["message"]
    first = (await label(client, "t", "down", "wrong", note="It was 1932.", **MARA))["label"]
    assert (first["value"], first["reason"], first["explanation"]) == ("down", "wrong", "It was 1932.")
    assert first["target"] == {"kind": "span", "id": answer_of("t"), "trace_id": named("t")}
    assert await listed(client, label="down", reason="wrong") == ["chat"]
    await label(client, "t", "up", "satisfied", **MARA)
    assert (await listed(client, label="down"), await listed(client, label="up")) == ([], ["chat"])
    path = f"/spans/{answer_of('t')}/labels?author=mara"
    back = (await ask(client, "DELETE", path))["label"]
    assert (back["value"], back["explanation"]) == ("down", "It was 1932.")
    assert (await ask(client, "DELETE", path))["label"] is None
    assert (await ask(client, "DELETE", path, 404))["error"] == "not_found"
    assert await listed(client, label="down") == []
    history = (await ask(client, "GET", path))["history"]
    assert [one.get("value") for one in history] == [None, "down", "up", "down"]
    assert history[0]["removed"]


async def test_after_an_undo_the_next_undo_goes_further_back(client):
    await export(client, rag_turn("t", "chat", "q?", "a."))
    for thumb, reason in (("down", "wrong"), ("up", "satisfied"), ("down", "unsafe"), ("unknown", None)):
        await label(client, "t", thumb, reason, **MARA)
    path = f"/spans/{answer_of('t')}/labels?author=mara"
    seen = [(await ask(client, "DELETE", path))["label"] for _ in range(4)]
    assert [one and (one["value"], one.get("reason")) for one in seen] == [
        ("down", "unsafe"),
        ("up", "satisfied"),
        ("down", "wrong"),
        None,
    ]


async def test_a_project_has_reasons_of_its_own(client):
    await export(client, rag_turn("t", "chat", "q?", "a."))
    assert "wrong" in (await ask(client, "GET", "/projects/shop/reasons"))["reasons"]
    await ask(client, "PUT", "/projects/shop/reasons", reasons=["fine", "rude"])
    assert (await ask(client, "GET", "/projects/shop/reasons")) == {
        "success": True,
        "project": "shop",
        "reasons": ["fine", "rude"],
        "own": True,
    }
    await label(client, "t", "down", "wrong", 400)
    await label(client, "t", "down", "rude")
    assert (await ask(client, "GET", "/projects/shop/reasons", headers=OTHER))["own"] is False
    for bad in ([], ["a", "a"], [" "], ["x" * 200]):
        await ask(client, "PUT", "/projects/shop/reasons", 400, reasons=bad)


@pytest.mark.parametrize(
    ("data_type", "value", "kept"),
    [
        pytest.param("NUMERIC", 0.25, 0.25, id="number"),
        pytest.param("NUMERIC", "unknown", "unknown", id="unknown-number"),
        pytest.param("BOOLEAN", False, False, id="truth"),
        pytest.param("CATEGORICAL", "polite", "polite", id="category"),
        pytest.param("TEXT", "Too long\nby half.", "Too long\nby half.", id="text"),
        pytest.param("NUMERIC", True, None, id="truth-as-number"),
        pytest.param("BOOLEAN", 1, None, id="number-as-truth"),
        pytest.param("CATEGORICAL", 3, None, id="number-as-category"),
        pytest.param("TEXT", "", None, id="no-text"),
    ],
)
async def test_scores_have_the_type_they_say(client, data_type, value, kept):
    await export(client, rag_turn("t", "chat", "q?", "a."))
    body = {"target": {"kind": "trace", "id": named("t")}, "name": "tone", "annotator_kind": "HUMAN", **MARA}
    answer = await client.post("/scores", json=body | {"data_type": data_type, "value": value})
    if kept is None:
        assert answer.status_code == 400
        return
    assert answer.json()["score"]["value"] == kept
    [again] = (await ask(client, "GET", "/scores?name=tone"))["scores"]
    assert (again["value"], type(again["value"])) == (kept, type(kept))


async def test_one_score_a_source_and_no_mean_counts_the_unknown(client):
    await export(client, *(rag_turn(f"t{n}", f"chat-{n}", "q?", "a.") for n in range(4)))
    for n, value in enumerate((1.0, 0.5, "unknown", 0.0)):
        body = {"name": "help", "data_type": "NUMERIC", "annotator_kind": "LLM", "evaluator_version": "judge-1"}
        await ask(client, "POST", "/scores", target={"kind": "trace", "id": named(f"t{n}")}, value=value, **body)
    body |= {"target": {"kind": "trace", "id": named("t3")}, "value": 0.9}
    assert (await ask(client, "POST", "/scores", **body))["score"]["revision"] == 2
    assert (await ask(client, "POST", "/scores", **body | {"evaluator_version": "judge-2"}))["score"]["revision"] == 1
    [summary] = (await ask(client, "GET", "/scores/summary?name=help"))["summary"]
    assert (summary["n"], summary["unknown"], summary["mean"]) == (5, 1, pytest.approx((1 + 0.5 + 0.9 + 0.9) / 4))
    seen, cursor = [], ""
    while cursor is not None:
        page = await ask(client, "GET", "/scores?limit=2" + (f"&cursor={cursor}" if cursor else ""))
        seen += [(one["target"]["id"], one["evaluator_version"]) for one in page["scores"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 5
    await ask(client, "GET", "/scores?cursor=nonsense", 400)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param({"kind": "span", "id": "00f067aa0ba902b7"}, id="span"),
        pytest.param({"kind": "trace", "id": "4bf92f3577b34da6a3ce929d0e0e4736"}, id="trace"),
        pytest.param({"kind": "conversation", "id": "nowhere"}, id="conversation"),
        pytest.param({"kind": "run_item", "id": "run_1/case/0"}, id="run-item"),
        pytest.param({"kind": "run_item", "id": "run_1"}, id="half-a-run-item"),
    ],
)
async def test_what_is_scored_must_exist(client, target):
    body = {"name": "tone", "data_type": "NUMERIC", "value": 1, "annotator_kind": "HUMAN", "target": target}
    await ask(client, "POST", "/scores", 404, **body)
    await ask(client, "POST", "/scores", 400, **body | {"annotator_kind": "LLM"})
    await ask(client, "POST", "/scores", 400, **body | {"name": "thumb"})
    await ask(client, "POST", "/scores", 400, **body | {"target": {"kind": "conversation", "id": "a\u0000b"}})


async def test_feedback_finds_its_turn_by_request_and_is_no_label(client, services, clock):
    body = {"conversation_id": "c1", "question": "q?", "answer": "a.", "request_id": "req-1", "project": "desk"}
    await ask(client, "POST", "/traces", **body)
    await settle(services, clock)
    kept = (await ask(client, "POST", "/feedback", thumb="down", request_id="req-1", user="u1"))["feedback"]
    assert (kept["name"], kept["value"], kept["author"]) == ("feedback", "down", "u1")
    assert (await listed(client, feedback="down"), await listed(client, label="down")) == (["c1"], [])
    [item] = (await ask(client, "GET", "/queue"))["items"]
    assert (item["risk"], item["inclusion_probability"], item["why"]) == (0.95, 1.0, "the user pressed thumbs down")
    [negative] = (await ask(client, "GET", "/triages"))["triages"]
    assert negative["trace_id"] == item["trace_id"]
    await ask(client, "POST", "/feedback", thumb="up", request_id="req-1", user="u1")
    assert await listed(client, feedback="down") == []
    assert (await ask(client, "GET", "/triages"))["triages"] == []
    await ask(client, "POST", "/feedback", 404, thumb="up", request_id="req-2")
    await ask(client, "POST", "/feedback", 400, thumb="up")


async def complaints(client, services, clock):
    await export(
        client,
        rag_turn("t1", "chat", "When did the bridge open?", "It opened in 1933."),
        rag_turn("t2", "chat", "That is wrong, it opened in 1932.", "You are right.", 10_000),
        rag_turn("t3", "chat", "Perfect, thanks!", "You are welcome.", 20_000),
    )
    await settle(services, clock)


async def test_the_next_turn_is_read_as_a_suggestion(client, services, clock):
    await complaints(client, services, clock)
    found = {one["trace_id"]: one for one in (await ask(client, "GET", "/suggestions"))["suggestions"]}
    assert {name: one["thumb"] for name, one in found.items()} == {named("t1"): "down", named("t2"): "up"}
    down = found[named("t1")]
    evidence = down["evidence"]
    said = "That is wrong, it opened in 1932."
    assert evidence["trace_id"] == named("t2")
    assert said[evidence["char_start"] : evidence["char_end"]] == evidence["text"]
    assert await listed(client, suggestion="down") == ["chat"]
    assert await listed(client, label="down") == []
    path = f"/traces/{named('t1')}/suggestions/{down['rule']}"
    accepted = await ask(client, "POST", path, decision="accept", **MARA)
    assert (accepted["label"]["value"], accepted["suggestion"]["state"]) == ("down", "accepted")
    assert accepted["label"]["reason"] == "user corrected"
    assert accepted["label"]["detail"]["suggestion"] == down["rule"]
    assert await listed(client, label="down", reason="user corrected") == ["chat"]
    await ask(client, "POST", f"/traces/{named('t2')}/suggestions/{found[named('t2')]['rule']}", decision="dismiss")
    assert (await ask(client, "GET", "/suggestions"))["suggestions"] == []
    assert await listed(client, label="up") == []
    await ask(client, "POST", f"/traces/{named('t2')}/suggestions/none", 404, decision="accept")


async def test_a_turn_that_comes_late_between_two_changes_who_is_meant(client, services, clock):
    await export(
        client,
        rag_turn("t1", "chat", "When did the bridge open?", "It opened in 1932."),
        rag_turn("t3", "chat", "That is wrong.", "Sorry.", 20_000),
    )
    await settle(services, clock)
    assert [one["trace_id"] for one in (await ask(client, "GET", "/suggestions"))["suggestions"]] == [named("t1")]
    await export(client, rag_turn("t2", "chat", "And who built it?", "Nobody.", 10_000))
    await settle(services, clock)
    assert [one["trace_id"] for one in (await ask(client, "GET", "/suggestions"))["suggestions"]] == [named("t2")]


async def test_a_cause_is_proposed_with_its_reason_and_decided_by_a_person(client, services, clock):
    await complaints(client, services, clock)
    await ask(client, "POST", f"/traces/{named('t3')}/triage", 409, cause="OTHER")
    await label(client, "t1", "down", "hallucinated citation", **MARA)
    [one] = (await ask(client, "GET", "/triages?state=open"))["triages"]
    assert one["proposal"]["cause"] == "HALLUCINATION"
    assert "hallucinated citation" in one["proposal"]["reason"]
    decided = (await ask(client, "POST", f"/traces/{named('t1')}/triage", cause="FAILED_RETRIEVAL", **MARA))["triage"]
    assert (decided["cause"], decided["triage_by"], decided["triage_completed"]) == ("FAILED_RETRIEVAL", "mara", True)
    assert await listed(client, cause="FAILED_RETRIEVAL") == ["chat"]
    assert (await ask(client, "GET", "/triages?state=open"))["triages"] == []
    await ask(client, "POST", f"/traces/{named('t1')}/triage", cause=None)
    assert await listed(client, cause="HALLUCINATION") == ["chat"]
    await ask(client, "POST", f"/traces/{named('t1')}/triage", 400, cause="BAD LUCK")


async def test_negatives_are_clustered_by_cause_and_question(client):
    asked = ("What is the late fee of plan A?", "What is the late fee of plan B?", "Who is the manager in Bonn?")
    await export(client, *(rag_turn(f"t{n}", f"chat-{n}", text, "No.", n * 1000) for n, text in enumerate(asked)))
    for n in range(3):
        await label(client, f"t{n}", "down", "incomplete")
    found = (await ask(client, "GET", "/clusters?project=shop"))["clusters"]
    assert [set(one["trace_ids"]) for one in found] == [{named("t0"), named("t1")}, {named("t2")}]
    assert found[0]["cause"] == "INCOMPLETE_ANSWER"


async def test_two_reviewers_never_hold_one_item(client, services, clock):
    many = 12
    await export(client, *(rag_turn(f"t{n}", f"chat-{n}", "q?", "a.", n) for n in range(many)))
    await settle(services, clock)
    for n in range(many):
        await ask(client, "POST", "/feedback", thumb="down", trace_id=named(f"t{n}"))
    taken = await asyncio.gather(*(ask(client, "POST", "/queue:next", author=f"r{n}") for n in range(many + 4)))
    held = [one["item"]["trace_id"] for one in taken if one["item"]]
    assert len(held) == len(set(held)) == many
    mine = taken[0]["item"] or (await ask(client, "POST", "/queue:next", author="r0"))["item"]
    if mine:
        assert (await ask(client, "POST", "/queue:next", author="r0"))["item"]["trace_id"] == mine["trace_id"]
        await ask(client, "POST", f"/queue/{mine['trace_id']}/hold", 409, author="r1")
        await ask(client, "POST", f"/queue/{mine['trace_id']}/release", 404, author="r1")
        await ask(client, "POST", f"/queue/{mine['trace_id']}/release", author="r0")
        assert (await ask(client, "POST", "/queue:next", author="late"))["item"]["trace_id"] == mine["trace_id"]
    assert (await ask(client, "POST", "/queue:next", author="none left"))["item"] is None
    clock.advance_s(601)
    assert (await ask(client, "POST", "/queue:next", author="none left"))["item"] is not None


async def test_the_queue_goes_by_risk_and_a_review_ends_it(client, services, clock):
    await complaints(client, services, clock)
    await ask(client, "POST", "/feedback", thumb="down", trace_id=named("t3"))
    order = [one["trace_id"] for one in (await ask(client, "GET", "/queue?limit=1"))["items"]]
    page = await ask(client, "GET", "/queue?limit=1")
    order += [one["trace_id"] for one in (await ask(client, "GET", f"/queue?cursor={page['next_cursor']}"))["items"]]
    assert order[:2] == [named("t3"), named("t1")]
    item = (await ask(client, "POST", "/queue:next", **MARA))["item"]
    assert item["trace_id"] == named("t3")
    kept = (await label(client, "t3", "down", "wrong", **MARA))["label"]
    assert kept["inclusion_probability"] == 1.0
    assert (await ask(client, "POST", "/queue:next", **MARA))["item"]["trace_id"] == named("t1")
    # a label from elsewhere was drawn by nobody knows what
    assert "inclusion_probability" not in (await label(client, "t1", "down", "wrong", **TOM))["label"]
    assert (await ask(client, "GET", f"/traces/{named('t1')}/reviews"))["reviews"]["queue"]["state"] == "labelled"
    await ask(client, "DELETE", f"/spans/{answer_of('t3')}/labels?author=mara")
    assert (await ask(client, "POST", "/queue:next", **MARA))["item"]["trace_id"] == named("t3")


@pytest.fixture
async def half(store):
    """Services that put half of the answers without a sign of trouble into the queue, and a client."""
    built = build_services(store, traces_settings=UNSCORED.model_copy(update={"review_rate": 0.5}))
    transport = httpx.ASGITransport(app=build_app(built))
    headers = {"authorization": "Bearer one"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1", headers=headers) as opened:
        yield built, opened
    await built.sessions.shut_down()


async def test_the_rate_weighs_what_was_drawn_by_chance(half, clock):
    services, client = half
    many, bad = 30, 6
    await export(client, *(rag_turn(f"t{n}", f"chat-{n}", "q?", "a.", n) for n in range(many)))
    await settle(services, clock)
    for n in range(bad):
        await ask(client, "POST", "/feedback", thumb="down", trace_id=named(f"t{n}"))
    assert (await ask(client, "GET", "/queue/estimate"))["rate"] is None
    routine = 0
    while (item := (await ask(client, "POST", "/queue:next", **MARA))["item"]) is not None:
        trouble = item["risk"] > 0.5
        routine += not trouble
        assert item["inclusion_probability"] == (1.0 if trouble else 0.5)
        body = {"thumb": "down", "reason": "wrong"} if trouble else {"thumb": "up", "reason": "satisfied"}
        await ask(client, "POST", f"/spans/{item['answer_span_id']}/labels", trace_id=item["trace_id"], **body, **MARA)
        if trouble:
            partly = await ask(client, "GET", "/queue/estimate")
            assert partly["rate"] is None, "nothing of the routine step was seen: all reviewed are bad"
    drawn = sum(review_order.is_drawn(review_order.review_order(named(f"t{n}")), 0.5) for n in range(bad, many))
    assert routine == drawn > 5
    answer = await ask(client, "GET", "/queue/estimate?project=shop")
    expected = 2 * routine / (2 * routine + bad)
    assert answer["rate"]["value"] == pytest.approx(expected, abs=1e-6)
    assert answer["rate"]["low"] < expected < answer["rate"]["high"] <= 1.0
    assert answer["reviewed"] == routine + bad


def test_a_rate_of_equal_values_still_has_an_interval():
    found = rate_of([(1.0, 0.1, 30)])
    assert found.value == 1.0
    assert 0.8 < found.low < 1.0
    assert found.high == 1.0


async def test_a_selection_becomes_draft_cases_with_everything_filled_in(client, services, clock):
    await complaints(client, services, clock)
    await label(client, "t1", "down", "hallucinated citation", note="The year is wrong.", **MARA)
    await ask(client, "POST", f"/traces/{named('t1')}/triage", cause="HALLUCINATION", **MARA)
    await label(client, "t2", "up", "satisfied", **MARA)
    made = (await ask(client, "POST", "/selections", name="november", filters={"label": "down"}, **MARA))["selection"]
    assert (made["traces"], made["trace_ids"]) == (1, [named("t1")])
    cases = f"/selections/{made['selection_id']}/cases"
    answer = await ask(client, "POST", cases)
    assert [(one["task_id"], one["status"]) for one in answer["cases"]] == [(f"trace-{named('t1')}", "DRAFT")]
    case = (await ask(client, "GET", f"/cases/trace-{named('t1')}"))["case"]
    assert case["input_messages"] == [{"role": "user", "content": "When did the bridge open?"}]
    assert case["recorded_failure"] == "It opened in 1933."
    assert (case["failure_category"], case["severity"], case["track"]) == ("HALLUCINATION", 4, "regression")
    assert (case["source"], case["created_from_trace_id"]) == ("user_feedback", named("t1"))
    assert case["relevant_docs"][0]["document_id"] == "bridge.md"
    assert "The year is wrong." in case["expected_behavior"]
    assert "it opened in 1932" in case["expected_behavior"]
    assert case["cluster_key"]
    assert "reference_answer" not in case
    again = await ask(client, "POST", cases)
    assert again["cases"] == []
    assert "exists already and is DRAFT" in again["skipped"][0]["reason"]
    both = (await ask(client, "POST", "/selections", name="all", filters={"project": "shop"}))["selection"]
    await ask(client, "POST", f"/selections/{both['selection_id']}/cases")
    good = (await ask(client, "GET", f"/cases/trace-{named('t2')}"))["case"]
    assert (good["reference_answer"], good["track"], good["is_positive_example"]) == ("You are right.", "golden", True)
    assert [one["selection_id"] for one in (await ask(client, "GET", "/selections"))["selections"]]
    await ask(client, "DELETE", f"/selections/{both['selection_id']}")
    await ask(client, "GET", f"/selections/{both['selection_id']}", 404)
    for bad in ({"filters": {"label": "down"}, "trace_ids": ["a"]}, {}, {"filters": {"nonsense": "x"}}):
        await ask(client, "POST", "/selections", 400, name="bad", **bad)
    await ask(client, "POST", "/selections", 400, name="none", filters={"model": "nowhere"})


async def test_deleting_a_conversation_takes_its_reviews_along(client, services, store, clock):
    await complaints(client, services, clock)
    await label(client, "t1", "down", "wrong", **MARA)
    body = {"name": "tone", "data_type": "NUMERIC", "value": 1, "annotator_kind": "HUMAN"}
    await ask(client, "POST", "/scores", target={"kind": "conversation", "id": "chat"}, **body)
    made = (await ask(client, "POST", "/selections", name="s", trace_ids=[named("t1")]))["selection"]
    gone = (await ask(client, "DELETE", "/conversations/chat"))["deleted"]
    assert (gone["scores"], gone["suggestions"], gone["triages"], gone["traces"]) == (2, 2, 1, 3)
    assert set((await rows_of(store, scores, score_revisions, suggestions, triages)).values()) == {0}
    answer = await ask(client, "POST", f"/selections/{made['selection_id']}/cases")
    assert answer["skipped"] == [{"trace_id": named("t1"), "reason": "the turn was deleted meanwhile"}]


async def test_nothing_of_another_tenant_can_be_reviewed(client, services, clock):
    await complaints(client, services, clock)
    await label(client, "t1", "down", "wrong", **MARA)
    for method, path, body in (
        ("POST", f"/spans/{answer_of('t1')}/labels", {"thumb": "down", "reason": "wrong"}),
        ("POST", "/feedback", {"thumb": "up", "trace_id": named("t1")}),
        ("POST", f"/traces/{named('t1')}/triage", {"cause": "OTHER"}),
        ("GET", f"/traces/{named('t1')}/reviews", {}),
        ("GET", f"/spans/{answer_of('t1')}/labels?author=mara", {}),
    ):
        await ask(client, method, path, 404, headers=OTHER, **body)
    await ask(client, "POST", f"/queue/{named('t1')}/hold", 409, headers=OTHER, author="x")
    for path, name in (
        ("/scores", "scores"),
        ("/suggestions", "suggestions"),
        ("/triages", "triages"),
        ("/queue", "items"),
        ("/clusters", "clusters"),
        ("/selections", "selections"),
    ):
        assert (await ask(client, "GET", path, headers=OTHER))[name] == []


async def test_notes_are_redacted(client, store):
    secret = "ghp_" + "Zq81xLk3" * 5
    await export(client, rag_turn("t", "chat", "q?", "a."))
    kept = (await label(client, "t", "down", "wrong", note=f"it said {secret}", author="mara"))["label"]
    assert secret not in str(kept)
    assert "[REDACTED:github_token]" in kept["explanation"]


async def test_a_claim_of_a_gateway_that_died_runs_out(client, services, store, clock):
    from serving.reviews.settling import _CLAIM_S, _claim, _due

    await export(client, rag_turn("t", "chat", "q?", "a."))
    clock.advance_s(6)
    [due] = await store.read_all(lambda c: _due(clock.ms, c))
    assert await store.tenant("one").write(lambda c: _claim(due, clock.ms, c))
    assert not await store.tenant("one").write(lambda c: _claim(due, clock.ms, c))
    assert await services.reviews.settler.settle() == 0
    clock.advance_s(_CLAIM_S + 1)
    assert await services.reviews.settler.settle() == 1


async def test_reviews_of_a_turn_in_one_answer(client, services, clock):
    await complaints(client, services, clock)
    await label(client, "t1", "down", "wrong", **MARA)
    found = (await ask(client, "GET", f"/traces/{named('t1')}/reviews"))["reviews"]
    assert found["label"] == "down"
    assert [one["name"] for one in found["scores"]] == ["thumb"]
    assert found["suggestions"][0]["thumb"] == "down"
    assert found["triage"]["triage_completed"] is False
