"""Metrics of a ranked list of documents against the relevant ones, in [0, 1]; a document counts once, where first found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import log2


def hit_at_k(results: Sequence[str], relevant: Collection[str], k: int) -> float:
    """1.0 when any relevant document is among the first ``k``."""
    return float(any(document in relevant for document in _first(results, relevant, k)))


def recall_at_k(results: Sequence[str], relevant: Collection[str], k: int) -> float:
    """The share of the relevant documents among the first ``k``."""
    wanted = set(relevant)
    return len(wanted.intersection(_first(results, relevant, k))) / len(wanted)


def reciprocal_rank(results: Sequence[str], relevant: Collection[str]) -> float:
    """One over the rank of the first relevant document; 0.0 when there is none. Their mean over cases is the MRR."""
    unique = _first(results, relevant, max(1, len(results)))
    return next((1.0 / rank for rank, document in enumerate(unique, 1) if document in relevant), 0.0)


def ndcg_at_k(results: Sequence[str], relevant: Mapping[str, float] | Collection[str], k: int) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002, linear gains); grades default to 1."""
    grades = dict(relevant) if isinstance(relevant, Mapping) else dict.fromkeys(relevant, 1.0)
    gain = sum(
        grades.get(document, 0.0) / log2(rank + 1) for rank, document in enumerate(_first(results, grades, k), 1)
    )
    best = sum(grade / log2(rank + 1) for rank, grade in enumerate(sorted(grades.values(), reverse=True)[:k], 1))
    return gain / best if best else 0.0


def _first(results: Sequence[str], relevant: Collection[str], k: int) -> list[str]:
    """The first ``k`` different documents. Raises ValueError for k < 1 or when nothing is relevant."""
    if k < 1:
        raise ValueError(f"k is at least 1: {k!r}")
    if not relevant:
        raise ValueError("without a relevant document no retrieval metric applies")
    return list(dict.fromkeys(results))[:k]
