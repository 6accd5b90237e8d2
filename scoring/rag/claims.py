"""A verdict for every claim, from the signals that speak about it.

Order of authority: a rule that decides (:mod:`scoring.rag.rulings`) unless a typed cell agrees with the claim, a typed cell
that contradicts or is unknown, a literal that the premises contradict or lack, then the verifier together with dense and
lexical support. A wrong number sinks its claim however similar the rest of the sentence is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from models.types import NliScores
from scoring.calibration import RagArtifact
from scoring.rag.evidence import Citation
from scoring.rag.rulings import Ruling, RulingCode
from scoring.rag.verifier_fusion import joined_claim_score
from scoring.types import Claim, Verdict

_CONTRADICTED_SCORE = 0.05
_LITERAL_CONTRADICTED_SCORE = 0.15
_LITERAL_MISSING_FACTOR = 0.1
_VERBATIM_SCORE = 0.99
_RESTATED_SCORE = 0.97
_ABSTENTION_SCORE = 0.9


class ClaimCause(StrEnum):
    """What a claim's verdict rests on, as a code for logs; the reasons say it in words and may quote the texts."""

    ENTAILED = "entailed"  # the verifier, joined with the lane's own signals
    MATCHED = "matched"  # the lane's own signals: words and similarity
    VERBATIM = "verbatim"
    RULE = "rule"  # the ruling's own code says which
    CELL = "cell"  # a typed cell of a table or record
    LITERAL_CONTRADICTED = "literal_contradicted"
    LITERAL_MISSING = "literal_missing"
    VERIFIER_CONTRADICTS = "verifier_contradicts"
    LOW_SUPPORT = "low_support"
    UNMATCHED = "unmatched"  # no token of the claim could be matched


@dataclass(frozen=True)
class ClaimEvidence:
    """What is known of one claim.

    ``support``: mean calibrated token support in [0, 1], None for a claim without tokens. ``literals_missing`` and
    ``literals_contradicted``: literals as written. ``cell_verdict``: of typed structured evidence, with its reason.
    ``verbatim``: the claim stands in a premise word for word, so the verifier was not asked. ``ruling``: of the rule that spoke.
    """

    claim: Claim
    support: float | None
    citations: tuple[Citation, ...] = ()
    literals_missing: tuple[str, ...] = ()
    literals_contradicted: tuple[str, ...] = ()
    cell_verdict: Verdict | None = None
    cell_reason: str | None = None
    nli: NliScores | None = None
    verbatim: bool = False
    ruling: Ruling | None = None

    @property
    def restated(self) -> bool:
        """Whether one sentence of the source says all of the claim in the same words or synonyms."""
        return self.ruling is not None and self.ruling.code is RulingCode.RESTATED


@dataclass(frozen=True)
class ClaimJudgement:
    """Verdict, score in [0, 1] (1 = grounded; None: nothing to judge), citations and the reasons in words.

    ``decided``: a rule, a typed cell or a literal settled the verdict, whatever else speaks for the claim. ``ruling``: that rule.
    """

    claim: Claim
    verdict: Verdict
    score: float | None
    citations: tuple[Citation, ...]
    reasons: tuple[str, ...]
    decided: bool = False
    ruling: Ruling | None = None
    verbatim: bool = False
    cause: ClaimCause = ClaimCause.MATCHED

    @property
    def code(self) -> str:
        """The cause as a code: that of the rule where one spoke."""
        return self.ruling.code.value if self.ruling is not None else self.cause.value

    @property
    def restated(self) -> bool:
        """Whether one sentence of the source says all of the claim: word for word, or in the same words or synonyms."""
        said = self.ruling is not None and self.ruling.code is RulingCode.RESTATED
        return self.verbatim or (said and self.verdict is Verdict.SUPPORTED)


def judge_claim(evidence: ClaimEvidence, artifact: RagArtifact) -> ClaimJudgement:
    """The verdict on one claim: by the rules and, where the verifier answered, by its word joined with theirs."""
    plain = _by_rules(evidence, artifact)
    nli = evidence.nli
    if evidence.verbatim and not plain.decided:
        judged = _judgement(evidence, Verdict.SUPPORTED, _VERBATIM_SCORE, ["it stands in the premises word for word"])
        return replace(judged, verbatim=True, cause=ClaimCause.VERBATIM)
    if evidence.restated and not plain.decided:
        assert evidence.ruling is not None
        judged = _judgement(evidence, Verdict.SUPPORTED, _RESTATED_SCORE, [evidence.ruling.reason])
        return replace(judged, ruling=evidence.ruling, cause=ClaimCause.RULE)
    if nli is None or nli.entail is None:
        return plain
    if artifact.verified is None:
        return plain if plain.decided else _by_verifier(evidence, nli, plain, nli.entail, artifact.claim_cut)
    known = plain.score if plain.score is not None else 0.5
    score = joined_claim_score(nli.entail, known, artifact.verified)
    if plain.decided:
        return plain if plain.verdict is Verdict.SUPPORTED else replace(plain, score=min(score, known))
    return _by_verifier(evidence, nli, plain, score, artifact.claim_cut)


