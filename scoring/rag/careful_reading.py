"""All rules on the claims of one response, before a model is asked: what a careful reader sees without knowing the subject."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from parsers.values.literals import Literal
from scoring.lexical import ContextWords, stem
from scoring.rag.anchors import AnchoredValue, anchored_values, content_stems
from scoring.rag.conflicts import Conflict, find_conflicts, rule_agreement
from scoring.rag.derived_values import rule_bound, rule_computed, rule_within
from scoring.rag.enumerations import absent_item
from scoring.rag.literals import LiteralReport, LiteralState
from scoring.rag.outcome import AnswerKind
from scoring.rag.rulings import Ruling, RulingCode
from scoring.rag.sentences.reading import SentenceReading, SourceSentences, read_claim, source_sentences
from scoring.rag.value_rules import MOST_VALUES, ValueCase, rule_values
from scoring.segmentation import sentence_spans
from scoring.types import Claim, Verdict

_MOST_COMPARISONS = 100_000
"""Values of an answer times values of its context: beyond it both are data, and comparing them costs more than it says."""
_MOST_SENTENCES = 3_000
_MOST_CLAIMS = 400
"""Claims of one answer that are read beside their sentences; of more, the verifier's word stands alone."""
_SILENT = SentenceReading(None, False)


@dataclass(frozen=True)
class SourceFacts:
    """What rules read of a context: every value with its anchors, the vocabulary, the stems and the words of each sentence."""

    values: tuple[AnchoredValue, ...]
    words: ContextWords
    sentences: tuple[frozenset[str], ...]
    said: SourceSentences


@dataclass(frozen=True)
class Reading:
    """``rulings``: by claim, of the rule that decides it, or None. ``report``: literals, those that compute supported."""

    rulings: tuple[Ruling | None, ...]
    report: LiteralReport
    conflicts: tuple[Conflict, ...] = ()


def source_facts(
    texts: Sequence[str],
    literals: Sequence[Sequence[Literal]],
    words: ContextWords,
    speakers: Sequence[str | None] = (),
) -> SourceFacts:
    """The facts of a context's texts, whose literals and vocabulary were read before. ``speakers``: of each, where known."""
    values = [value for at, text in enumerate(texts) for value in anchored_values(text, literals[at], at)]
    sentences = (content_stems(text[start:end]) for text in texts for start, end in sentence_spans(text))
    return SourceFacts(
        tuple(values), words, tuple(islice(sentences, _MOST_SENTENCES)), source_sentences(texts, speakers)
    )


def read_claims(
    response: str,
    claims: Sequence[Claim],
    report: LiteralReport,
    source: SourceFacts,
    kind: AnswerKind | None = None,
    question: str | None = None,
    language: str = "en",
) -> Reading:
    """What the rules say of each claim. ``kind``: whether the answer abstains; ``language``: of the response, ISO 639-1."""
    states = {check.literal.span: check.state for check in report.checks}
    said = sorted(
        anchored_values(response, [check.literal for check in report.checks]), key=lambda value: value.literal.span
    )
    comparable = len(source.values) <= MOST_VALUES and len(said) * len(source.values) <= _MOST_COMPARISONS
    starts = [value.literal.span[0] for value in said]
    rulings: list[Ruling | None] = []
    conflicts: list[Conflict] = []
    for claim in claims:
        first, last = bisect_left(starts, claim.char_start), bisect_left(starts, claim.char_end)
        own = tuple(value for value in said[first:last] if value.literal.span[1] <= claim.char_end)
        case = _case(claim, own, states, source)
        derived = [ruling for value in own if comparable for ruling in _derived(case, value, claim)]
        for ruling in derived:
            if ruling.verdict is Verdict.SUPPORTED:
                states[ruling.literal_span] = LiteralState.SUPPORTED
        against = next((ruling for ruling in derived if ruling.verdict is Verdict.CONTRADICTED), None)
        case = _case(claim, own, states, source)
        found = find_conflicts(case, claim.index) if comparable and own else ()
        conflicts.extend(found)
        asked = question if len(claims) == 1 else None
        read = (
            _SILENT
            if claim.index >= _MOST_CLAIMS
            else read_claim(claim.text, claim.char_start, source.said, asked, language)
        )
        rulings.append(
            (_abstention(claim, kind) if kind is not None else None)
            or against
            or rule_agreement(claim.text, found, claim.char_start)
            or (rule_values(case) if comparable else None)
            or _contrasted(read, source.words, claim)
            or absent_item(claim, source.words, source.sentences)
            or _not_there(read)
            or next(iter(derived), None)
            or _restated(read, claim)
        )
    return Reading(tuple(rulings), _with_states(report, states), tuple(conflicts))


