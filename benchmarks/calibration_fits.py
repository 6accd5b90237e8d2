"""What a calibration of the RAG lane fits from labelled answers, piece by piece; the commands are in ``calibrate``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.progress import track
from scipy.optimize import minimize

from benchmarks.figures import Bools, Floats, balanced_accuracy, span_characters
from benchmarks.rows import Row
from scoring.band_curves import DEFAULT_TARGETS
from scoring.band_fits import band_curves, fold_of, held_bands
from scoring.calibration import RagArtifact, SignalWeight, TokenCalibration, logit, token_features
from scoring.heatmap import HeatCuts, heatmap_spans, unsupported_spans
from scoring.lexical import match_words
from scoring.rag.claims import ClaimJudgement
from scoring.rag.score import RagDecision, RagOptions, decide
from scoring.types import Verdict
from serving.api.lane_types import LaneInput
from serving.lanes.rag import Gathered, RagLane

TOKEN_FEATURES = ("best", "z", "word", "pair", "neighbour")
MIN_SIGNAL_ROWS = 25
_RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Example:
    """One labelled answer and what the lane found out about it."""

    row: Row
    gathered: Gathered


async def gather(lane: RagLane, rows: Sequence[Row], profile: str = "standard") -> list[Example]:
    """The lane's facts for every row."""
    examples = []
    for number, row in enumerate(track(rows, "gathering")):
        request = LaneInput(
            str(number),
            "calibration",
            row.response,
            query_text=row.question,
            raw_context=row.context,
            profile=profile,
            deadline_s=600.0,
        )
        examples.append(Example(row, await lane.gather(request)))
    return examples


def monotone_logistic(features: Floats, truth: Bools, weights: Floats | None = None) -> tuple[Floats, float]:
    """(coefficients ≥ 0, bias) of the logistic model of ``truth``, ridge-penalised, by L-BFGS-B."""
    sample = np.ones(len(truth)) if weights is None else weights
    sign = np.where(truth, 1.0, -1.0)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        margin = sign * (features @ parameters[:-1] + parameters[-1])
        losses = np.logaddexp(0.0, -margin)
        slope = -sample * sign / (1.0 + np.exp(np.clip(margin, -500, 500)))
        gradient = np.append(features.T @ slope, slope.sum()) / sample.sum()
        gradient[:-1] += _RIDGE * parameters[:-1]
        return float((sample * losses).sum() / sample.sum() + _RIDGE / 2 * (parameters[:-1] ** 2).sum()), gradient

    count = features.shape[1]
    start = np.zeros(count + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * count + [(None, None)])
    return found.x[:-1], float(found.x[-1])


def fit_tokens(examples: Sequence[Example]) -> TokenCalibration:
    """P(token supported) on content tokens, both classes weighted alike.

    A token is unsupported when it starts inside a labelled span.
    """
    features, truth = [], []
    for example in examples:
        facts = example.gathered.facts
        lexical = match_words(facts.response, facts.alignment.token_spans, facts.words)
        wrong = span_characters(example.row.spans or (), len(facts.response) + 1)
        content = facts.alignment.content
        features.append(token_features(facts.alignment, lexical)[content])
        truth.append(~wrong[facts.alignment.token_spans[:, 0]][content])
    labels = np.concatenate(truth)
    balance = np.where(labels, 0.5 / labels.mean(), 0.5 / (1.0 - labels.mean()))
    coefficients, bias = monotone_logistic(np.concatenate(features).astype(np.float64), labels, balance)
    return TokenCalibration(bias=bias, **dict(zip(TOKEN_FEATURES, map(float, coefficients), strict=True)))


