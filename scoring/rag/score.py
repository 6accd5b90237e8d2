"""The RAG lane's decision, from facts to score: pure, so that the server, offline batch and benchmarks agree.

The caller brings the facts (alignment, words, literals, cells, verifier's verdicts); :func:`decide` turns them into
claims, signals, one probability and a band.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.types import NliScores
from scoring.bands import OVERALL
from scoring.calibration import RagArtifact, token_features, token_support
from scoring.coverage import UnitUsage, response_coverage, unit_usage
from scoring.heatmap import HeatCuts
from scoring.lexical import ContextWords, LexicalMatch, match_words
from scoring.rag.claims import ClaimEvidence, ClaimJudgement, judge_claim, weakest_score
from scoring.rag.conflicts import Conflict
from scoring.rag.evidence import citations, claim_tokens
from scoring.rag.fusion import fuse
from scoring.rag.literals import LiteralReport, LiteralState
from scoring.rag.outcome import AnswerKind
from scoring.rag.rulings import Ruling
from scoring.rag.settled_band import BandCode, Circumstances, settle
from scoring.rag.structured import StructuredEvidence
from scoring.rag.triangular import TriangularDiagnostics, reverse_context, triangular
from scoring.rag.verifier_fusion import joined_support, spread_tokens
from scoring.types import Alignment, Claim, Score, Signal, SupportUnit, Verdict

_NO_VERIFIER = "no verifier is configured"
_ABSENT_LITERAL_SUPPORT = 0.05
OPEN_DOMAIN = "open_domain"


@dataclass(frozen=True, eq=False)
class RagFacts:
    """What was found out about one response. ``nli`` and ``cells`` are by claim, None where nothing was asked.

    ``verbatim``: by claim, whether the verifier was not asked because it stands in a premise word for word; empty where the
    verifier was not to be asked at all. ``rulings``: by claim, of the rule that spoke; empty where no rule was asked.
    ``language``: ISO 639-1 code of the response, "und" when it has too few words to tell.
    """

    response: str
    units: tuple[SupportUnit, ...]
    claims: tuple[Claim, ...]
    alignment: Alignment
    words: ContextWords
    literals: LiteralReport
    cells: tuple[StructuredEvidence | None, ...]
    nli: tuple[NliScores | None, ...]
    verbatim: tuple[bool, ...] = ()
    nli_reason: str = _NO_VERIFIER
    consistency: float | None = None
    consistency_reason: str = "no verification_samples were sent"
    rulings: tuple[Ruling | None, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    kind: AnswerKind | None = None
    language: str = "und"


@dataclass(frozen=True)
class RagOptions:
    """The caller's choices that bear on the decision."""

    primary_metric: str = "reverse_context"
    coverage_threshold: float = 0.5
    open_domain: bool = False
    stratum: str | None = None
    calibrated: bool = True


@dataclass(frozen=True, eq=False)
class RagDecision:
    """Everything the answer shows. ``support``: (tokens,) calibrated support of every response token.

    ``code``: why the band is what it is.
    """

    score: Score
    claims: tuple[ClaimJudgement, ...]
    usages: tuple[UnitUsage, ...]
    support: NDArray[np.float64]
    coverage: float | None
    reverse_context: float | None
    triangular: TriangularDiagnostics | None
    heat_cuts: HeatCuts
    code: BandCode


def decide(facts: RagFacts, options: RagOptions, artifact: RagArtifact) -> RagDecision:
    """Claims, signals, score and band of one response."""
    alignment = facts.alignment
    lexical = match_words(facts.response, alignment.token_spans, facts.words)
    dense = _sink_literals(token_support(token_features(alignment, lexical), artifact.token), facts)
    judgements = tuple(judge_claim(_claim_evidence(facts, claim, dense), artifact) for claim in facts.claims)
    support = _sink_literals(_verified_tokens(dense, facts, judgements, artifact), facts)
    cited = {c.unit_index for j in judgements if j.verdict is Verdict.SUPPORTED for c in j.citations}
    reverse, diagnostics = reverse_context(alignment), triangular(alignment)
    primary = reverse if options.primary_metric == "reverse_context" else diagnostics.score if diagnostics else None
    signals = _signals(facts, judgements, dense, lexical, primary)
    score, code = _score(signals, judgements, options, artifact, _circumstances(facts, judgements))
    return RagDecision(
        score=score,
        claims=judgements,
        usages=unit_usage(alignment, artifact, options.coverage_threshold, cited),
        support=support,
        coverage=response_coverage(support, alignment, options.coverage_threshold),
        reverse_context=reverse,
        triangular=diagnostics,
        heat_cuts=HeatCuts(max(artifact.claim_cut, artifact.token_cut), artifact.token_cut),
        code=code,
    )


def _verified_tokens(
    dense: NDArray[np.float64], facts: RagFacts, judgements: Sequence[ClaimJudgement], artifact: RagArtifact
) -> NDArray[np.float64]:
    """Support with the verifier's word on the tokens that it judged."""
    if artifact.verified is not None:
        claims = [(j.claim, facts.nli[j.claim.index], j.score) for j in judgements]
        return joined_support(dense, facts.alignment, claims, artifact.verified)
    support = dense.copy()
    for claim, verdict in zip(facts.claims, facts.nli, strict=True):
        if verdict is not None and verdict.token_support:
            values = spread_tokens(verdict, claim.char_start, facts.alignment.token_spans[:, 0])
            support = np.where(np.isnan(values), support, values)
    return support


def _sink_literals(support: NDArray[np.float64], facts: RagFacts) -> NDArray[np.float64]:
    """Support with the tokens of literals that the context lacks or contradicts put down."""
    spans = facts.alignment.token_spans
    lowered = support.copy()
    for check in facts.literals.checks:
        if check.state is not LiteralState.SUPPORTED:
            start, end = check.literal.span
            inside = (spans[:, 0] < end) & (spans[:, 1] > start)
            lowered[inside] = np.minimum(lowered[inside], _ABSENT_LITERAL_SUPPORT)
    return lowered


