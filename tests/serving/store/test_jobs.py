from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.api.errors import InternalError, OverloadedError, ValidationFailedError
from serving.jobs.jobs import JobDraft
from serving.jobs.runner import JobRunner, RunnerSettings, interleaved, share_out
from serving.lanes.fake import FakeLane
from serving.lanes.traffic import Traffic
from serving.store.queue_records import ActiveJob, Lease, LeasedItem, Outcome, active_jobs, finish_item, lease_items
from serving.store.sweeper import Sweeper, Swept

pytestmark = pytest.mark.store
FAST = RunnerSettings(concurrency=4, lease_ahead=8, lease_s=30.0, poll_s=0.02, backoff_s=0.01, max_attempts=3)
REQUEST = {"response_text": "alpha beta", "raw_context": "alpha"}


def requests(count):
    return [{"response_text": f"alpha word{n}", "raw_context": "alpha", "request_id": f"r{n}"} for n in range(count)]


@pytest.fixture
async def runner(services):
    """A runner on the services' lane, stopped at the end."""
    made = JobRunner(services.store, services.lane.score, FAST)
    task = asyncio.create_task(made.run())
    yield made
    await made.stop()
    await asyncio.wait_for(task, 20)


async def submit(client, count=1, **more):
    answer = await client.post("/jobs", json={"lane": "rag", "requests": requests(count), **more})
    assert answer.status_code == 202, answer.text
    return answer.json()


async def ended(client, job_id, wait_s=20):
    async with asyncio.timeout(wait_s):
        while True:
            job = (await client.get(f"/jobs/{job_id}")).json()
            if job["status"] not in ("QUEUED", "IN_PROGRESS"):
                return job
            await asyncio.sleep(0.02)


async def lines(client, job_id):
    answer = await client.get(f"/jobs/{job_id}/results")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_key_makes_one_job_of_repeated_deliveries(client, services, clock):
    answers = await asyncio.gather(*(submit(client, 3, idempotency_key="night") for _ in range(6)))
    assert len({answer["job_id"] for answer in answers}) == 1
    assert sorted(answer["duplicate"] for answer in answers) == [False] + [True] * 5
    assert (await client.get("/jobs")).json()["total"] == 1
    other = await client.post("/jobs", json={"lane": "rag", "requests": requests(4), "idempotency_key": "night"})
    assert (other.status_code, other.json()["error"]) == (409, "conflict")
    foreign = await submit(client, 3, idempotency_key="day")
    assert foreign["job_id"] != answers[0]["job_id"]
    await client.delete(f"/jobs/{answers[0]['job_id']}")
    assert (await submit(client, 3, idempotency_key="night"))["status"] == "CANCELLED"
    clock.advance_s(8 * 86_400)
    again = await submit(client, 4, idempotency_key="night")
    assert (again["duplicate"], again["status"]) == (False, "QUEUED")
    assert again["job_id"] != answers[0]["job_id"]


async def test_personal_data_leaves_a_job_where_privacy_is_asked_for(client, services, runner):
    request = {"response_text": "Write to ann@example.com.", "raw_context": "Ann is at ann@example.com."}
    for private in (True, False):
        body = {"lane": "rag", "requests": [request], "privacy_mode": private, "experiment_name": "of ann@example.com"}
        job = (await client.post("/jobs", json=body)).json()
        assert ("ann@" in job["tag"]) is not private
        assert ("redactions" in job) is private
        await ended(client, job["job_id"])
        assert ("ann@" in (await client.get(f"/jobs/{job['job_id']}/results")).text) is not private
        assert ("ann@" in str(services.lane.calls[-1])) is not private


