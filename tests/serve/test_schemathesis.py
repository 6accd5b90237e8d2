"""Schemathesis drives every documented operation with generated bodies: no 5xx, and answers as documented."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.serve.support import RAG, Server

Operations = dict[str, schemathesis.schemas.APIOperation]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


EXAMPLES = settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def operations(server: Server) -> Operations:
    """Every documented operation by its label."""
    document = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    return {found.ok().label: found.ok() for found in document.get_all_operations()}


def drive(operation: schemathesis.schemas.APIOperation, mode: GenerationMode, checks: list[Any]) -> Counter[int]:
    """Send generated requests, check every answer, and count the statuses."""
    statuses: Counter[int] = Counter()

    @EXAMPLES
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers_as_documented(case: schemathesis.Case) -> None:
        answer = case.call(timeout=60.0)
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=checks)

    answers_as_documented()
    return statuses


IDS_IN_THE_BODY = {
    "POST /api/v1/feedback",
    "POST /api/v1/scores",
    "POST /api/v1/selections",
    "POST /api/v1/suites",
    "POST /api/v1/runs",
    "POST /api/v1/runs:estimate",
    "POST /api/v1/runs:compare",
    "GET /api/v1/experiments:trend",
}
"""Operations whose body or query names an experiment, suite, case, run, call or conversations: an invented one is a 404."""

BODIES_OF_OTHERS = {"POST /v1/traces", "POST /api/public/otel/v1/traces", "POST /api/v1/traces"}
"""Operations whose body is OpenTelemetry's or LiteLLM's, which our document does not repeat: an empty one is rightly a 400."""


def test_valid_requests_are_answered_as_documented(operations: Operations) -> None:
    never: dict[str, Counter[int]] = {}
    for label, operation in operations.items():
        statuses = drive(operation, GenerationMode.POSITIVE, CHECKS)
        may_fail = (
            "{" in operation.path or label in IDS_IN_THE_BODY | BODIES_OF_OTHERS
        )  # an invented id is rightly a 404
        if not may_fail and not {200, 201, 202} & set(statuses):
            never[label] = statuses
    assert not never, "operations that never answered with success"


def test_invalid_bodies_are_refused_as_documented(operations: Operations) -> None:
    with_body = {label: operation for label, operation in operations.items() if operation.body}
    assert f"POST {RAG}" in with_body
    for label, operation in with_body.items():
        statuses = drive(operation, GenerationMode.NEGATIVE, [*CHECKS, negative_data_rejection])
        assert set(statuses) <= set(range(400, 500)), (label, statuses)