def _claim_evidence(facts: RagFacts, claim: Claim, support: NDArray[np.float64]) -> ClaimEvidence:
    tokens = claim_tokens(facts.alignment, claim)
    literals = [
        check
        for check in facts.literals.checks
        if claim.char_start <= check.literal.span[0] and check.literal.span[1] <= claim.char_end
    ]
    cell = facts.cells[claim.index]
    return ClaimEvidence(
        claim=claim,
        support=float(support[tokens].mean()) if len(tokens) else None,
        citations=citations(facts.alignment, claim, facts.units) if len(tokens) and facts.units else (),
        literals_missing=tuple(c.literal.text for c in literals if c.state is LiteralState.MISSING),
        literals_contradicted=tuple(c.literal.text for c in literals if c.state is LiteralState.CONTRADICTED),
        cell_verdict=None if cell is None else cell.verdict,
        cell_reason=None if cell is None else cell.reason,
        nli=facts.nli[claim.index],
        verbatim=bool(facts.verbatim) and facts.verbatim[claim.index],
        ruling=facts.rulings[claim.index] if facts.rulings else None,
    )


def _signals(
    facts: RagFacts,
    judgements: Sequence[ClaimJudgement],
    dense: NDArray[np.float64],
    lexical: LexicalMatch,
    primary: float | None,
) -> tuple[Signal, ...]:
    content = facts.alignment.content
    counted = dense[content]
    empty = "the response has no tokens to match"
    cells = [cell.verdict for cell in facts.cells if cell is not None and cell.verdict is not None]
    contradicted = sum(verdict is Verdict.CONTRADICTED for verdict in cells)
    return (
        _signal("similarity", primary, empty),
        _signal("token_support", float(counted.mean()) if len(counted) else None, empty),
        _signal(
            "weakest_tokens",
            float(np.sort(counted)[: max(len(counted) // 10, 1)].mean()) if len(counted) else None,
            empty,
        ),
        _signal("word_overlap", float(lexical.word[content].mean()) if len(counted) else None, empty),
        _signal("pair_overlap", float(lexical.pair[content].mean()) if len(counted) else None, empty),
        _signal("weakest_claim", weakest_score(judgements), "the response makes no claim that could be judged"),
        _signal("literals", facts.literals.share, facts.literals.reason or "nothing to check"),
        _signal(
            "structured", 1.0 - contradicted / len(cells) if cells else None, "no structured source speaks about it"
        ),
        _signal("nli", _nli_aggregate(facts.nli), facts.nli_reason),
        _signal("nli_tokens", _nli_tokens(facts.nli), facts.nli_reason),
        _signal("consistency", facts.consistency, facts.consistency_reason),
    )


def _signal(name: str, value: float | None, reason: str) -> Signal:
    if value is None:
        return Signal(name, None, reason)
    return Signal(name, min(max(float(value), 0.0), 1.0))


def _nli_aggregate(verdicts: Sequence[NliScores | None]) -> float | None:
    """The weakest claim's probability of entailment."""
    values = [verdict.entail for verdict in verdicts if verdict is not None and verdict.entail is not None]
    return min(values) if values else None


def _nli_tokens(verdicts: Sequence[NliScores | None]) -> float | None:
    """Mean of the verifier's support over all claim tokens."""
    values = [value for verdict in verdicts if verdict is not None for _, _, value in verdict.token_support]
    return float(np.mean(values)) if values else None


def _circumstances(facts: RagFacts, judgements: Sequence[ClaimJudgement]) -> Circumstances:
    supported = {judged.claim.index for judged in judgements if judged.verdict is Verdict.SUPPORTED}
    doubted = any(conflict.claim_index in supported for conflict in facts.conflicts)
    return Circumstances(facts.kind, facts.language, doubted)


def _score(
    signals: tuple[Signal, ...],
    judgements: Sequence[ClaimJudgement],
    options: RagOptions,
    artifact: RagArtifact,
    known: Circumstances,
) -> tuple[Score, BandCode]:
    contradicted = [j for j in judgements if j.verdict is Verdict.CONTRADICTED]
    if options.open_domain:
        headline, reasons = _open_domain_headline(signals, contradicted)
    else:
        headline = fuse(signals, artifact)
        reasons = [f"claim {j.claim.index}: {reason}" for j in judgements for reason in j.reasons if _counts(j)]
    if headline is not None and any(j.decided for j in contradicted):
        headline = min(headline, artifact.contradiction_cap)
    cuts = None
    if options.calibrated and not options.open_domain:
        cuts = artifact.bands.get(options.stratum or OVERALL) or artifact.bands.get(OVERALL)
    settled = settle(headline, cuts, judgements, known)
    return Score(settled.score, settled.band, (settled.reason, *reasons[:8]), signals), settled.code


def _counts(judgement: ClaimJudgement) -> bool:
    return judgement.verdict is not Verdict.SUPPORTED


def _open_domain_headline(
    signals: Sequence[Signal], contradicted: Sequence[ClaimJudgement]
) -> tuple[float | None, list[str]]:
    """Open domain: what the context does not mention is no fault; the score falls only with contradictions."""
    values: Mapping[str, float | None] = {signal.name: signal.value for signal in signals}
    if values["token_support"] is None:
        return None, []
    reasons = [f"claim {j.claim.index}: {reason}" for j in contradicted for reason in j.reasons]
    scores = [j.score for j in contradicted if j.score is not None]
    return (min(scores) if scores else 1.0), reasons or ["no claim contradicts the context"]
