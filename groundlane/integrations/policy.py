"""What an answer is refused for: the same rule in every framework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from groundlane.results import Claim, Score


@dataclass(frozen=True)
class Policy:
    """An answer is refused for its band, or for one claim of these verdicts.

    The default refuses what is red and what contradicts its context. With ``bands=("red", "amber", "unknown")`` only green
    answers pass; with ``verdicts=("contradicted", "unsupported")`` every claim has to be supported.
    """

    bands: tuple[str, ...] = ("red",)
    verdicts: tuple[str, ...] = ("contradicted",)

    def faults(self, score: Score) -> tuple[str, ...]:
        """Why the answer is refused, one sentence a fault; empty when it passes."""
        faults = tuple(claim_fault(claim) for claim in score.claims if claim.verdict in self.verdicts)
        if score.band in self.bands:
            faults += (f"the answer is {score.band}: {score.reason or 'no reason was given'}",)
        return faults


def claim_fault(claim: Claim) -> str:
    """ "It is 1,490 metres long." is contradicted: the context says 1,149."""
    why = claim.reasons[0] if claim.reasons else "no reason was given"
    return f'"{claim.text}" is {claim.verdict}: {why}'


def summary(score: Score, faults: Sequence[str]) -> dict[str, Any]:
    """What a framework keeps of a score: plain JSON values."""
    return {
        "scored": True,
        "band": score.band,
        "score": score.score,
        "grounded": not faults,
        "faults": list(faults),
        "request_id": score.request_id,
        "claims": [{"text": claim.text, "verdict": claim.verdict, "score": claim.score} for claim in score.claims],
    }


def unscored(why: str) -> dict[str, Any]:
    """In place of a summary, where there was nothing to score an answer against."""
    return {"scored": False, "why": why}


def units_of(texts: Sequence[str]) -> list[Any]:
    """Support units of the texts that are not blank."""
    return [{"text": text} for text in texts if text.strip()]


NO_EVIDENCE = "nothing was retrieved to score the answer against"
