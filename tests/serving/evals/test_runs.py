"""Cases, suites, runs, comparison and releases over HTTP, against a stand-in for a model's endpoint."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from serving.auth.keys import KeyFile
from tests.serving.evals.eval_server import build
from tests.serving.http_server import running

ROOT = Path(__file__).parents[3]


class Endpoint:
    """Speaks OpenAI's protocol: says the number of the question plus ``offset``. Counts calls by idempotency key."""

    def __init__(self, delay_s=0.0, offset=0, fail=()):
        self.calls, self.delay_s, self.offset, self.fail, self.app = Counter(), delay_s, offset, set(fail), FastAPI()
        self.headers = []

        @self.app.post("/v1/chat/completions")
        async def complete(request: Request) -> Response:
            body = await request.json()
            self.headers.append(dict(request.headers))
            self.calls[request.headers["idempotency-key"]] += 1
            await asyncio.sleep(self.delay_s)
            number = int(body["messages"][-1]["content"].split()[-1])
            if number in self.fail:
                return Response(status_code=400)
            message = {"role": "assistant", "content": f"It is {number + self.offset}."}
            usage = {"prompt_tokens": 1000, "completion_tokens": 1000}
            return JSONResponse({"choices": [{"message": message}], "usage": usage})


def _cases(count):
    return [
        {
            "task_id": f"case-{number:03}",
            "input_messages": f"Say {number}",
            "reference_answer": f"It is {number}.",
            "recorded_failure": "It is wrong.",
            "graders": [{"kind": "numeric", "value": number}],
            "track": "regression" if number % 2 else "golden",
        }
        for number in range(count)
    ]


@asynccontextmanager
async def _client(folder, **settings):
    app = build(folder, **settings)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://t/api/v1") as found,
    ):
        yield found


@pytest.fixture
async def client(tmp_path):
    async with _client(tmp_path) as found:
        yield found


async def _ok(call, status=200):
    response = await call
    assert response.status_code == status, response.text
    return response.json()


async def _suite(client, count):
    await _ok(client.post("/cases", json={"cases": _cases(count)}))
    for number in range(count):
        for status in ("CURATED", "ACTIVE"):
            await _ok(client.post(f"/cases/case-{number:03}/status", json={"status": status}))
    return (await _ok(client.post("/suites", json={"name": "numbers"})))["suite"]["suite_hash"]


async def _rest(client, run_id, wanted=("COMPLETED",), limit_s=30.0):
    deadline = time.monotonic() + limit_s
    while True:
        run = (await _ok(client.get(f"/runs/{run_id}")))["run"]
        if run["status"] in wanted:
            return run
        assert time.monotonic() < deadline, run
        await asyncio.sleep(0.05)


def _target(url, **fields):
    return {"kind": "openai", "base_url": f"{url}/v1", "model": "stand-in", **fields}


async def test_cases_go_through_their_life_and_every_change_is_a_revision(client):
    case = _cases(1)[0]
    await _ok(client.post("/cases", json={"cases": [case]}))
    skipped = await client.post("/cases/case-000/status", json={"status": "ACTIVE"})
    assert (skipped.status_code, skipped.json()["error"]) == (409, "conflict")
    await _ok(client.post("/cases/case-000/status", json={"status": "CURATED"}))
    refused = await client.post("/cases/case-000/status", json={"status": "ACTIVE", "good_answer": "It is 7."})
    assert "known-good" in refused.json()["message"]
    await _ok(client.post("/cases/case-000/status", json={"status": "ACTIVE"}))
    again = await _ok(client.post("/cases", json={"cases": [case]}))
    assert again["cases"][0]["status"] == "ACTIVE"
    changed = await _ok(client.post("/cases", json={"cases": [{**case, "severity": 5}]}))
    assert changed["cases"][0]["status"] == "DRAFT"
    found = await _ok(client.get("/cases/case-000"))
    assert len(found["revisions"]) == 2
    assert found["case"]["severity"] == 5
    wrong = await client.post("/cases", json={"cases": [{**case, "graders": [{"kind": "contains", "text": ""}]}]})
    assert (wrong.status_code, "could not fail" in wrong.json()["message"]) == (400, True)
    draft = await client.post("/suites", json={"name": "s", "task_ids": ["case-000"]})
    assert draft.status_code == 409
    exported = await client.get("/cases:export")
    assert exported.text.count("\n") == 1
    assert "status" not in exported.text


