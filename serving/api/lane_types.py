"""What the gateway hands to a lane and what a lane hands back. Plain values: they cross processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.types import ModelInfo, NliScores
from scoring.types import Alignment, Claim, Span
from serving.api.audit_facts import AuditFacts


@dataclass(frozen=True)
class UnitInput:
    """One structured premise as the caller gave it."""

    text: str
    source_id: str | None = None
    speaker: str | None = None
    timestamp: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class UnitVectors:
    """Token vectors of a unit encoded before. ``vectors`` (tokens, dim) float16, ``char_spans`` (tokens, 2) int32,
    ``content`` (tokens,) bool.
    """

    vectors: NDArray[np.float16]
    char_spans: NDArray[np.int32]
    content: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ChunkInput:
    """A stored chunk as a premise; ``vectors`` None: it is encoded with the rest."""

    text: str
    source_id: str | None
    metadata: Mapping[str, Any] | None
    vectors: UnitVectors | None


@dataclass(frozen=True)
class LaneInput:
    """A validated lane request; field meanings are those of the HTTP contract. ``background``: the models serve others first."""

    request_id: str
    tenant: str
    response_text: str
    query_text: str | None = None
    raw_context: str | None = None
    chunk_ids: tuple[str, ...] = ()
    chunks: tuple[ChunkInput, ...] = ()
    support_units: tuple[UnitInput, ...] = ()
    primary_metric: str = "reverse_context"
    evidence_limit: int = 8
    coverage_threshold: float = 0.5
    segmentation_mode: str = "sentence_packed"
    raw_context_chunk_tokens: int = 256
    response_chunk_tokens: int = 256
    attribution_mode: str = "closed_book"
    include_triangular_diagnostics: bool = True
    heatmap_format: str = "data"
    verification_samples: tuple[str, ...] = ()
    content_type: str | None = None
    risk_band_stratum: str | None = None
    risk_band_policy: str = "balanced"
    runtime_head_features: Mapping[str, float] | None = None
    trajectory_features: Mapping[str, float] | None = None
    profile: str = "standard"
    model: str | None = None
    session_id: str | None = None
    verbose: bool = False
    deadline_s: float = 30.0
    response_language_hint: str | None = None
    emit_chunk_ownership: bool = False
    session_state: Mapping[str, Any] | None = None
    names_only: bool = False
    libraries: Mapping[str, str] | None = None
    context_ref: str | None = None
    background: bool = False

    @property
    def characters(self) -> int:
        """Length of the response and its premises together."""
        texts = [unit.text for unit in self.support_units] + [chunk.text for chunk in self.chunks]
        return len(self.response_text) + len(self.raw_context or "") + sum(map(len, texts))


@dataclass(frozen=True)
class LaneAnswer:
    """A rendered result and the figures that logs, metrics and headers need. ``body`` is the JSON to send.

    ``pairs``: verdicts asked of the verifier, ``cached_pairs`` of them known from before. ``audit``: for the audit log.
    """

    body: bytes
    band: str | None
    context_tokens: int
    response_tokens: int
    phases_ms: Mapping[str, float]
    cached_tokens: int = 0
    batch_requests: int | None = None
    pairs: int = 0
    cached_pairs: int = 0
    audit: AuditFacts | None = None

    @property
    def token_counts(self) -> dict[str, int]:
        """Tokens by kind."""
        return {
            "context": self.context_tokens,
            "context_cached": self.cached_tokens,
            "response": self.response_tokens,
        }


@dataclass(frozen=True)
class ClaimsInput:
    """Claims of an answer that is still being written.

    ``request``: its ``response_text`` is the stretch of the answer that ``claims`` are offsets of, without citation markers.
    ``abstaining``: whether the claims before these all said that the documents do not say.
    """

    request: LaneInput
    claims: tuple[Claim, ...]
    abstaining: bool


@dataclass(frozen=True)
class ClaimsAnswer:
    """One JSON document a claim, offsets as in the input. ``pairs``: verdicts asked for, ``cached_pairs`` known before."""

    claims: tuple[Mapping[str, Any], ...]
    phases_ms: Mapping[str, float]
    pairs: int = 0
    cached_pairs: int = 0


@dataclass(frozen=True)
class AlignRequest:
    """One response against its units. ``claims``: character spans of the response. ``stored``: vectors by unit.

    ``affinity``: requests that have it in common share context, see :func:`serving.inference.affinity.affinity_key`.
    ``background``: other requests go first.
    """

    tenant: str
    response: str
    units: tuple[str, ...]
    claims: tuple[Span, ...]
    query: str | None
    response_window_tokens: int
    stored: Mapping[int, UnitVectors] = field(default_factory=dict)
    affinity: str = ""
    background: bool = False


@dataclass(frozen=True, eq=False)
class AlignReply:
    """The alignment, who made it, and what it cost."""

    alignment: Alignment
    model: ModelInfo
    context_tokens: int
    response_tokens: int
    cached_tokens: int = 0
    batch_requests: int = 1
    phases_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class VerifyReply:
    """Verdicts in the order of the pairs, who gave them, and how many were known from before (``cached``)."""

    verdicts: tuple[NliScores, ...]
    model: ModelInfo
    cached: int = 0
    phases_ms: Mapping[str, float] = field(default_factory=dict)


class Aligner(Protocol):
    """Encodes and aligns; in this process or behind a handle."""

    async def align(self, request: AlignRequest) -> AlignReply:
        """The alignment of one request."""
        ...

    def close(self) -> None:
        """Release what this end holds; a remote model goes on."""
        ...


class PairVerifier(Protocol):
    """Judges (premise, claim) pairs; in this process or behind a handle."""

    async def verify(self, pairs: Sequence[tuple[str, str]], tenant: str, background: bool = False) -> VerifyReply:
        """One verdict per pair, in order; those kept from before are of the same tenant. Others go before ``background``."""
        ...

    def close(self) -> None:
        """Release what this end holds; a remote model goes on."""
        ...
