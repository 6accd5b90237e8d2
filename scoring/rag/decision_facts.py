"""What a log may keep of a decision: codes, distances and which passage decided. Numbers and closed vocabularies, no text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoring.bands import BandCuts
from scoring.rag.claims import ClaimJudgement
from scoring.rag.evidence import premise_units
from scoring.rag.score import RagDecision, RagFacts
from scoring.types import Verdict


@dataclass(frozen=True)
class DecisionFacts:
    """``reason_codes``: the band's first, then those of claims that are not supported, each once and in order of the claims.

    ``cut_distance``: from the score to the nearest cut, ``second_distance`` to the other; None without such a cut.
    ``deciding_unit``: index of the passage that bears most on the verdict; None without claims or passages.
    """

    reason_codes: tuple[str, ...]
    cut_distance: float | None
    second_distance: float | None
    deciding_unit: int | None


def decision_facts(facts: RagFacts, decision: RagDecision, cuts: BandCuts | None) -> DecisionFacts:
    """The facts of one decision under ``cuts``."""
    unsupported = [judged.code for judged in decision.claims if judged.verdict is not Verdict.SUPPORTED]
    known = cuts or BandCuts(None, None, None, None)
    near, far = cut_distances(decision.score.headline, (known.green_at, known.red_at))
    codes = tuple(dict.fromkeys([decision.code.value, *unsupported]))
    return DecisionFacts(codes, near, far, _deciding_unit(facts, decision.claims))


def cut_distances(score: float | None, cuts: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Distances from a score to the nearest and to the second of its cuts: .61 and cuts .6 and .2 give (.01, .41)."""
    distances = sorted(abs(score - cut) for cut in cuts if cut is not None) if score is not None else []
    padded = [*distances, None, None]
    return padded[0], padded[1]


def _deciding_unit(facts: RagFacts, claims: Sequence[ClaimJudgement]) -> int | None:
    """Of the weakest claim: where the rule found its value, else what it cites, else the nearest passage."""
    judged = min(claims, key=lambda one: 1.0 if one.score is None else one.score, default=None)
    if judged is None or not facts.units:
        return None
    if judged.ruling is not None and judged.ruling.unit_index is not None:
        return judged.ruling.unit_index
    if judged.citations:
        return judged.citations[0].unit_index
    return next(iter(premise_units(facts.alignment, judged.claim, 1)), None)
