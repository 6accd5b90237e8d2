"""HTTP itself: headers, errors, limits of bodies, documents, metrics and probes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from serving.api.pseudonyms import hashed_session
from tests.serve.support import RAG, ROLLUP, Rag, Server, check_envelope, rag_body

MEBIBYTE = 1024 * 1024
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def once(answer: httpx.Response, name: str) -> str:
    """The value of a header that must be there exactly once."""
    values = [value for key, value in answer.headers.multi_items() if key.lower() == name]
    assert len(values) == 1, (name, values)
    return values[0]


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        pytest.param("POST", RAG, b'{"response_text": "a", "raw_context": "a"}', id="scored"),
        pytest.param("POST", RAG, b"{}", id="refused"),
        pytest.param("POST", ROLLUP, b'{"turns": [{"score": 0.5}]}', id="rollup"),
        pytest.param("GET", RAG, b"", id="method"),
        pytest.param("GET", "/api/v1/nonesuch", b"", id="route"),
    ],
)
def test_every_api_answer_carries_the_headers_once(
    client: httpx.Client, method: str, path: str, content: bytes
) -> None:
    answer = client.request(method, path, content=content)
    assert once(answer, "x-request-id") == answer.json()["request_id"]
    assert int(once(answer, "x-ratelimit-limit")) > 0
    assert int(once(answer, "x-ratelimit-remaining")) >= 0
    assert float(once(answer, "x-cost-usd")) >= 0.0
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", once(answer, "traceparent"))


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/nonesuch"])
def test_every_other_answer_names_its_request_once(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert once(answer, "x-request-id")
    assert once(answer, "x-cost-usd") == "0.000000"


def test_a_request_id_in_the_header_is_taken_over(client: httpx.Client) -> None:
    answer = client.post(RAG, json=rag_body(), headers={"X-Request-Id": "from-header"})
    assert once(answer, "x-request-id") == answer.json()["request_id"] == "from-header"
    refused = client.post(RAG, json={}, headers={"X-Request-Id": "from-header"})
    assert check_envelope(refused, 400)["request_id"] == "from-header"


def test_an_unusable_request_id_in_the_header_is_replaced(client: httpx.Client) -> None:
    answer = client.post(RAG, json=rag_body(), headers={"X-Request-Id": "i" * 300})
    assert once(answer, "x-request-id") == answer.json()["request_id"] != "i" * 300


def test_a_trace_is_continued_and_a_broken_one_is_not(client: httpx.Client) -> None:
    given = f"00-{TRACE}-00f067aa0ba902b7-01"
    _, trace, span, flags = once(client.get("/healthz", headers={"traceparent": given}), "traceparent").split("-")
    assert (trace, flags) == (TRACE, "01")
    assert span != "00f067aa0ba902b7"
    broken = once(client.get("/healthz", headers={"traceparent": f"00-{TRACE}-0000000000000000-01"}), "traceparent")
    assert TRACE not in broken


def test_unknown_routes_and_methods_have_the_envelope(client: httpx.Client) -> None:
    assert check_envelope(client.get("/nonesuch"), 404)["error"] == "not_found"
    assert check_envelope(client.post("/api/v1/trace/nonesuch"), 404)["error"] == "not_found"
    assert check_envelope(client.get(RAG), 405)["error"] == "method_not_allowed"
    assert check_envelope(client.delete("/healthz"), 405)["error"] == "method_not_allowed"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="array"),
        pytest.param(b'"text"', id="string"),
        pytest.param(b"response_text=a&raw_context=b", id="form"),
        pytest.param(b'{"response_text": "a", "raw_context": "a"} x', id="trailing"),
        pytest.param(b"\xef\xbb\xbf\xff{}", id="bytes"),
    ],
)
@pytest.mark.parametrize("path", [RAG, ROLLUP])
def test_what_is_no_json_object_is_a_400(client: httpx.Client, path: str, content: bytes) -> None:
    assert check_envelope(client.post(path, content=content), 400)["error"] == "validation_error"


def test_a_body_past_the_limit_is_refused_announced_or_not(client: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * MEBIBYTE

    for content in (b" " * (17 * MEBIBYTE), pieces()):
        envelope = check_envelope(client.post(RAG, content=content), 413)
        assert envelope["error"] == "payload_too_large"
        assert str(16 * MEBIBYTE) in envelope["message"]
        assert "body_bytes" in envelope["message"]


def test_an_error_does_not_repeat_the_texts(client: httpx.Client) -> None:
    answer = client.post(RAG, json=rag_body(response_text="TOPSECRET", evidence_limit="TOPSECRET", query_text=7))
    assert check_envelope(answer, 400)
    assert "TOPSECRET" not in answer.text


def test_probes(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_docs_are_there(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "/openapi.json" in page.text


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{m} {path}", op) for path, methods in document["paths"].items() for m, op in methods.items()]


def test_openapi_has_an_example_for_every_route_and_status(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    found = operations(document)
    assert {f"post {RAG}", f"post {ROLLUP}", "get /healthz", "get /readyz", "get /metrics"} <= {
        name for name, _ in found
    }
    for name, operation in found:
        for status, response in operation["responses"].items():
            for media in response.get("content", {}).values():
                assert "example" in media or "examples" in media, (name, status)
        for media in operation.get("requestBody", {}).get("content", {}).values():
            schema = document["components"]["schemas"][media["schema"]["$ref"].rsplit("/", 1)[1]]
            assert "example" in media or schema.get("examples"), name


def test_the_examples_of_the_bodies_are_accepted(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    sent = 0
    for name, operation in operations(document):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            path = name.split(" ", 1)[1]
            if path not in (RAG, ROLLUP):
                continue
            schema = document["components"]["schemas"][media["schema"]["$ref"].rsplit("/", 1)[1]]
            for example in schema["examples"]:
                assert client.post(path, json=example).status_code == 200, path
                sent += 1
    assert sent >= 2


def samples(client: httpx.Client) -> dict[str, float]:
    """The metrics by name and labels."""
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = (line.rsplit(" ", 1) for line in answer.text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def test_metrics_count_what_happened(rag: Rag) -> None:
    before = samples(rag.client)
    answer = rag.score(session_id="secret-session")
    rag.refused(evidence_limit=0)
    after = samples(rag.client)

    def grown(prefix: str, *labels: str) -> float:
        names = [n for n in after if n.startswith(prefix) and all(label in n for label in labels)]
        assert names, prefix
        return sum(after[name] - before.get(name, 0.0) for name in names)

    assert grown("groundlane_requests_total", 'lane="rag"', 'status="200"') == 1
    assert grown("groundlane_errors_total", 'code="validation_error"') == 1
    assert grown("groundlane_bands_total", f'band="{answer["band"]}"') == 1
    assert grown("groundlane_request_seconds_count", 'lane="rag"') == 2
    assert grown("groundlane_phase_seconds_count", 'phase="encode"') == 1
    assert grown("groundlane_tokens_total", 'kind="response"') > 0
    assert any(name.startswith("groundlane_queue_depth") for name in after)
    assert any(name.startswith("groundlane_batch_requests") for name in after)


def test_metrics_hold_no_text(rag: Rag) -> None:
    rag.score(response_text="XYLOPHONE rules.", session_id="secret-session", request_id="secret-request")
    text = rag.client.get("/metrics").text
    for secret in ("XYLOPHONE", "secret-session", "secret-request", hashed_session("anonymous", "secret-session")):
        assert secret not in text


@pytest.mark.parametrize("deployment", ["Gateway", "Encoder-minilm", "Verifier"])
def test_replicas_run_at_the_priority_of_the_server(server: Server, deployment: str) -> None:
    (replica,) = server.replicas(deployment)
    assert replica.nice() == psutil.Process(server.process.pid).nice()
