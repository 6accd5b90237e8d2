"""The gateway without Ray: the real application around lanes that are labelled as fakes and score nothing."""

from __future__ import annotations

import asyncio
import io
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from serving.api.errors import DeadlineExceededError, NotFoundError, OverloadedError
from serving.api.lane_types import LaneAnswer, LaneInput
from serving.auth.keys import Authenticator, KeyFile
from serving.config.load import parse_config
from serving.http.bodies import BodyLimits
from serving.http.edge import Edge, Guards
from serving.http.gateway import create_app
from serving.http.limits import Admission, RateLimiter
from serving.http.observability import Metrics, configure_logging
from serving.lanes.dispatch import Lanes
from serving.lanes.rollup import RollupLane

RAG = "/api/v1/trace/rag"
BODY = {"response_text": "Zebra answer.", "raw_context": "Zebra context."}


class FakeLane:
    """Answers what it is told to; it is called fake in every answer."""

    def __init__(self) -> None:
        self.seen: list[LaneInput] = []
        self.fails: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def score(self, request: LaneInput) -> LaneAnswer:
        self.seen.append(request)
        if self.gate is not None:
            await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        body = json.dumps({"success": True, "request_id": request.request_id, "fake": True}).encode()
        return LaneAnswer(body, "green", 11, 7, {"encode": 5.0})

    async def ready(self) -> None:
        if self.fails is not None:
            raise self.fails


class ReadyRollup(RollupLane):
    """The real rollup lane, always ready."""

    async def ready(self) -> None:
        return None


@pytest.fixture
def lane() -> FakeLane:
    return FakeLane()


