"""The fields of the requests, for type checkers and editors; the server checks the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Required, TypedDict

Lane = Literal["rag", "code", "rollup"]
SessionKind = Literal["code", "rag", "general"]


class SupportUnit(TypedDict, total=False):
    """A structured premise."""

    text: Required[str]
    source_id: str
    speaker: str
    timestamp: str
    metadata: Mapping[str, Any]


class RagStreamFields(TypedDict, total=False):
    """A request of the rag lane whose answer is still to come; one of the premise lanes is required."""

    query_text: str
    raw_context: str
    chunk_ids: Sequence[str | int]
    support_units: Sequence[SupportUnit]
    primary_metric: Literal["reverse_context", "triangular"]
    evidence_limit: int
    coverage_threshold: float
    segmentation_mode: Literal["sentence", "sentence_packed", "paragraph"]
    raw_context_chunk_tokens: int
    response_chunk_tokens: int
    attribution_mode: Literal["closed_book", "open_domain"]
    include_triangular_diagnostics: bool
    heatmap_format: Literal["none", "data", "html"]
    verification_samples: Sequence[str]
    content_type: str
    risk_band_stratum: str
    risk_band_policy: Literal["balanced", "strict"]
    runtime_head_features: Mapping[str, float]
    trajectory_features: Mapping[str, float]
    profile: Literal["standard", "quality"]
    model: str
    session_id: str
    request_id: str
    verbose: bool


class RagFields(RagStreamFields, total=False):
    """A request of the rag lane: ``response_text`` and one of the premise lanes are required."""

    response_text: Required[str]


class CodeFields(RagFields, total=False):
    """A request of the code lane."""

    response_language_hint: str
    emit_chunk_ownership: bool
    session_state: Mapping[str, Any]
    names_only: bool
    libraries: Mapping[str, str]
    context_ref: str


class ChunkFields(TypedDict, total=False):
    """A chunk to store."""

    chunk_id: Required[str | int]
    text: Required[str]
    source_id: str
    metadata: Mapping[str, Any]
    privacy_mode: bool


class JobFields(TypedDict, total=False):
    """What may be said of a job beside its lane and its requests."""

    session_id: str
    experiment_name: str
    privacy_mode: bool
    idempotency_key: str


class EventFields(TypedDict, total=False):
    """An event of a session."""

    event_type: Required[str]
    content: Required[str]
    metadata: Mapping[str, Any]
    idempotency_key: str
