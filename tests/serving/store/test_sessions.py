from __future__ import annotations

import asyncio
from functools import partial

import pytest

from scoring.session.update import from_json, initial_state, signals_to_json, to_json, update
from serving.api.errors import OverloadedError
from serving.api.observation import observation_of
from serving.lanes.fake import count_words
from serving.sessions.drafts import EventDraft
from serving.sessions.memory import SessionMemory
from serving.sessions.turns import with_premises
from serving.store.store import TenantStore
from serving.store.sweeper import Sweeper, Swept

pytestmark = pytest.mark.store
SESSIONS = "/trace/sessions"


async def opened(client, **body):
    answer = await client.post(SESSIONS, json={"kind": "code", **body})
    assert answer.status_code == 201, answer.text
    return f"{SESSIONS}/{answer.json()['session']['session_id']}"


def event(content, kind="user_message", **more):
    return {"event_type": kind, "content": content, **more}


def turn(response, context, lane="rag", **more):
    request = {"response_text": response, "raw_context": context, **more.pop("request", {})}
    return {"lane": lane, "trace_request": request, **more}


def nested(levels):
    value = "x"
    for _ in range(levels):
        value = [value]
    return value


async def test_a_session_lives_from_open_to_close(client, clock):
    session = await opened(client, metadata={"run": 7}, retention="2h")
    first = await client.post(f"{session}/events", json={"event": event("Use port 5433 for billing_db.")})
    assert first.json()["events"] == [
        {"sequence": 1, "source_id": first.json()["events"][0]["source_id"], "duplicate": False}
    ]
    more = await client.post(f"{session}/events", json={"events": [event("a"), event("b"), event("a")]})
    assert [one["sequence"] for one in more.json()["events"]] == [2, 3, 4]
    view = (await client.get(session)).json()["session"]
    assert view | {"next_session_state": None} == {
        "session_id": session.rsplit("/", 1)[1],
        "kind": "code",
        "status": "open",
        "metadata": {"run": 7},
        "retention": "2h",
        "privacy_mode": False,
        "events": 4,
        "turns": 0,
        "created_at": "2026-09-21T14:13:20.000Z",
        "updated_at": "2026-09-21T14:13:20.000Z",
        "expires_at": "2026-09-21T16:13:20.000Z",
        "next_session_state": None,
    }
    closed = await client.delete(session)
    assert closed.json()["session"]["status"] == "closed"
    assert (await client.delete(session)).status_code == 200
    refused = await client.post(f"{session}/events", json={"event": event("late")})
    assert (refused.status_code, refused.json()["error"]) == (409, "conflict")
    assert (await client.get(f"{session}/context")).status_code == 200
    clock.advance_s(7200)
    assert (await client.get(session)).status_code == 404


async def test_repeated_and_reordered_delivery_keeps_each_event_once(client):
    session = await opened(client)
    events = [event(f"step {n}", idempotency_key=f"k{n}") for n in range(20)]
    sends = [client.post(f"{session}/events", json={"events": [events[n], events[(n * 7) % 20]]}) for n in range(20)]
    answers = await asyncio.gather(*sends, *(client.post(f"{session}/events", json={"event": e}) for e in events))
    assert {answer.status_code for answer in answers} == {200}
    view = (await client.get(session)).json()["session"]
    assert view["events"] == 20
    again = await client.post(f"{session}/events", json={"events": events})
    sequences = [one["sequence"] for one in again.json()["events"]]
    assert sorted(sequences) == list(range(1, 21))
    assert all(one["duplicate"] for one in again.json()["events"])
    other = await client.post(f"{session}/events", json={"event": event("something else", idempotency_key="k3")})
    assert (other.status_code, other.json()["error"]) == (409, "conflict")


async def test_managed_state_gives_the_signals_of_carried_state(client):
    session = await opened(client)
    carried = to_json(initial_state())
    for n in range(6):
        response = f"alpha beta {'phantom_call' if n % 2 else 'gamma'} word{n}"
        answer = (await client.post(f"{session}/score", json=turn(response, "alpha beta gamma", "code"))).json()
        after, signals = update(from_json(carried)[0], observation_of(answer["trace_response"]))
        carried = to_json(after)
        assert answer["trace_response"]["session_signals"] == signals_to_json(signals)
        assert answer["trace_response"]["next_session_state"] == carried
        assert answer["session"]["session_signals"]["total_turns"] == n + 1
        assert answer["turn"] == n + 1