async def test_suites_keep_the_revisions_they_were_made_of(client):
    first = await _suite(client, 3)
    await _ok(client.post("/cases", json={"cases": [{**_cases(1)[0], "severity": 5}]}))
    kept = await _ok(client.get(f"/suites/{first}"))
    assert kept["suite"]["cases"] == 3
    assert (await _ok(client.post("/suites", json={"name": "two"})))["suite"]["suite_hash"] != first
    assert len((await _ok(client.get("/cases?status=ACTIVE&limit=1")))["cases"]) == 1


async def test_a_run_is_graded_compared_and_released(client, monkeypatch):
    monkeypatch.setenv("EVAL_KEY", "secret-1")
    suite = await _suite(client, 12)
    worse, better = Endpoint(offset=1), Endpoint()
    runs = {}
    for name, endpoint in (("baseline", worse), ("candidate", better)):
        with running(endpoint.app) as url:
            body = {"suite": suite, "target": _target(url, key_env="EVAL_KEY", input_usd=1.0, output_usd=1.0)}
            started = await _ok(client.post("/runs", json=body), 202)
            runs[name] = await _rest(client, started["run"]["run_id"])
        assert sum(endpoint.calls.values()) == 12
        assert {one["authorization"] for one in endpoint.headers} == {"Bearer secret-1"}
    assert runs["baseline"]["progress"]["passed"] == 0
    assert runs["candidate"]["progress"] | {"mean_latency_ms": 0} == {
        "done": 12, "passed": 12, "failed": 0, "spent_usd": pytest.approx(12 * 0.002), "mean_latency_ms": 0,
    }  # fmt: skip
    assert runs["candidate"]["tags"][1] == "batch-testing-stand-in"
    page = await _ok(client.get(f"/runs/{runs['candidate']['run_id']}/results?limit=5"))
    more = await _ok(client.get(f"/runs/{runs['candidate']['run_id']}/results?cursor={page['next_cursor']}&limit=50"))
    assert [one["task_id"] for one in page["results"] + more["results"]] == [f"case-{n:03}" for n in range(12)]
    ids = {name: run["run_id"] for name, run in runs.items()}
    policy = {"margins": {"supporting": None}, "max_regressions": {"passed": 0}, "least_fix_rate": 0.5}
    compared = (await _ok(client.post("/runs:compare", json={**ids, "policy": policy})))["comparison"]
    assert (compared["decision"], compared["sentence"]) == ("GO", "6 known failures fixed, no answer regressed")
    turned = {"baseline": ids["candidate"], "candidate": ids["baseline"], "policy": policy}
    refused = await client.post("/releases/production:promote", json=turned)
    assert (refused.status_code, "NO-GO" in refused.json()["message"]) == (409, True)
    released = await _ok(client.post("/releases/production:promote", json={**ids, "policy": policy}))
    assert released["release"]["record"]["suite_hash"] == suite
    other = await client.post("/releases/production:promote", json={**ids, "policy": policy})
    assert "no run of what production points at" in other.json()["message"]
    assert (await client.post("/releases/production:rollback")).status_code == 409
    assert (await _ok(client.get("/releases/production")))["release"]["version"] == 1


