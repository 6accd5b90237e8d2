"""What one tenant keeps does not exist for another, on every route; and no secret reaches the disk."""

from __future__ import annotations

import asyncio

import pytest

from serving.http.routes import chunks, jobs, sessions, traces
from serving.jobs.runner import JobRunner, RunnerSettings
from serving.store.schema import METADATA

pytestmark = pytest.mark.store
OTHER = {"authorization": "Bearer two"}
TURN = {"lane": "rag", "trace_request": {"response_text": "alpha", "raw_context": "alpha"}}


async def furnished(client, headers=None):
    """A session with events and a turn, a chunk and a job of one tenant; ids by the name of their path parameter."""
    opened = await client.post("/trace/sessions", json={"kind": "rag"}, headers=headers)
    session_id = opened.json()["session"]["session_id"]
    path = f"/trace/sessions/{session_id}"
    kept = await client.post(
        f"{path}/events", json={"event": {"event_type": "note", "content": "text"}}, headers=headers
    )
    await client.post(f"{path}/score", json=TURN, headers=headers)
    await client.put("/trace/chunks", json=[{"chunk_id": "mine", "text": "text"}], headers=headers)
    body = {"lane": "rag", "requests": [TURN["trace_request"]]}
    job = await client.post("/jobs", json=body, headers=headers)
    source_id = kept.json()["events"][0]["source_id"]
    call = {"conversation_id": "mine", "span_id": "00f067aa0ba902b7", "question": "text", "answer": "text"}
    await client.post("/traces", json=call, headers=headers)
    ids = {"chunk_id": "mine", "job_id": job.json()["job_id"], "conversation_id": "mine", "span_id": call["span_id"]}
    return {"session_id": session_id, "source_id": source_id, **ids}


def routes_of(services):
    routers = (
        sessions.build_router(services.sessions),
        chunks.build_router(services.chunks),
        jobs.build_router(services.jobs),
        traces.build_router(services.ingest, services.reader),
    )
    routes = [route for router in routers for route in router.routes]
    return [(method, route.path.replace(":path}", "}")) for route in routes for method in sorted(route.methods)]


BODIES = {
    "events": {"event": {"event_type": "note", "content": "intruder"}},
    "score": TURN,
    "repair": {"missing_terms": ["text"]},
}


async def test_every_route_with_an_id_answers_404_to_another_tenant(client, services):
    ids = await furnished(client)
    before = {name: (await client.get(path)).json() for name, path in readings(ids).items()}
    tried = 0
    for method, path in routes_of(services):
        if "{" not in path:
            continue
        url = path.format(**ids).removeprefix("/api/v1")
        body = BODIES.get(path.rsplit("/", 1)[1]) if method == "POST" else None
        answer = await client.request(method, url, json=body, headers=OTHER)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found"), (method, path)
        assert "text" not in answer.text.replace("context", "")
        tried += 1
    assert tried == 17
    assert {name: (await client.get(path)).json() for name, path in readings(ids).items()} == before


def readings(ids):
    session = f"/trace/sessions/{ids['session_id']}"
    return {
        "session": session,
        "context": f"{session}/context",
        "source": f"{session}/sources/{ids['source_id']}",
        "chunk": "/trace/chunks/mine",
        "job": f"/jobs/{ids['job_id']}",
        "conversation": "/conversations/mine",
        "span": f"/spans/{ids['span_id']}",
    }


async def test_two_tenants_may_use_the_same_names(client):
    await furnished(client)
    await furnished(client, OTHER)
    await client.put("/trace/chunks", json=[{"chunk_id": "mine", "text": "other text"}], headers=OTHER)
    assert (await client.get("/trace/chunks/mine")).json()["text"] == "text"
    assert (await client.delete("/trace/chunks/mine", headers=OTHER)).status_code == 200
    assert (await client.get("/trace/chunks/mine")).status_code == 200
    assert (await client.get("/jobs")).json()["total"] == 1


async def test_a_caller_without_identity_gets_nothing(client, services):
    for method, path in routes_of(services):
        url = path.format(session_id="a", source_id="b", chunk_id="c", job_id="d", conversation_id="e", span_id="f")
        answer = await client.request(method, f"http://test{url}", headers={"authorization": ""}, json={})
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized"), (method, path)


