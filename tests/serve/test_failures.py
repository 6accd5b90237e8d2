"""A server that is harmed on purpose: wrong keys, too many requests, killed replicas, and the end in the middle of work.

One server of its own, with keys and few permits; the last test ends it.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import latence
import psutil
import pytest
from latence import Latence

from benchmarks.requests import rag_request
from serving.auth.keys import KeyFile
from tests.serve.support import ANSWER, CONTEXT, RAG, UNLIMITED, Server, check_envelope, rag_body, start_server

PERMITS = 6
OWN_PERMITS = 5
"""What one of the two tenants may hold at a time: three quarters, rounded up."""
ANSWER_LIMIT_S = 60.0
"""Far beyond the 30 s deadline of a request: whoever waits this long hangs."""


@dataclass
class Fragile:
    """The server and its keys."""

    server: Server
    keys: KeyFile
    ada: str
    ben: str

    def client(self, key: str | None = None) -> httpx.Client:
        return httpx.Client(base_url=self.server.url, timeout=ANSWER_LIMIT_S, headers=bearer(key or self.ada))

    def async_client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=None)
        return httpx.AsyncClient(
            base_url=self.server.url, timeout=ANSWER_LIMIT_S, headers=bearer(self.ada), limits=limits
        )


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fragile]:
    folder = tmp_path_factory.mktemp("fragile")
    keys = KeyFile(folder / "keys.json")
    _, ada = keys.create("tenant-ada", "ada")
    _, ben = keys.create("tenant-ben", "ben")
    settings = {"AUTH__KEYS_FILE": str(keys.path), "LIMITS__PERMITS__RAG": str(PERMITS), "LANES__RAG__REPLICAS": "1"}
    running = start_server(folder, {**UNLIMITED, **settings})
    try:
        running.wait_ready()
        yield Fragile(running, keys, ada, ben)
    finally:
        running.stop()


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(None, id="none"),
        pytest.param("Bearer", id="no-key"),
        pytest.param("Basic YTpi", id="other-scheme"),
        pytest.param("Bearer gl_0123456789ab_" + "x" * 43, id="unknown"),
        pytest.param("Bearer \xff\xfe", id="no-ascii"),
    ],
)
def test_without_a_known_key_nothing_is_scored(fragile: Fragile, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    answer = httpx.post(f"{fragile.server.url}{RAG}", json=rag_body(), headers=headers, timeout=ANSWER_LIMIT_S)
    assert check_envelope(answer, 401)["error"] == "unauthorized"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_probes_need_no_key(fragile: Fragile) -> None:
    for path in ("/healthz", "/readyz"):
        assert httpx.get(f"{fragile.server.url}{path}", timeout=ANSWER_LIMIT_S).status_code == 200


def test_a_revoked_key_ends_at_once_and_others_stay(fragile: Fragile) -> None:
    record, key = fragile.keys.create("tenant-eve", "eve")
    with fragile.client(key) as eve, fragile.client(fragile.ben) as ben:
        assert eve.post(RAG, json=rag_body()).status_code == 200
        fragile.keys.revoke(record.key_id)
        assert "revoked" in check_envelope(eve.post(RAG, json=rag_body()), 401)["message"]
        assert ben.post(RAG, json=rag_body()).status_code == 200


def test_what_one_tenant_stores_does_not_exist_for_another(fragile: Fragile) -> None:
    with fragile.client() as ada, fragile.client(fragile.ben) as ben:
        stored = ada.put("/api/v1/trace/chunks", json=[{"chunk_id": "c-1", "text": CONTEXT}])
        assert stored.status_code == 200, stored.text
        body = rag_body(raw_context=..., chunk_ids=["c-1"])
        assert ada.post(RAG, json=body).status_code == 200
        assert "c-1" in check_envelope(ben.post(RAG, json=body), 404)["message"]


def test_a_keys_rate_is_its_own(fragile: Fragile) -> None:
    _, slow = fragile.keys.create("tenant-slow", "slow", requests_per_minute=3)
    with fragile.client(slow) as client, fragile.client(fragile.ben) as other:
        answers = [client.post(RAG, json=rag_body()) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"3"}
        assert check_envelope(answers[3], 429)["error"] == "rate_limited"
        assert 1 <= int(answers[3].headers["retry-after"]) <= 20
        assert other.post(RAG, json=rag_body()).status_code == 200


def test_the_public_client_sees_both_as_its_exceptions(fragile: Fragile) -> None:
    _, slow = fragile.keys.create("tenant-slower", "slower", requests_per_minute=1)

    def score(key: str) -> Any:
        with Latence(api_key=key, base_url=fragile.server.url, max_retries=0) as client:
            return client.experimental.trace.rag(response_text=ANSWER, raw_context=CONTEXT)

    assert score(slow).band
    with pytest.raises(latence.RateLimitError) as limited:
        score(slow)
    assert limited.value.retry_after is not None
    assert limited.value.retry_after >= 1
    with pytest.raises(latence.AuthenticationError):
        score("gl_0123456789ab_" + "x" * 43)


def check_answer(answer: httpx.Response) -> int:
    """Scored, or refused in the typed way with a time to come back."""
    if answer.status_code == 200:
        assert answer.json()["success"] is True
    else:
        assert answer.status_code in {429, 503}, answer.text[:500]
        check_envelope(answer, answer.status_code)
        assert int(answer.headers["retry-after"]) >= 1
    return answer.status_code


async def test_three_times_too_many_requests_are_all_answered(fragile: Fragile) -> None:
    over = asyncio.Event()

    async def probe(client: httpx.AsyncClient) -> list[int]:
        statuses = []
        while not over.is_set():
            statuses.append((await client.get("/healthz")).status_code)
            await asyncio.sleep(0.02)
        return statuses

    async with fragile.async_client() as client, fragile.async_client() as prober:
        probing = asyncio.create_task(probe(prober))
        answers = await asyncio.gather(*(client.post(RAG, json=rag_request(seed)) for seed in range(3 * PERMITS)))
        over.set()
        probes = await probing
    statuses = [check_answer(answer) for answer in answers]
    assert statuses.count(200) >= OWN_PERMITS
    assert 503 in statuses
    assert probes
    assert set(probes) == {200}


async def load(fragile: Fragile, stop: asyncio.Event, first_seed: int) -> list[httpx.Response]:
    """One caller after another until ``stop``; a refused one comes back a little later."""
    answers = []
    async with fragile.async_client() as client:
        for seed in range(first_seed, first_seed + 100_000):
            if stop.is_set():
                break
            answers.append(await client.post(RAG, json=rag_request(seed, chunks=2, answer_sentences=2)))
            if answers[-1].status_code != 200:
                await asyncio.sleep(0.1)
    return answers


@pytest.mark.parametrize("deployment", ["Encoder-minilm", "RagLane", "Gateway"])
async def test_a_killed_replica_costs_typed_errors_at_most(fragile: Fragile, deployment: str) -> None:
    killed = fragile.server.replicas(deployment)
    assert len(killed) == 1
    stop = asyncio.Event()
    callers = [asyncio.create_task(load(fragile, stop, 1_000_000 * caller)) for caller in range(1, 5)]
    await asyncio.sleep(1.0)
    killed[0].send_signal(signal.SIGKILL)
    await asyncio.sleep(2.0)
    stop.set()
    answers = [answer for caller in await asyncio.gather(*callers) for answer in caller]
    statuses = [check_answer(answer) for answer in answers]
    assert 200 in statuses
    await asyncio.to_thread(fragile.server.wait_ready, ANSWER_LIMIT_S)
    replaced = fragile.server.replicas(deployment)
    assert len(replaced) == 1
    assert replaced[0].pid != killed[0].pid
    with fragile.client() as client:
        assert client.post(RAG, json=rag_body()).status_code == 200


async def test_at_the_end_requests_in_flight_are_answered(fragile: Fragile) -> None:
    started = fragile.server.descendants()
    assert len(started) > 5
    stopped: list[int] = []
    async with fragile.async_client() as client:
        bodies = [rag_request(seed) for seed in range(500, 500 + OWN_PERMITS)]
        callers = [asyncio.create_task(client.post(RAG, json=body)) for body in bodies]
        await _until_working(fragile, OWN_PERMITS)
        ending = threading.Thread(target=lambda: stopped.append(fragile.server.stop()))
        ending.start()
        answers = await asyncio.gather(*callers)
    await asyncio.to_thread(ending.join)
    assert [answer.status_code for answer in answers] == [200] * OWN_PERMITS
    assert stopped == [0]
    assert not [process for process in started if psutil.pid_exists(process.pid) and process.is_running()]


async def _until_working(fragile: Fragile, count: int) -> None:
    """Return once the gateway holds ``count`` requests of the lane, or some were answered already."""
    async with fragile.async_client() as client:
        until_s = time.monotonic() + ANSWER_LIMIT_S
        while time.monotonic() < until_s:
            text = (await client.get("/metrics")).text
            depths = [line for line in text.splitlines() if line.startswith('groundlane_queue_depth{lane="rag"')]
            if any(float(line.rsplit(" ", 1)[1]) >= count / 2 for line in depths):
                return
    raise AssertionError("the requests never reached the gateway")
