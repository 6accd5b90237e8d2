"""The band of an answer after what is certain about it: no claim, an abstention, a decided claim, an unread language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoring.bands import BandCuts, band_for
from scoring.rag.claims import ClaimJudgement
from scoring.rag.language import LanguageSupport, language_support
from scoring.rag.outcome import AnswerKind, Outcome
from scoring.types import Band, Verdict

_ABSTENTION_SCORE = 0.9
_JUST_UNDER = 1e-4
_NO_CUTS = BandCuts(None, None, None, None)


@dataclass(frozen=True)
class Circumstances:
    """What is known of an answer besides its signals. ``doubted``: passages disagree about something that it says."""

    kind: AnswerKind | None = None
    language: str = "und"
    doubted: bool = False


def settle(
    headline: float | None, cuts: BandCuts | None, judgements: Sequence[ClaimJudgement], known: Circumstances
) -> tuple[float | None, Band, str]:
    """(score, band, reason). The score moves with the band, so that it always lies where the cuts say."""
    kind = known.kind
    if kind is not None and kind.outcome is Outcome.NO_CLAIM:
        return None, Band.UNKNOWN, "the response makes no claim: a greeting, thanks or a question"
    if kind is not None and kind.abstention is not None:
        return _abstained(kind.abstention.justified, kind.abstention.reason, cuts)
    band, why = band_for(headline, cuts)
    middle = _middle(cuts)
    if headline is None:
        return headline, band, why
    unread = language_support(known.language) is LanguageSupport.LITERALS
    if band in (Band.AMBER, Band.RED) and not known.doubted and judgements and all(one.restated for one in judgements):
        return _green(headline, cuts), *_RESTATED
    if band is Band.RED and unread and not _contradicted(judgements):
        return max(headline, middle), Band.AMBER, f"no model here reads {known.language!r}: not red for want of reading"
    if band is Band.GREEN and (doubt := _doubt(judgements, known)):
        return min(headline, middle), Band.AMBER, doubt
    if band is Band.GREEN and unread and cuts is not None and not all(judged.verbatim for judged in judgements):
        below = headline if cuts.green_at is None else cuts.green_at - _JUST_UNDER
        return below, Band.AMBER, f"no model here reads {known.language!r}: only values and exact words were compared"
    return headline, band, why


_RESTATED = (Band.GREEN, "the source says each claim in the same words or synonyms")


def _green(headline: float, cuts: BandCuts | None) -> float:
    """A score just inside green."""
    return max(headline, 0.0 if cuts is None or cuts.green_at is None else cuts.green_at)


def _abstained(justified: bool, reason: str, cuts: BandCuts | None) -> tuple[float, Band, str]:
    """Right to abstain as far as words can tell: green; a passage that speaks of what was asked: amber, somebody should look."""
    if justified and cuts is not None and cuts.green_at is not None:
        return max(cuts.green_at, _ABSTENTION_SCORE), Band.GREEN, f"the response abstains, and {reason}"
    if justified:
        return _ABSTENTION_SCORE, Band.AMBER, f"the response abstains, and {reason}"
    return _middle(cuts), Band.AMBER, f"the response abstains, but {reason}"


def _middle(cuts: BandCuts | None) -> float:
    """A score well inside amber."""
    known = cuts or _NO_CUTS
    green = 1.0 if known.green_at is None else known.green_at
    return (green + (known.red_at or 0.0)) / 2.0


def _contradicted(judgements: Sequence[ClaimJudgement]) -> bool:
    return any(judged.decided and judged.verdict is Verdict.CONTRADICTED for judged in judgements)


def _doubt(judgements: Sequence[ClaimJudgement], known: Circumstances) -> str:
    """Why an answer may not be green, however high it scores; '' when nothing speaks against it."""
    sunk = next((judged for judged in judgements if judged.decided and judged.verdict is not Verdict.SUPPORTED), None)
    if sunk is not None:
        return f"claim {sunk.claim.index} is {sunk.verdict.value}: {sunk.reasons[0]}"
    if known.doubted:
        return "the passages disagree about what the response says"
    return ""