async def test_turns_scored_at_once_are_all_counted(client, services):
    services.lane.delay_s = 0.01
    session = await opened(client)
    turns = [turn(f"alpha word{n}", "alpha beta", request={"request_id": f"r{n}"}) for n in range(24)]
    answers = await asyncio.gather(*(client.post(f"{session}/score", json=body) for body in turns))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["turn"] for answer in answers) == list(range(1, 25))
    totals = sorted(answer.json()["trace_response"]["session_signals"]["total_turns"] for answer in answers)
    assert totals == list(range(1, 25))
    assert (await client.get(session)).json()["session"]["next_session_state"]["turns"] == 24


async def test_a_turn_delivered_twice_is_scored_once(client, services):
    session = await opened(client)
    body = turn("alpha beta", "alpha", request={"request_id": "same"})
    first, again = [(await client.post(f"{session}/score", json=body)).json() for _ in range(2)]
    assert first["trace_response"] == again["trace_response"]
    assert again["session"]["turns"] == 1
    assert len(services.lane.calls) == 1
    both = await asyncio.gather(
        *(
            client.post(f"{session}/score", json=turn("gamma", "alpha", request={"request_id": "race"}))
            for _ in range(5)
        )
    )
    assert {answer.json()["turn"] for answer in both} == {2}
    other = await client.post(f"{session}/score", json=turn("delta", "alpha", request={"request_id": "same"}))
    assert other.status_code == 409


async def test_a_lane_that_fails_leaves_no_turn(client, services):
    session = await opened(client)
    services.lane.failures.append(OverloadedError("full", retry_after_s=7))
    refused = await client.post(f"{session}/score", json=turn("alpha", "alpha"))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "7")
    assert (await client.get(session)).json()["session"]["turns"] == 0


async def test_hot_context_is_bounded_and_points_at_its_sources(client):
    session = await opened(client)
    events = [event(f"We decided to use queue_{n} on port {6000 + n}.", "assistant_message") for n in range(150)]
    for start in range(0, 150, 50):
        await client.post(f"{session}/events", json={"events": events[start : start + 50]})
    answer = (await client.get(f"{session}/context", params={"max_tokens": 120})).json()
    assert answer["hot_context"]["tokens"] <= 120
    assert "queue_149" in answer["hot_context"]["text"]
    counts = answer["memory"]
    assert counts["hot"] == len(answer["hot_context"]["lines"]) > 0
    assert counts["records"] == 150
    for line in answer["hot_context"]["lines"]:
        source = (await client.get(f"{session}/sources/{line['source_id']}")).json()
        assert source["text"][line["char_start"] : line["char_end"]] in source["text"]
        assert "decided to use" in source["text"]
    assert (await client.get(f"{session}/context", params={"max_tokens": 120})).json() == answer


async def test_memory_is_the_same_however_it_was_folded(client):
    """Folding after every event, and once at the end, by racing readers, give one memory."""
    often, once = await opened(client), await opened(client)
    events = [event(f"Error: table orders_{n} failed with code {900 + n}.", "tool_result") for n in range(40)]
    for one in events:
        await client.post(f"{often}/events", json={"event": one})
        await client.get(f"{often}/context")
    await client.post(f"{once}/events", json={"events": events})
    contexts = await asyncio.gather(*(client.get(f"{once}/context") for _ in range(5)), client.get(f"{often}/context"))
    bodies = [{key: value for key, value in answer.json().items() if key != "session_id"} for answer in contexts]
    assert all(body == bodies[0] for body in bodies)


class WrittenTo(TenantStore):
    """A tenant's store in which another event stands by the time that a change is done."""

    def __init__(self, services, session_id):
        super().__init__(services.store.database, "one")
        self.append = partial(services.sessions.append, "one", session_id, [EventDraft("note", "more")])

    async def write(self, work):
        result = await super().write(work)
        await self.append()
        return result


async def test_a_session_that_is_written_to_without_a_pause_does_not_hold_up_its_readers(client, services):
    session = await opened(client)
    await client.post(f"{session}/events", json={"events": [event(f"step {n}") for n in range(100)]})
    session_id = session.rsplit("/", 1)[1]
    memory = SessionMemory(count_words)
    async with asyncio.timeout(20):
        state = await memory.fold(WrittenTo(services, session_id), session_id, upto=100)
    memory.close()
    assert 100 <= state.events < 128


