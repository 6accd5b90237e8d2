"""Both clients on streamed answers: plain pieces, and the real ``openai`` package's streams from a model that is played."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import openai
import pytest

from groundlane import (
    AsyncGroundlane,
    ConnectionFailedError,
    Groundlane,
    NotFoundError,
    OverloadedError,
    RetryPolicy,
    ValidationFailedError,
)
from groundlane.answer_streams import openai_text
from tests.live.support import CONTEXT, gateway

GOOD = "The Lindau Bridge opened on 4 May 1932. It is 1,149 metres long."
WRONG = (
    "The Lindau Bridge opened on 4 May 1932. It is 1,490 metres long. A toll of 2 euros is charged on weekends. " * 2
)
ENDLESS = WRONG + "It has a roof. " * 200


def pieces(answer: str) -> list[str]:
    return [answer[at : at + 5] for at in range(0, len(answer), 5)]


class Played(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a chat completion, piece by piece; counts what was read and whether it was closed."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.read = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in pieces(self.answer):
            self.read += 1
            delta = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
            yield self._event({"choices": [delta]})
        yield self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        yield b"data: [DONE]\n\n"

    async def __aiter__(self) -> Any:
        for part in self:
            yield part

    def _event(self, fields: dict[str, Any]) -> bytes:
        document = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "played", **fields}
        return f"data: {json.dumps(document)}\n\n".encode()

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def answering(body: Played) -> httpx.MockTransport:
    return httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=body)
    )


def chat(body: Played) -> Any:
    client = openai.OpenAI(api_key="none", http_client=httpx.Client(transport=answering(body)))
    return client.chat.completions.create(model="played", messages=[{"role": "user", "content": "?"}], stream=True)


async def async_chat(body: Played) -> Any:
    client = openai.AsyncOpenAI(api_key="none", http_client=httpx.AsyncClient(transport=answering(body)))
    return await client.chat.completions.create(
        model="played", messages=[{"role": "user", "content": "?"}], stream=True
    )


@pytest.fixture
def client(url: str) -> Iterator[Groundlane]:
    with Groundlane(base_url=url) as opened:
        yield opened


def text_of(chunks: Any) -> str:
    return "".join(map(openai_text, chunks))


def test_pieces_are_judged_and_scored_as_the_whole(client: Groundlane) -> None:
    whole = client.rag(response_text=GOOD, raw_context=CONTEXT)
    with client.rag_stream(raw_context=CONTEXT) as stream:
        for piece in pieces(GOOD):
            stream.send(piece)
        score = stream.finish()
    assert score.score == whole.score
    assert score.band == whole.band
    assert [claim.verdict for claim in stream.claims] == [claim.verdict for claim in whole.claims]
    assert stream.progress.judged_to == len(GOOD)


async def test_the_asynchronous_client_does_the_same(client: Groundlane, url: str) -> None:
    whole = client.rag(response_text=GOOD, raw_context=CONTEXT)
    async with AsyncGroundlane(base_url=url) as asynchronous, asynchronous.rag_stream(raw_context=CONTEXT) as stream:
        for piece in pieces(GOOD):
            await stream.send(piece)
        score = await stream.finish()
    assert (score.score, score.band) == (whole.score, whole.band)
    assert [claim.verdict for claim in stream.claims] == [claim.verdict for claim in whole.claims]


def test_a_good_stream_passes_and_is_scored(client: Groundlane) -> None:
    body = Played(GOOD)
    with client.rag_stream(raw_context=CONTEXT) as stream:
        assert text_of(stream.watch(chat(body))) == GOOD
    assert stream.stopped_by is None
    assert stream.progress.score is not None
    assert body.closed


def test_held_text_stops_before_the_contradicted_claim(client: Groundlane) -> None:
    body = Played(ENDLESS)
    with client.rag_stream(raw_context=CONTEXT) as stream:
        seen = text_of(stream.watch(chat(body), hold=True))
    assert stream.stopped_by is not None
    assert stream.stopped_by.text == "It is 1,490 metres long."
    assert "1,490" not in seen
    assert ENDLESS.startswith(seen)
    assert body.closed


async def test_held_text_stops_in_the_asynchronous_client_too(url: str) -> None:
    body = Played(ENDLESS)
    async with AsyncGroundlane(base_url=url) as client, client.rag_stream(raw_context=CONTEXT) as stream:
        seen = "".join([openai_text(chunk) async for chunk in stream.watch(await async_chat(body), hold=True)])
    assert stream.stopped_by is not None
    assert "1,490" in stream.stopped_by.text
    assert "1,490" not in seen
    assert body.closed


def test_a_model_that_waits_for_verdicts_is_stopped_at_the_claim(client: Groundlane) -> None:
    """A model slower than the verdicts: the stream ends a few pieces behind the claim, and the model's answer is left."""
    with client.rag_stream(raw_context=CONTEXT) as stream:

        def slow() -> Iterator[str]:
            for number, piece in enumerate(pieces(ENDLESS)):
                if ENDLESS[: 5 * number].endswith("long. A "[:3]) or number in {15, 16}:
                    _wait_for_claims(stream, 2)
                yield piece

        seen = "".join(stream.watch(slow()))
    assert stream.stopped_by is not None
    assert len(seen) < 120
    assert stream.progress.score is None