async def test_what_a_run_asked_is_read_as_conversations_and_kept_apart_from_production(tmp_path):
    async with _client(tmp_path, **{"traces.settle_s": 0}) as client:
        suite, endpoint = await _suite(client, 4), Endpoint(fail=[3])
        own = {"conversation_id": "production", "question": "Where?", "answer": "Here.", "model": "live"}
        await _ok(client.post("/traces", json=own))
        with running(endpoint.app) as url:
            body = {"suite": suite, "target": _target(url), "experiment_name": "nightly"}
            run = await _rest(client, (await _ok(client.post("/runs", json=body), 202))["run"]["run_id"])
            endpoint.fail.clear()
            await _ok(client.post(f"/runs/{run['run_id']}:resume"))
            await _rest(client, run["run_id"])
        listed = (await _ok(client.get("/conversations")))["conversations"]
        assert [one["conversation_id"] for one in listed] == ["production"]
        for asked in ({"tag": run["tags"][0]}, {"tag": "batch-testing-stand-in"}, {"experiment": "nightly"},
                      {"project": "groundlane-runs"}):  # fmt: skip
            found = (await _ok(client.get("/conversations", params=asked)))["conversations"]
            assert {one["conversation_id"] for one in found} == {f"{run['run_id']}/case-{n:03}/0" for n in range(4)}, (
                asked
            )
        assert {one["answer"] for one in found} == {f"It is {n}." for n in range(4)}
        whole = await _ok(client.get(f"/conversations/{run['run_id']}%2Fcase-003%2F0"))
        [turn] = whole["conversation"]["timeline"]
        assert (turn["question"], turn["answer"], len(turn["calls"])) == ("Say 3", "It is 3.", 2)
        calls = [(await _ok(client.get(f"/spans/{call['span_id']}")))["span"] for call in turn["calls"]]
        assert {call.get("error") for call in calls} >= {"HTTP 400 (attempt 1)"}
        assert {call["attributes"]["task_id"] for call in calls} == {"case-003"}
        for _ in range(100):
            turns = (await _ok(client.get(f"/conversations/{run['run_id']}%2Fcase-001%2F0")))["conversation"][
                "timeline"
            ]
            if turns[0]["score_state"] == "skipped":
                break
            await asyncio.sleep(0.1)
        assert turns[0]["score_reason"] == "an eval run's answer is judged by its case's graders"
        queued = (await _ok(client.get("/queue")))["items"]
        assert all(item["trace_id"] != turns[0]["trace_id"] for item in queued)


async def test_the_same_answers_are_not_paid_twice_by_another_run(client):
    suite, endpoint = await _suite(client, 5), Endpoint()
    with running(endpoint.app) as url:
        body = {"suite": suite, "target": _target(url)}
        for _ in range(2):
            started = await _ok(client.post("/runs", json=body), 202)
            await _rest(client, started["run"]["run_id"])
        assert sum(endpoint.calls.values()) == 5
        repeated = await _ok(client.post("/runs", json={**body, "repeats": 3}), 202)
        run = await _rest(client, repeated["run"]["run_id"])
    assert sum(endpoint.calls.values()) == 15
    assert run["progress"]["done"] == 15


async def test_a_budget_stops_a_run_and_a_new_one_goes_on(client):
    suite, endpoint = await _suite(client, 12), Endpoint()
    with running(endpoint.app) as url:
        body = {
            "suite": suite,
            "target": _target(url, input_usd=100.0, output_usd=100.0),
            "budget_usd": 0.8,
            "concurrency": 1,
            "confirm": True,
        }
        started = await _ok(client.post("/runs", json=body), 202)
        stopped = await _rest(client, started["run"]["run_id"], ("STOPPED",))
        paid = sum(endpoint.calls.values())
        assert "budget" in stopped["reason"]
        assert 4 <= paid <= 6  # each costs 0.2; two may be in flight when the fourth is counted
        await _ok(client.post(f"/runs/{stopped['run_id']}:resume", json={"budget_usd": 100}))
        done = await _rest(client, stopped["run_id"])
    assert sum(endpoint.calls.values()) == 12
    assert done["progress"]["passed"] == 12


async def test_pause_resume_cancel_and_what_failed_is_asked_again(client):
    suite, endpoint = await _suite(client, 20), Endpoint(delay_s=0.1, fail=[18])
    with running(endpoint.app) as url:
        started = await _ok(client.post("/runs", json={"suite": suite, "target": _target(url), "concurrency": 2}), 202)
        run_id = started["run"]["run_id"]
        await asyncio.sleep(0.3)
        await _ok(client.post(f"/runs/{run_id}:pause"))
        await asyncio.sleep(0.5)
        paused = sum(endpoint.calls.values())
        assert 0 < paused < 20
        await asyncio.sleep(0.3)
        assert sum(endpoint.calls.values()) == paused
        assert (await client.post(f"/runs/{run_id}:pause")).status_code == 409
        await _ok(client.post(f"/runs/{run_id}:resume"))
        first = await _rest(client, run_id)
        assert (first["progress"]["failed"], sum(endpoint.calls.values())) == (1, 20)
        endpoint.fail.clear()
        await _ok(client.post(f"/runs/{run_id}:resume"))
        second = await _rest(client, run_id)
        assert (second["progress"]["passed"], sum(endpoint.calls.values())) == (20, 21)
        assert (await client.post(f"/runs/{run_id}:resume")).status_code == 409
        assert (await client.post(f"/runs/{run_id}:cancel")).status_code == 409


