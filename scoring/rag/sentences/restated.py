"""A sentence of the source that says all that the claim says."""

from __future__ import annotations

import re
from collections import Counter

from parsers.words.lexicon import is_verb_form
from scoring.rag.sentences.align import Comparison, Pair
from scoring.rag.sentences.grounds import (
    DENIES_BY_MEANING,
    LEAST_PAIRS,
    PRONOUNS,
    converse_here,
    differs_in_sign,
    holds_in_part,
)
from scoring.rag.sentences.limits import lost_rank
from scoring.rag.sentences.order import exchanged_sides
from scoring.rag.sentences.polarity import _states, nobody_did, polarity
from scoring.rag.sentences.roles import exchanged_roles, exchanged_slots
from scoring.rag.sentences.words import Kind, Sentence, clauses
from scoring.types import Span

_HEDGES = re.compile(
    r"\b(?:may|might|could|would|reportedly|allegedly|alleg\w+|plan(?:s|ned)?|hop(?:e|es|ed)|expect\w*|consider\w*|propos\w+|argu\w+|"
    r"claim\w*|believ\w+|suggest\w*|impl(?:y|ies|ied)|think\w*|thought|tried|try|tries|want\w*|wish\w*|almost|nearly|"
    r"those who|supposed|intend\w*|könnte\w*|würde\w*|soll|sollte\w*|fast|beinahe)\b",
    re.IGNORECASE,
)
"""A source with one of these does not say it as a fact; a claim without it is no restatement."""
_PASSIVE = frozenset("is are was were be been being ist sind wird werden wurde wurden".split())
_LOOSE_SLOTS = frozenset("of in at on for by von im in am bei für".split())
_MOST_BETWEEN = 4
_YEAR_DIGITS = 4
_DOUBTED = frozenset(
    "false untrue wrong myth rumour rumor doubt doubts doubted doubtful unlikely unclear disputed falsch fraglich".split()
)
_BESIDE = frozenset({(1, 1), (-1, -1), (1, 2), (2, 1), (-1, -2), (-2, -1)})


def restates(found: Comparison) -> bool:
    """Whether the sentence says all that the claim says, in the same words or synonyms, with the same sign and roles."""
    if found.extra or len(found.pairs) < LEAST_PAIRS or holds_in_part(found):
        return False
    if len(found.carried) > len(found.pairs) or not any(_states(found, pair) for pair in found.pairs):
        return False
    if any(rule(found) for rule in (lost_rank, exchanged_roles, nobody_did, polarity, exchanged_slots)):
        return False
    if _reported(found.source) and not _reported(found.claim):
        return False
    if any(differs_in_sign(found, pair) for pair in found.pairs if not converse_here(found, pair)):
        return False
    if found.carried and not (found.source.cues & PRONOUNS or found.source.cues & _PASSIVE):
        return False
    if _across_parts(found) or exchanged_sides(found) is not None:
        return False
    if any(_doer(found.claim_word(pair).text, found.source_word(pair).text) for pair in found.pairs):
        return False
    places = [pair.source for pair in found.pairs]
    if max(places) - min(places) + 1 > len(places) + _MOST_BETWEEN:
        return False
    if (found.source.cues ^ found.claim.cues) & DENIES_BY_MEANING:
        return False
    hedges = {match.group().lower() for match in _HEDGES.finditer(found.source.text)}
    said = {match.group().lower() for match in _HEDGES.finditer(found.claim.text)}
    return hedges <= said and all(_in_place(found, pair) for pair in found.pairs)


def _across_parts(found: Comparison) -> bool:
    """Whether the claim, of one part, takes its words from two parts of the source that each have a verb of their own:
    "designed by Piano and built by Hensel" does not say "Hensel designed it".
    """
    if len(clauses(found.claim)) > 1:
        return False
    paired = {found.source_word(pair).span for pair in found.pairs}
    parts = clauses(found.source)
    if len(parts) < 2 or any(all(span in _spans(part) for span in paired) for part in parts):
        return False
    shared = _shared(parts)
    own = [part for part in parts if paired & (_spans(part) - shared)]
    return any(not _verb_said(part, paired) or part.content[0].span not in paired | shared for part in own)


def _spans(part: Sentence) -> set[Span]:
    return {word.span for word in part.content}


def _shared(parts: list[Sentence]) -> set[Span]:
    """Words that more than one part has: the subject that is said once."""
    counts = Counter(span for part in parts for span in _spans(part))
    return {span for span, count in counts.items() if count > 1}


def _verb_said(part: Sentence, paired: set[Span]) -> bool:
    """Whether a verb of the part is among the claim's words, or it has none."""
    verbs = [word for word in part.content if word.kind is Kind.CONTENT and is_verb_form(word.text)]
    return not verbs or any(word.span in paired for word in verbs)


def _reported(sentence: Sentence) -> bool:
    """Whether a part behind *that* is denied or doubted before it: "It is not true that …", "No evidence that …"."""
    at = next((word for word in sentence.words if word.text.lower() in ("that", "dass", "whether", "ob")), None)
    before = [word for word in sentence.words if at is not None and word.span < at.span]
    return any(word.kind is Kind.NEGATION or word.text.lower() in _DOUBTED for word in before)


def _doer(said: str, stands: str) -> bool:
    """Whether one names who does what the other says: "winner" and "beats" leave open which of two it is."""
    ends = [word.lower().rstrip("s").endswith(("er", "or", "ee")) for word in (said, stands)]
    return ends[0] != ends[1]


def _in_place(found: Comparison, pair: Pair) -> bool:
    """Whether a word belongs to the same on both sides: behind the same preposition, or a number beside the same word."""
    said, stands = found.claim_word(pair), found.source_word(pair)
    if said.kind is Kind.NUMBER and _is_year(said.text) and sum(_is_year(w.text) for w in found.source.content) == 1:
        return True
    if said.kind is Kind.NUMBER:
        beside = {(other.claim - pair.claim, other.source - pair.source) for other in found.pairs}
        return bool(beside & _BESIDE) or bool(said.slot and said.slot == stands.slot)
    if said.slot == stands.slot or {said.slot, stands.slot} <= _LOOSE_SLOTS:
        return True
    if said.kind is Kind.NAME and not said.slot:
        return stands.slot in ("by", "von", "of")
    return not (said.slot and stands.slot)


def _is_year(text: str) -> bool:
    return len(text) == _YEAR_DIGITS and text.isdecimal()
