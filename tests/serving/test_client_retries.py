"""The client against a scripted transport: what it sends again, how long it waits, what it raises."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import groundlane as api
import serving.api.errors
from groundlane import calls
from groundlane.errors import BY_CODE, GroundlaneError, error_from, parse_retry_after_s
from groundlane.retries import Attempts
from groundlane.streams import EventParser, LineSplitter, parse_row

SCORE = {"success": True, "request_id": "r", "score": 0.9, "band": "green", "claims": [], "novel_field": [1]}
FIELDS: dict[str, Any] = {"response_text": "a", "raw_context": "a"}
Step = httpx.Response | Exception


def refusal(status: int, code: str, **headers: str) -> httpx.Response:
    body = {"success": False, "error": code, "message": "no", "hint": "later", "request_id": "r1"}
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def full(**headers: str) -> httpx.Response:
    return refusal(503, "overloaded", **headers)


class Script:
    """Answers each request with the next step, and keeps what was sent."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]


Outcome = tuple[Any, list[float]]
Runner = Callable[[Script, Callable[[Any], Any], api.RetryPolicy], Outcome]


def run_sync(script: Script, call: Callable[[Any], Any], policy: api.RetryPolicy) -> Outcome:
    waits: list[float] = []
    with api.Groundlane("key", transport=httpx.MockTransport(script), retry=policy) as client:
        client.pause = waits.append
        return call(client), waits


def run_async(script: Script, call: Callable[[Any], Any], policy: api.RetryPolicy) -> Outcome:
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)

    async def main() -> Outcome:
        async with api.AsyncGroundlane("key", transport=httpx.MockTransport(script), retry=policy) as client:
            client.pause = pause
            return await call(client), waits

    return asyncio.run(main())


