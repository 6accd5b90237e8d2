"""Real clients from PyPI, unchanged, against the application on a port: what they send becomes conversations.

The model behind them is a stand-in in this process, and says so in every answer. None of these packages is needed by
the server; they are installed with the tests.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import orjson
import pytest
from fastapi import FastAPI, Request
from google.protobuf.json_format import MessageToDict
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough
from langchain_openai import ChatOpenAI
from openinference.instrumentation import using_session
from openinference.instrumentation.langchain import LangChainInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai import OpenAIInstrumentor as OpenLlmetryInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode
from starlette.responses import StreamingResponse

from tests.serving.evals.eval_server import build
from tests.serving.http_server import running

pytestmark = pytest.mark.filterwarnings("ignore:Support for class-based `config`")
"""OpenLLMetry's own models."""

SAID = "I am a stand-in for a model, and this is all I ever say."
PASSAGE = "The Lindau Bridge opened on 4 May 1932."


def stand_in() -> FastAPI:
    """Speaks OpenAI's protocol of chat completions, streamed or not, and knows one answer."""
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Any:
        body = orjson.loads(await request.body())
        usage = {"prompt_tokens": 11, "completion_tokens": 13, "total_tokens": 24}
        head = {"id": "chatcmpl-1", "created": 1_790_000_000, "model": "stand-in-1-2026"}
        if not body.get("stream"):
            message = {"role": "assistant", "content": SAID}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return {**head, "object": "chat.completion", "choices": [choice], "usage": usage}

        def lines() -> Iterator[bytes]:
            for word in SAID.split(" "):
                delta = {"index": 0, "delta": {"role": "assistant", "content": word + " "}, "finish_reason": None}
                yield (
                    b"data: " + orjson.dumps({**head, "object": "chat.completion.chunk", "choices": [delta]}) + b"\n\n"
                )
            last = {"index": 0, "delta": {}, "finish_reason": "stop"}
            yield b"data: " + orjson.dumps({**head, "object": "chat.completion.chunk", "choices": [last]}) + b"\n\n"
            yield b"data: [DONE]\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    return app


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(build(tmp_path_factory.mktemp("traces"))) as url:
        yield url


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    with running(stand_in()) as url:
        yield f"{url}/v1"


@pytest.fixture
def client(model: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=model, api_key="none", max_retries=0)


@contextmanager
def exporting(server: str, service: str, compression: Compression = Compression.Gzip) -> Iterator[TracerProvider]:
    """A provider whose spans the exporter of opentelemetry-sdk has sent when the block ends."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=f"{server}/v1/traces", compression=compression)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    yield provider
    assert provider.force_flush(30_000)
    provider.shutdown()


def conversations(server: str, **filters: str) -> list[dict[str, Any]]:
    found = httpx.get(f"{server}/api/v1/conversations", params=filters).json()["conversations"]
    assert isinstance(found, list)
    return found


def calls_of(server: str, conversation_id: str) -> list[dict[str, Any]]:
    """Every call of a conversation, whole."""
    found = httpx.get(f"{server}/api/v1/conversations/{conversation_id}").json()["conversation"]
    calls = [call for turn in found["timeline"] for call in turn["calls"]]
    return [httpx.get(f"{server}/api/v1/spans/{call['span_id']}").json()["span"] for call in calls]


@pytest.mark.parametrize(
    "compression", [pytest.param(Compression.Gzip, id="gzip"), pytest.param(Compression.NoCompression, id="plain")]
)
def test_the_sdks_exporter_over_protobuf(server: str, compression: Compression) -> None:
    project = f"sdk-{compression.value}"
    with exporting(server, project, compression) as provider:
        tracer = provider.get_tracer("app")
        with tracer.start_as_current_span("turn") as turn:
            turn.set_attribute("gen_ai.conversation.id", project)
            turn.set_attribute("input.value", "When did it open?")
            turn.set_attribute("output.value", "In 1932.")
            with tracer.start_as_current_span("lookup") as lookup:
                lookup.set_attribute("gen_ai.operation.name", "execute_tool")
                lookup.set_attribute("numbers", [1, 2, 3])
                lookup.add_event("found", {"rows": 3})
                lookup.record_exception(ValueError("not here"))
                lookup.set_status(Status(StatusCode.ERROR, "not here"))
    [found] = conversations(server, project=project)
    assert (found["conversation_id"], found["question"], found["answer"]) == (project, "When did it open?", "In 1932.")
    assert (found["spans"], found["errors"]) == (2, 1)
    lookup_call = next(call for call in calls_of(server, project) if call["name"] == "lookup")
    assert (lookup_call["kind"], lookup_call["error"]) == ("tool", "not here")
    assert lookup_call["attributes"]["numbers"] == [1, 2, 3]
    assert [event["name"] for event in lookup_call["events"]] == ["found", "exception"]


def test_spans_of_the_sdk_as_otlp_json(server: str) -> None:
    """The SDK for Python has no exporter of JSON: its own encoding, written as the protocol's JSON mapping says."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "json"}))
    provider.add_span_processor(BatchSpanProcessor(kept))
    with provider.get_tracer("app").start_as_current_span("turn") as turn:
        turn.set_attributes({"session.id": "json-1", "input.value": "Grüße?", "output.value": "Ja.", "n": 7})
    assert provider.force_flush(30_000)
    body = MessageToDict(encode_spans(kept.get_finished_spans()))
    for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        context = kept.get_finished_spans()[0].context
        span["traceId"], span["spanId"] = f"{context.trace_id:032x}", f"{context.span_id:016x}"
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = httpx.post(f"{server}/v1/traces", content=gzip.compress(json.dumps(body).encode()), headers=headers)
    assert answer.status_code == 200, answer.text
    [found] = conversations(server, project="json")
    assert (found["conversation_id"], found["question"]) == ("json-1", "Grüße?")
    assert calls_of(server, "json-1")[0]["attributes"]["n"] == 7


