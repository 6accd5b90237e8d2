"""Targets against a stand-in that speaks OpenAI's protocol, its failures too; egress."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from serving.api.errors import ForbiddenError, ValidationFailedError
from serving.evals.cases import read_case
from serving.evals.targets.egress import EgressPolicy
from serving.evals.targets.http import HttpSettings, HttpTarget, OpenAISettings, OpenAITarget
from serving.evals.targets.python_callable import load_callable
from serving.evals.targets.recorded import read_recorded
from tests.serving.http_server import running

CASE = read_case({"task_id": "t", "input_messages": "What is the fee?", "must_include": ["30"]})
LOCAL = EgressPolicy(private=("127.0.0.1",))
GOOD = {
    "choices": [{"message": {"role": "assistant", "content": "30 euros"}}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
}


def _stream(text, done=True):
    lines = [f'data: {{"choices": [{{"delta": {{"content": "{part}"}}}}]}}\n\n' for part in text]
    return StreamingResponse(iter([*lines, *(["data: [DONE]\n\n"] if done else [])]), media_type="text/event-stream")


class StandIn:
    """A stand-in for a model's endpoint: answers the scripted replies in turn, the last one for ever."""

    def __init__(self, *replies):
        self.replies, self.seen = list(replies), []
        self.app = FastAPI()

        @self.app.post("/v1/chat/completions")
        async def complete(request: Request) -> Response:
            self.seen.append((dict(request.headers), await request.json()))
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            return await reply() if asyncio.iscoroutinefunction(reply) else reply()


async def _hang():
    await asyncio.sleep(1.0)
    return JSONResponse(GOOD)


def _ok():
    return JSONResponse(GOOD)


async def _ask(stand_in, waits=None, **settings):
    async def sleep(seconds):
        if waits is not None:
            waits.append(seconds)

    with running(stand_in.app) as url:
        target = OpenAITarget(OpenAISettings(f"{url}/v1", "m", **settings), LOCAL, sleep)
        try:
            return await target.answer(CASE, 0)
        finally:
            await target.close()


async def test_an_answer_with_its_cost_and_the_key_from_the_environment(monkeypatch):
    monkeypatch.setenv("EVAL_KEY", "secret-1")
    stand_in = StandIn(_ok)
    found = await _ask(
        stand_in, key_env="EVAL_KEY", input_usd=1.0, output_usd=2.0, instructions="Be brief.", temperature=0.0
    )
    headers, body = stand_in.seen[0]
    assert (found.text, found.error) == ("30 euros", None)
    assert found.cost_usd == pytest.approx((1000 * 1.0 + 500 * 2.0) / 1e6)
    assert found.latency_ms > 0
    assert headers["authorization"] == "Bearer secret-1"
    assert headers["idempotency-key"]
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert "secret-1" not in repr(found)


@pytest.mark.parametrize(
    ("replies", "settings", "calls", "error"),
    [
        pytest.param([lambda: Response(status_code=500), _ok], {}, 2, None, id="500_then_fine"),
        pytest.param([lambda: Response(status_code=500)], {}, 4, "HTTP 500", id="500_for_good"),
        pytest.param([lambda: Response(status_code=401)], {}, 1, "HTTP 401", id="401"),
        pytest.param([_hang], {"timeout_s": 0.2}, 4, "no answer within 0.2 s", id="time_out"),
        pytest.param([lambda: Response("{", media_type="application/json")], {}, 1, "not JSON", id="wrong_json"),
        pytest.param([lambda: JSONResponse({"choices": []})], {}, 1, "choices.0.message", id="wrong_shape"),
        pytest.param([lambda: RedirectResponse("http://127.0.0.1:1/")], {}, 1, "redirects", id="redirect"),
        pytest.param([lambda: _stream(["30", " euros"])], {"stream": True}, 1, None, id="stream"),
        pytest.param([lambda: _stream(["30"], done=False)], {"stream": True}, 4, "cut", id="cut_stream"),
        pytest.param(
            [lambda: _stream(["3"], done=False), lambda: _stream(["30", " euros"])],
            {"stream": True},
            2,
            None,
            id="cut_once",
        ),
    ],
)
async def test_failures_of_an_endpoint(replies, settings, calls, error):
    stand_in = StandIn(*replies)
    found = await _ask(stand_in, **settings)
    assert len(stand_in.seen) == calls
    if error is None:
        assert (found.text, found.error) == ("30 euros", None)
    else:
        assert found.text == ""
        assert error in found.error


