"""Answers judged while they are written: the real lane behind the real gateway, over real WebSockets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from serving.auth.keys import KeyFile
from tests.live.support import CONTEXT, gateway

ANSWER = (
    "Sure! The Lindau Bridge opened on 4 May 1932 [1]. It is 1,490 metres long.\n"
    "- It was designed by Clara Hoffmann.\n- The mayor of Vienna paid for it with his own money."
)
START: dict[str, Any] = {"type": "start", "raw_context": CONTEXT, "query_text": "Tell me about the bridge."}
PATH = "/api/v1/trace/rag/stream"
Message = dict[str, Any]


def opened(url: str, **headers: str) -> ClientConnection:
    return connect(url.replace("http", "ws") + PATH, additional_headers=headers, open_timeout=20)


def sent(socket: ClientConnection, *messages: Message) -> None:
    for message in messages:
        socket.send(json.dumps(message))


def text(piece: str) -> Message:
    return {"type": "text", "text": piece}


def received(socket: ClientConnection) -> list[Message]:
    """Everything up to the close."""
    found = []
    try:
        while True:
            found.append(json.loads(socket.recv(timeout=60)))
    except ConnectionClosed:
        return found


def streamed(url: str, pieces: Sequence[str], **fields: Any) -> list[Message]:
    with opened(url) as socket:
        sent(socket, START | fields, *map(text, pieces), {"type": "end"})
        return received(socket)


def scored(url: str, **fields: Any) -> Message:
    body = {name: value for name, value in (START | fields).items() if name != "type"}
    answer = httpx.post(f"{url}/api/v1/trace/rag", json={"response_text": ANSWER} | body, timeout=60)
    assert answer.status_code == 200, answer.text
    document: Message = answer.json()
    return document


def lasting(document: Message) -> Message:
    """What two runs of the same request have in common."""
    return {name: value for name, value in document.items() if name not in {"latency_ms", "request_id", "diagnostics"}}


def words(answer: str) -> list[str]:
    return [word + " " for word in answer.split(" ")[:-1]] + answer.split(" ")[-1:]


PIECES: list[Any] = [
    pytest.param(lambda answer: [answer], id="at-once"),
    pytest.param(words, id="words"),
    pytest.param(list, id="characters"),
]


@pytest.mark.parametrize("cut", PIECES)
@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="standard"),
        pytest.param({"profile": "quality"}, id="quality"),
        pytest.param({"raw_context": ..., "support_units": [{"text": CONTEXT, "source_id": "a"}]}, id="units"),
        pytest.param({"verification_samples": ["It opened in 1932.", "It opened in 1952."]}, id="samples"),
    ],
)
def test_the_result_is_that_of_the_whole(url: str, cut: Callable[[str], list[str]], fields: Message) -> None:
    body = {name: value for name, value in (START | fields).items() if value is not ...}
    with opened(url) as socket:
        sent(socket, body, *map(text, cut(ANSWER)), {"type": "end"})
        messages = received(socket)
    plain = {name: value for name, value in body.items() if name != "type"} | {"response_text": ANSWER}
    whole = httpx.post(f"{url}/api/v1/trace/rag", json=plain, timeout=60).json()
    result = messages[-1]
    assert result["type"] == "result"
    assert lasting(result["result"]) == lasting(whole)
    claims = [message for message in messages if message["type"] == "claim"]
    assert [claim["index"] for claim in claims] == list(range(len(whole["claims"])))
    for claim, last in zip(claims, whole["claims"], strict=True):
        assert (claim["char_start"], claim["char_end"]) == (last["char_start"], last["char_end"])
        assert claim["text"] == last["text"]
        assert (claim["verdict"] != last["verdict"]) == (claim["index"] in result["revised"])


def test_verdicts_come_while_the_answer_is_written(url: str) -> None:
    with opened(url) as socket:
        sent(socket, START | {"verbose": True}, text("The Lindau Bridge opened on 4 May 1932. I"))
        first = [json.loads(socket.recv(timeout=60)) for _ in range(3)]
        assert [message["type"] for message in first] == ["started", "claim", "judged"]
        assert first[1]["verdict"] == "supported"
        assert first[1]["citations"][0]["text"].startswith("The Lindau Bridge opened")
        assert first[2]["char_end"] == len("The Lindau Bridge opened on 4 May 1932.")
        assert first[2]["phases_ms"]["encode"] > 0
        sent(socket, text("t is 1,490 metres long."), text(" T"))
        second = [json.loads(socket.recv(timeout=60)) for _ in range(2)]
        assert second[0]["verdict"] == "contradicted"
        assert second[0]["text"] == "It is 1,490 metres long."
        sent(socket, text("he end."), {"type": "end"})
        assert received(socket)[-1]["type"] == "result"


def test_context_is_encoded_and_claims_are_judged_once(url: str, lane: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the counts of the models: what the last pass found in the caches."""
    seen = []
    score = lane.score

    async def counted(request: Any) -> Any:
        answer = await score(request)
        seen.append(answer)
        return answer

    monkeypatch.setattr(lane, "score", counted)
    context = CONTEXT.replace("Lindau", "Meersburg")
    answer = ANSWER.replace("Lindau", "Meersburg")
    with opened(url) as socket:
        sent(socket, START | {"raw_context": context}, text(answer[:-2]))
        kinds = [json.loads(socket.recv(timeout=60))["type"] for _ in range(5)]
        assert kinds == ["started", "claim", "claim", "claim", "judged"]
        sent(socket, text(answer[-2:]), {"type": "end"})
        received(socket)
    (last,) = seen
    assert last.cached_tokens == last.context_tokens
    assert last.cached_pairs >= 1