async def test_an_estimate_comes_first_and_a_dear_run_wants_a_confirmation(client):
    suite = await _suite(client, 4)
    target = _target("http://127.0.0.1:1", input_usd=10_000.0, output_usd=10_000.0)
    found = (await _ok(client.post("/runs:estimate", json={"suite": suite, "target": target})))["estimate"]
    assert (found["calls"], found["confirm_needed"]) == (4, True)
    assert found["cases_needed"]["0.1"] == 71
    refused = await client.post("/runs", json={"suite": suite, "target": target})
    assert (refused.status_code, "confirm" in refused.json()["hint"]) == (409, True)


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        pytest.param({"kind": "openai", "base_url": "http://10.0.0.1/v1", "model": "m"}, 403, "not allowed", id="host"),
        pytest.param(
            {"kind": "openai", "base_url": "http://127.0.0.1/v1", "model": "m", "key_env": "PATH"},
            403,
            "PATH",
            id="variable",
        ),
        pytest.param({"kind": "callable", "name": "os:system"}, 400, "none of", id="callable"),
        pytest.param({"kind": "openai", "base_url": "http://127.0.0.1/v1"}, 400, "model: is required", id="no_model"),
        pytest.param(
            {"kind": "openai", "base_url": "http://127.0.0.1/v1", "model": "m", "timeout_s": 900},
            400,
            "at most",
            id="timeout",
        ),
    ],
)
async def test_a_target_that_is_not_allowed_is_refused_before_anything_is_called(client, target, status, said):
    suite = await _suite(client, 1)
    response = await client.post("/runs", json={"suite": suite, "target": target})
    assert response.status_code == status, response.text
    assert said in response.json()["message"]


async def test_recorded_answers_run_without_a_call_and_events_end_with_the_run(client):
    suite = await _suite(client, 3)
    answers = [{"task_id": f"case-{n:03}", "answer": f"It is {n}."} for n in range(2)]
    started = await _ok(
        client.post("/runs", json={"suite": suite, "target": {"kind": "recorded", "answers": answers}}), 202
    )
    async with client.stream("GET", f"/runs/{started['run']['run_id']}/events") as response:
        events = [line async for line in response.aiter_lines() if line.startswith("data:")]
    assert '"COMPLETED"' in events[-1]
    run = await _rest(client, started["run"]["run_id"])
    assert run["progress"] == {"done": 3, "passed": 2, "failed": 1, "spent_usd": 0.0}


async def test_questions_about_a_run_are_answered_from_its_data(client):
    suite, endpoint = await _suite(client, 10), Endpoint(fail=[3, 4])
    with running(endpoint.app) as url:
        started = await _ok(client.post("/runs", json={"suite": suite, "target": _target(url)}), 202)
        run_id = (await _rest(client, started["run"]["run_id"]))["run_id"]

    async def ask(question):
        return await _ok(client.post(f"/runs/{run_id}/ask", json={"question": question}))

    errors = await ask("Any errors?")
    assert (errors["topic"], errors["facts"][0]["figures"]) == ("errors", {"calls": 2})
    assert "HTTP 400" in errors["facts"][0]["text"]
    assert "10 of 10 calls are done, 2 failed" in (await ask("how is it going?"))["facts"][0]["text"]
    quality = (await ask("quality"))["facts"]
    assert quality[0]["figures"]["passed"] == 8
    assert {fact["text"].split(":")[0] for fact in quality} == {
        "All cases", "Track golden", "Track regression", "Grader numeric",
    }  # fmt: skip
    assert "case-003" in " ".join(fact["text"] for fact in (await ask("why do so many fail"))["facts"])
    assert "mend the target" in (await ask("what next?"))["facts"][0]["text"]
    unknown = await ask("who are you")
    assert unknown["topic"] == "not understood"
    assert unknown["questions"]
    for fact in quality + errors["facts"]:
        assert (await client.get(fact["link"].removeprefix("/api/v1"))).status_code == 200