async def test_repair_finds_what_left_the_context_long_ago(client):
    session = await opened(client)
    await client.post(f"{session}/events", json={"event": event("The refund code is RX-88213 for order W4412.")})
    filler = [event(f"Line {n}: nothing happened to item_{n} today.") for n in range(200)]
    for start in range(0, 200, 100):
        await client.post(f"{session}/events", json={"events": filler[start : start + 100]})
    body = {"missing_terms": ["RX-88213", "never_said"], "reason": "test", "max_tokens": 60}
    packet = (await client.post(f"{session}/repair", json=body)).json()["repair_packet"]
    assert (packet["found"], packet["not_found"]) == (["RX-88213"], ["never_said"])
    excerpt = packet["excerpts"][0]
    source = (await client.get(f"{session}/sources/{excerpt['source_id']}")).json()["text"]
    assert source[excerpt["char_start"] : excerpt["char_end"]] == excerpt["text"]
    assert packet["tokens"] <= 60


async def test_a_trigger_scores_again_with_the_original(client, services):
    session = await opened(client)
    await client.post(f"{session}/events", json={"event": event("Deploy token_service to cluster eu_west_7 only.")})
    await client.post(f"{session}/events", json={"events": [event(f"chat {n}") for n in range(30)]})
    body = turn("Deploy token_service to cluster eu_west_7", "unrelated words", force_original_on_trigger=True)
    answer = (await client.post(f"{session}/score", json=body)).json()
    assert answer["trigger"]["original"]["band"] == "red"
    assert answer["trigger"]["repaired"]["band"] == "green"
    assert answer["trace_response"]["band"] == "green"
    assert "band_red" in answer["trigger"]["reasons"]
    assert "eu_west_7" in answer["repair_packet"]["found"]
    assert len(services.lane.calls) == 2
    assert services.lane.calls[1][1]["raw_context"].startswith("unrelated words\n\n")
    calm = (
        await client.post(f"{session}/score", json=turn("calm words", "calm words", force_original_on_trigger=True))
    ).json()
    assert "repair_packet" not in calm
    assert len(services.lane.calls) == 3


async def test_the_hot_context_can_be_a_premise(client, services):
    session = await opened(client)
    await client.post(f"{session}/events", json={"event": event("We decided to keep billing_db on port 5433.")})
    body = turn("billing_db is on port 5433", "unrelated", use_hot_context=True)
    await client.post(f"{session}/score", json=body)
    assert "billing_db" in services.lane.calls[0][1]["raw_context"]


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        pytest.param({"raw_context": "a"}, {"raw_context": "a\n\nx\n\ny"}, id="after-raw-context"),
        pytest.param({"chunk_ids": ["c"]}, {"chunk_ids": ["c"], "raw_context": "x\n\ny"}, id="beside-chunks"),
        pytest.param(
            {"support_units": [{"text": "a"}]},
            {"support_units": [{"text": "a"}, {"text": "x", "source_id": "s"}, {"text": "y", "source_id": "t"}]},
            id="after-units",
        ),
    ],
)
def test_premises_are_added_after_the_callers_own(request_body, expected):
    assert with_premises(request_body, [("s", "x"), ("t", "y")], as_files=False) == expected


async def test_rollup_needs_no_turns_sent_again(client):
    session = await opened(client)
    none = await client.post(f"{session}/rollup")
    assert (none.status_code, none.json()["error"]) == (409, "conflict")
    for n in range(5):
        await client.post(f"{session}/score", json=turn("alpha beta" if n < 3 else "gamma delta", "alpha beta"))
    board = (await client.post(f"{session}/rollup", json={"heatmap_format": "none"})).json()
    assert board["turns_processed"] == 5
    assert board["risk_band_trail"] == ["green", "green", "green", "red", "red"]
    assert board["recommendations"][0] == "re_anchor"