def test_an_abstaining_answer_may_abstain_before_it_ends(url: str) -> None:
    pieces = ["The documents do not mention the price of the bridge. ", "The text does not say who paid."]
    messages = streamed(url, pieces, query_text="How much did the bridge cost to build?")
    claims = [message for message in messages if message["type"] == "claim"]
    assert [claim["verdict"] for claim in claims] == ["supported", "supported"]
    assert messages[-1]["result"]["outcome"] == "abstained"
    assert messages[-1]["revised"] == []


@pytest.mark.parametrize(
    ("messages", "code", "says"),
    [
        pytest.param([text("Hello.")], 400, "start", id="no-start"),
        pytest.param([{"type": "start"}], 400, "no premises", id="no-premises"),
        pytest.param([START | {"response_text": "x"}], 400, "response_text", id="answer-in-start"),
        pytest.param([START | {"return_job": True}], 400, "return_job", id="job"),
        pytest.param([START | {"raw_contxt": "x"}], 400, "raw_context", id="unknown-field"),
        pytest.param([START, {"type": "texts", "text": "x"}], 400, '"text"', id="unknown-type"),
        pytest.param([START, {"type": "text", "text": 5}], 400, '"text"', id="text-is-a-number"),
        pytest.param([START, {"type": "end"}], 400, "blank", id="blank"),
        pytest.param([START, text("  "), {"type": "end"}], 400, "blank", id="white-space"),
        pytest.param([START, text("a" * 64_001)], 413, "64000", id="answer-too-long"),
        pytest.param([START | {"raw_context": "a" * 400_001}], 413, "context", id="context-too-long"),
        pytest.param([START | {"chunk_ids": ["nowhere"]}, text("A b. C"), {"type": "end"}], 404, "nowhere", id="chunk"),
        pytest.param([START | {"model": "other"}, text("It is long. I"), {"type": "end"}], 400, "other", id="model"),
    ],
)
def test_a_faulty_conversation_ends_with_the_envelope(url: str, messages: list[Message], code: int, says: str) -> None:
    error, close_code = failure(url, [json.dumps(message) for message in messages])
    assert error["status"] == code
    assert close_code == 4000 + code
    assert says in error["message"]
    assert error["success"] is False
    assert error["hint"]
    assert error["request_id"]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("{", id="no-json"),
        pytest.param("[1]", id="no-object"),
        pytest.param(b"{}", id="binary"),
        pytest.param('{"type": "start", "raw_context": "a", "primary_metric": NaN}', id="nan"),
    ],
)
def test_what_is_no_message_is_refused(url: str, message: str | bytes) -> None:
    error, close_code = failure(url, [message])
    assert error["error"] == "validation_error"
    assert close_code == 4400


def failure(url: str, messages: Sequence[str | bytes], **headers: str) -> tuple[Message, int | None]:
    """The error message and the close code that follows it."""
    with opened(url, **headers) as socket:
        with suppress(ConnectionClosed):  # it may be refused before all is sent
            for message in messages:
                socket.send(message)
        last = received(socket)[-1]
        code = socket.close_code
    assert last["type"] == "error"
    return last, code


def test_a_silent_sender_and_an_endless_answer_are_ended(lane: Any, tmp_path: Path) -> None:
    limits = {"limits.stream_idle_s": 0.2, "limits.stream_s": 0.6, "limits.permits.stream": 1}
    with gateway(lane, tmp_path, **limits) as url:
        error, code = failure(url, [json.dumps(START)])
        assert (error["error"], code) == ("timeout", 4504)
        assert "0.2 s" in error["message"]
        with opened(url) as socket:
            sent(socket, START)
            error, code = failure(url, [])
            assert (error["error"], code) == ("overloaded", 4503)
            assert error["retry_after_s"] > 0
            with suppress(ConnectionClosed):
                for _ in range(40):
                    sent(socket, text("and on "))
                    time.sleep(0.05)
            last = received(socket)[-1]
        assert last["error"] == "timeout"
        assert "0.6 s" in last["message"]
        metrics = httpx.get(f"{url}/metrics").text
        assert 'groundlane_errors_total{code="timeout",lane="stream",replica="0"} 2.0' in metrics
        assert 'groundlane_queue_depth{lane="stream",replica="0"} 0.0' in metrics


def test_a_key_is_asked_for_before_anything_is_read(lane: Any, tmp_path: Path) -> None:
    _, token = KeyFile(tmp_path / "keys.json").create("acme", "test")
    with gateway(lane, tmp_path) as url:
        error, code = failure(url, [])
        assert (error["error"], code) == ("unauthorized", 4401)
        with opened(url, authorization=f"Bearer {token}") as socket:
            sent(socket, START, text("The bridge is long."), {"type": "end"})
            assert received(socket)[-1]["type"] == "result"


def test_a_page_of_another_site_is_refused(url: str) -> None:
    error, code = failure(url, [], origin="https://elsewhere.example")
    assert (error["error"], code) == ("forbidden", 4403)
    with opened(url, origin=url) as socket:
        sent(socket, START)
        assert json.loads(socket.recv(timeout=60))["type"] == "started"


def test_a_plain_request_is_told_what_the_path_is(url: str) -> None:
    answer = httpx.post(url + PATH, json=START)
    assert answer.status_code == 400
    assert "WebSocket" in answer.json()["message"]
