"""A root cause proposed for a bad answer, from what the server itself knows, with the reason a reviewer can check.

The table is read from the top; the first row whose condition holds decides. It proposes and never decides for a person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scoring.feedback.types import ProposedCause, RootCause, SuggestionKind, TurnSignals

SUPPORTED_FROM: Final = 0.5
"""Share of supported claims from which an answer counts as resting on its documents."""
DRIFT_FROM: Final = 2.0
"""Standard deviations of groundedness below the session's own mean from which the session counts as drifting."""

_REASON_CAUSES: Final = {
    "invalid json": RootCause.BAD_FORMATTING,
    "bad formatting": RootCause.BAD_FORMATTING,
    "hallucinated citation": RootCause.HALLUCINATION,
    "unsafe": RootCause.UNSAFE_ANSWER,
    "off policy": RootCause.SHOULD_HAVE_REFUSED,
    "tone": RootCause.TONE_STYLE_ISSUE,
    "incomplete": RootCause.INCOMPLETE_ANSWER,
    "missed caveat": RootCause.INCOMPLETE_ANSWER,
}
"""A label's reason that is a cause by itself. "wrong" and "user corrected" are not: the signals have to say why."""


@dataclass(frozen=True)
class _Row:
    name: str
    holds: Callable[[TurnSignals], bool]
    cause: RootCause
    reason: Callable[[TurnSignals], str]
    confidence: float


def _unsupported(signals: TurnSignals) -> bool:
    return signals.supported_share is not None and signals.supported_share < SUPPORTED_FROM


def _drifts(signals: TurnSignals) -> bool:
    return signals.session_recommendation in {"re_anchor", "fresh_chat"} or (
        signals.drift_z_score is not None and signals.drift_z_score <= -DRIFT_FROM
    )


def _percent(share: float | None) -> str:
    return "none" if not share else f"{share:.0%}"


_ROWS: Final = (
    _Row("unsafe", lambda s: s.unsafe is True, RootCause.UNSAFE_ANSWER,
         lambda s: "the safety check flagged the answer", 0.9),
    _Row("answered_against_policy", lambda s: s.should_refuse is True and s.answer_refused is False,
         RootCause.SHOULD_HAVE_REFUSED,
         lambda s: "the expectation is a refusal, and the answer did not refuse", 0.9),
    _Row("format", lambda s: s.format_valid is False, RootCause.BAD_FORMATTING,
         lambda s: "the answer does not have the format it was asked for", 0.9),
    _Row("phantom_symbols", lambda s: bool(s.phantom_symbols), RootCause.HALLUCINATION,
         lambda s: f"the code calls {s.phantom_symbols} name(s) that exist nowhere", 0.85),
    _Row("evidence_in_no_document", lambda s: s.evidence_in_corpus is False, RootCause.MISSING_KNOWLEDGE,
         lambda s: "the evidence is in no document of the knowledge base", 0.85),
    _Row("evidence_not_retrieved", lambda s: s.evidence_in_results is False, RootCause.FAILED_RETRIEVAL,
         lambda s: "the evidence is nowhere among the retrieved documents"
         + (", though the knowledge base has it" if s.evidence_in_corpus else ""), 0.8),
    _Row("nothing_retrieved", lambda s: s.retrieved_documents == 0 and s.evidence_in_results is None, RootCause.FAILED_RETRIEVAL,
         lambda s: "nothing was retrieved for the question", 0.7),
    _Row("unsupported_despite_evidence", lambda s: _unsupported(s) and s.evidence_in_results is True, RootCause.HALLUCINATION,
         lambda s: f"the evidence was retrieved, and {_percent(s.supported_share)} of the answer's claims rest on it", 0.85),
    _Row("contradicted", lambda s: bool(s.contradicted_claims), RootCause.HALLUCINATION,
         lambda s: f"{s.contradicted_claims} claim(s) contradict the retrieved documents", 0.8),
    _Row("refused_despite_evidence", lambda s: bool(s.answer_refused and s.evidence_in_results and not s.should_refuse),
         RootCause.POOR_INSTRUCTION_FOLLOWING, lambda s: "the answer declined although the evidence was retrieved", 0.7),
    _Row("reason_names_the_cause", lambda s: (s.reason or "").lower() in _REASON_CAUSES, RootCause.OTHER,
         lambda s: f"the reviewer's reason is {s.reason!r}", 0.8),
    _Row("left_out", lambda s: s.suggestion_kind is SuggestionKind.INCOMPLETE, RootCause.INCOMPLETE_ANSWER,
         lambda s: "the user missed a part in the next turn", 0.7),
    _Row("drifting_session", _drifts, RootCause.CONTEXT_DRIFT,
         lambda s: f"the session drifts (recommendation {s.session_recommendation or 'none'}"
         + ("" if s.drift_z_score is None else f", {s.drift_z_score:+.1f} standard deviations") + ")", 0.65),
    _Row("unsupported", _unsupported, RootCause.HALLUCINATION,
         lambda s: f"{_percent(s.supported_share)} of the answer's claims rest on the retrieved documents; whether these"
         " held the evidence is not known", 0.55),
    _Row("did_something_else", lambda s: s.suggestion_kind in {SuggestionKind.REJECTION, SuggestionKind.REPEAT},
         RootCause.POOR_INSTRUCTION_FOLLOWING, lambda s: "the user rejected the answer or asked again, and nothing else"
         " points at a cause", 0.5),
)  # fmt: skip
"""Facts about the answer first, then a person's reason, then the session, then the next turn."""


def propose(signals: TurnSignals) -> ProposedCause:
    """The first row of the table that holds; OTHER, saying what was not measured, where none does."""
    for row in _ROWS:
        if row.holds(signals):
            cause = row.cause
            if row.name == "reason_names_the_cause":
                cause = _REASON_CAUSES[(signals.reason or "").lower()]
            return ProposedCause(cause, row.reason(signals), row.confidence, row.name)
    unknown = [
        name
        for name, value in (
            ("groundedness", signals.supported_share),
            ("the evidence among the results", signals.evidence_in_results),
            ("the format", signals.format_valid),
        )
        if value is None
    ]
    missing = f"; not measured: {', '.join(unknown)}" if unknown else ""
    return ProposedCause(RootCause.OTHER, f"no signal points at a cause{missing}", 0.2, "none")
