"""Fits the calibration with a verifier: its word joined with the lane's own signals. Run by ``benchmarks.calibrate``.

The verifier was trained on split ``train``, where it looks better than it is, so everything here is fitted on ``dev``. What
the artefact says of itself is cross-fitted: each fifth of the sources is scored by layers fitted on the other four. The curves
of the bands count these scores; cuts are picked from them and measured as :mod:`scoring.band_curves` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration_fits import (
    MIN_SIGNAL_ROWS,
    Example,
    band_parts,
    claim_labels,
    decision,
    fit_fusion,
    fit_token_cut,
    gather,
    monotone_logistic,
    scores_of,
    span_counts,
)
from benchmarks.figures import (
    Bools,
    Floats,
    auroc,
    best_f1_threshold,
    bootstrap,
    expected_calibration_error,
    precision_recall_f1,
    span_characters,
)
from benchmarks.rows import read_rows
from scoring.band_curves import FOLDS
from scoring.band_fits import fold_of
from scoring.bands import OVERALL
from scoring.calibration import RagArtifact, VerifiedCalibration
from scoring.rag.score import RagDecision
from scoring.rag.verifier_fusion import clipped_logit, token_columns
from serving.lanes.rag import RagLane

FUSED = ("weakest_tokens", "word_overlap", "weakest_claim", "structured", "nli")
"""Signals of the fusion: one of each kind. More of a kind add nothing on these answers and carry over worse to others."""
_CLAIM_CLIP = 0.01
_UNFITTED = VerifiedCalibration(0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Judged:
    """An example with the decision that the lane takes without the verifier."""

    example: Example
    plain: RagDecision


def without_verifier(example: Example) -> Example:
    """The same facts as if no verifier had been asked."""
    facts = example.gathered.facts
    bare = replace(facts, nli=(None,) * len(facts.claims))
    return Example(example.row, replace(example.gathered, facts=bare))


def fit_layers(judged: Sequence[Judged], base: RagArtifact) -> RagArtifact:
    """The base artefact with claims, tokens, cuts and fusion fitted on examples that the verifier has judged."""
    artifact = replace(base, dense_cut=base.claim_cut, verified=_UNFITTED)
    verified = _fit_claims(judged)
    artifact = replace(artifact, verified=verified)
    artifact = replace(artifact, claim_cut=_claim_cut(judged, artifact))
    verified = _fit_tokens(judged, artifact, verified)
    artifact = replace(artifact, verified=verified)
    examples = [one.example for one in judged]
    artifact = replace(artifact, token_cut=fit_token_cut(examples, artifact))
    weights, bias = fit_fusion(examples, artifact, FUSED)
    return replace(artifact, fusion=weights, fusion_bias=bias)


def _fit_claims(judged: Sequence[Judged]) -> VerifiedCalibration:
    rows, truth = [], []
    for one in judged:
        wrong = span_characters(one.example.row.spans or (), len(one.example.row.response))
        for verdict, claim in zip(one.example.gathered.facts.nli, one.plain.claims, strict=True):
            if verdict is not None and verdict.entail is not None and claim.score is not None:
                rows.append((verdict.entail, claim.score))
                truth.append(not wrong[claim.claim.char_start : claim.claim.char_end].any())
    weights, bias = monotone_logistic(clipped_logit(np.array(rows), _CLAIM_CLIP), np.array(truth))
    return replace(_UNFITTED, claim_bias=bias, claim_entail=float(weights[0]), claim_dense=float(weights[1]))


def _claim_cut(judged: Sequence[Judged], artifact: RagArtifact) -> float:
    """The score under which a claim counts as unsupported: best F1 of the unsupported ones."""
    pairs = [pair for one in judged for pair in claim_labels(one.example, decision(one.example, artifact).claims)]
    risk, truth = np.array([1.0 - score for score, _ in pairs]), np.array([wrong for _, wrong in pairs])
    return float(1.0 - best_f1_threshold(truth, risk))


def _fit_tokens(judged: Sequence[Judged], artifact: RagArtifact, fitted: VerifiedCalibration) -> VerifiedCalibration:
    """Token layer, both classes weighted alike; left as it is for a verifier that judges no tokens."""
    features, truth = [], []
    for one in judged:
        facts = one.example.gathered.facts
        claims = [(c.claim, facts.nli[c.claim.index], c.score) for c in decision(one.example, artifact).claims]
        columns, inside = token_columns(one.plain.support, facts.alignment, claims)
        wrong = span_characters(one.example.row.spans or (), len(facts.response) + 1)
        chosen = inside & facts.alignment.content
        features.append(columns[chosen])
        truth.append(~wrong[facts.alignment.token_spans[:, 0]][chosen])
    labels = np.concatenate(truth)
    if len(labels) < MIN_SIGNAL_ROWS or labels.all():
        return fitted
    balance = np.where(labels, 0.5 / labels.mean(), 0.5 / (1.0 - labels.mean()))
    weights, bias = monotone_logistic(np.concatenate(features), labels, balance)
    support, neighbours, claim, dense = (float(weight) for weight in weights)
    return replace(
        fitted,
        token_bias=bias,
        token_support=support,
        token_neighbours=neighbours,
        token_claim=claim,
        token_dense=dense,
    )


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """Scores and marked characters of every example, each by layers that did not see its source."""

    score: Floats
    flagged: Bools
    spans: Floats


def cross_fit(judged: Sequence[Judged], base: RagArtifact) -> CrossFitted:
    """Out-of-fold scores; ``flagged`` by the threshold with the best F1 on the other folds' own scores."""
    folds = np.array([fold_of(one.example.row.source_id) for one in judged])
    truth = np.array([one.example.row.hallucinated for one in judged])
    score, flagged, spans = np.zeros(len(judged)), np.zeros(len(judged), dtype=np.bool_), np.zeros((len(judged), 3))
    for fold in range(FOLDS):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        artifact = fit_layers([judged[i] for i in outside], base)
        others = scores_of([judged[i].example for i in outside], artifact)
        score[inside] = scores_of([judged[i].example for i in inside], artifact)
        flagged[inside] = 1.0 - score[inside] >= best_f1_threshold(truth[outside], 1.0 - others)
        for i in inside:
            spans[i] = span_counts(judged[i].example, decision(judged[i].example, artifact))
    return CrossFitted(score, flagged, spans)


