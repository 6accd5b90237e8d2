"""The values of feedback. Thumbs and causes are enums in this one place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Thumb(StrEnum):
    """What a person would say of an answer."""

    UP = "up"
    DOWN = "down"


class SuggestionKind(StrEnum):
    """What the next user turn does to the answer before it."""

    REJECTION = "rejection"
    CORRECTION = "correction"
    INCOMPLETE = "incomplete"
    FAILURE = "failure"
    SARCASM = "sarcasm"
    REPEAT = "repeat"
    SATISFIED = "satisfied"


class RootCause(StrEnum):
    """Why an answer was bad."""

    HALLUCINATION = "HALLUCINATION"
    FAILED_RETRIEVAL = "FAILED_RETRIEVAL"
    INCOMPLETE_ANSWER = "INCOMPLETE_ANSWER"
    POOR_INSTRUCTION_FOLLOWING = "POOR_INSTRUCTION_FOLLOWING"
    BAD_FORMATTING = "BAD_FORMATTING"
    UNSAFE_ANSWER = "UNSAFE_ANSWER"
    SHOULD_HAVE_REFUSED = "SHOULD_HAVE_REFUSED"
    TONE_STYLE_ISSUE = "TONE_STYLE_ISSUE"
    MISSING_KNOWLEDGE = "MISSING_KNOWLEDGE"
    CONTEXT_DRIFT = "CONTEXT_DRIFT"
    OTHER = "OTHER"


@dataclass(frozen=True)
class Turn:
    """One question and its answer.

    ``similarity_to_previous``: cosine of this question and the one before it, measured by an encoder elsewhere; None
    where nobody measured it.
    """

    question: str
    answer: str
    similarity_to_previous: float | None = None


@dataclass(frozen=True)
class Suggestion:
    """A weak label of the answer of ``turn``, read off the question of ``evidence_turn``. Never a label by itself.

    ``turns[evidence_turn].question[char_start:char_end]`` is the evidence.
    """

    turn: int
    thumb: Thumb
    kind: SuggestionKind
    confidence: float
    evidence_turn: int
    char_start: int
    char_end: int
    rule: str
    rule_version: str


@dataclass(frozen=True)
class TurnSignals:
    """What the server itself knows of a bad answer; None where nothing was measured.

    ``supported_share``: share of the answer's claims that its retrieved documents support. ``evidence_in_results`` and
    ``evidence_in_corpus``: whether the known-good evidence (a reference, a correction, relevant documents) is among the
    results, and in the knowledge base at all. ``answer_refused``: the answer declined. ``should_refuse``: policy or an
    expectation says that it had to.
    """

    reason: str | None = None
    suggestion_kind: SuggestionKind | None = None
    supported_share: float | None = None
    contradicted_claims: int | None = None
    evidence_in_results: bool | None = None
    evidence_in_corpus: bool | None = None
    retrieved_documents: int | None = None
    format_valid: bool | None = None
    unsafe: bool | None = None
    answer_refused: bool | None = None
    should_refuse: bool | None = None
    phantom_symbols: int | None = None
    session_recommendation: str | None = None
    drift_z_score: float | None = None


@dataclass(frozen=True)
class ProposedCause:
    """A cause and why, in a sentence that a reviewer can check; ``rule`` names the row of the table that decided."""

    cause: RootCause
    reason: str
    confidence: float
    rule: str


@dataclass(frozen=True)
class Negative:
    """One bad answer, for clustering. ``failing_document``: the document its failing claims point at, if any."""

    item_id: str
    cause: RootCause
    question: str
    failing_document: str | None = None
    claim_kind: str | None = None