@pytest.mark.parametrize("stream", [pytest.param(False, id="whole"), pytest.param(True, id="streamed")])
def test_openinference_of_the_openai_client(server: str, client: openai.OpenAI, stream: bool) -> None:
    project = f"openinference-{stream}"
    with exporting(server, project) as provider:
        instrumentor = OpenAIInstrumentor()
        instrumentor.instrument(tracer_provider=provider)
        try:
            with using_session(project):
                asked = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Who are you?"}]
                answer: Any = client.chat.completions.create(model="stand-in-1", messages=asked, stream=stream)  # type: ignore[call-overload]
                if stream:
                    list(answer)
        finally:
            instrumentor.uninstrument()
    [found] = conversations(server, project=project)
    assert (found["conversation_id"], found["question"]) == (project, "Who are you?")
    assert found["answer"].strip() == SAID
    [call] = calls_of(server, project)
    assert (call["kind"], call["status"]) == ("llm", "ok")
    assert [message["role"] for message in call["input"]["messages"]] == ["system", "user"]
    assert "stand-in-1-2026" in (call.get("requested_model"), call.get("selected_model"))
    if not stream:
        assert (found["input_tokens"], found["output_tokens"]) == (11, 13)


def test_openllmetry_of_the_openai_client(server: str, client: openai.OpenAI) -> None:
    with exporting(server, "openllmetry") as provider:
        instrumentor = OpenLlmetryInstrumentor()
        instrumentor.instrument(tracer_provider=provider)
        try:
            client.chat.completions.create(model="stand-in-1", messages=[{"role": "user", "content": "Who are you?"}])
        finally:
            instrumentor.uninstrument()
    [found] = conversations(server, project="openllmetry")
    assert (found["question"], found["answer"]) == ("Who are you?", SAID)
    assert (found["input_tokens"], found["output_tokens"]) == (11, 13)
    [call] = calls_of(server, found["conversation_id"])
    assert (call["kind"], call["requested_model"], call["selected_model"]) == ("llm", "stand-in-1", "stand-in-1-2026")
    assert call["provider"] == "openai"


class Shelf(BaseRetriever):
    """A retriever with one document."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document(PASSAGE, metadata={"source": "bridge.md"})]


def test_openinference_of_langchain(server: str, model: str) -> None:
    with exporting(server, "langchain") as provider:
        instrumentor = LangChainInstrumentor()
        instrumentor.instrument(tracer_provider=provider)
        try:
            prompt = ChatPromptTemplate.from_messages([("system", "Use this: {context}"), ("user", "{question}")])
            chat = ChatOpenAI(base_url=model, api_key="none", model="stand-in-1", max_retries=0)  # type: ignore[arg-type]
            chain = {"context": Shelf(), "question": RunnablePassthrough()} | prompt | chat | StrOutputParser()
            with using_session("langchain-1"):
                assert chain.invoke("When did the bridge open?") == SAID
        finally:
            instrumentor.uninstrument()
    [found] = conversations(server, project="langchain")
    assert (found["conversation_id"], found["turns"]) == ("langchain-1", 1)
    assert (found["question"], found["answer"]) == ("When did the bridge open?", SAID)
    assert (found["input_tokens"], found["output_tokens"]) == (11, 13)
    calls = calls_of(server, "langchain-1")
    retrieved = next(call for call in calls if call["kind"] == "retriever")
    assert [one["content"] for one in retrieved["retrieval"]["results"]] == [PASSAGE]
    assert retrieved["retrieval"]["results"][0]["document_id"] == "bridge.md"
    asked = next(call for call in calls if call["kind"] == "llm")
    assert [message["role"] for message in asked["input"]["messages"]] == ["system", "user"]