@pytest.fixture(params=[run_sync, run_async], ids=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Runner:
    """A call through one of the two clients: its result, and the waits before it."""
    return request.param


def test_answer_is_typed_and_keeps_its_json(run: Runner) -> None:
    script = Script(httpx.Response(200, json=SCORE))
    score, waits = run(script, lambda client: client.rag(**FIELDS), api.RetryPolicy())
    assert (score.score, score.band, score.raw["novel_field"], waits) == (0.9, "green", [1], [])
    assert script.requests[0].headers["authorization"] == "Bearer key"
    assert script.bodies() == [FIELDS]


@pytest.mark.parametrize("status", [pytest.param(429, id="rate"), pytest.param(503, id="full")])
def test_retry_after_is_waited_for(run: Runner, status: int) -> None:
    code = {429: "rate_limited", 503: "overloaded"}[status]
    script = Script(refusal(status, code, retry_after="7"), httpx.Response(200, json=SCORE))
    score, waits = run(script, lambda client: client.rag(**FIELDS), api.RetryPolicy())
    assert score.score == 0.9
    assert len(waits) == 1
    assert 7.0 <= waits[0] <= 7.0 * 1.25


def test_waits_double_and_attempts_are_bounded(run: Runner) -> None:
    script = Script(full(), full(), full(), full())
    waits: list[float] = []
    with pytest.raises(api.OverloadedError) as caught:
        _, waits = run(script, lambda client: client.rag(**FIELDS), api.RetryPolicy(attempts=3, first_wait_s=1.0))
    assert len(script.requests) == 3
    assert (caught.value.status, caught.value.hint, caught.value.request_id) == (503, "later", "r1")
    attempts = Attempts(api.RetryPolicy(attempts=4, first_wait_s=1.0), clock=lambda: 0.0, dice=lambda: 0.0)
    for _ in range(3):
        attempts.begin(1.0)
        waits.append(attempts.wait_after_answer(error_from(full())))
    assert waits == [1.0, 2.0, 4.0]


def test_server_that_asks_for_too_long_is_not_waited_for(run: Runner) -> None:
    script = Script(full(retry_after="3600"))
    with pytest.raises(api.OverloadedError) as caught:
        run(script, lambda client: client.rag(**FIELDS), api.RetryPolicy(max_wait_s=5.0))
    assert caught.value.retry_after_s == 3600.0


def test_call_that_may_have_arrived_is_not_doubled(run: Runner) -> None:
    script = Script(httpx.ReadError("gone"))
    with pytest.raises(api.ConnectionFailedError):
        run(script, lambda client: client.sessions.create("code"), api.RetryPolicy())
    assert len(script.requests) == 1


@pytest.mark.parametrize("key", [None, "nightly-7"])
def test_job_that_may_have_arrived_is_sent_again_under_its_key(run: Runner, key: str | None) -> None:
    made = httpx.Response(202, json={"job_id": "j1", "status": "QUEUED"})
    script = Script(httpx.ReadError("gone"), made)
    options = {"idempotency_key": key} if key else {}
    job, _ = run(script, lambda client: client.jobs.submit("rag", [FIELDS], **options), api.RetryPolicy())
    first, second = (body["idempotency_key"] for body in script.bodies())
    assert job.job_id == "j1"
    assert first == second == (key or first)


def test_call_that_never_arrived_is_sent_again(run: Runner) -> None:
    made = httpx.Response(202, json={"job_id": "j1", "status": "QUEUED"})
    script = Script(httpx.ConnectError("away"), full(), made)
    job, waits = run(script, lambda client: client.jobs.submit("rag", [FIELDS]), api.RetryPolicy())
    assert (job.job_id, job.finished, len(waits)) == ("j1", False, 2)


def test_repeated_event_and_turn_carry_the_same_key(run: Runner) -> None:
    kept = httpx.Response(200, json={"events": [{"sequence": 1, "source_id": "s"}]})
    script = Script(httpx.ReadTimeout("slow"), kept)
    run(script, lambda client: client.send(calls.append_events("s1", [EVENT])), api.RetryPolicy())
    first, second = (body["events"][0]["idempotency_key"] for body in script.bodies())
    assert first == second

    turn = httpx.Response(200, json={"trace_response": SCORE, "session": {"session_id": "s1", "status": "open"}})
    script = Script(httpx.RemoteProtocolError("cut"), turn)
    scored, _ = run(script, lambda client: client.send(calls.score_turn("s1", "rag", FIELDS, {})), api.RetryPolicy())
    first, second = (body["trace_request"]["request_id"] for body in script.bodies())
    assert first == second
    assert scored.trace_response.score == 0.9


EVENT: Any = {"event_type": "note", "content": "c"}


def test_unusable_address_is_not_retried(run: Runner) -> None:
    script = Script(httpx.UnsupportedProtocol("ftp"))
    with pytest.raises(api.ConnectionFailedError):
        run(script, lambda client: client.rag(**FIELDS), api.RetryPolicy())


def test_stream_is_opened_again_and_keeps_its_lines(run: Runner) -> None:
    lines = '{"index":0,"status":"done","result":{"text":"a\u2028b"}}\n{"index":1,"status":"failed","error":"x"}\n'
    script = Script(full(), httpx.Response(200, content=lines.encode()))

    def read(client: Any) -> Any:
        if isinstance(client, api.Groundlane):
            return list(client.jobs.results("j1"))
        return collect(client)

    async def collect(client: api.AsyncGroundlane) -> list[Any]:
        return [row async for row in client.jobs.results("j1")]

    rows, waits = run(script, read, api.RetryPolicy())
    assert [(row.index, row.status, row.error) for row in rows] == [(0, "done", None), (1, "failed", "x")]
    assert rows[0].result == {"text": "a\u2028b"}
    assert len(waits) == 1


def _server_errors() -> Sequence[type[serving.api.errors.ApiError]]:
    kinds = [kind for _, kind in inspect.getmembers(serving.api.errors, inspect.isclass)]
    return [kind for kind in kinds if issubclass(kind, serving.api.errors.ApiError)]


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.__name__) for kind in _server_errors()])
def test_every_code_of_the_server_has_its_class(kind: type[serving.api.errors.ApiError]) -> None:
    answer = httpx.Response(kind.status, json=serving.api.errors.envelope(kind("no"), "r1"))
    error = error_from(answer)
    assert type(error) is BY_CODE[kind.code]
    assert isinstance(error, api.AnswerError)
    assert (error.status, error.code, error.request_id) == (kind.status, kind.code, "r1")


FOREIGN = [
    pytest.param(partial(httpx.Response, 503, text="Service Unavailable"), api.OverloadedError, id="proxy's 503"),
    pytest.param(partial(httpx.Response, 500, text="Internal Server Error"), api.InternalServerError, id="proxy's 500"),
    pytest.param(partial(httpx.Response, 302, headers={"location": "/"}), api.UnexpectedAnswerError, id="redirect"),
    pytest.param(partial(httpx.Response, 418, text="tea"), api.UnexpectedAnswerError, id="unknown status"),
    pytest.param(partial(httpx.Response, 200, text="<html>"), api.UnexpectedAnswerError, id="page"),
    pytest.param(partial(httpx.Response, 200, json=[1]), api.UnexpectedAnswerError, id="list"),
    pytest.param(partial(httpx.Response, 200, json={"ok": 1}), api.UnexpectedAnswerError, id="other api"),
]