async def test_a_batch_is_scored_in_order_and_tagged(client, runner):
    job = await submit(client, 25, experiment_name="night run")
    assert (job["status"], job["retention"], job["tag"]) == ("QUEUED", "7d", "night run")
    assert job["poll_url"] == f"/api/v1/jobs/{job['job_id']}"
    done = await ended(client, job["job_id"])
    assert done["status"] == "COMPLETED"
    assert done["progress"] == {"done": 25, "failed": 0, "total": 25}
    assert done["output"]["results_url"] == f"/api/v1/jobs/{job['job_id']}/results"
    results = await lines(client, job["job_id"])
    assert [line["index"] for line in results] == list(range(25))
    assert [line["result"]["request_id"] for line in results] == [f"r{n}" for n in range(25)]
    assert (await submit(client))["tag"] == "batch-rag-20260921T141320Z"


async def test_bad_requests_fail_alone(client, services, runner):
    services.lane.failures = [ValidationFailedError("chunk x is unknown")]
    job = await submit(client, 5)
    done = await ended(client, job["job_id"])
    assert (done["status"], done["progress"]) == ("COMPLETED", {"done": 4, "failed": 1, "total": 5})
    failed = [line for line in await lines(client, job["job_id"]) if line["status"] == "failed"]
    assert [(line["error"], line["message"]) for line in failed] == [("validation_error", "chunk x is unknown")]
    assert len(services.lane.calls) == 5


async def test_server_errors_are_tried_again_and_then_given_up(client, services, clock, runner):
    services.lane.failures = [InternalError("died"), RuntimeError("a bug")]
    job = await submit(client, 1)
    for _ in range(100):
        clock.advance_s(0.1)
        await asyncio.sleep(0.02)
        if len(services.lane.calls) == 3:
            break
    assert (await ended(client, job["job_id"]))["status"] == "COMPLETED"
    services.lane.failures = [InternalError("died")] * 3
    job = await submit(client, 1)
    for _ in range(100):
        clock.advance_s(0.1)
        await asyncio.sleep(0.02)
        if len(services.lane.calls) == 6:
            break
    done = await ended(client, job["job_id"])
    assert (done["status"], done["error_code"], done["error_message"]) == ("FAILED", "internal_error", "died")


async def test_overload_is_waited_out_and_never_counts(client, services, clock, runner):
    services.lane.failures = [OverloadedError("full", retry_after_s=0.1) for _ in range(8)]
    job = await submit(client, 1)
    for _ in range(400):
        clock.advance_s(0.2)
        await asyncio.sleep(0.01)
        if len(services.lane.calls) == 9:
            break
    assert (await ended(client, job["job_id"]))["status"] == "COMPLETED"


async def test_a_request_that_kills_its_workers_is_given_up(store, services, clock):
    """Three runners lease it and die; the fourth finds it poisoned and goes on with the rest."""
    await services.jobs.submit("one", JobDraft("rag", requests(2), batch=True))
    [job] = await store.read_all(lambda c: active_jobs(c, 10))
    tenant = store.tenant("one")
    for attempt in range(1, 4):
        lease = Lease(f"dead{attempt}", clock(), clock() + 1000, 3)
        [item] = await tenant.write(lambda c, lease=lease: lease_items(c, job, lease, 1))
        assert (item.position, item.attempts) == (0, attempt)
        assert await tenant.write(lambda c, lease=lease: lease_items(c, job, lease, 1)) != [item]
        await tenant.write(lambda c, lease=lease: _release_second(c, job, lease))
        clock.advance_s(2)
    lease = Lease("alive", clock(), clock() + 1000, 3)
    leased = await tenant.write(lambda c: lease_items(c, job, lease, 5))
    assert [item.position for item in leased] == [1]
    view = await services.jobs.get("one", job.job_id)
    assert view["progress"] == {"done": 0, "failed": 1, "total": 2}
    assert await tenant.write(lambda c: finish_item(c, leased[0], "alive", Outcome(b"{}"), clock()))
    assert (await services.jobs.get("one", job.job_id))["status"] == "COMPLETED"


def _release_second(connection, job, lease):
    from serving.store.queue_records import return_item

    return_item(connection, LeasedItem("one", job.job_id, "rag", 1, b"", 1), lease.holder, 0, counts=False)