def figures(judged: Sequence[Judged], found: CrossFitted, chosen: Bools) -> dict[str, Any]:
    """Figures of the chosen rows with 95% intervals from resampling sources. Positive means hallucinated."""
    rows = [judged[i].example.row for i in np.flatnonzero(chosen)]
    truth, groups = np.array([row.hallucinated for row in rows]), [row.source_id for row in rows]
    risk, flagged, spans = 1.0 - found.score[chosen], found.flagged[chosen], found.spans[chosen]

    def span_f1(index: Any) -> float:
        hits, marked, labelled = spans[index].sum(axis=0)
        return float(2 * hits / max(marked + labelled, 1.0))

    return {
        "n": len(rows),
        "positives": int(truth.sum()),
        "auroc": bootstrap(lambda i: auroc(truth[i], risk[i]), groups),
        "f1": bootstrap(lambda i: precision_recall_f1(truth[i], flagged[i])[2], groups),
        "span_f1": bootstrap(span_f1, groups),
        "ece": bootstrap(lambda i: expected_calibration_error(truth[i], risk[i]), groups),
    }


async def fit_verified(lane: RagLane, path: Path, base: RagArtifact, version: str) -> tuple[dict[str, Any], Example]:
    """The fitted part of the artefact, its cross-fitted figures, and one example that names the models."""
    examples = await gather(lane, read_rows(path, "dev"))
    return fitted_parts(examples, base, version), examples[0]


def fitted_parts(examples: Sequence[Example], base: RagArtifact, version: str) -> dict[str, Any]:
    """Layers, bands and figures from gathered examples, as they stand in the artefact."""
    base = replace(base, bands={}, curves=None)  # no cut of the base has a say in the scores that new cuts come from
    judged = [Judged(example, decision(without_verifier(example), base)) for example in examples]
    model = examples[0].gathered.verifier
    artifact = replace(fit_layers(judged, base), version=version, verifier=None if model is None else model.name)
    found = cross_fit(judged, base)
    tasks = np.array([one.row.task for one in examples])
    parts = {OVERALL: np.ones(len(examples), dtype=np.bool_)} | {
        str(task): tasks == task for task in sorted(set(tasks.tolist()))
    }
    assert artifact.verified is not None
    return {
        "verifier": artifact.verifier,
        "dense_cut": artifact.dense_cut,
        "claim_cut": artifact.claim_cut,
        "token_cut": artifact.token_cut,
        "verified": asdict(artifact.verified),
        "fusion": {
            "bias": artifact.fusion_bias,
            "signals": {name: asdict(weight) for name, weight in artifact.fusion.items()},
        },
        **band_parts(found.score, [one.row for one in examples]),
        "cross_fitted": {name: figures(judged, found, chosen) for name, chosen in parts.items()},
    }
