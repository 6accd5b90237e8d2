"""Bodies: every fault is one error that names the field and what to do."""

import json
import re
from typing import Any

import pytest
from pydantic import ValidationError

from serving.api.errors import ValidationFailedError
from serving.api.schemas import CodeRequest, LaneRequest, RagRequest, RollupRequest, describe_validation, parse_body
from serving.http.routes.chunks import PutChunks
from serving.http.routes.jobs import SubmitJob
from serving.http.routes.sessions import AppendEvents, CreateSession

GOOD = {"response_text": "a b", "raw_context": "a b c"}


def body(**changes: Any) -> bytes:
    merged = GOOD | changes
    return json.dumps({key: value for key, value in merged.items() if value is not ...}).encode()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"response_text": ...}, "response_text: Field required", id="missing"),
        pytest.param({"response_text": " \n"}, "response_text is blank", id="blank"),
        pytest.param({"raw_context": ...}, "no premises", id="no-premise"),
        pytest.param({"raw_context": "  "}, "raw_context is blank", id="blank-context"),
        pytest.param({"support_units": [{"text": "x"}]}, "support_units excludes", id="two-premise-lanes"),
        pytest.param(
            {"raw_context": ..., "support_units": [{"text": " "}]}, r"support_units\[0\].text", id="blank-unit"
        ),
        pytest.param({"primary_metric": "triangular"}, "needs query_text", id="triangular"),
        pytest.param({"primary_metric": "cosine"}, "primary_metric", id="metric"),
        pytest.param({"evidence_limit": 0}, "evidence_limit", id="evidence-low"),
        pytest.param({"evidence_limit": 129}, "evidence_limit", id="evidence-high"),
        pytest.param({"coverage_threshold": 1.5}, "coverage_threshold", id="threshold"),
        pytest.param({"segmentation_mode": "word"}, "segmentation_mode", id="mode"),
        pytest.param({"raw_context_chunk_tokens": 15}, "raw_context_chunk_tokens", id="chunk-low"),
        pytest.param({"response_chunk_tokens": 8193}, "response_chunk_tokens", id="chunk-high"),
        pytest.param({"session_id": "a b"}, "session_id", id="session"),
        pytest.param({"session_id": "x" * 129}, "session_id", id="session-long"),
        pytest.param({"scoring_mode": "rag"}, "fixed by the URL", id="scoring-mode"),
        pytest.param({"respons_text": "a"}, "did you mean 'response_text'", id="near-miss"),
        pytest.param({"session_state": {}}, "belongs to the code lane", id="other-lane"),
        pytest.param(
            {"raw_context": ..., "support_units": [{"text": "a", "sourceid": "b"}]}, "'source_id'", id="unit-field"
        ),
        pytest.param({"runtime_head_features": {"a": "b"}}, "runtime_head_features", id="feature"),
    ],
)
def test_faults_name_the_field(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationFailedError, match=message):
        parse_body(RagRequest, body(**changes))


@pytest.mark.parametrize(
    ("schema", "document", "message"),
    [
        pytest.param(AppendEvents, {"event": {"event_typ": "a"}}, r"event\.event_typ: .*'event_type'", id="model"),
        pytest.param(AppendEvents, {"events": [{"contents": "a"}]}, r"events\[0\].*'content'", id="list"),
        pytest.param(PutChunks, [{"chunkid": "a"}], r"\[0\]\.chunkid: .*'chunk_id'", id="root"),
        pytest.param(SubmitJob, {"request": []}, r"request: .*'requests'", id="top"),
        pytest.param(CreateSession, {"session_state": {}}, r"unknown field", id="not-a-lane"),
    ],
)
def test_a_near_miss_is_looked_for_where_it_stands(schema: Any, document: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        schema.model_validate(document)
    assert re.search(message, describe_validation(schema, caught.value))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"[]", id="array"),
        pytest.param(b'{"response_text": "\\ud800", "raw_context": "a"}', id="lone-surrogate"),
        pytest.param(b'{"response_text": "\xff", "raw_context": "a"}', id="not-utf8"),
        pytest.param(b"[" * 10_000 + b"]" * 10_000, id="deep"),
        pytest.param(b'{"response_text": "a", "raw_context": "b", "coverage_threshold": NaN}', id="nan"),
    ],
)
def test_what_is_no_request_is_a_400(raw: bytes) -> None:
    with pytest.raises(ValidationFailedError):
        parse_body(RagRequest, raw)


def test_the_message_does_not_repeat_the_texts() -> None:
    with pytest.raises(ValidationFailedError) as caught:
        parse_body(RagRequest, body(response_text="SECRET", evidence_limit="SECRET"))
    assert "SECRET" not in caught.value.message


def test_the_code_lane_takes_its_own_fields() -> None:
    parsed = parse_body(CodeRequest, body(response_language_hint="py", session_state={"version": 1}))
    assert parsed.lane_input("r", "t", 1.0).session_state == {"version": 1}


def test_chunk_ids_may_be_numbers_and_join_raw_context() -> None:
    parsed: LaneRequest = parse_body(RagRequest, body(chunk_ids=[1, "b"]))
    assert parsed.lane_input("r", "t", 1.0).chunk_ids == ("1", "b")


def test_rollup_needs_a_turn() -> None:
    with pytest.raises(ValidationFailedError, match="turns"):
        parse_body(RollupRequest, b'{"turns": []}')


REFERENCE = "9f" * 32


def test_a_reference_stands_for_the_context() -> None:
    asked = parse_body(CodeRequest, body(raw_context=..., context_ref=REFERENCE))
    made = asked.lane_input("r", "t", 30.0)
    assert (asked.refers_to_context, made.context_ref, made.raw_context) == (True, REFERENCE, None)


@pytest.mark.parametrize(
    ("schema", "changes", "message"),
    [
        pytest.param(CodeRequest, {"context_ref": REFERENCE}, "context_ref excludes raw_context", id="both"),
        pytest.param(CodeRequest, {"raw_context": ..., "context_ref": "abc"}, "context_ref", id="no-hash"),
        pytest.param(RagRequest, {"context_ref": REFERENCE}, "belongs to the code lane", id="rag-lane"),
        pytest.param(CodeRequest, {"libraries": {"httpx": 1}}, "libraries.httpx", id="version-is-no-text"),
        pytest.param(CodeRequest, {"libraries": {"": "1"}}, "libraries", id="no-name"),
    ],
)
def test_references_and_versions_are_checked(schema: type[LaneRequest], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationFailedError, match=message):
        parse_body(schema, body(**changes))
