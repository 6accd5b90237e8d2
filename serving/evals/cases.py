"""Eval cases: what is asked, what is expected, and the graders that can tell. A change of content is another revision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from serving.api.errors import ValidationFailedError
from serving.evals.reading import Fields, sha256_of

SOURCES: Final = ("user_feedback", "manual", "synthetic", "support_ticket")
TRACKS: Final = ("smoke", "regression", "golden", "retrieval", "safety")
"""regression: past failures; golden: past thumbs up; safety: what has to be refused."""


class CaseStatus(StrEnum):
    """Where a case stands; :mod:`serving.evals.life_cycle` says what each step needs."""

    DRAFT = "DRAFT"
    CURATED = "CURATED"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


@dataclass(frozen=True)
class RelevantDocument:
    """A document that holds the evidence, and where one is known the passage."""

    document_id: str
    snippet: str | None = None


@dataclass(frozen=True)
class GraderSpec:
    """One grader of a case. ``advisory``: it informs, and does not decide whether the case passes."""

    kind: str
    options: Mapping[str, Any]
    advisory: bool = False

    def view(self) -> dict[str, Any]:
        """As JSON values."""
        return {"kind": self.kind, **self.options, **({"advisory": True} if self.advisory else {})}


@dataclass(frozen=True)
class Case:
    """One case, whole. ``recorded_failure``: the answer that made it a case; ``track``: where suites put it by default."""

    task_id: str
    input_messages: tuple[Mapping[str, Any], ...]
    expected_behavior: str = ""
    reference_answer: str | None = None
    must_include: tuple[str, ...] = ()
    must_not_include: tuple[str, ...] = ()
    relevant_docs: tuple[RelevantDocument, ...] = ()
    graders: tuple[GraderSpec, ...] = ()
    failure_category: str | None = None
    is_positive_example: bool = False
    severity: int = 3
    critical: bool = False
    source: str = "manual"
    track: str = "smoke"
    created_from_trace_id: str | None = None
    cluster_key: str | None = None
    recorded_failure: str | None = None

    @property
    def question(self) -> str:
        """The text of the last user message."""
        for message in reversed(self.input_messages):
            if message["role"] == "user":
                return _text_of(message["content"])
        return ""

    @property
    def all_graders(self) -> tuple[GraderSpec, ...]:
        """The graders, and those that must_include and must_not_include stand for."""
        included = tuple(GraderSpec("contains", {"text": text}) for text in self.must_include)
        excluded = tuple(GraderSpec("not_contains", {"text": text}) for text in self.must_not_include)
        return (*self.graders, *included, *excluded)

    @property
    def cluster(self) -> str:
        """Cases that share it are not independent."""
        return self.cluster_key or self.task_id

    def view(self) -> dict[str, Any]:
        """As JSON values that :func:`read_case` reads again; what is empty is left out."""
        document: dict[str, Any] = {
            "task_id": self.task_id,
            "input_messages": [dict(message) for message in self.input_messages],
            "expected_behavior": self.expected_behavior,
            "reference_answer": self.reference_answer,
            "must_include": list(self.must_include),
            "must_not_include": list(self.must_not_include),
            "relevant_docs": [
                {"document_id": one.document_id, **({} if one.snippet is None else {"snippet": one.snippet})}
                for one in self.relevant_docs
            ],
            "graders": [grader.view() for grader in self.graders],
            "failure_category": self.failure_category,
            "is_positive_example": self.is_positive_example,
            "severity": self.severity,
            "critical": self.critical,
            "source": self.source,
            "track": self.track,
            "created_from_trace_id": self.created_from_trace_id,
            "cluster_key": self.cluster_key,
            "recorded_failure": self.recorded_failure,
        }
        return {name: value for name, value in document.items() if value not in (None, [], "")}

    @property
    def revision(self) -> str:
        """SHA-256 of the content."""
        return sha256_of(self.view())

    def changed(self, **fields: Any) -> Case:
        """The case with other fields: another revision, unless nothing differs."""
        return replace(self, **fields)


def read_case(value: Any, where: str = "case") -> Case:
    """A case from JSON values. Raises ValidationFailedError naming the field."""
    fields = Fields(value, where)
    messages = fields.take("input_messages", (list, str))
    case = Case(
        task_id=fields.text("task_id"),
        input_messages=_messages(messages, f"{where}.input_messages"),
        expected_behavior=fields.text("expected_behavior", ""),
        reference_answer=fields.text("reference_answer", None),
        must_include=fields.texts("must_include"),
        must_not_include=fields.texts("must_not_include"),
        relevant_docs=_documents(fields.take("relevant_docs", list, []), f"{where}.relevant_docs"),
        graders=tuple(
            read_grader(grader, f"{where}.graders[{index}]")
            for index, grader in enumerate(fields.take("graders", list, []))
        ),
        failure_category=fields.text("failure_category", None),
        is_positive_example=fields.take("is_positive_example", bool, False),
        severity=fields.take("severity", int, 3),
        critical=fields.take("critical", bool, False),
        source=fields.one_of("source", SOURCES, "manual"),
        track=fields.one_of("track", TRACKS, "smoke"),
        created_from_trace_id=fields.text("created_from_trace_id", None),
        cluster_key=fields.text("cluster_key", None),
        recorded_failure=fields.text("recorded_failure", None),
    )
    fields.end()
    if not case.task_id.strip() or len(case.task_id) > 128:
        raise ValidationFailedError(f"{where}.task_id: has 1 to 128 characters")
    if not 1 <= case.severity <= 5:
        raise ValidationFailedError(f"{where}.severity: is 1 to 5")
    return case


def read_grader(value: Any, where: str) -> GraderSpec:
    """A grader: ``{"kind": "contains", "text": "30 euros"}``, or its kind alone."""
    from serving.evals.graders.table import check_grader

    if isinstance(value, str):
        value = {"kind": value}
    fields = Fields(value, where)
    kind = fields.text("kind")
    advisory = fields.take("advisory", bool, False)
    spec = GraderSpec(kind, fields.rest(), advisory)
    check_grader(spec, where)
    return spec


def _messages(value: Any, where: str) -> tuple[Mapping[str, Any], ...]:
    if isinstance(value, str):
        return ({"role": "user", "content": value},)
    found = []
    for index, message in enumerate(value):
        fields = Fields(message, f"{where}[{index}]")
        role = fields.one_of("role", ("system", "developer", "user", "assistant", "tool"))
        content = fields.take("content", (str, list), "")
        found.append({"role": role, "content": content, **fields.rest()})
    if not found:
        raise ValidationFailedError(f"{where}: has no message")
    return tuple(found)


def _documents(values: list[Any], where: str) -> tuple[RelevantDocument, ...]:
    found = []
    for index, value in enumerate(values):
        fields = Fields({"document_id": value} if isinstance(value, str) else value, f"{where}[{index}]")
        found.append(RelevantDocument(fields.text("document_id"), fields.text("snippet", None)))
        fields.end()
    return tuple(found)


def _text_of(content: Any) -> str:
    """The text of a message whose content is a string or OpenAI's list of parts."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
