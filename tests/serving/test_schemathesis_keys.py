"""Schemathesis on a server that asks for keys: without one every operation refuses as documented; with one, what a session, a
chunk and a job were named is followed into every operation that takes such a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as examples_of
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serving.auth.keys import KeyFile
from serving.lanes.factory import alignment_service
from tests.serving.http_server import running
from tests.serving.local_app import LocalEncoder, local_app, local_config

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPEN = ("/healthz", "/readyz", "/metrics", "/review", "/api/v1/status")


@dataclass(frozen=True)
class Guarded:
    """A running server, a key for it, and its documented operations by label."""

    url: str
    key: str
    operations: dict[str, schemathesis.schemas.APIOperation]

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    _, key = KeyFile(folder / "keys.json").create("ada", "a")
    values = {"auth.required": True, "limits.burst": 100_000, "limits.requests_per_minute": 1_000_000}
    config = local_config(folder, **values)
    encoder = LocalEncoder(alignment_service(config))
    app, code = local_app(config, encoder)
    with running(app) as url:
        document = schemathesis.openapi.from_url(f"{url}/openapi.json")
        operations = {found.ok().label: found.ok() for found in document.get_all_operations()}
        yield Guarded(url, key, operations)
    code.close()
    encoder.close()


def drive(operation: schemathesis.schemas.APIOperation, examples: int, **changes: Any) -> Counter[int]:
    """Send generated requests with these headers or names in the path, check every answer, count the statuses."""
    statuses: Counter[int] = Counter()

    @examples_of(max_examples=examples, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def answers_as_documented(case: schemathesis.Case) -> None:
        case.path_parameters = {**(case.path_parameters or {}), **changes.get("names", {})}
        answer = case.call(timeout=60.0, headers=changes.get("headers"))
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    answers_as_documented()
    return statuses


def test_without_a_key_every_operation_refuses_as_documented(guarded: Guarded) -> None:
    closed = {label: one for label, one in guarded.operations.items() if not one.path.startswith(OPEN)}
    assert len(closed) > 30
    for label, operation in closed.items():
        assert set(drive(operation, 1)) == {401}, label
        assert set(drive(operation, 1, headers={"authorization": "Bearer gl_000000000000_" + "x" * 43})) == {401}, label


def _named(guarded: Guarded) -> dict[str, str]:
    """A session with an event, a chunk and a job, by the name of the parameter that takes them."""
    with httpx.Client(base_url=f"{guarded.url}/api/v1", headers=guarded.headers, timeout=60.0) as client:
        session = client.post("/trace/sessions", json={"kind": "rag"}).json()["session"]["session_id"]
        event = {"event": {"event_type": "note", "content": "Paris is in France."}}
        source = client.post(f"/trace/sessions/{session}/events", json=event).json()["events"][0]["source_id"]
        client.put("/trace/chunks", json=[{"chunk_id": "c1", "text": "Paris is in France."}]).raise_for_status()
        row = {"response_text": "Paris.", "raw_context": "Paris is in France."}
        turn = {"lane": "rag", "trace_request": row}
        client.post(f"/trace/sessions/{session}/score", json=turn).raise_for_status()
        job = client.post("/jobs", json={"lane": "rag", "requests": [row]}).json()["job_id"]
    return {"session_id": session, "source_id": source, "chunk_id": "c1", "job_id": job}


def test_what_was_created_is_followed_into_every_operation_that_names_it(guarded: Guarded) -> None:
    names = ("{session_id}", "{chunk_id}", "{job_id}")
    streams = "GET /api/v1/jobs/{job_id}/events"
    linked = {
        label: one
        for label, one in guarded.operations.items()
        if any(name in one.path for name in names) and label != streams
    }
    assert len(linked) >= 8, sorted(linked)
    never = {}
    for label, operation in linked.items():
        statuses = drive(operation, 4, headers=guarded.headers, names=_named(guarded))
        if not {200, 201, 202, 204} & set(statuses):
            never[label] = statuses
    assert not never, "operations that never answered with success on what was just created"
