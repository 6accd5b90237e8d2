"""The shapes of the answers, for the OpenAPI document and for the tests; the lanes render JSON themselves."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Ratio = Field(None, ge=0.0, le=1.0)


class Shape(BaseModel):
    """Base of the answers' parts. Keys may be added over time."""

    model_config = ConfigDict(extra="allow")


class ErrorEnvelope(Shape):
    """Body of every 4xx and 5xx answer."""

    success: Literal[False]
    error: str = Field(description="Stable code.")
    message: str
    hint: str
    request_id: str


class CitationShape(Shape):
    """The characters of a unit that a claim rests on."""

    unit_index: int
    char_start: int
    char_end: int
    text: str
    source_id: str | None = None


class SourceValueShape(Shape):
    """What stands in the source instead of a claim's value; without offsets where it was computed."""

    text: str
    rule: str = Field(description="Which rule found it: other_value, exchanged_values, other_place, bound, computed …")
    unit_index: int | None = None
    source_id: str | None = None
    char_start: int | None = None
    char_end: int | None = None


class ClaimShape(Shape):
    """Verdict on one claim; offsets are characters of ``response_text``."""

    text: str
    char_start: int
    char_end: int
    verdict: Literal["supported", "contradicted", "unsupported"]
    score: float | None = Ratio
    citations: list[CitationShape]
    reasons: list[str] | None = None
    source_value: SourceValueShape | None = None


class UnitShape(Shape):
    """One support unit's part in the answer."""

    index: int
    usage_state: Literal["used", "unused", "uncertain"]
    coverage_score: float = Field(ge=0.0, le=1.0)
    source_id: str | None = None


class UsageShape(Shape):
    """Counts of units by usage."""

    used: int
    unused: int
    uncertain: int


class BandPrecisionShape(Shape):
    """The precision that a green or red band was held to, on answers that had no part in choosing its cut."""

    value: float = Field(ge=0.0, le=1.0)
    low: float = Field(ge=0.0, le=1.0)
    high: float = Field(ge=0.0, le=1.0)
    n: int
    target: float | None = Ratio
    borrowed_from: str | None = None


class AbstentionShape(Shape):
    """Whether an answer that abstains may: ``evidence`` is a passage that speaks of what was asked."""

    justified: bool
    reason: str
    evidence: CitationShape | None = None


class CitationCheckShape(Shape):
    """Whether the unit that a marker such as [1] names supports its sentence."""

    text: str
    char_start: int
    char_end: int
    claim_index: int
    number: int
    state: Literal["supported", "other_unit", "unsupported", "no_such_unit"]
    unit_index: int | None = None
    better_unit_index: int | None = None


class ConflictShape(Shape):
    """Two passages that give different values of one thing; the claim repeats the first."""

    claim_index: int
    values: list[CitationShape]


class VersionsShape(Shape):
    """What decided: models and calibration by name, and what they are made of as SHA-256."""

    encoder: str | None = None
    calibration: str | None = None
    verifier: str | None = Field(None, description="Absent where no claim needed it.")
    code: str | None = None
    config_sha256: str | None = Field(None, description="Of the settings and artefacts that bear on scores.")
    calibration_sha256: str | None = Field(None, description="Of the calibration's file.")
    encoder_sha256: str | None = Field(None, description="Of the encoder's weights.")
    verifier_sha256: str | None = Field(None, description="Of the configured verifier's weights.")


class TraceResponse(Shape):
    """Answer of the rag lane. Keys whose value is None are left out."""

    success: Literal[True]
    request_id: str
    band: Literal["green", "amber", "red", "unknown"]
    reason: str
    primary_metric: str
    scoring_mode: Literal["rag", "code"]
    profile: Literal["standard", "quality"]
    effective_profile: Literal["standard", "quality"]
    version: str
    latency_ms: float = Field(ge=0.0)
    claims: list[ClaimShape]
    support_units: list[UnitShape]
    support_units_usage: UsageShape
    unsupported_spans: list[dict[str, Any]]
    top_evidence: list[dict[str, Any]]
    structured_score: dict[str, Any]
    score: float | None = Ratio
    band_precision: BandPrecisionShape | None = None
    nli_aggregate: float | None = Ratio
    context_coverage_ratio: float | None = Ratio
    context_usage_ratio: float | None = Ratio
    context_unused_ratio: float | None = Ratio
    context_uncertain_ratio: float | None = Ratio
    session_id: str | None = None
    versions: VersionsShape | None = None
    warnings: list[str] | None = None
    file_attribution: dict[str, Any] | None = None
    heatmap: dict[str, Any] | None = None
    heatmap_html: str | None = None
    runtime_decision: dict[str, Any] | None = None
    outcome: Literal["answered", "abstained", "no_claim"] | None = None
    abstention: AbstentionShape | None = None
    citation_checks: list[CitationCheckShape] | None = None
    conflicts: list[ConflictShape] | None = None
    language: str | None = Field(None, description="ISO 639-1 code of the response; und: too short to tell.")
    language_support: Literal["full", "partial", "literals"] | None = Field(
        None, description="What judges this language: models, values and words, or values and exact words only."
    )


class PlacementShape(Shape):
    """The file of the context that a block of the response amends; without a path it is read as a new file."""

    block: int = Field(description="Index into `parse.blocks`.")
    why: Literal["path", "searched_text", "redefines", "named_in_text", "uses_members", "explains_names", "none"]
    doubt: Literal["low", "some", "high"]
    path: str | None = None
    class_: str | None = Field(
        None, alias="class", description="The class that methods without its header were put in."
    )
    edit: Literal["applies", "edit_does_not_apply"] | None = None
    nearest: dict[str, Any] | None = Field(None, description="The file's line most like the one an edit searches for.")


