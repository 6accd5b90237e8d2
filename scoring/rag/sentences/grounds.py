"""What the rules on two aligned sentences share: the contrast they give, signs, names, what leaves too much open."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from parsers.words.lexicon import LONGEST_WORD, base_forms, converse, is_verb_form, lexicon, may_be_verb
from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.align import Comparison, Pair, Relation
from scoring.rag.sentences.words import Kind, Sentence, Word

LEAST_COVERED = 0.75
"""Share of the claim's words that its sentence must have before a difference in the rest can be called one."""
LEAST_PAIRS = 2
LIMITS = frozenset(
    "unless except excluding apart if only until till otherwise whether falls außer ausgenommen nur".split()
)
"""Such a sentence holds in part of the cases: "not refunded unless defective" does not deny "refunded if defective"."""
DENIES_BY_MEANING = frozenset(
    "lack lacks lacked lacking fail fails failed failing unable decline declines declined refuse refuses refused "
    "avoid avoids "
    "avoided prevent prevents prevented deny denies denied hardly barely scarcely rarely seldom stop stops stopped "
    "reject rejects rejected "
    "kaum fehlt fehlen verweigert".split()
)
"""Words that deny without a negation; a sentence with one of them has no sign that could be compared."""
DETERMINERS = frozenset("no kein keine keinen keinem keiner keines".split())
SUBJECT_PRONOUNS = frozenset("he she it they er sie es".split())
PRONOUNS = frozenset("he him his she her hers they them their it its er ihn ihm sie ihr ihnen es".split())
LONG = 25
"""Content words of a sentence beyond which its parts can no longer be told from one another."""
_ALIKE = 0.75


@dataclass(frozen=True, slots=True)
class Contrast:
    """``said`` of the claim against ``stands`` of the source."""

    code: RulingCode
    said: Word
    stands: Word
    reason: str


def holds_in_part(found: Comparison) -> bool:
    """Whether only one side limits what it says ("unless", "only", "if"), so that a difference says nothing certain."""
    return bool((found.source.cues ^ found.claim.cues) & LIMITS)


def claim_denies(found: Comparison) -> bool:
    """Whether the claim holds a negation."""
    return any(word.kind is Kind.NEGATION for word in found.claim.words)


def differs_in_sign(found: Comparison, pair: Pair) -> bool:
    """Whether the two sides of ``pair`` differ in what they affirm.

    "are not allowed" and "are forbidden" do not: the negation and the opposite in one part of the claim cancel out.
    """
    said, stands = found.claim_word(pair), found.source_word(pair)
    turns = sum(
        other.relation is Relation.OPPOSITE
        and not converse_verbs(found, other)
        and found.claim_word(other).segment == said.segment
        and found.source_word(other).segment == stands.segment
        for other in found.pairs
    )
    return (said.negated != stands.negated) ^ bool(turns % 2)


def converse_verbs(found: Comparison, pair: Pair) -> bool:
    """ "lends" and "borrow", "buy" and "sell" say one thing of two sides; they deny each other only with the sides exchanged."""
    said, stands = found.claim_word(pair).text, found.source_word(pair).text
    return converse(said, stands) and is_verb_form(said) and is_verb_form(stands) and may_be_verb(said)


def converse_here(found: Comparison, pair: Pair) -> bool:
    """Words that say each other with the arguments exchanged, where there are two arguments to exchange."""
    if not converse(found.claim_word(pair).text, found.source_word(pair).text):
        return False
    arguments = [other.claim for other in found.pairs if is_argument(found, other)]
    return any(at < pair.claim for at in arguments) and any(at > pair.claim for at in arguments)


def is_argument(found: Comparison, pair: Pair) -> bool:
    """Whether a pair is one name on both sides."""
    said = found.claim_word(pair)
    return pair.relation is Relation.SAME and said.kind is Kind.NAME


def other_names(found: Comparison) -> bool:
    """Whether each side has a name that the other lacks: then they may speak of two things."""
    extra = any(proper(found.claim.content[at]) for at in found.extra)
    return extra and any(proper(found.source.content[at]) for at in found.left)


def proper(word: Word) -> bool:
    """A name that is no everyday word: the "OK" and "Sort" of a menu are none."""
    lowered = word.text.lower().removesuffix("'s").removesuffix("’s")
    known = lexicon()
    if word.kind is not Kind.NAME or len(word.text) == 1:
        return False
    return lowered in known.given_names or not base_forms(lowered) & known.common


def spelt_alike(first: str, second: str) -> bool:
    """Whether two words may be one, spelt otherwise: "organisations" and "organizations", "Dimitrios" and "Demetrios"."""
    if max(len(first), len(second)) > LONGEST_WORD:
        return first == second
    return SequenceMatcher(None, first.lower(), second.lower()).ratio() >= _ALIKE


def is_noun(word: Word) -> bool:
    """Whether a word names a person or a thing; ordinals do not."""
    bases, known = base_forms(word.text), lexicon()
    noun = word.kind is Kind.CONTENT and (bool(bases & known.nouns) or not bases & known.verbs)
    return word.kind is Kind.NAME or (noun and "ordinal" not in lexicon().classes.get(word.text.lower(), ()))


def behind_negation(side: Sentence) -> list[Word]:
    """The content words from the negation to the end of its part."""
    at = next((word for word in side.words if word.kind is Kind.NEGATION), None)
    if at is None:
        return []
    return [w for w in side.content if w.segment == at.segment and w.span[0] > at.span[0]]
