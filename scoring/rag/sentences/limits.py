"""A superlative without what limited it in the source."""

from __future__ import annotations

from parsers.words.lexicon import base_forms, is_verb_form, lexicon
from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.align import Comparison
from scoring.rag.sentences.grounds import LEAST_COVERED, LEAST_PAIRS, Contrast, claim_denies, is_noun
from scoring.rag.sentences.words import Kind, Sentence, Word

_PARTITIVE = frozenset("one among some part most many several eine einer eines".split())
_ALL = frozenset("all every each alle jeder jede jedes".split())
_PART = frozenset("most some many several few half meisten einige manche viele".split())
_PASSED_OVER = frozenset("the of a an our your their die der".split())
_OPENS = frozenset("if unless until when".split())
_AVAILABLE = frozenset("available include offer have get come possible".split())
_ORDINALS = frozenset(
    "second third fourth fifth sixth seventh eighth ninth tenth 2nd 3rd 4th 5th zweit dritt viert".split()
)


def lost_rank(found: Comparison) -> Contrast | None:
    """A superlative without what limited it: "the largest city" against "the third-largest city"."""
    if found.covered < LEAST_COVERED:
        return None
    for pair in found.pairs:
        said, stands = found.claim_word(pair), found.source_word(pair)
        if not _superlative(stands) or said.text.lower() != stands.text.lower():
            continue
        limit, own = _limit(found.source, stands), _limit(found.claim, said)
        if limit and not own:
            return Contrast(RulingCode.LOST_LIMIT, said, limit, f"the source says {limit.text} {stands.text!r}")
    return None


def all_of_most(found: Comparison) -> Contrast | None:
    """Said of all what the source says of a part: "all visitors" against "most visitors"."""
    extra = [word for at in found.extra if (word := found.claim.content[at]).text.lower() not in _ALL]
    verbs = all(is_verb_form(word.text) for word in extra)
    if claim_denies(found) or len(found.pairs) < LEAST_PAIRS or len(extra) > 1 or not verbs:
        return None
    for pair in found.pairs:
        said, stands = _before(found.claim, found.claim_word(pair)), _before(found.source, found.source_word(pair))
        if said is None or stands is None or found.source_word(pair).negated:
            continue
        if said.text.lower() in _ALL and stands.text.lower() in _PART and is_noun(found.source_word(pair)):
            return Contrast(
                RulingCode.LOST_LIMIT, said, stands, f"the source says {stands.text!r} here, the claim {said.text!r}"
            )
    return None


def _before(sentence: Sentence, word: Word) -> Word | None:
    """The word before ``word``; an article or *of* between them is passed over: "most of the visitors"."""
    before = [one for one in sentence.words if one.span[1] <= word.span[0] and one.text.lower() not in _PASSED_OVER]
    return before[-1] if before else None


def only_one(found: Comparison) -> Contrast | None:
    """Another than the one of which the source says *only*: "available with Plus" against "available only in Pro"."""
    at = next((i for i, word in enumerate(found.source.words) if word.text.lower() == "only"), None)
    if at is None or claim_denies(found) or "only" in found.claim.cues or found.source.cues & _OPENS:
        return None
    if any(word.kind is Kind.NEGATION for word in found.source.words) or not found.pairs:
        return None
    behind = [word for word in found.source.words[at + 1 : at + 4] if word.kind is not Kind.FUNCTION]
    named = (found.claim.content[i] for i in sorted((*found.extra, *found.carried)))
    names = [word for word in named if word.kind is Kind.NAME]
    rest = [i for i in found.extra if found.claim.content[i].kind is not Kind.NAME]
    if not behind or behind[0].kind is not Kind.NAME or len(names) != 1 or not names[0].slot:
        return None
    if len(rest) > 1 or any(not base_forms(found.claim.content[i].text) & _AVAILABLE for i in rest):
        return None
    if any(found.source_word(pair).span == behind[0].span for pair in found.pairs):
        return None
    reason = f"the source says only {behind[0].text!r}, the claim {names[0].text!r}"
    return Contrast(RulingCode.OTHER_NAME, names[0], behind[0], reason)


def _superlative(word: Word) -> bool:
    lowered = word.text.lower()
    return (
        lowered.endswith("est")
        and len(lowered) > 5
        and any(base != lowered and base in lexicon().senses for base in base_forms(lowered))
    )


def _limit(sentence: Sentence, word: Word) -> Word | None:
    before = [w for w in sentence.words if w.span[1] <= word.span[0]][-3:]
    for near in reversed(before):
        lowered = near.text.lower()
        if lowered in _ORDINALS or (lowered in _PARTITIVE and any(w.text.lower() == "of" for w in before)):
            return near
    return None