async def test_an_outcome_is_kept_once_even_if_two_runners_worked(store, services, clock):
    await services.jobs.submit("one", JobDraft("rag", requests(1), batch=False))
    [job] = await store.read_all(lambda c: active_jobs(c, 10))
    tenant = store.tenant("one")
    [slow] = await tenant.write(lambda c: lease_items(c, job, Lease("slow", clock(), clock() + 1000, 3), 5))
    clock.advance_s(2)
    [quick] = await tenant.write(lambda c: lease_items(c, job, Lease("quick", clock(), clock() + 1000, 3), 5))
    assert await tenant.write(lambda c: finish_item(c, quick, "quick", Outcome(b'{"who":"quick"}'), clock()))
    assert not await tenant.write(lambda c: finish_item(c, slow, "slow", Outcome(b'{"who":"slow"}'), clock()))
    view = await services.jobs.get("one", job.job_id)
    assert (view["output"], view["progress"]) == ({"who": "quick"}, {"done": 1, "failed": 0, "total": 1})


async def test_leases_of_a_dead_runner_are_taken_over(client, services, clock, store):
    job = await submit(client, 6)
    [active] = await store.read_all(lambda c: active_jobs(c, 10))
    await store.tenant("one").write(lambda c: lease_items(c, active, Lease("dead", clock(), clock() + 5000, 3), 4))
    runner = JobRunner(services.store, services.lane.score, FAST)
    task = asyncio.create_task(runner.run())
    async with asyncio.timeout(10):
        while (await client.get(f"/jobs/{job['job_id']}")).json()["progress"]["done"] < 2:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    assert (await client.get(f"/jobs/{job['job_id']}")).json()["progress"]["done"] == 2
    clock.advance_s(6)
    assert (await ended(client, job["job_id"]))["progress"]["done"] == 6
    await runner.stop()
    await task


async def test_a_stopped_runner_returns_its_leases(client, services):
    services.lane.delay_s = 30
    job = await submit(client, 3)
    first = JobRunner(services.store, services.lane.score, FAST)
    task = asyncio.create_task(first.run())
    async with asyncio.timeout(10):
        while not services.lane.calls:
            await asyncio.sleep(0.01)
    await first.stop()
    await task
    services.lane.delay_s = 0
    second = JobRunner(services.store, services.lane.score, FAST)
    task = asyncio.create_task(second.run())
    assert (await ended(client, job["job_id"]))["progress"]["done"] == 3
    await second.stop()
    await task


async def test_cancelling_stops_the_work_and_keeps_what_is_done(client, services, runner):
    job = await submit(client, 4)
    await ended(client, job["job_id"])
    late = (await client.delete(f"/jobs/{job['job_id']}")).json()
    assert late["status"] == "COMPLETED"
    assert late["warning"]
    services.lane.delay_s = 0.2
    job = await submit(client, 200)
    async with asyncio.timeout(10):
        while not (progress := (await client.get(f"/jobs/{job['job_id']}")).json()["progress"])["done"]:
            await asyncio.sleep(0.01)
    cancelled = (await client.delete(f"/jobs/{job['job_id']}")).json()
    assert cancelled["status"] == "CANCELLED"
    assert "warning" not in cancelled
    calls = -1
    async with asyncio.timeout(30):
        while calls != len(services.lane.calls):
            calls = len(services.lane.calls)
            await asyncio.sleep(0.5)
    assert calls < 200
    results = await lines(client, job["job_id"])
    assert len(results) >= progress["done"]
    assert all(line["status"] == "done" for line in results)


async def test_partial_results_are_readable_while_it_runs(client, services, runner):
    services.lane.delay_s = 0.02
    job = await submit(client, 60)
    seen = set()
    async with asyncio.timeout(20):
        while len(seen) < 60:
            now = {line["index"] for line in await lines(client, job["job_id"])}
            assert seen <= now
            seen = now
    assert seen == set(range(60))


