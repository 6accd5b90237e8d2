"""What each signal of the RAG lane is worth: every one left out in turn. Run by ``python -m benchmarks.quality --ablate``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from benchmarks.calibration_fits import Example, span_counts
from benchmarks.figures import Floats, auroc, bootstrap, precision_recall_f1
from scoring.calibration import RagArtifact
from scoring.rag.literals import LiteralReport
from scoring.rag.score import RagDecision, RagOptions, decide
from serving.lanes.rag import RagLane

Change = Callable[[Example], RagDecision]
_NO_LITERALS = LiteralReport((), None, "left out")


def ablate(lane: RagLane, examples: Sequence[Example], threshold: float) -> dict[str, Any]:
    """Figures of the whole lane and, for each part left out, figures and the loss in AUROC with its interval.

    ``threshold``: on the risk, kept for all. Left out: a fitted signal (it then stands at its mean), the checks of literals,
    of cells, and the verifier (the lane then uses the calibration that was fitted without one).
    """
    truth = np.array([example.row.hallucinated for example in examples])
    groups = [example.row.source_id for example in examples]
    whole, spans = _scores(examples, lambda example: _decide(example, lane.artifact(example.gathered)))
    found: dict[str, Any] = {"whole": _figures(truth, whole, spans, threshold)}
    for name, change in _changes(lane, examples[0]).items():
        risk, spans = _scores(examples, change)

        def loss(i: Any, risk: Floats = risk) -> float:
            return auroc(truth[i], whole[i]) - auroc(truth[i], risk[i])

        found[name] = {**_figures(truth, risk, spans, threshold), "auroc_lost": bootstrap(loss, groups)}
    return found


def _changes(lane: RagLane, example: Example) -> dict[str, Change]:
    """The name of what is left out, and the decision without it."""
    artifact = lane.artifact(example.gathered)
    changes: dict[str, Change] = {}
    for name in artifact.fusion:
        kept = {other: weight for other, weight in artifact.fusion.items() if other != name}
        changes[f"signal {name}"] = partial(_decide, artifact=replace(artifact, fusion=kept))
    changes["literals"] = lambda one: _decide(_with_facts(one, literals=_NO_LITERALS), artifact)
    changes["cells"] = lambda one: _decide(_with_facts(one, cells=(None,) * len(one.gathered.facts.claims)), artifact)
    if example.gathered.verifier is not None:
        changes["verifier"] = lambda one: _decide(*_unverified(lane, one))
    return changes


def _unverified(lane: RagLane, example: Example) -> tuple[Example, RagArtifact]:
    bare = _with_facts(example, nli=(None,) * len(example.gathered.facts.claims), verbatim=())
    bare = replace(bare, gathered=replace(bare.gathered, verifier=None))
    return bare, lane.artifact(bare.gathered)


def _with_facts(example: Example, **changes: Any) -> Example:
    return replace(example, gathered=replace(example.gathered, facts=replace(example.gathered.facts, **changes)))


def _decide(example: Example, artifact: RagArtifact) -> RagDecision:
    return decide(example.gathered.facts, RagOptions(), artifact)


def _scores(examples: Sequence[Example], change: Change) -> tuple[Floats, Floats]:
    decisions = [change(example) for example in examples]
    scores = [one.score.headline for one in decisions]
    counts = [span_counts(example, one) for example, one in zip(examples, decisions, strict=True)]
    return 1.0 - np.array([0.5 if score is None else score for score in scores]), np.array(counts)


def _figures(truth: Any, risk: Floats, spans: Floats, threshold: float) -> dict[str, float]:
    hits, marked, labelled = spans.sum(axis=0)
    return {
        "auroc": round(auroc(truth, risk), 4),
        "f1": round(float(precision_recall_f1(truth, risk >= threshold)[2]), 4),
        "span_f1": round(float(2 * hits / max(marked + labelled, 1.0)), 4),
    }