async def test_retry_after_is_obeyed():
    waits = []
    busy = lambda: Response(status_code=429, headers={"retry-after": "7"})  # noqa: E731 - a reply, as the others
    found = await _ask(StandIn(busy, _ok), waits)
    assert found.error is None
    assert waits == [7.0]


async def test_an_application_with_a_template():
    app, seen = FastAPI(), []

    @app.post("/ask")
    async def ask(request: Request) -> dict:
        seen.append(await request.json())
        return {"data": {"text": "30 euros", "docs": [{"document_id": "fees", "content": "30", "score": 0.9}]}}

    with running(app) as url:
        target = HttpTarget(
            HttpSettings(f"{url}/ask", {"q": "{{question}}", "history": "{{messages}}"}, "data.text", "data.docs"),
            LOCAL,
        )
        found = await target.answer(CASE, 0)
        await target.close()
        searching = HttpTarget(HttpSettings(f"{url}/ask", {"q": "{{question}}"}, "", "data.docs"), LOCAL)
        only_documents = await searching.answer(CASE, 0)
        await searching.close()
    assert (only_documents.text, only_documents.error) == ("", None)
    assert [one.document_id for one in only_documents.retrieved] == ["fees"]
    assert seen.pop() == {"q": "What is the fee?"}
    assert seen == [{"q": "What is the fee?", "history": [{"role": "user", "content": "What is the fee?"}]}]
    assert found.text == "30 euros"
    assert found.retrieved[0].document_id == "fees"


@pytest.mark.parametrize(
    ("policy", "url", "said"),
    [
        pytest.param(EgressPolicy(), "https://api.example.com/v1", "not allowed", id="off_by_default"),
        pytest.param(
            EgressPolicy(("api.example.com",)), "https://api.example.com.evil.org/", "not allowed", id="suffix"
        ),
        pytest.param(EgressPolicy(("api.example.com",)), "https://api.example.com@evil.org/", "no password", id="user"),
        pytest.param(EgressPolicy(("*",)), "ftp://example.com/", "http or https", id="scheme"),
        pytest.param(EgressPolicy(("*.example.com",)), "https://example.com/", "not allowed", id="bare_domain"),
        pytest.param(EgressPolicy(("h:81",)), "http://h:80/", "not allowed", id="other_port"),
    ],
)
def test_egress_refuses(policy, url, said):
    with pytest.raises(ForbiddenError, match=said):
        policy.check(url)


def test_egress_allows_what_is_listed():
    assert EgressPolicy(("*.example.com",)).check("https://api.example.com/v1") == ("api.example.com", 443)
    assert EgressPolicy(("h:81",)).check("http://H:81/") == ("h", 81)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "0.0.0.0", "::ffff:127.0.0.1"]
)
def test_a_public_name_at_a_private_address_is_refused(address):
    with pytest.raises(ForbiddenError, match="private address"):
        EgressPolicy(("api.example.com",)).check_address("api.example.com", 443, address)
    EgressPolicy(private=("api.example.com",)).check_address("api.example.com", 443, address)


async def test_a_host_listed_as_public_that_resolves_to_this_machine_is_never_called():
    stand_in = StandIn(_ok)
    with running(stand_in.app) as url:
        target = OpenAITarget(OpenAISettings(f"{url}/v1", "m"), EgressPolicy(hosts=("127.0.0.1",)))
        found = await target.answer(CASE, 0)
        await target.close()
    assert "private address" in found.error
    assert stand_in.seen == []


async def test_recorded_answers_and_a_missing_one(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text(
        '{"task_id": "t", "answer": "30"}\n{"task_id": "t", "repeat": 1, "answer": "35", "cost_usd": 0.1}\n'
    )
    target = read_recorded(path)
    assert (target.repeats, target.paid) == (2, False)
    assert (await target.answer(CASE, 1)).text == "35"
    assert (await target.answer(CASE, 2)).error == "no recorded answer"
    path.write_text('{"task_id": "t", "answer": "30"}\n{"task_id": "t", "answer": "35"}\n')
    with pytest.raises(ValidationFailedError, match="recorded before"):
        read_recorded(path)


async def test_a_python_function(tmp_path, monkeypatch):
    (tmp_path / "my_app.py").write_text(
        "async def answer(case):\n    return {'answer': case['task_id'], 'cost_usd': 0.5}\n"
        "def broken(case):\n    raise KeyError('x')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert (await load_callable("my_app:answer").answer(CASE, 0)).text == "t"
    assert "KeyError" in (await load_callable("my_app:broken").answer(CASE, 0)).error
    with pytest.raises(ValidationFailedError, match="module:function"):
        load_callable("my_app")