async def test_closing_by_retention_deletes_what_nobody_else_uses(client, store, clock):
    shared = event("a text that two sessions hold")
    kept, gone = await opened(client), await opened(client, retention="close")
    for session in (kept, gone):
        await client.post(f"{session}/events", json={"event": shared})
    only = (await client.post(f"{gone}/events", json={"event": event("only here")})).json()["events"][0]["source_id"]
    assert (await client.delete(gone)).json()["session"]["status"] == "deleted"
    assert (await client.get(gone)).status_code == 404
    left = (await client.get(f"{kept}/context")).status_code
    assert left == 200
    source = (await client.post(f"{kept}/events", json={"event": shared})).json()["events"][0]["source_id"]
    assert (await client.get(f"{kept}/sources/{source}")).json()["text"] == shared["content"]
    from serving.store.schema import vault

    names = {row.source_id for row in await store.tenant("one").read(lambda c: c.rows(vault.select()))}
    assert names == {source}
    assert only not in names


async def test_the_sweeper_deletes_what_expired_and_nothing_else(client, store, clock):
    short, long, for_good = [await opened(client, retention=time) for time in ("1h", "30d", "keep")]
    for session in (short, long, for_good):
        await client.post(f"{session}/events", json={"event": event("text")})
    clock.advance_s(3599)
    assert await Sweeper(store).sweep() == Swept(0, 0)
    clock.advance_s(1)
    assert await Sweeper(store).sweep() == Swept(1, 0)
    assert [(await client.get(session)).status_code for session in (short, long, for_good)] == [404, 200, 200]
    clock.advance_s(4000 * 86400)
    assert await Sweeper(store).sweep() == Swept(1, 0)
    assert (await client.get(for_good)).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        pytest.param("", {"kind": "poem"}, "kind", id="kind"),
        pytest.param("", {"kind": "rag", "retention": "forever"}, "retention", id="retention"),
        pytest.param("", {"kind": "rag", "colour": "red"}, "colour", id="unknown-field"),
        pytest.param("/events", {}, "either event or events", id="no-event"),
        pytest.param("/events", {"event": {"event_type": "a b", "content": "x"}}, "event_type", id="event-type"),
        pytest.param(
            "/score", {"lane": "rag", "trace_request": {"response_text": "x"}}, "no premises", id="no-premises"
        ),
        pytest.param("/score", turn("x", "y", request={"return_job": True}), "return_job", id="job-in-turn"),
        pytest.param(
            "/score", turn("x", "y", "code", request={"session_state": {"version": 1}}), "session_state", id="state"
        ),
        pytest.param("/score", turn("x", "y", request={"session_state": {}}), "code lane", id="field-of-other-lane"),
        pytest.param("/score", turn("x", "y", request={"support_units": "deep"}), "64 levels", id="deep-json"),
        pytest.param("/repair", {"missing_terms": []}, "missing_terms", id="no-terms"),
        pytest.param("/repair", {"missing_terms": ["  "]}, "missing_terms", id="blank-terms"),
    ],
)
async def test_bad_input_is_refused_by_name(client, path, body, word):
    if body.get("trace_request", {}).get("support_units") == "deep":
        body["trace_request"] = {"response_text": "x", "support_units": [{"text": "y", "metadata": {"a": nested(80)}}]}
    session = SESSIONS if path == "" else await opened(client)
    answer = await client.post(f"{session}{path}", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")
    assert word in answer.json()["message"]


async def test_a_lone_surrogate_is_refused_and_nul_is_kept(client):
    session = await opened(client)
    refused = await client.post(
        f"{session}/events",
        content=b'{"event":{"event_type":"x","content":"a\\ud800b"}}',
    )
    assert refused.status_code == 400
    kept = await client.post(f"{session}/events", json={"event": event("a\x00b", metadata={"k": "\x00"})})
    source = kept.json()["events"][0]["source_id"]
    assert (await client.get(f"{session}/sources/{source}")).json()["text"] == "a\x00b"


async def test_no_name_in_a_path_reaches_the_database_unchecked(client):
    session = await opened(client)
    for name in ("%00", "x%00y", "%ED%A0%80", "..%2F..", "a" * 5000):
        for path in (f"{session}/sources/{name}", f"{SESSIONS}/{name}", f"/jobs/{name}", f"/trace/chunks/{name}"):
            assert (await client.get(path)).status_code in (400, 404), path


async def test_an_event_past_the_limit_is_refused_whole(client):
    session = await opened(client)
    answer = await client.post(f"{session}/events", json={"events": [event("fine"), event("x" * 400_001)]})
    assert (answer.status_code, answer.json()["error"]) == (413, "payload_too_large")
    assert (await client.get(session)).json()["session"]["events"] == 0
