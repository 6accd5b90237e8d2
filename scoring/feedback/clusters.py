"""Negatives in groups: same cause, and the same failing document, claim kind or near question."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scoring.feedback.repeats import content_words
from scoring.feedback.types import Negative, RootCause

NEAR_FROM: Final = 0.5
"""Jaccard overlap of content words from which two questions are near: "late fee of plan A", "the late fee for plan B"."""


@dataclass(frozen=True)
class NegativeCluster:
    """``key`` is stable while the first member and the group's nature stay; ``shared`` says what its members share."""

    key: str
    cause: RootCause
    shared: str
    members: tuple[str, ...]


def cluster_negatives(negatives: Sequence[Negative]) -> tuple[NegativeCluster, ...]:
    """Every negative in exactly one cluster, the largest first. By document, else claim kind and near question, else question.

    Greedy over the given order: a question joins the first cluster whose first question is near.
    """
    groups: dict[tuple[RootCause, str], list[Negative]] = {}
    leaders: list[tuple[RootCause, str | None, frozenset[str], str]] = []
    for one in negatives:
        if one.failing_document is not None:
            groups.setdefault((one.cause, f"document {one.failing_document}"), []).append(one)
            continue
        words = content_words(one.question)
        shared = next(
            (
                name
                for cause, kind, first, name in leaders
                if (cause, kind) == (one.cause, one.claim_kind) and _overlap(first, words) >= NEAR_FROM
            ),
            None,
        )
        if shared is None:
            about = " ".join(sorted(words)[:6]) or "empty question"
            shared = f"{one.claim_kind + ' in ' if one.claim_kind else ''}questions like {one.item_id}: {about}"
            leaders.append((one.cause, one.claim_kind, words, shared))
        groups.setdefault((one.cause, shared), []).append(one)
    clusters = [
        NegativeCluster(_key(cause, shared), cause, shared, tuple(one.item_id for one in members))
        for (cause, shared), members in groups.items()
    ]
    return tuple(sorted(clusters, key=lambda cluster: (-len(cluster.members), cluster.key)))


def _overlap(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / len(left | right) if left or right else 1.0


def _key(cause: RootCause, shared: str) -> str:
    return hashlib.sha256(f"{cause}\n{shared}".encode()).hexdigest()[:16]