async def test_a_judge_is_calibrated_against_people(client):
    human, judge = [True] * 70 + [False] * 50, [True] * 65 + [False] * 5 + [True] * 15 + [False] * 35
    found = await _ok(
        client.post("/judges:calibrate", json={"human": human, "judge": judge, "judged_rest": [True] * 500})
    )
    assert found["agreement"]["sensitivity"]["value"] == pytest.approx(65 / 70)
    assert found["agreement"]["specificity"]["value"] == pytest.approx(0.7)
    assert found["rate"]["method"] == "ppi++"
    few = await _ok(client.post("/judges:calibrate", json={"human": [True, False], "judge": [True, True]}))
    assert few["rate"]["method"] == "labels alone"
    wrong = await client.post("/judges:calibrate", json={"human": [True], "judge": [True, True]})
    assert wrong.status_code == 400


async def test_versions_of_a_configuration_and_their_difference(client):
    hashes = []
    for top_k in (3, 5, 3):
        parts = {"model": "m", "retrieval": {"top_k": top_k}}
        hashes.append((await _ok(client.post("/configs", json={"parts": parts})))["config"]["config_hash"])
    assert hashes[0] == hashes[2] != hashes[1]
    changed = (await _ok(client.get(f"/configs/{hashes[0]}/diff/{hashes[1]}")))["changed"]
    assert [one["part"] for one in changed] == ["retrieval"]
    assert (await client.get(f"/configs/{'0' * 64}")).status_code == 404


async def test_nothing_of_one_tenant_exists_for_another(tmp_path):
    keys = KeyFile(tmp_path / "keys.json")
    ours, theirs = ({"authorization": f"Bearer {keys.create(tenant, 'test')[1]}"} for tenant in ("one", "two"))
    async with _client(tmp_path) as client:
        client.headers.update(ours)
        suite = await _suite(client, 2)
        answers = {"kind": "recorded", "answers": [{"task_id": "case-000", "answer": "It is 0."}]}
        run = (await _ok(client.post("/runs", json={"suite": suite, "target": answers}), 202))["run"]
        config = (await _ok(client.post("/configs", json={"parts": {"model": "m"}})))["config"]["config_hash"]
        await _rest(client, run["run_id"])
        for path in (f"/suites/{suite}", f"/runs/{run['run_id']}", f"/runs/{run['run_id']}/results", "/cases/case-000",
                     f"/configs/{config}", f"/runs/{run['run_id']}/events"):  # fmt: skip
            assert (await client.get(path)).status_code == 200, path
            assert (await client.get(path, headers=theirs)).status_code == 404, path
        assert (await client.post("/runs", json={"suite": suite, "target": answers}, headers=theirs)).status_code == 404
        assert (await client.post(f"/runs/{run['run_id']}:cancel", headers=theirs)).status_code == 404
        assert (await _ok(client.get("/runs", headers=theirs)))["runs"] == []
        assert (await client.get("/cases:export", headers=theirs)).text == ""


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def _server(port, folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serving.evals.eval_server", str(port), str(folder)], cwd=ROOT, env={**os.environ}
    )
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise AssertionError("the server ended")
            try:
                if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
async def test_a_killed_server_resumes_its_run_and_pays_no_kept_answer_again(tmp_path):
    endpoint, port, count = Endpoint(delay_s=0.15), _free_port(), 40
    with running(endpoint.app) as url:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30) as client:
            with _server(port, tmp_path) as process:
                suite = await _suite(client, count)
                body = {"suite": suite, "target": _target(url), "concurrency": 2}
                run_id = (await _ok(client.post("/runs", json=body), 202))["run"]["run_id"]
                while (await _ok(client.get(f"/runs/{run_id}")))["run"]["progress"]["done"] < 12:
                    await asyncio.sleep(0.05)
                process.send_signal(signal.SIGKILL)
                process.wait()
            before = sum(endpoint.calls.values())
            with _server(port, tmp_path):
                done = await _rest(client, run_id, limit_s=90)
    assert done["progress"] | {"mean_latency_ms": 0} == {
        "done": count, "passed": count, "failed": 0, "spent_usd": 0.0, "mean_latency_ms": 0,
    }  # fmt: skip
    assert len(endpoint.calls) == count
    twice = [key for key, calls in endpoint.calls.items() if calls > 1]
    assert 12 <= before < count
    assert len(twice) <= 4  # two requests of two calls each were in flight at the kill; nothing kept was asked again
    assert max(endpoint.calls.values()) <= 2
