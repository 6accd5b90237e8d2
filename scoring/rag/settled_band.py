"""The band of an answer after what is certain about it: no claim, an abstention, a decided claim, an unread language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from scoring.bands import BandCuts, band_for
from scoring.rag.claims import ClaimJudgement
from scoring.rag.language import LanguageSupport, language_support
from scoring.rag.outcome import AnswerKind, Outcome
from scoring.types import Band, Verdict

_ABSTENTION_SCORE = 0.9
_RESTATED_SCORE = 0.97
"""What an answer is worth each of whose claims the source restates; a cut above it is kept."""
_JUST_UNDER = 1e-4
_NO_CUTS = BandCuts(None, None, None, None)


class BandCode(StrEnum):
    """Why an answer has its band, as a code for logs; the reason says it in words."""

    GREEN_CUT = "green_cut"
    RED_CUT = "red_cut"
    BETWEEN_CUTS = "between_cuts"
    NO_CUTS = "no_cuts"  # nothing was calibrated for this model or mode
    NOTHING_JUDGED = "nothing_judged"
    NO_CLAIM = "no_claim"  # a greeting, thanks or a question
    ABSTENTION_JUSTIFIED = "abstention_justified"
    ABSTENTION_DOUBTED = "abstention_doubted"
    UNREAD_LANGUAGE = "unread_language"
    SUNK_CLAIM = "sunk_claim"  # certain about one claim, however high the rest scores
    RESTATED = "restated"  # the source says each claim in the same words or synonyms
    PASSAGES_DISAGREE = "passages_disagree"


_BY_BAND = {
    Band.GREEN: BandCode.GREEN_CUT,
    Band.RED: BandCode.RED_CUT,
    Band.AMBER: BandCode.BETWEEN_CUTS,
    Band.UNKNOWN: BandCode.NOTHING_JUDGED,
}


@dataclass(frozen=True)
class Settled:
    """Score and band after what is certain, and why: in words, and as a code."""

    score: float | None
    band: Band
    reason: str
    code: BandCode


@dataclass(frozen=True)
class Circumstances:
    """What is known of an answer besides its signals. ``doubted``: passages disagree about something that it says."""

    kind: AnswerKind | None = None
    language: str = "und"
    doubted: bool = False


def settle(
    headline: float | None, cuts: BandCuts | None, judgements: Sequence[ClaimJudgement], known: Circumstances
) -> Settled:
    """The band, and the score, which moves with it, so that it always lies where the cuts say."""
    kind = known.kind
    if kind is not None and kind.outcome is Outcome.NO_CLAIM:
        why = "the response makes no claim: a greeting, thanks or a question"
        return Settled(None, Band.UNKNOWN, why, BandCode.NO_CLAIM)
    if kind is not None and kind.abstention is not None:
        return _abstained(kind.abstention.justified, kind.abstention.reason, cuts)
    band, why = band_for(headline, cuts)
    if headline is None:
        return Settled(headline, band, why, BandCode.NOTHING_JUDGED)
    middle = _middle(cuts)
    unread = language_support(known.language) is LanguageSupport.LITERALS
    restated = bool(judgements) and all(one.restated for one in judgements) and not known.doubted
    green_at = 1.0 if cuts is None or cuts.green_at is None else cuts.green_at
    if band in (Band.AMBER, Band.RED) and restated and green_at <= _RESTATED_SCORE:
        why = "the source says each claim in the same words or synonyms"
        return Settled(max(headline, green_at), Band.GREEN, why, BandCode.RESTATED)
    if band is Band.RED and not _reads(known.language) and not _sunk(judgements, unread):
        why = f"no model here reads {known.language!r}: not red for want of reading"
        return Settled(max(headline, middle), Band.AMBER, why, BandCode.UNREAD_LANGUAGE)
    if band is Band.GREEN and (doubt := _doubt(judgements, known)) is not None:
        return Settled(min(headline, middle), Band.AMBER, *doubt)
    if band is Band.GREEN and unread and cuts is not None and not all(judged.verbatim for judged in judgements):
        below = headline if cuts.green_at is None else cuts.green_at - _JUST_UNDER
        why = f"no model here reads {known.language!r}: only values and exact words were compared"
        return Settled(below, Band.AMBER, why, BandCode.UNREAD_LANGUAGE)
    return Settled(headline, band, why, BandCode.NO_CUTS if cuts is None else _BY_BAND[band])


def _abstained(justified: bool, reason: str, cuts: BandCuts | None) -> Settled:
    """Right to abstain as far as words can tell: green; a passage that speaks of what was asked: amber, somebody should look."""
    if not justified:
        why = f"the response abstains, but {reason}"
        return Settled(_middle(cuts), Band.AMBER, why, BandCode.ABSTENTION_DOUBTED)
    why = f"the response abstains, and {reason}"
    if cuts is not None and cuts.green_at is not None:
        score = max(cuts.green_at, _ABSTENTION_SCORE)
        return Settled(score, Band.GREEN, why, BandCode.ABSTENTION_JUSTIFIED)
    return Settled(_ABSTENTION_SCORE, Band.AMBER, why, BandCode.ABSTENTION_JUSTIFIED)


def _middle(cuts: BandCuts | None) -> float:
    """A score well inside amber."""
    known = cuts or _NO_CUTS
    green = 1.0 if known.green_at is None else known.green_at
    return (green + (known.red_at or 0.0)) / 2.0


def _reads(language: str) -> bool:
    return language_support(language) is LanguageSupport.FULL


def _sunk(judgements: Sequence[ClaimJudgement], unread: bool) -> bool:
    """Whether something certain speaks against a claim. ``unread``: then only a contradiction does; where notation and
    words are known (German), a value that the source lacks does as well.
    """
    against = (Verdict.CONTRADICTED,) if unread else (Verdict.CONTRADICTED, Verdict.UNSUPPORTED)
    return any(judged.decided and judged.verdict in against for judged in judgements)


def _doubt(judgements: Sequence[ClaimJudgement], known: Circumstances) -> tuple[str, BandCode] | None:
    """Why an answer may not be green, however high it scores; None when nothing speaks against it."""
    sunk = next((judged for judged in judgements if judged.decided and judged.verdict is not Verdict.SUPPORTED), None)
    if sunk is not None:
        return f"claim {sunk.claim.index} is {sunk.verdict.value}: {sunk.reasons[0]}", BandCode.SUNK_CLAIM
    if known.doubted:
        return "the passages disagree about what the response says", BandCode.PASSAGES_DISAGREE
    return None
