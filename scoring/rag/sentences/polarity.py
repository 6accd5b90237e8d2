"""One side denies what the other says: negations, opposites, nobody, exceptions."""

from __future__ import annotations

from parsers.words.lexicon import base_forms, is_verb_form, lexicon, may_be_verb, same_word
from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.align import Comparison, Pair, Relation, mean_the_same
from scoring.rag.sentences.grounds import (
    DENIES_BY_MEANING,
    DETERMINERS,
    LEAST_COVERED,
    LEAST_PAIRS,
    LIMITS,
    PRONOUNS,
    Contrast,
    behind_negation,
    claim_denies,
    converse_here,
    converse_verbs,
    differs_in_sign,
    holds_in_part,
    is_noun,
    other_names,
)
from scoring.rag.sentences.roles import roles_turned
from scoring.rag.sentences.words import VERB_SIGNS, Kind, Sentence, Word

_EXCEPTIONS = frozenset("except excluding apart außer ausgenommen".split())
_LIMITS_IN_TIME = frozenset("until till".split())
"""Do not keep a denial from being wrong: "cannot be carried over" against "can be carried over until 31 March"."""
_UNTIL_WHEN = frozenset("at from um ab".split())
_OPPOSITE_SLOTS = frozenset(
    pair
    for one, other in (
        ("before", "after"),
        ("above", "below"),
        ("over", "under"),
        ("inside", "outside"),
        ("with", "without"),
    )
    for pair in ((one, other), (other, one))
)
_NOBODY = frozenset("nobody none niemand keiner".split())
_NOT_A_VERBS = DETERMINERS | {"without", "ohne", "nor", "neither"}
_LEAST_COVERED_FOR = 0.6
_EXCEPTS = frozenset("except excluding unlike besides außer".split())
_JOINS = frozenset("and or may can must should will would do does did is are was were has have".split())


def polarity(found: Comparison) -> Contrast | None:
    """One side denies what the other says: "are refunded" against "are not refunded", "is open" against "is closed".

    Every word pair has a sign; the pair that carries the statement must differ and no other pair may say why.
    """
    limits = (found.source.cues ^ found.claim.cues) & LIMITS
    allowed = (claim_denies(found) and limits <= _LIMITS_IN_TIME) or _outside_the_exception(found, limits)
    if (limits and not allowed) or other_names(found) or _sets_apart(found):
        return None
    if found.covered < LEAST_COVERED or len(found.pairs) + len(found.carried) < LEAST_PAIRS:
        return None
    if (found.source.cues ^ found.claim.cues) & DENIES_BY_MEANING:
        return None
    heads = [pair for pair in found.pairs if _states(found, pair)]
    odd = [
        pair
        for pair in heads
        if differs_in_sign(found, pair) and not (pair.relation is Relation.OPPOSITE and converse_here(found, pair))
    ]
    odd = [pair for pair in odd if not (pair.relation is Relation.OPPOSITE and converse_verbs(found, pair))]
    if not odd or roles_turned(found):
        return None
    denied = [pair for pair in found.pairs if found.claim_word(pair).negated or found.source_word(pair).negated]
    if any(not differs_in_sign(found, pair) and pair.relation is not Relation.OPPOSITE for pair in denied):
        return None  # both deny: the words in the reach of both negations agree
    odd = [pair for pair in odd if not (_beside_without(found, pair) or _at_a_time(found, pair))]
    odd = [pair for pair in odd if not _said_as_well(found, pair)]
    if not odd or any(_both_ways(found, pair) for pair in odd):
        return None
    if limits and not all(_before_the_limit(found, pair) for pair in odd):
        return None
    opposites = [pair for pair in odd if pair.relation is Relation.OPPOSITE]
    if opposites and (found.extra or not _stand_alike(found, opposites[0])):
        return None
    plain = [pair for pair in odd if pair.relation is not Relation.OPPOSITE]
    if plain and not opposites and not _denies_the_statement(found, plain):
        return None
    first = (opposites or plain)[0]
    said, stands = found.claim_word(first), found.source_word(first)
    return Contrast(RulingCode.DENIED, said, stands, _denial(said, stands))


def _sets_apart(found: Comparison) -> bool:
    """Whether one side denies by comparing: "no animal is bigger than" the largest one, "unlike fish, they breathe air"."""
    compares = claim_denies(found) and "than" in found.claim.cues and "than" not in found.source.cues
    return compares or "unlike" in found.source.cues | found.claim.cues


def _outside_the_exception(found: Comparison, limits: frozenset[str]) -> bool:
    """Whether the source denies with an exception of which the claim says nothing: "must not, except in media class"."""
    if not limits <= _EXCEPTIONS or claim_denies(found):
        return False
    at = next((word for word in found.source.words if word.text.lower() in limits), None)
    return at is not None and all(found.source_word(pair).span < at.span for pair in found.pairs)