@pytest.mark.parametrize(("answer", "kind"), FOREIGN)
def test_answer_of_another_server_is_named(
    run: Runner, answer: Callable[[], httpx.Response], kind: type[GroundlaneError]
) -> None:
    with pytest.raises(kind):
        run(Script(answer()), lambda client: client.rag(**FIELDS), api.RetryPolicy(attempts=1))


RETRY_AFTER = [
    pytest.param("12", 12.0, id="seconds"),
    pytest.param("Wed, 21 Oct 2015 07:28:00 GMT", 0.0, id="date that has passed"),
    pytest.param("soon", None, id="junk"),
    pytest.param("-3", None, id="negative"),
    pytest.param(None, None, id="absent"),
]


@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTER)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after_s(value) == seconds


@given(
    attempts=st.integers(1, 50),
    deadline_s=st.floats(0.1, 1e4),
    asked=st.lists(st.integers(0, 100), min_size=50, max_size=50),
    dice=st.floats(0, 1, exclude_max=True),
)
def test_waits_end_before_the_deadline_and_after_what_was_asked(
    attempts: int, deadline_s: float, asked: list[int], dice: float
) -> None:
    now_s = 0.0
    policy = api.RetryPolicy(attempts=attempts, deadline_s=deadline_s)
    tries = Attempts(policy, clock=lambda: now_s, dice=lambda: dice)

    def wait_till_refused() -> None:
        nonlocal now_s
        for seconds in asked:
            assert 0 < tries.begin(60.0) <= 60.0
            wait_s = tries.wait_after_answer(error_from(full(retry_after=str(seconds))))
            assert wait_s >= seconds
            now_s += wait_s
            assert now_s < deadline_s

    with pytest.raises(api.OverloadedError):
        wait_till_refused()
    assert tries.made <= attempts


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=200), size=st.integers(1, 7))
def test_lines_do_not_depend_on_how_the_bytes_come(text: str, size: int) -> None:
    data, splitter = text.encode(), LineSplitter()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    lines = [line for piece in pieces for line in splitter.feed(piece)] + splitter.end()
    *ended, rest = text.split("\n")
    assert lines == [line.removesuffix("\r") for line in ended] + ([rest] if rest else [])


def test_events_are_parsed_and_comments_are_not() -> None:
    parser = EventParser()
    lines = [": keep-alive", "", "event: progress", 'data: {"done":', "data: 1}", "", "data: 2", ""]
    events = [event for line in lines if (event := parser.feed(line)) is not None]
    assert [(event.event, event.data) for event in events] == [("progress", {"done": 1}), ("message", 2)]


def test_row_that_is_not_json_is_refused() -> None:
    assert parse_row("  ") is None
    with pytest.raises(api.UnexpectedAnswerError):
        parse_row("{half")


def test_impossible_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="attempts"):
        api.RetryPolicy(attempts=0)
    with pytest.raises(ValueError, match="seconds above 0"):
        api.RetryPolicy(deadline_s=0)


def test_nan_is_refused_before_it_is_sent(run: Runner) -> None:
    script = Script()
    with pytest.raises(ValueError, match="JSON compliant"):
        run(script, lambda client: client.rag(**FIELDS, coverage_threshold=float("nan")), api.RetryPolicy())
    assert script.requests == []


def test_key_is_in_no_text() -> None:
    with api.Groundlane("secret-key") as client:
        assert "secret-key" not in repr(client.connection)


def test_importing_the_client_loads_nothing_heavy() -> None:
    heavy = ("torch", "ray", "fastapi", "pydantic", "numpy", "sqlalchemy", "transformers")
    program = f"import sys, groundlane; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_both_clients_have_the_same_methods() -> None:
    pairs = [(api.Groundlane, api.AsyncGroundlane), (api.Session, api.AsyncSession)]
    for blocking, awaited in pairs:
        assert _signatures(blocking) == _signatures(awaited)


def _signatures(kind: type) -> dict[str, list[str]]:
    methods = inspect.getmembers(kind, inspect.isfunction)
    return {name: list(inspect.signature(method).parameters) for name, method in methods if not name.startswith("_")}