SECRETS = {
    "github_token": "ghp_" + "Zq81xLk3" * 5,
    "password": "tr0ub4dor-and-more",
    "aws_access_key": "AKIAZQ3LK81XPWT5RRTY",
    "url_password": "urlpass-9931",
    "email": "planted.person@mail.example.org",
}
PLANTED = (
    f"token {SECRETS['github_token']} and password: {SECRETS['password']} id {SECRETS['aws_access_key']} "
    f"at postgres://app:{SECRETS['url_password']}@db/x by {SECRETS['email']} end"
)


async def test_no_secret_reaches_the_disk_or_an_answer(client, services, store, tmp_path, request):
    """Planted everywhere a text can enter; then every column of every table and every byte of the files is searched."""
    answers = [
        await client.post("/trace/sessions", json={"kind": "rag", "privacy_mode": True, "metadata": {PLANTED: PLANTED}})
    ]
    path = f"/trace/sessions/{answers[0].json()['session']['session_id']}"
    event = {"event_type": "note", "content": PLANTED, "metadata": {"k": [PLANTED]}, "idempotency_key": PLANTED}
    answers.append(await client.post(f"{path}/events", json={"events": [event]}))
    units = [{"text": PLANTED, "source_id": PLANTED, "metadata": {"password": SECRETS["password"]}}]
    bodies = (
        {"response_text": PLANTED, "raw_context": PLANTED, "query_text": PLANTED, "verification_samples": [PLANTED]},
        {"response_text": PLANTED, "support_units": units},
    )
    for body in bodies:
        turn = {"lane": "rag", "trace_request": body, "force_original_on_trigger": True, "use_hot_context": True}
        answers.append(await client.post(f"{path}/score", json=turn))
    answers.append(await client.post(f"{path}/repair", json={"missing_terms": ["postgres"], "reason": PLANTED}))
    chunk = {"chunk_id": "c", "text": PLANTED, "source_id": PLANTED, "metadata": {"k": PLANTED}, "privacy_mode": True}
    answers.append(await client.put("/trace/chunks", json=[chunk]))
    answers.append(await client.get("/trace/chunks/c"))
    body = {"response_text": PLANTED, "raw_context": PLANTED, "session_id": "chat-of-planted-person"}
    job = {
        "lane": "rag",
        "requests": [body],
        "experiment_name": f"night {SECRETS['github_token']} {SECRETS['email']}",
        "session_id": "chat-of-planted-person",
        "privacy_mode": True,
        "idempotency_key": PLANTED,
    }
    answers.append(await client.post("/jobs", json=job))
    runner = JobRunner(store, services.lane.score, RunnerSettings(poll_s=0.02))
    task = asyncio.create_task(runner.run())
    job_id = answers[-1].json()["job_id"]
    async with asyncio.timeout(10):
        while (await client.get(f"/jobs/{job_id}")).json()["status"] != "COMPLETED":
            await asyncio.sleep(0.02)
    await runner.stop()
    await task
    answers += [
        await client.get(url) for url in (path, f"{path}/context", f"/jobs/{job_id}", f"/jobs/{job_id}/results")
    ]
    assert {answer.status_code for answer in answers} == {200, 201, 202}
    folder = tmp_path if store.database.is_sqlite else request.getfixturevalue("cluster").folder / "data"
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != "postmaster.pid"]
    stored = b"".join([await dump(store), *(file.read_bytes() for file in files)])
    assert any(file.name.endswith("-wal") or "pg_wal" in file.parts for file in files)
    assert stored.count(b"[REDACTED:github_token]") > 10
    for name, secret in {**SECRETS, "session": "chat-of-planted-person"}.items():
        assert secret.encode() not in stored, name
        for answer in answers:
            assert secret not in answer.text, (name, answer.request.url)


async def dump(store):
    """Every value of every row, whosever it is."""
    rows = []
    for table in METADATA.sorted_tables:
        found = await store.read_all(lambda connection, table=table: connection.execute(table.select()).all())
        rows += [value if isinstance(value, bytes) else str(value).encode() for row in found for value in row]
    return b"\n".join(rows)
