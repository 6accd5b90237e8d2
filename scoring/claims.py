"""A verdict for every claim, from the signals that speak about it.

Order of authority: a typed cell that contradicts, a literal that the premises contradict or lack, the verifier, dense
and lexical support. A wrong number sinks its claim however similar the rest of the sentence is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.types import NliScores
from scoring.evidence import Citation
from scoring.types import Claim, Verdict

_CONTRADICTED_SCORE = 0.05
_LITERAL_CONTRADICTED_SCORE = 0.15
_LITERAL_MISSING_FACTOR = 0.1


@dataclass(frozen=True)
class ClaimEvidence:
    """What is known of one claim.

    ``support``: mean calibrated token support in [0, 1], None for a claim without tokens. ``literals_missing`` and
    ``literals_contradicted``: literals as written. ``cell_verdict``: of typed structured evidence, with its reason.
    """

    claim: Claim
    support: float | None
    citations: tuple[Citation, ...] = ()
    literals_missing: tuple[str, ...] = ()
    literals_contradicted: tuple[str, ...] = ()
    cell_verdict: Verdict | None = None
    cell_reason: str | None = None
    nli: NliScores | None = None


@dataclass(frozen=True)
class ClaimJudgement:
    """Verdict, score in [0, 1] (1 = grounded; None: nothing to judge), citations and the reasons in words."""

    claim: Claim
    verdict: Verdict
    score: float | None
    citations: tuple[Citation, ...]
    reasons: tuple[str, ...]


def judge_claim(evidence: ClaimEvidence, cut: float) -> ClaimJudgement:
    """The verdict on one claim; at or above ``cut`` it counts as supported."""
    score = _base_score(evidence)
    reasons: list[str] = []
    if evidence.cell_verdict is Verdict.CONTRADICTED:
        reasons.append(evidence.cell_reason or "a typed cell says otherwise")
        return _judgement(evidence, Verdict.CONTRADICTED, _CONTRADICTED_SCORE, reasons)
    if evidence.literals_contradicted:
        reasons.append(f"the premises give another value for {_listed(evidence.literals_contradicted)}")
        return _judgement(evidence, Verdict.CONTRADICTED, min(score or 1.0, _LITERAL_CONTRADICTED_SCORE), reasons)
    if evidence.nli is not None and _contradicts(evidence.nli):
        reasons.append(f"the verifier reads a contradiction ({evidence.nli.contradict:.2f})")
        return _judgement(evidence, Verdict.CONTRADICTED, score, reasons)
    if evidence.literals_missing:
        reasons.append(f"not in the premises: {_listed(evidence.literals_missing)}")
        lowered = min(score or 0.0, cut) * _LITERAL_MISSING_FACTOR
        return _judgement(evidence, Verdict.UNSUPPORTED, lowered, reasons)
    if score is None:
        return _judgement(evidence, Verdict.UNSUPPORTED, None, ["nothing in the claim could be matched"])
    if evidence.cell_verdict is Verdict.SUPPORTED:
        reasons.append(evidence.cell_reason or "a typed cell says the same")
        score = max(score, cut)
    if score >= cut:
        return _judgement(evidence, Verdict.SUPPORTED, score, reasons)
    reasons.append(f"support {score:.2f} is under {cut:.2f}")
    return _judgement(evidence, Verdict.UNSUPPORTED, score, reasons)


def _base_score(evidence: ClaimEvidence) -> float | None:
    if evidence.nli is not None and evidence.nli.entail is not None:
        return evidence.nli.entail
    return evidence.support


def _contradicts(nli: NliScores) -> bool:
    return nli.contradict is not None and nli.contradict > max(nli.entail or 0.0, nli.neutral or 0.0)


def _listed(items: Sequence[str]) -> str:
    return ", ".join(repr(item) for item in items[:5]) + (f" and {len(items) - 5} more" if len(items) > 5 else "")


def _judgement(
    evidence: ClaimEvidence, verdict: Verdict, score: float | None, reasons: Sequence[str]
) -> ClaimJudgement:
    cited = evidence.citations if verdict is not Verdict.UNSUPPORTED else ()
    return ClaimJudgement(evidence.claim, verdict, score, cited, tuple(reasons))


def weakest_score(judgements: Sequence[ClaimJudgement]) -> float | None:
    """The lowest claim score; None when no claim could be judged."""
    scores = [judgement.score for judgement in judgements if judgement.score is not None]
    return min(scores) if scores else None


def supported_share(judgements: Sequence[ClaimJudgement]) -> float | None:
    """Share of judged claims that are supported."""
    judged = [judgement for judgement in judgements if judgement.score is not None]
    return sum(j.verdict is Verdict.SUPPORTED for j in judged) / len(judged) if judged else None