def _abstention(claim: Claim, kind: AnswerKind) -> Ruling | None:
    """Of an answer that abstains as a whole: whether it may."""
    found = kind.abstention
    if found is None or claim.index not in kind.abstaining:
        return None
    verdict = Verdict.SUPPORTED if found.justified else Verdict.UNSUPPORTED
    span = (claim.char_start, claim.char_end)
    return Ruling(RulingCode.ABSTENTION, verdict, found.reason, span, None, found.unit_index, found.span)


def _contrasted(read: SentenceReading, words: ContextWords, claim: Claim) -> Ruling | None:
    """A sentence of the source says otherwise. Another name that the source never uses is not contradicted, only not there."""
    contrast, found = read.contrast, read.comparison
    if contrast is None or found is None:
        return None
    slot = contrast.code in (RulingCode.OTHER_NAME, RulingCode.OTHER_SLOT)
    unknown = slot and stem(contrast.said.text) not in words.stems
    verdict = Verdict.UNSUPPORTED if unknown else Verdict.CONTRADICTED
    span, place = contrast.said.span, contrast.stands.span
    if span[1] > claim.char_end:  # a word of the question, which the answer answers wrongly as a whole
        span = (claim.char_start, claim.char_end)
    return Ruling(contrast.code, verdict, contrast.reason, span, contrast.stands.text, found.unit_index, place)


def _not_there(read: SentenceReading) -> Ruling | None:
    """What the claim says something is, or a name of the claim, is nowhere in the source."""
    word = read.absent or read.unknown
    if word is None:
        return None
    code = RulingCode.ABSENT_NAME if read.absent is None else RulingCode.ABSENT_ATTRIBUTE
    what = "names no" if read.absent is None else "speaks of no"
    return Ruling(code, Verdict.UNSUPPORTED, f"the source {what} {word.text!r}", word.span)


def _restated(read: SentenceReading, claim: Claim) -> Ruling | None:
    """One sentence of the source says all of it."""
    if not read.restated or read.comparison is None:
        return None
    said = read.comparison.source
    reason = f"the source says so: {said.text.strip()!r}"
    span = (claim.char_start, claim.char_end)
    return Ruling(RulingCode.RESTATED, Verdict.SUPPORTED, reason, span, None, read.comparison.unit_index, said.span)


def _derived(case: ValueCase, value: AnchoredValue, claim: Claim) -> list[Ruling]:
    found = rule_bound(case, value)
    if found is None and case.states[case.said.index(value)] is not LiteralState.SUPPORTED:
        found = rule_within(case, value, claim.text) or rule_computed(case, value, claim.text)
    return [] if found is None else [found]


def _case(
    claim: Claim,
    own: tuple[AnchoredValue, ...],
    states: dict[tuple[int, int], LiteralState],
    source: SourceFacts,
) -> ValueCase:
    stems = content_stems(claim.text)
    covered = len(stems & source.words.stems) / len(stems) if stems else 1.0
    return ValueCase(own, tuple(states[value.literal.span] for value in own), source.values, covered)


def _with_states(report: LiteralReport, states: dict[tuple[int, int], LiteralState]) -> LiteralReport:
    checks = tuple(replace(check, state=states[check.literal.span]) for check in report.checks)
    if not checks:
        return report
    return replace(report, checks=checks, share=sum(c.state is LiteralState.SUPPORTED for c in checks) / len(checks))