def _beside_without(found: Comparison, pair: Pair) -> bool:
    """ "without a charger" denies "with a charger" and nothing else that the claim may say of chargers."""
    stands = found.source_word(pair)
    held = any(
        word.text.lower() in ("without", "ohne") and word.segment == stands.segment for word in found.source.words
    )
    return held and stands.negated and found.claim_word(pair).slot not in ("with", "mit")


def _at_a_time(found: Comparison, pair: Pair) -> bool:
    """ "closes at 4 p.m." does not deny "is open from 10 a.m. to 4 p.m.": one says when the other ends."""
    said = found.claim_word(pair)
    behind = [word for word in found.claim.words if word.span[0] >= said.span[1]][:2]
    timed = len(behind) == 2 and behind[0].text.lower() in _UNTIL_WHEN and behind[1].kind is Kind.NUMBER
    return timed and pair.relation is Relation.OPPOSITE


def _both_ways(found: Comparison, pair: Pair) -> bool:
    """Whether the source affirms a word and denies it: "not effective against B, but effective against A"."""
    said = found.claim_word(pair)
    return len({word.negated for word in found.source.content if mean_the_same(said, word)}) > 1


def _said_as_well(found: Comparison, pair: Pair) -> bool:
    """Whether the claim says the source's word besides its opposite: "pushed the pram, and pulled back its cover"."""
    if pair.relation is not Relation.OPPOSITE:
        return False
    stands, said = found.source_word(pair).text, found.claim_word(pair).text
    return any(same_word(word.text, stands) for word in found.claim.content) or any(
        same_word(word.text, said) for word in found.source.content
    )


def _before_the_limit(found: Comparison, pair: Pair) -> bool:
    """Whether what is said stands before the *until* that limits it, not behind it ("until the president accepts")."""
    until = next((word for word in found.source.words if word.text.lower() in _LIMITS_IN_TIME), None)
    return until is None or found.source_word(pair).span < until.span


def _denial(said: Word, stands: Word) -> str:
    if stands.negated != said.negated:
        denies = "the source denies it" if stands.negated else "the claim denies what the source says"
        return f"{denies}: {stands.text!r}"
    return f"the source says {stands.text!r}, the claim {said.text!r}"


def _states(found: Comparison, pair: Pair) -> bool:
    """Whether the pair can carry a statement: a content word, or a name denied without a verb ("but not the cup")."""
    if found.claim_word(pair).kind is Kind.CONTENT:
        return True
    stands = found.source_word(pair)
    return stands.kind is Kind.NAME and stands.negated and _elliptic(found.source, stands.segment)


def _elliptic(sentence: Sentence, segment: int) -> bool:
    """Whether a part of a sentence denies without a verb of its own: "but not the cup", "rather than seeds"."""
    return not any(
        word.segment == segment and (word.text.lower() in VERB_SIGNS or _finite(word)) for word in sentence.words
    )


def _finite(word: Word) -> bool:
    return word.kind is Kind.CONTENT and is_verb_form(word.text) and not base_forms(word.text) & lexicon().nouns


def _stand_alike(found: Comparison, pair: Pair) -> bool:
    """Whether an opposite is said of the same thing: the word it belongs to is the same on both sides.

    That is the next word ("first quarter"); a verb, or a word that ends its part, may belong to the one before it.
    """
    steps = {(other.claim - pair.claim, other.source - pair.source) for other in found.pairs}
    if (1, 1) in steps:
        return True
    word, there = found.claim_word(pair), found.source_word(pair)
    ends = _ends_its_part(found.claim, word) and _ends_its_part(found.source, there)
    verb = is_verb_form(word.text) and is_verb_form(there.text)
    before = (-1, -1) in steps or (pair.claim - 1 in found.carried and there.span == found.source.content[0].span)
    opens = pair.source == 0 and bool(found.carried)
    return (ends or verb) and (before or opens)


def _ends_its_part(sentence: Sentence, word: Word) -> bool:
    return not any(w.segment == word.segment and w.span[0] > word.span[0] and not w.slot for w in sentence.content)


