"""Query-conditioned groundedness: answer, context and question must agree.

With a_t the relevance of response token t to the query and b_t that of the context token it matched, both clipped to
[0, 1]: triangular = Σ w_t a_t min(g_t, g_t b_t / a_t) / Σ w_t a_t. A token counts by its relevance to the query, and a
match that is less relevant to the query than the token itself counts for less; the value never exceeds the
relevance-weighted reverse context.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.types import Alignment

_MIN_RELEVANCE = 1e-6


@dataclass(frozen=True)
class TriangularDiagnostics:
    """``score``: the metric; ``query_response``, ``query_context``: mean relevance of either side to the query."""

    score: float
    query_response: float
    query_context: float
    agreement: float


def reverse_context(alignment: Alignment) -> float | None:
    """Σ w_t g_t / Σ w_t in [0, 1]; None for a response without tokens."""
    if not len(alignment.best) or not alignment.content.any():
        return None
    return float(np.clip(alignment.best[alignment.content].mean(dtype=np.float64), 0.0, 1.0))


def triangular(alignment: Alignment) -> TriangularDiagnostics | None:
    """The metric and its sides; None without a query or without tokens."""
    if alignment.query_response is None or alignment.query_match is None or not alignment.content.any():
        return None
    weights = alignment.content
    relevance = np.clip(alignment.query_response[weights], 0.0, 1.0).astype(np.float64)
    match = np.clip(alignment.query_match[weights], 0.0, 1.0).astype(np.float64)
    grounded = np.clip(alignment.best[weights], 0.0, 1.0).astype(np.float64)
    if relevance.sum() < _MIN_RELEVANCE:
        return TriangularDiagnostics(0.0, 0.0, float(match.mean()), 0.0)
    ratio = np.minimum(1.0, match / np.maximum(relevance, _MIN_RELEVANCE))
    score = float((relevance * grounded * ratio).sum() / relevance.sum())
    return TriangularDiagnostics(
        score=min(max(score, 0.0), 1.0),
        query_response=float(relevance.mean()),
        query_context=float(match.mean()),
        agreement=float((relevance * ratio).sum() / relevance.sum()),
    )