async def test_results_come_in_pages_of_bounded_bytes(client, runner, monkeypatch):
    monkeypatch.setattr("serving.jobs.jobs.PAGE_BYTES", 2_000)
    job = await submit(client, 120)
    await ended(client, job["job_id"])
    found, after, pages = [], -1, 0
    while after is not None:
        answer = await client.get(f"/jobs/{job['job_id']}/results", params={"after": after})
        *rows, last = [json.loads(line) for line in answer.text.splitlines()] or [{}]
        after = last.get("next_after")
        found += [row["index"] for row in ([*rows] if after is not None else [*rows, last] if last else [])]
        pages += 1
        assert len(answer.content) < 4_000
    assert found == list(range(120))
    assert pages > 5
    assert (await client.get(f"/jobs/{job['job_id']}/results", params={"after": 119})).text == ""


async def test_events_tell_progress_and_end(client, runner):
    job = await submit(client, 12)
    seen = []
    async with client.stream("GET", f"/jobs/{job['job_id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        kind = None
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                seen.append((kind, json.loads(line.removeprefix("data: "))))
    assert seen[-1][0] == "end"
    assert seen[-1][1]["status"] == "COMPLETED"
    done = [view["progress"]["done"] for _, view in seen]
    assert done == sorted(done)


async def test_beside_traffic_one_row_is_scored_at_a_time_and_more_once_it_is_over(client, services, clock):
    traffic = Traffic(lambda: clock() / 1_000.0)
    services.lane.delay_s = 0.05
    under_way, at_once = 0, []

    async def score(lane, request, tenant):
        nonlocal under_way
        under_way += 1
        at_once.append(under_way)
        try:
            return await services.lane.score(lane, request, tenant)
        finally:
            under_way -= 1

    runner = JobRunner(services.store, score, FAST, traffic)
    task = asyncio.create_task(runner.run())
    with traffic.passing():
        job = await submit(client, 12)
        async with asyncio.timeout(10):
            while (await client.get(f"/jobs/{job['job_id']}")).json()["progress"]["done"] < 3:
                await asyncio.sleep(0.01)
        assert max(at_once) == 1
    clock.advance_s(2)
    assert (await ended(client, job["job_id"]))["status"] == "COMPLETED"
    assert max(at_once) > 1
    await runner.stop()
    await task


async def test_a_small_job_does_not_wait_for_another_tenants_large_one(client, services, store, runner):
    services.lane.delay_s = 0.01
    large = await submit(client, 300)
    async with asyncio.timeout(10):
        while not services.lane.calls:
            await asyncio.sleep(0.01)
    small = await services.jobs.submit("two", JobDraft("rag", requests(10), batch=True))
    async with asyncio.timeout(20):
        while (await services.jobs.get("two", small["job_id"]))["status"] != "COMPLETED":
            await asyncio.sleep(0.01)
    assert (await client.get(f"/jobs/{large['job_id']}")).json()["progress"]["done"] < 150
    await client.delete(f"/jobs/{large['job_id']}")


async def test_a_large_submission_lets_interactive_requests_in(services, monkeypatch):
    slept = []
    monkeypatch.setattr("serving.jobs.jobs.time.sleep", slept.append)
    await services.jobs.submit("one", JobDraft("rag", requests(400), batch=True))
    assert len(slept) == 100
    assert all(0 < pause_s < 1e-3 for pause_s in slept)


async def test_listing_pages_and_filters(client, clock):
    made = []
    for n in range(7):
        clock.advance_s(1)
        made.append((await submit(client, 1, session_id="chat.1" if n % 2 else None))["job_id"])
    page = (await client.get("/jobs", params={"limit": 3, "offset": 2})).json()
    assert [job["job_id"] for job in page["jobs"]] == made[::-1][2:5]
    assert (page["total"], page["limit"], page["offset"]) == (7, 3, 2)
    tagged = (await client.get("/jobs", params={"session_id": "chat.1"})).json()
    assert [job["job_id"] for job in tagged["jobs"]] == made[1::2][::-1]
    await client.delete(f"/jobs/{made[0]}")
    assert (await client.get("/jobs", params={"status": "CANCELLED"})).json()["total"] == 1
    assert (await client.get("/jobs", params={"status": "CACHED"})).json()["total"] == 0
    assert (await client.get("/jobs", params={"status": "NEW"})).status_code == 400


async def test_results_expire(client, store, clock, runner):
    job = await submit(client, 2)
    await ended(client, job["job_id"])
    clock.advance_s(7 * 86400)
    for path in ("", "/results", "/events"):
        assert (await client.get(f"/jobs/{job['job_id']}{path}")).status_code == 404
    assert await Sweeper(store).sweep() == Swept(0, 1)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        pytest.param({"lane": "rag", "requests": []}, 400, "requests", id="empty"),
        pytest.param({"lane": "sql", "requests": [REQUEST]}, 400, "lane", id="lane"),
        pytest.param({"lane": "rag", "requests": [REQUEST, {"response_text": "x"}]}, 400, "requests[1]", id="second"),
        pytest.param(
            {"lane": "rag", "requests": [{**REQUEST, "return_job": True}]}, 400, "return_job", id="job-in-job"
        ),
        pytest.param({"lane": "rollup", "requests": [{"turns": []}]}, 400, "requests[0]", id="rollup"),
        pytest.param({"lane": "rag", "requests": [{}] * 10_001}, 400, "requests", id="too-many"),
    ],
)
async def test_bad_submissions_are_refused_by_name(client, body, status, word):
    answer = await client.post("/jobs", json=body)
    assert (answer.status_code, answer.json()["error"]) == (status, "validation_error")
    assert word in answer.json()["message"]
    assert (await client.get("/jobs")).json()["total"] == 0