def _by_verifier(
    evidence: ClaimEvidence, nli: NliScores, plain: ClaimJudgement, score: float, cut: float
) -> ClaimJudgement:
    if score >= cut:
        reasons = plain.reasons if plain.verdict is Verdict.SUPPORTED else ()
        return _judgement(evidence, Verdict.SUPPORTED, score, reasons, ClaimCause.ENTAILED)
    if _contradicts(nli):
        said = [f"the verifier reads a contradiction ({nli.contradict:.2f})"]
        return _judgement(evidence, Verdict.CONTRADICTED, score, said, ClaimCause.VERIFIER_CONTRADICTS)
    low = [f"support {score:.2f} is under {cut:.2f}"]
    return _judgement(evidence, Verdict.UNSUPPORTED, score, low, ClaimCause.LOW_SUPPORT)


def _by_rules(evidence: ClaimEvidence, artifact: RagArtifact) -> ClaimJudgement:
    """What cells, literals, words and similarity say."""
    score, cut, ruling = evidence.support, artifact.dense_cut, evidence.ruling
    if ruling is not None and ruling.decides and evidence.cell_verdict is not Verdict.SUPPORTED:
        return _by_ruling(evidence, ruling, min(score or 0.0, cut) * _LITERAL_MISSING_FACTOR)
    if evidence.cell_verdict is Verdict.CONTRADICTED:
        reasons = [evidence.cell_reason or "a typed cell says otherwise"]
        return _judgement(evidence, Verdict.CONTRADICTED, _CONTRADICTED_SCORE, reasons, ClaimCause.CELL, decided=True)
    if evidence.cell_verdict is Verdict.UNSUPPORTED:
        reasons = [evidence.cell_reason or "the source does not say"]
        lowered = min(score or 0.0, cut) * _LITERAL_MISSING_FACTOR
        return _judgement(evidence, Verdict.UNSUPPORTED, lowered, reasons, ClaimCause.CELL, decided=True)
    if evidence.literals_contradicted:
        reasons = [f"the premises give another value for {_listed(evidence.literals_contradicted)}"]
        lowered = min(score or 1.0, _LITERAL_CONTRADICTED_SCORE)
        cause = ClaimCause.LITERAL_CONTRADICTED
        return _judgement(evidence, Verdict.CONTRADICTED, lowered, reasons, cause, decided=True)
    if evidence.literals_missing:
        reasons = [f"not in the premises: {_listed(evidence.literals_missing)}"]
        lowered = min(score or 0.0, cut) * _LITERAL_MISSING_FACTOR
        return _judgement(evidence, Verdict.UNSUPPORTED, lowered, reasons, ClaimCause.LITERAL_MISSING, decided=True)
    if score is None:
        said = ["nothing in the claim could be matched"]
        return _judgement(evidence, Verdict.UNSUPPORTED, None, said, ClaimCause.UNMATCHED)
    found: list[str] = [] if ruling is None or ruling.decides else [ruling.reason]
    if evidence.cell_verdict is Verdict.SUPPORTED:
        found.append(evidence.cell_reason or "a typed cell says the same")
        score = max(score, cut)
    if score >= cut:
        return _judgement(evidence, Verdict.SUPPORTED, score, found)
    low = [*found, f"support {score:.2f} is under {cut:.2f}"]
    return _judgement(evidence, Verdict.UNSUPPORTED, score, low, ClaimCause.LOW_SUPPORT)


def _by_ruling(evidence: ClaimEvidence, ruling: Ruling, lowered: float) -> ClaimJudgement:
    scores = {
        Verdict.CONTRADICTED: _CONTRADICTED_SCORE,
        Verdict.UNSUPPORTED: lowered,
        Verdict.SUPPORTED: _ABSTENTION_SCORE,
    }
    judged = _judgement(
        evidence, ruling.verdict, scores[ruling.verdict], [ruling.reason], ClaimCause.RULE, decided=True
    )
    return replace(judged, ruling=ruling)


def _contradicts(nli: NliScores) -> bool:
    return nli.contradict is not None and nli.contradict > max(nli.entail or 0.0, nli.neutral or 0.0)


def _listed(items: Sequence[str]) -> str:
    return ", ".join(repr(item) for item in items[:5]) + (f" and {len(items) - 5} more" if len(items) > 5 else "")


def _judgement(
    evidence: ClaimEvidence,
    verdict: Verdict,
    score: float | None,
    reasons: Sequence[str],
    cause: ClaimCause = ClaimCause.MATCHED,
    decided: bool = False,
) -> ClaimJudgement:
    cited = evidence.citations if verdict is not Verdict.UNSUPPORTED else ()
    return ClaimJudgement(evidence.claim, verdict, score, cited, tuple(reasons), decided, cause=cause)


def weakest_score(judgements: Sequence[ClaimJudgement]) -> float | None:
    """The lowest claim score; None when no claim could be judged."""
    scores = [judgement.score for judgement in judgements if judgement.score is not None]
    return min(scores) if scores else None