async def fit_units(lane: RagLane, examples: Sequence[Example], count: int = 200) -> tuple[float, float]:
    """(bias, weight) of P(a unit bears on the answer | its null-bank z): own context against another row's context."""
    scores, truth = [], []
    chosen = list(examples[:count])
    for example, other in zip(chosen, [*chosen[count // 2 :], *chosen[: count // 2]], strict=True):
        own = example.gathered.facts.alignment.unit_z
        if example.row.source_id == other.row.source_id or not len(own):
            continue
        foreign = await lane.gather(
            LaneInput("u", "calibration", example.row.response, raw_context=other.row.context, deadline_s=600.0)
        )
        scores += [float(own.max()), *map(float, foreign.facts.alignment.unit_z)]
        truth += [True] + [False] * len(foreign.facts.alignment.unit_z)
    coefficients, bias = monotone_logistic(np.array(scores)[:, None], np.array(truth))
    return bias, float(coefficients[0])


def claim_labels(example: Example, judgements: Sequence[ClaimJudgement]) -> list[tuple[float, bool]]:
    """(support, hallucinated) of every claim; a claim is hallucinated when a labelled span touches it."""
    wrong = span_characters(example.row.spans or (), len(example.row.response))
    return [
        (judged.score, bool(wrong[judged.claim.char_start : judged.claim.char_end].any()))
        for judged in judgements
        if judged.score is not None
    ]


def fit_claim_cut(examples: Sequence[Example], artifact: RagArtifact) -> float:
    """The support under which a claim counts as unsupported: best balanced accuracy."""
    pairs = [pair for example in examples for pair in claim_labels(example, decision(example, artifact).claims)]
    support, truth = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    cuts = np.quantile(support, np.linspace(0.02, 0.98, 97))
    return float(max(cuts, key=lambda cut: balanced_accuracy(truth, support < cut)))


def decision(example: Example, artifact: RagArtifact) -> RagDecision:
    """The decision on one example under an artefact."""
    return decide(example.gathered.facts, RagOptions(), artifact)


def fit_token_cut(examples: Sequence[Example], artifact: RagArtifact) -> float:
    """The support under which a token is marked: best character F1 of the marked spans in doubtful claims."""
    decided = [decision(example, artifact) for example in examples]
    best, chosen = -1.0, 0.5
    for cut in np.linspace(0.02, 0.6, 30).tolist():
        cuts = HeatCuts(max(artifact.claim_cut, cut), cut)
        counts = sum(
            span_counts(example, replace(one, heat_cuts=cuts)) for example, one in zip(examples, decided, strict=True)
        )
        hits, marked, labelled = np.asarray(counts)
        f1 = 2 * hits / max(marked + labelled, 1.0)
        if f1 > best:
            best, chosen = float(f1), cut
    return chosen


def span_counts(example: Example, decided: RagDecision) -> Floats:
    """(3,) characters marked and labelled, marked, labelled."""
    facts = example.gathered.facts
    tiles = heatmap_spans(
        facts.alignment.token_spans, facts.alignment.content, decided.support, len(facts.response), decided.heat_cuts
    )
    doubtful = [(j.claim.char_start, j.claim.char_end) for j in decided.claims if j.verdict is not Verdict.SUPPORTED]
    marked = [(a, b) for a, b, _ in unsupported_spans(tiles, facts.response, doubtful)]
    found = span_characters(marked, len(facts.response))
    true = span_characters(example.row.spans or (), len(facts.response))
    return np.array([(found & true).sum(), found.sum(), true.sum()], dtype=np.float64)


def fit_fusion(
    examples: Sequence[Example], artifact: RagArtifact, candidates: Sequence[str] | None = None
) -> tuple[dict[str, SignalWeight], float]:
    """Weights ≥ 0 of the signals (all, or the ``candidates``) on their log-odds; one that does not apply stands at its mean."""
    signals = [{s.name: s.value for s in decision(example, artifact).score.signals} for example in examples]
    wanted = candidates or list(signals[0])
    names = [name for name in wanted if sum(s[name] is not None for s in signals) >= MIN_SIGNAL_ROWS]
    if not names:
        raise SystemExit(
            f"{len(examples)} answers are too few to fit a fusion; a signal needs {MIN_SIGNAL_ROWS} values"
        )
    columns, centers = [], {}
    for name in names:
        values = [logit(s[name]) for s in signals if s[name] is not None]
        centers[name] = float(np.mean(values))
        columns.append([0.0 if s[name] is None else logit(s[name]) - centers[name] for s in signals])
    grounded = np.array([not example.row.hallucinated for example in examples])
    coefficients, bias = monotone_logistic(np.array(columns).T, grounded)
    weights = {
        name: SignalWeight(round(float(weight), 5), round(centers[name], 5))
        for name, weight in zip(names, coefficients, strict=True)
        if weight > 1e-4
    }
    return weights, bias


def fit_contradiction_cap(examples: Sequence[Example], artifact: RagArtifact) -> tuple[float, int]:
    """(share of grounded answers among those with a contradicted claim, their number): the cap on such a score."""
    grounded = [
        not example.row.hallucinated
        for example in examples
        if any(judged.verdict is Verdict.CONTRADICTED for judged in decision(example, artifact).claims)
    ]
    return (float(np.mean(grounded)) if grounded else 0.5), len(grounded)


def scores_of(examples: Sequence[Example], artifact: RagArtifact) -> Floats:
    """Headline scores; an answer without one counts as even odds."""
    found = [decision(example, artifact).score.headline for example in examples]
    return np.array([0.5 if score is None else score for score in found])


def band_parts(score: Floats, rows: Sequence[Row]) -> dict[str, Any]:
    """The artefact's curves, overall and by task, and what the bands that are picked from them held."""
    tasks = np.array([row.task for row in rows])
    curves = band_curves(
        score,
        np.array([row.hallucinated for row in rows]),
        np.array([fold_of(row.source_id) for row in rows]),
        {str(task): tasks == task for task in sorted(set(tasks.tolist()))},
    )
    return {"curves": curves.to_json(), "held": held_bands(curves, DEFAULT_TARGETS)}