async def test_ten_thousand_requests_are_one_job(client, services, store):
    body = {"lane": "rollup", "requests": [{"turns": [{"score": 0.5}]}] * 10_000}
    answer = await client.post("/jobs", json=body)
    assert answer.status_code == 202
    runner = JobRunner(store, FakeLane().score, RunnerSettings(concurrency=8, lease_ahead=128, poll_s=0.02))
    task = asyncio.create_task(runner.run())
    async with asyncio.timeout(30):
        while (await client.get(f"/jobs/{answer.json()['job_id']}")).json()["progress"]["done"] < 100:
            await asyncio.sleep(0.05)
    await client.delete(f"/jobs/{answer.json()['job_id']}")
    await runner.stop()
    await task


job_lists = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), min_size=1, max_size=8, unique=True).map(
    lambda keys: [ActiveJob(tenant, f"job{number}", "rag", number) for tenant, number in keys]
)


@given(job_lists, st.integers(0, 40), st.data())
def test_shares_are_even_among_tenants_and_use_all_room(jobs, room, data):
    held = {(job.tenant, job.job_id): data.draw(st.integers(0, 9)) for job in jobs}
    shares = share_out(jobs, held, {}, room)
    assert sum(count for _, count in shares) == room
    load = dict(held)
    for job, count in shares:
        load[job.tenant, job.job_id] += count
    tenants = {job.tenant for job in jobs}
    after = {tenant: sum(n for (name, _), n in load.items() if name == tenant) for tenant in tenants}
    given_to = {job.tenant for job, _ in shares}
    for tenant in given_to:
        assert all(after[tenant] <= after[other] + 1 for other in tenants)


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_tenants_take_turns_and_nothing_is_lost(tenants):
    items = [LeasedItem(tenant, "job", "rag", at, b"", 1) for at, tenant in enumerate(tenants)]
    mixed = interleaved(items)
    assert sorted(mixed, key=lambda item: item.position) == items
    for tenant in set(tenants):
        positions = [item.position for item in mixed if item.tenant == tenant]
        assert positions == sorted(positions)
    assert len({item.tenant for item in mixed[: len(set(tenants))]}) == len(set(tenants))