def _denies_the_statement(found: Comparison, odd: list[Pair]) -> bool:
    """The words behind the negation are among the pairs, and the other side has no negation of its own."""
    by_claim = claim_denies(found)
    side, other = (found.claim, found.source) if by_claim else (found.source, found.claim)
    if any(word.kind is Kind.NEGATION for word in other.words):
        return False
    paired = {(found.claim_word(pair) if by_claim else found.source_word(pair)).span for pair in odd}
    behind = behind_negation(side)
    if not behind:
        return _denies_in_short(found, side, by_claim)
    if behind[0].span not in paired:
        return False
    if not by_claim and _elliptic(side, behind[0].segment):
        return all(word.span in paired for word in behind)
    determiner = any(word.text.lower() in DETERMINERS for word in side.words)
    predicate = any(
        may_be_verb(found.claim_word(pair).text) or found.claim_word(pair).text.lower() not in lexicon().nouns
        for pair in odd
    )
    return (predicate or determiner) and all(word.span in paired for word in behind[1:2])


def _denies_in_short(found: Comparison, side: Sentence, by_claim: bool) -> bool:
    """ "Most tolerate frost, but tree ferns do not": the subject before a bare *not*, and the verb of the part before it."""
    at = next((word for word in side.words if word.kind is Kind.NEGATION), None)
    if by_claim or at is None:
        return False
    paired = {found.source_word(pair).span: pair for pair in found.pairs}
    subject = [word for word in side.content if word.segment == at.segment]
    verbs = [
        p
        for span, p in paired.items()
        if found.source_word(p).segment < at.segment and is_verb_form(found.source_word(p).text)
    ]
    return bool(subject) and bool(verbs) and all(word.span in paired for word in subject)


def other_side(found: Comparison) -> Contrast | None:
    """The opposite preposition before the same word: "before the end of the quarter" against "after the end of the quarter"."""
    if found.covered < 1.0 or claim_denies(found):
        return None
    for pair in found.pairs:
        said, stands = found.claim_word(pair), found.source_word(pair)
        if (said.slot, stands.slot) in _OPPOSITE_SLOTS and said.negated == stands.negated:
            return Contrast(
                RulingCode.DENIED, said, stands, f"the source says {stands.slot!r} here, the claim {said.slot!r}"
            )
    return None


def nobody_did(found: Comparison) -> Contrast | None:
    """Somebody did what the source says nobody did: "Two guests were injured" against "Nobody was injured"."""
    nobody = next((word for word in found.source.words if word.text.lower() in _NOBODY), None)
    if nobody is None or claim_denies(found) or holds_in_part(found):
        return None
    behind = [
        word.span for word in found.source.content if word.segment == nobody.segment and word.span[0] > nobody.span[0]
    ]
    heads = [pair for pair in found.pairs if found.source_word(pair).span in behind[:1]]
    if not heads or heads[0].relation is Relation.OPPOSITE:
        return None
    head = heads[0].claim
    after = [at for at in range(head + 1, len(found.claim.content)) if at not in {pair.claim for pair in found.pairs}]
    if after or head == 0:
        return None
    said, stands = found.claim_word(heads[0]), found.source_word(heads[0])
    return Contrast(RulingCode.DENIED, said, stands, f"the source says that nobody: {stands.text!r}")


def denied_for(found: Comparison) -> Contrast | None:
    """What the claim says of somebody whom the source excepts: "and so may trainees" against "Trainees may not use them"."""
    if claim_denies(found) or holds_in_part(found) or found.claim.cues & (_EXCEPTS | DENIES_BY_MEANING):
        return None
    negations = [word for word in found.source.words if word.kind is Kind.NEGATION]
    negation = next((word for word in negations if word.text.lower() not in _NOT_A_VERBS), None)
    if negation is None or found.covered < _LEAST_COVERED_FOR:
        return None
    behind = [w for w in found.source.content if w.segment == negation.segment and w.span[0] > negation.span[0]][:1]
    subjects = [w for w in found.source.content if w.span[1] <= negation.span[0] and _heads(found.source, w)]
    verb = next((pair for pair in found.pairs if behind and found.source_word(pair).span == behind[0].span), None)
    if verb is None or verb.relation is Relation.OPPOSITE or _both_ways(found, verb):
        return None
    for pair in found.pairs:
        said, stands = found.claim_word(pair), found.source_word(pair)
        named = any(stands.span == subject.span for subject in subjects)
        if not named or pair is verb or pair.relation is not Relation.SAME or not is_noun(said):
            continue
        objects = [p for p in found.pairs if found.source_word(p).span > behind[0].span]
        if objects or found.source.cues & PRONOUNS:
            return Contrast(RulingCode.DENIED_FOR, said, stands, f"the source denies it of {stands.text!r}")
    return None


def _heads(sentence: Sentence, word: Word) -> bool:
    """Whether nothing narrows ``word`` down: "trainees and …" or "trainees may not", never "employees who …"."""
    after = next((w for w in sentence.words if w.span[0] >= word.span[1]), None)
    return after is not None and (
        after.text.lower() in _JOINS or (after.kind is Kind.NEGATION and after.text.lower() not in _NOT_A_VERBS)
    )