def _wait_for_claims(stream: Any, count: int) -> None:
    for _ in range(200):
        if len(stream.claims) >= count:
            return
        stream._verdicts._receive(0.1)


def test_other_verdicts_may_stop_it(client: Groundlane) -> None:
    answer = "The mayor of Vienna paid for the bridge with his own money. It is long."
    with client.rag_stream(raw_context=CONTEXT) as stream:
        list(stream.watch(pieces(answer), stop_at=("contradicted", "unsupported"), hold=True))
    assert stream.stopped_by is not None
    assert stream.stopped_by.verdict == "unsupported"


def test_an_empty_stream_is_not_scored(client: Groundlane) -> None:
    with client.rag_stream(raw_context=CONTEXT) as stream:
        assert list(stream.watch([])) == []
    assert stream.progress.score is None


def test_errors_are_those_of_other_calls(client: Groundlane) -> None:
    with pytest.raises(ValidationFailedError, match="no premises"), client.rag_stream(query_text="?"):
        pass
    with client.rag_stream(raw_context=CONTEXT, chunk_ids=["nowhere"]) as stream, pytest.raises(NotFoundError):
        list(stream.watch(pieces(GOOD)))
    with pytest.raises(ConnectionFailedError, match="with block"):
        stream.send("more")


async def test_errors_reach_the_asynchronous_client(url: str) -> None:
    async with AsyncGroundlane(base_url=url) as client:
        with pytest.raises(ValidationFailedError, match="no premises"):
            async with client.rag_stream(query_text="?"):
                pass
        async with client.rag_stream(raw_context=CONTEXT, chunk_ids=["nowhere"]) as stream:
            await stream.send(GOOD)
            with pytest.raises(NotFoundError):
                await stream.finish()


def test_a_server_that_is_away_and_one_that_is_full(lane: Any, tmp_path: Path) -> None:
    once = RetryPolicy(attempts=1)
    with Groundlane(base_url="http://127.0.0.1:9", retry=once) as away, pytest.raises(ConnectionFailedError):
        away.rag_stream(raw_context=CONTEXT).__enter__()
    with gateway(lane, tmp_path, **{"limits.permits.stream": 1}) as url, Groundlane(base_url=url) as client:
        waits: list[float] = []
        client.pause = waits.append
        with client.rag_stream(raw_context=CONTEXT) as stream:
            with pytest.raises(OverloadedError):
                client.rag_stream(raw_context=CONTEXT).__enter__()
            stream.send("The bridge is long. ")
        assert len(waits) == 3  # four attempts, as of every call


@pytest.mark.parametrize(
    ("chunk", "text"),
    [
        pytest.param("as it is", "as it is", id="text"),
        pytest.param(SimpleNamespace(type="response.output_text.delta", delta="piece"), "piece", id="responses"),
        pytest.param(SimpleNamespace(type="response.completed"), "", id="another-event"),
        pytest.param(SimpleNamespace(choices=[]), "", id="usage"),
    ],
)
def test_the_text_of_a_chunk(chunk: Any, text: str) -> None:
    assert openai_text(chunk) == text


def test_chunks_without_a_known_text_are_refused() -> None:
    with pytest.raises(TypeError, match="text_of"):
        openai_text(b"bytes")
    second = SimpleNamespace(choices=[SimpleNamespace(index=1, delta=SimpleNamespace(content="b"))])
    with pytest.raises(ValueError, match="n=1"):
        openai_text(second)