Connect = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def connect(lane: FakeLane, tmp_path: Path) -> AsyncIterator[Connect]:
    """Builds clients of gateways on the fake lane; settings are dotted keys."""
    opened: list[httpx.AsyncClient] = []

    def build(**settings: Any) -> httpx.AsyncClient:
        overrides = {name.replace("__", "."): value for name, value in settings.items()}
        values: dict[str, Any] = {"data_dir": str(tmp_path)}
        for key, value in overrides.items():
            section = values
            *parents, leaf = key.split(".")
            for parent in parents:
                section = section.setdefault(parent, {})
            section[leaf] = value
        app = create_app(parse_config(values, environment={}), Lanes(rag=lane, code=lane, rollup=ReadyRollup()))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        opened.append(httpx.AsyncClient(transport=transport, base_url="http://gateway"))
        return opened[-1]

    yield build
    for client in opened:
        await client.aclose()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged after the first gateway is built; the handler is put back on stderr afterwards."""
    stream = io.StringIO()
    yield stream
    configure_logging("info")


def envelope(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    document: dict[str, Any] = answer.json()
    assert set(document) == {"success", "error", "message", "hint", "request_id"}
    assert (document["success"], document["error"]) == (False, code)
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


async def test_what_the_lane_gets_and_gives(connect: Connect, lane: FakeLane) -> None:
    client = connect(prices__standard_usd=0.25, prices__quality_usd=0.5)
    answer = await client.post(RAG, json=BODY | {"request_id": "r-1", "profile": "quality"})
    assert answer.json() == {"success": True, "request_id": "r-1", "fake": True}
    assert answer.headers["x-cost-usd"] == "0.500000"
    assert (await client.post(RAG, json=BODY)).headers["x-cost-usd"] == "0.250000"
    assert (await client.post(RAG, json={})).headers["x-cost-usd"] == "0.000000"
    assert lane.seen[0].tenant == "anonymous"
    assert lane.seen[0].deadline_s == 30.0
    assert lane.seen[0].raw_context == "Zebra context."


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        pytest.param(OverloadedError("full", retry_after_s=3.2), 503, "overloaded", "4", id="overloaded"),
        pytest.param(OverloadedError("full"), 503, "overloaded", "1", id="overloaded-unknown"),
        pytest.param(DeadlineExceededError("late"), 504, "timeout", None, id="deadline"),
        pytest.param(NotFoundError("unknown chunk_ids: a"), 404, "not_found", None, id="not-found"),
        pytest.param(ZeroDivisionError("Zebra secret"), 500, "internal_error", None, id="defect"),
        pytest.param(MemoryError(), 500, "internal_error", None, id="memory"),
    ],
)
async def test_what_a_lane_raises_becomes_an_envelope(
    connect: Connect, lane: FakeLane, error: Exception, status: int, code: str, retry_after: str | None
) -> None:
    lane.fails = error
    answer = await connect().post(RAG, json=BODY)
    assert "Zebra" not in str(envelope(answer, status, code))
    assert answer.headers.get("retry-after") == retry_after


async def test_a_lane_that_never_answers_is_a_timeout(connect: Connect, lane: FakeLane) -> None:
    lane.gate = asyncio.Event()
    answer = await connect(limits__deadline_s=0.05).post(RAG, json=BODY)
    envelope(answer, 504, "timeout")


async def test_permits_refuse_at_once_and_come_back(connect: Connect, lane: FakeLane) -> None:
    client = connect(limits__permits__rag=2)
    lane.gate = asyncio.Event()
    working = [asyncio.create_task(client.post(RAG, json=BODY)) for _ in range(2)]
    while len(lane.seen) < 2:
        await asyncio.sleep(0.001)
    refused = await client.post(RAG, json=BODY)
    envelope(refused, 503, "overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert (await client.get("/healthz")).status_code == 200
    assert (await client.post("/api/v1/trace/rollup", json={"turns": [{"score": 1.0}]})).status_code == 200
    lane.gate.set()
    assert [answer.status_code for answer in await asyncio.gather(*working)] == [200, 200]
    assert (await client.post(RAG, json=BODY)).status_code == 200
    assert len(lane.seen) == 3


async def test_watchers_of_jobs_and_callers_of_the_store_do_not_wait_for_each_other(tmp_path: Path) -> None:
    waiting, gate = asyncio.Semaphore(0), asyncio.Event()

    async def hold(scope: Any, receive: Any, send: Any) -> None:
        waiting.release()
        await gate.wait()
        await Response("done")(scope, receive, send)

    admission = Admission({"store": 1, "watch": 1}, 1_000, time.monotonic)
    limiter = RateLimiter(600, 60, time.monotonic)
    guards = Guards(
        Authenticator(KeyFile(tmp_path / "keys.json"), required=False), limiter, admission, BodyLimits(1_000)
    )
    transport = httpx.ASGITransport(Edge(hold, guards, Metrics("0", "0")))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway/api/v1/jobs") as client:
        held = [asyncio.create_task(client.get("/j1/events")), asyncio.create_task(client.get("/j1"))]
        for _ in held:
            await waiting.acquire()
        for path in ("/j2/events", "/j2"):
            envelope(await client.get(path), 503, "overloaded")
        gate.set()
        assert [answer.status_code for answer in await asyncio.gather(*held)] == [200, 200]


async def test_permits_come_back_after_every_kind_of_end(connect: Connect, lane: FakeLane) -> None:
    client = connect(limits__permits__rag=1)
    for error in (ZeroDivisionError(), OverloadedError("full"), None):
        lane.fails = error
        await client.post(RAG, json=BODY)
        await client.post(RAG, content=b"{")
    assert (await client.post(RAG, json=BODY)).status_code == 200


async def test_the_rate_of_a_caller_is_limited(connect: Connect) -> None:
    client = connect(limits__requests_per_minute=2, limits__burst=2)
    answers = [await client.post(RAG, json=BODY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    envelope(answers[2], 429, "rate_limited")
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30
    assert (await client.get("/healthz")).status_code == 200


async def test_keys_make_tenants(connect: Connect, lane: FakeLane, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    _, ada = keys.create("ada", "a")
    record, ben = keys.create("ben", "b")
    client = connect()
    for key in (ada, ben):
        assert (await client.post(RAG, json=BODY, headers={"Authorization": f"Bearer {key}"})).status_code == 200
    assert [request.tenant for request in lane.seen] == ["ada", "ben"]
    envelope(await client.post(RAG, json=BODY), 401, "unauthorized")
    keys.revoke(record.key_id)
    envelope(await client.post(RAG, json=BODY, headers={"Authorization": f"Bearer {ben}"}), 401, "unauthorized")
    assert len(lane.seen) == 2


async def test_bodies_are_counted_announced_or_not(connect: Connect, lane: FakeLane) -> None:
    client = connect(limits__body_bytes=2_000, limits__context_characters=1_000, limits__response_characters=500)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 100

    for content in (b" " * 2_001, pieces()):
        envelope(await client.post(RAG, content=content), 413, "payload_too_large")
    assert not lane.seen


async def test_readiness_follows_the_lanes(connect: Connect, lane: FakeLane) -> None:
    lane.fails = OverloadedError("restarting")
    client = connect()
    answer = await client.get("/readyz")
    envelope(answer, 503, "overloaded")
    assert int(answer.headers["retry-after"]) >= 1
    lane.fails = None
    assert (await client.get("/readyz")).json() == {"status": "ready"}


async def test_a_gateway_that_ends_answers_what_it_has_and_refuses_the_rest(connect: Connect, lane: FakeLane) -> None:
    lane.gate = asyncio.Event()
    client = connect()
    admission: Admission = client._transport.app.state.admission  # type: ignore[attr-defined]
    early = asyncio.create_task(client.post(RAG, json=BODY))
    while not lane.seen:
        await asyncio.sleep(0.01)
    admission.close()
    assert admission.unfinished == 1
    late = await client.post(RAG, json=BODY)
    assert envelope(late, 503, "overloaded")["message"] == "this server is stopping"
    assert int(late.headers["retry-after"]) >= 1
    envelope(await client.get("/readyz"), 503, "overloaded")
    assert (await client.get("/healthz")).status_code == 200
    lane.gate.set()
    assert (await early).status_code == 200
    assert admission.unfinished == 0


async def test_log_and_metrics_hold_ids_and_counts_and_no_text(
    connect: Connect, lane: FakeLane, log: io.StringIO
) -> None:
    client = connect()
    configure_logging("info", log)
    await client.post(RAG, json=BODY | {"session_id": "zebra-session", "request_id": "r-7", "query_text": "Zebra?"})
    await client.post(RAG, json=BODY | {"evidence_limit": "Zebra"})
    lane.fails = ZeroDivisionError("Zebra")
    await client.post(RAG, json=BODY)
    records = [json.loads(line) for line in log.getvalue().splitlines()]
    requests = [record for record in records if record["logger"] == "groundlane.requests"]
    assert [record["status"] for record in requests] == [200, 400, 500]
    scored = requests[0]
    assert (scored["request_id"], scored["lane"], scored["band"]) == ("r-7", "rag", "green")
    assert scored["tokens"] == {"context": 11, "response": 7, "context_cached": 0}
    assert scored["phases_ms"] == {"encode": 5.0}
    assert scored["body_bytes"] > 0
    assert requests[1]["error_code"] == "validation_error"
    assert requests[2]["level"] == "warning"
    assert "zebra" not in log.getvalue().lower()
    metrics = (await client.get("/metrics")).text
    assert 'groundlane_errors_total{code="internal_error",lane="rag"' in metrics
    assert "zebra" not in metrics.lower()
    assert "r-7" not in metrics


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        pytest.param("GET", RAG, "POST", id="lane"),
        pytest.param("POST", "/healthz", "GET, HEAD", id="operations"),
        pytest.param("DELETE", "/docs", "GET, HEAD", id="page"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(connect: Connect, method: str, path: str, allowed: str) -> None:
    answer = await connect().request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json()["error"] == "method_not_allowed"


async def test_the_docs_page_needs_nothing_from_elsewhere(connect: Connect) -> None:
    client = connect()
    page = (await client.get("/docs")).text
    assert re.findall(r"https?://[^\"'\s]+", page) == []
    assets = re.findall(r"(?:src|href)=[\"'](/docs/[^\"']+)", page)
    assert len(assets) == 3
    for asset in assets:
        answer = await client.get(asset)
        assert answer.status_code == 200
        assert len(answer.content) > 1000
    assert "/openapi.json" in page
    assert (await client.get("/openapi.json")).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json", "/metrics"])
async def test_head_answers_as_get_without_the_body(connect: Connect, path: str) -> None:
    client = connect()
    head, get = await client.head(path), await client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="plain"),
        pytest.param({"host": "127.0.0.1:8000"}, 200, id="address"),
        pytest.param({"host": "[::1]:8000"}, 200, id="ipv6"),
        pytest.param({"host": "localhost:8000", "origin": "http://localhost:8000"}, 200, id="own-page"),
        pytest.param({"host": "127.0.0.1:8000", "origin": "http://localhost:3000"}, 200, id="page-of-this-machine"),
        pytest.param({"host": "checks.internal.example"}, 200, id="named-in-the-configuration"),
        pytest.param({"host": "rebound.example"}, 403, id="rebound-name"),
        pytest.param({"host": "rebound.example."}, 403, id="rebound-name-with-a-dot"),
        pytest.param({"host": "127.0.0.1:8000", "origin": "https://site.example"}, 403, id="page-of-another-site"),
        pytest.param({"host": "127.0.0.1:8000", "origin": "null"}, 403, id="sandboxed-page"),
        pytest.param({"host": "127.0.0.1:8000", "origin": "http://["}, 403, id="no-url"),
    ],
)
async def test_pages_of_other_sites_do_not_reach_a_server_without_keys(
    connect: Connect, headers: dict[str, str], status: int
) -> None:
    client = connect(server__allowed_hosts=["Checks.internal.example"])
    text = {"content-type": "text/plain", **headers}
    answer = await client.post(RAG, content=json.dumps(BODY), headers=text)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"x-forwarded-for": "127.0.0.1"}, 200, id="front-of-this-machine"),
        pytest.param({"x-forwarded-for": "::ffff:127.0.0.1, [::1]:99"}, 200, id="two-fronts-of-this-machine"),
        pytest.param({"x-forwarded-for": "192.0.2.1"}, 403, id="from-elsewhere"),
        pytest.param({"x-forwarded-for": "127.0.0.1, 192.0.2.1"}, 403, id="claimed-local"),
        pytest.param({"x-real-ip": "192.0.2.1"}, 403, id="nginx"),
        pytest.param({"forwarded": 'for="[2001:db8::17]:4711";proto=http'}, 403, id="rfc-7239"),
        pytest.param({"forwarded": "proto=http;For=unknown"}, 403, id="hidden"),
        pytest.param({"forwarded": "proto=https"}, 200, id="says-nothing-of-the-peer"),
    ],
)
async def test_without_keys_a_front_does_not_make_its_callers_local(
    connect: Connect, headers: dict[str, str], status: int
) -> None:
    answer = await connect().post(RAG, json=BODY, headers=headers)
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["error"] == "forbidden"


async def test_with_keys_a_page_needs_one_and_its_host_is_its_own_matter(connect: Connect, tmp_path: Path) -> None:
    _, key = KeyFile(tmp_path / "keys.json").create("ada", "a")
    headers = {"host": "score.example", "origin": "https://app.example", "authorization": f"Bearer {key}"}
    assert (await connect().post(RAG, json=BODY, headers=headers)).status_code == 200


async def test_a_damaged_keys_file_is_said_and_mended_without_a_restart(connect: Connect, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    _, key = keys.create("ada", "a")
    client, whole = connect(), keys.path.read_bytes()
    headers = {"Authorization": f"Bearer {key}"}
    for damaged in (whole[:-20], b"\xff", b"[]"):
        keys.path.write_bytes(damaged)
        document = envelope(await client.post(RAG, json=BODY, headers=headers), 503, "overloaded")
        assert "keys file" in document["message"]
        assert str(tmp_path) not in json.dumps(document)
        envelope(await client.post(RAG, json=BODY), 503, "overloaded")
    keys.path.write_bytes(whole)
    assert (await client.post(RAG, json=BODY, headers=headers)).status_code == 200


async def test_a_stream_ends_with_its_key_and_a_store_call_with_its_deadline(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    record, key = keys.create("ada", "a")
    seen: list[bytes] = []

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b": keep-alive", "more_body": True})
            seen.append(b"sent")
            if len(seen) == 3:
                keys.revoke(record.key_id)

    async def stuck(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    admission = Admission({"store": 1, "watch": 1}, 1_000, time.monotonic)
    limiter = RateLimiter(600, 60, time.monotonic)
    guards = Guards(Authenticator(keys), limiter, admission, BodyLimits(1_000), store_s=0.05)
    headers = {"Authorization": f"Bearer {key}"}
    for app, path, status in ((stuck, "/j1", 504), (endless, "/j1/events", 200)):
        transport = httpx.ASGITransport(Edge(app, guards, Metrics("0", "0")))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway/api/v1/jobs") as client:
            assert (await client.get(path, headers=headers)).status_code == status
    assert len(seen) == 3
    assert admission.in_flight("store") + admission.in_flight("watch") == 0
