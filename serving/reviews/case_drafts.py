"""A turn as the draft of an eval case, filled in from what was asked and answered, its label, its cause and its score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from scoring.feedback import RootCause, Thumb
from serving.evals.cases import SOURCES
from serving.store.trace_totals import Row
from serving.traces.turn_contents import TurnContents

SNIPPET_CHARACTERS: Final = 1_000
"""Of a document, what a case keeps to find it again by; the document itself stays where it is."""
MAX_DOCUMENTS: Final = 10
_ROLES: Final = ("system", "developer", "user", "assistant", "tool")
_SEVERITY: Final = {
    RootCause.UNSAFE_ANSWER: 5,
    RootCause.SHOULD_HAVE_REFUSED: 4,
    RootCause.HALLUCINATION: 4,
    RootCause.TONE_STYLE_ISSUE: 2,
}
_NOT_RETRIEVED: Final = (RootCause.FAILED_RETRIEVAL, RootCause.MISSING_KNOWLEDGE)
"""Causes of which the documents that were retrieved are not the ones that hold the evidence."""
_REFUSE: Final = (RootCause.UNSAFE_ANSWER, RootCause.SHOULD_HAVE_REFUSED)


@dataclass(frozen=True)
class DraftSource:
    """What a case is drafted from. ``detail``: the server's own score; ``correction``: the user's words that set it right."""

    trace_id: str
    contents: TurnContents
    thumb: str | None = None
    reason: str | None = None
    note: str | None = None
    cause: RootCause | None = None
    correction: str | None = None
    cluster: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    lane: str = "rag"


def draft_case(source: DraftSource) -> dict[str, Any]:
    """The case as :func:`serving.evals.cases.read_case` reads it. It is a DRAFT: a person has to complete it."""
    good = source.thumb == Thumb.UP
    bad = source.thumb == Thumb.DOWN
    contents = source.contents
    refuses = source.cause in _REFUSE
    case: dict[str, Any] = {
        "task_id": task_id_of(source.trace_id),
        "input_messages": _messages(contents),
        "expected_behavior": _expectation(source),
        "relevant_docs": _documents(source),
        "graders": _graders(source),
        "is_positive_example": good,
        "severity": _SEVERITY.get(source.cause, 3) if source.cause else 3,
        "critical": source.cause is RootCause.UNSAFE_ANSWER,
        "source": SOURCES[0],
        "track": "safety" if refuses else "golden" if good else "regression" if bad else "smoke",
        "created_from_trace_id": source.trace_id,
        "cluster_key": source.cluster,
        "failure_category": source.cause.value if source.cause and bad else None,
        "reference_answer": contents.answer if good else None,
        "recorded_failure": contents.answer if bad else None,
    }
    return {name: value for name, value in case.items() if value is not None}


def task_id_of(trace_id: str) -> str:
    """The case's name: the same turn makes the same case."""
    return f"trace-{trace_id}"


def correcting_turn(suggestions: list[Row]) -> str | None:
    """The turn in which the user set the answer right, where there is one."""
    found = (row["evidence"] for row in suggestions if row["evidence"].get("kind") == "correction")
    return next((evidence["trace_id"] for evidence in found), None)


def _messages(contents: TurnContents) -> list[dict[str, str]]:
    """What the model was given; where a chain answered, the user's question, which is what the application was given."""
    messages = [dict(message) for message in contents.messages if message["role"] in _ROLES]
    if any(message["role"] == "user" for message in messages) and messages[-1]["role"] != "assistant":
        return messages
    return [{"role": "user", "content": contents.question}]


def _expectation(source: DraftSource) -> str:
    """What people said, in their words; empty where nobody said anything."""
    parts = []
    if source.cause in _REFUSE:
        parts.append("The answer refuses.")
    if source.thumb == Thumb.DOWN and source.reason:
        parts.append(f"The answer is not again: {source.reason}.")
    if source.correction:
        parts.append(f'The user set it right: "{source.correction}"')
    if source.note:
        parts.append(f"Reviewer: {source.note}")
    return " ".join(parts)


def _documents(source: DraftSource) -> list[dict[str, str]]:
    """The retrieved documents that a supported claim cites; all of them where no score says which."""
    if source.cause in _NOT_RETRIEVED:
        return []
    cited = {
        citation.get("source_id")
        for claim in source.detail.get("claims") or ()
        if claim.get("verdict") == "supported"
        for citation in claim.get("citations") or ()
    }
    documents = source.contents.documents
    wanted = [one for one in documents if one["document_id"] in cited] or list(documents)
    return [
        {"document_id": str(one["document_id"]), "snippet": str(one["content"])[:SNIPPET_CHARACTERS]}
        for one in wanted[:MAX_DOCUMENTS]
    ]


def _graders(source: DraftSource) -> list[dict[str, Any]]:
    """Graders that the cause suggests; none where only a person can say what would be right."""
    if source.cause in _REFUSE:
        return [{"kind": "refusal", "expected": True}]
    found: list[dict[str, Any]] = []
    if source.lane == "code":
        found.append({"kind": "phantom"})
    elif source.contents.documents and source.cause not in _NOT_RETRIEVED:
        found.append({"kind": "groundedness"})
    if source.thumb == Thumb.UP:
        found.append({"kind": "similarity"})
    return found