class LibraryUseShape(Shape):
    """The indexed packages that the response imports, with their versions, and versions that were asked for in vain."""

    used: list[str] = Field(description="Such as `httpx 0.28.1`.")
    not_indexed: list[dict[str, Any]] = Field(description="`name`, `version` as asked for, `indexed` versions.")


class UnknownPathShape(Shape):
    """A path that the prose names and no visible file has; offsets are characters of the response."""

    path: str
    char_start: int
    char_end: int
    nearest: str | None = Field(None, description="The file that the path is most like.")


class CodeLaneShape(Shape):
    """What was found out about the names in the code."""

    verdict: Literal["grounded", "phantom", "cannot_tell"]
    symbols: list[dict[str, Any]]
    placements: list[PlacementShape]
    libraries: LibraryUseShape | None = None
    unknown_paths: list[UnknownPathShape] = Field(description="Paths in the prose that are not among the files.")
    parse: dict[str, Any]
    phantom_probability: float | None = Ratio


class CodeResponse(TraceResponse):
    """Answer of the code lane: the rag lane's fields and these."""

    code_lane: CodeLaneShape
    next_session_state: dict[str, Any]
    session_signals: dict[str, Any]
    recommendation: Literal["continue", "re_anchor", "fresh_chat"]
    chunk_ownership: list[dict[str, Any]] | None = None
    context_ref: str | None = Field(None, description="Of `raw_context`; a later request may send it in its place.")


class RollupResponse(Shape):
    """Answer of the rollup lane."""

    success: Literal[True]
    request_id: str
    scoring_mode: Literal["rollup"]
    turns_processed: int
    reason_code_histogram: dict[str, int]
    recommendations: list[str]
    risk_band_trail: list[str]
    top_dead_files: list[dict[str, Any]]
    version: str
    noise_pct: float | None = Ratio
    model_drift_pct: float | None = Ratio
    retrieval_waste_pct: float | None = Ratio
    drift_trend: dict[str, float] | None = None
    heatmap: dict[str, Any] | None = None
    heatmap_html: str | None = None
    session_id: str | None = None
    versions: VersionsShape | None = None


EXAMPLES: dict[str, dict[str, Any]] = {
    "trace_rag": {
        "success": True,
        "request_id": "4f1c0ffee",
        "score": 0.11,
        "primary_metric": "reverse_context",
        "band": "red",
        "reason": "score 0.11 is at or below the red cut 0.20",
        "claims": [
            {
                "text": "Paris is the capital of France.",
                "char_start": 0,
                "char_end": 31,
                "verdict": "supported",
                "score": 0.97,
                "citations": [
                    {
                        "unit_index": 0,
                        "char_start": 0,
                        "char_end": 31,
                        "text": "France's capital city is Paris.",
                    }
                ],
            },
            {
                "text": "It has 3.1 million inhabitants.",
                "char_start": 32,
                "char_end": 63,
                "verdict": "unsupported",
                "score": 0.2,
                "citations": [],
            },
        ],
        "support_units": [{"index": 0, "usage_state": "used", "coverage_score": 0.98}],
        "support_units_usage": {"used": 1, "unused": 0, "uncertain": 0},
        "unsupported_spans": [{"start": 39, "end": 50, "text": "3.1 million", "support": 0.2}],
        "top_evidence": [],
        "structured_score": {"reverse_context": 0.71, "signals": []},
        "context_coverage_ratio": 0.6,
        "context_usage_ratio": 1.0,
        "context_unused_ratio": 0.0,
        "context_uncertain_ratio": 0.0,
        "scoring_mode": "rag",
        "profile": "standard",
        "effective_profile": "standard",
        "version": "groundlane-rag-1",
        "versions": {
            "encoder": "all-MiniLM-L6-v2@53aa51172d14/float32",
            "calibration": "rag-verified-2026-11-27",
            "config_sha256": "24224006e22a00591de538c9a4521dab56d7b30a99d0ad75a14e826fe1ab40db",
        },
        "latency_ms": 31.2,
    }
}
EXAMPLES["trace_code"] = EXAMPLES["trace_rag"] | {
    "score": 0.03,
    "reason": "phantom:method:add_product",
    "claims": [],
    "scoring_mode": "code",
    "version": "groundlane-code-1",
    "code_lane": {
        "phantom_probability": 0.97,
        "verdict": "phantom",
        "symbols": [
            {
                "name": "add_product",
                "kind": "method",
                "line": 4,
                "char_start": 42,
                "char_end": 53,
                "status": "phantom",
                "reason": "Cart has no 'add_product'",
                "suggestion": "add_item",
                "defined_in": "shop.py:2",
            }
        ],
        "placements": [{"block": 0, "why": "none", "doubt": "high"}],
        "unknown_paths": [],
        "parse": {"context_files": 1, "blocks": []},
    },
    "next_session_state": {"version": 1},
    "session_signals": {"total_turns": 1, "recommendation": "continue"},
    "recommendation": "continue",
}
EXAMPLES["trace_rollup"] = {
    "success": True,
    "request_id": "4f1c0ffee",
    "scoring_mode": "rollup",
    "turns_processed": 2,
    "noise_pct": 0.5,
    "reason_code_histogram": {},
    "recommendations": ["continue"],
    "risk_band_trail": ["green", "red"],
    "top_dead_files": [],
    "version": "rollup-1",
}
