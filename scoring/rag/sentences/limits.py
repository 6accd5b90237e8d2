"""A superlative without what limited it in the source."""

from __future__ import annotations

from parsers.words.lexicon import base_forms, lexicon
from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.align import Comparison
from scoring.rag.sentences.grounds import LEAST_COVERED, Contrast
from scoring.rag.sentences.words import Sentence, Word

_PARTITIVE = frozenset("one among some part most many several eine einer eines".split())
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
