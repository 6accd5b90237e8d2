"""Who did it to whom, and from where to where."""

from __future__ import annotations

from itertools import combinations

from parsers.words.lexicon import is_past_form, is_symmetric, is_verb_form
from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.align import Comparison, Pair, Relation
from scoring.rag.sentences.grounds import (
    LEAST_COVERED,
    Contrast,
    converse_here,
    differs_in_sign,
    holds_in_part,
    is_argument,
)
from scoring.rag.sentences.words import Kind, Sentence, Word

_NEAR = 3
"""Content words from a verb to its argument: "Halden bought the quarry operator Brix" has three."""
_BEFORE_NOUNS = frozenset(
    "a an the this that these those his her its their our my your no of in on at for with by from as".split()
)
_DIRECTIONS = frozenset("from to into onto by for with against over above below under von nach zu zum zur vom".split())


def exchanged_roles(found: Comparison) -> Contrast | None:
    """Who did it to whom: "Brix acquired Halden" against "Halden bought Brix"."""
    if found.covered < LEAST_COVERED or holds_in_part(found):
        return None
    turned = turned_arguments(found)
    if turned is None:
        return None
    first, _, pivot = turned
    if any(
        differs_in_sign(found, pair)
        for pair in found.pairs
        if pair is not pivot and pair.relation is not Relation.OPPOSITE
    ):
        return None
    said, stands = found.claim_word(first), found.source_word(first)
    other = found.source_word(pivot)
    return Contrast(RulingCode.EXCHANGED_ROLES, said, stands, f"who and whom are exchanged around {other.text!r}")


def roles_turned(found: Comparison) -> bool:
    """Whether two names stand the other way round."""
    return turned_arguments(found) is not None


def turned_arguments(found: Comparison) -> tuple[Pair, Pair, Pair] | None:
    """(first argument, second, pivot) that the claim has the other way round than the source; None where none is."""
    arguments = [pair for pair in found.pairs if is_argument(found, pair) and _once(found, pair)]
    pivots = [pair for pair in found.pairs if _pivot(found, pair)]
    for pivot in pivots:
        if is_symmetric(found.source_word(pivot).text) or is_symmetric(found.claim_word(pivot).text):
            continue
        for first, second in combinations(arguments, 2):
            if pivot in (first, second) or not _around(first.claim, pivot.claim, second.claim):
                continue
            order = _order(first.source, pivot.source, second.source)
            if order == 0:
                continue
            turned = order < 0
            passive = _passive(found.claim, pivot.claim, second.claim) != _passive(
                found.source, pivot.source, max(first.source, second.source)
            )
            reversed_words = pivot.relation is Relation.OPPOSITE and converse_here(found, pivot)
            if turned ^ passive ^ reversed_words:
                return first, second, pivot
    return None


def _once(found: Comparison, pair: Pair) -> bool:
    """Whether a name stands once on each side, so that its place can be told."""
    said = found.claim_word(pair).text.lower()
    return all(sum(w.text.lower() == said for w in side.content) == 1 for side in (found.claim, found.source))


def _pivot(found: Comparison, pair: Pair) -> bool:
    """Whether both sides of ``pair`` are what a sentence turns on: a verb in use, or a comparative before *than*."""
    said, stands = found.claim_word(pair), found.source_word(pair)
    if _compares(found.claim, said) or _compares(found.source, stands):
        return _compares(found.claim, said) and _compares(found.source, stands)
    return _verb_in_use(found.claim, said) and _verb_in_use(found.source, stands)


def _compares(sentence: Sentence, word: Word) -> bool:
    after = [w.text.lower() for w in sentence.words if w.span[0] > word.span[0]][:2]
    return word.kind is Kind.CONTENT and "than" in after


def _verb_in_use(sentence: Sentence, word: Word) -> bool:
    """A verb form that no determiner or preposition stands before; "-ing" forms leave open who does it."""
    if word.kind is not Kind.CONTENT or not is_verb_form(word.text) or word.text.lower().endswith("ing"):
        return False
    before = [w for w in sentence.words if w.span[1] <= word.span[0]][-1:]
    if before and before[0].text.lower() in _BEFORE_NOUNS:
        return False
    return not before or is_past_form(word.text) or before[0].kind is not Kind.CONTENT


def _around(first: int, middle: int, last: int) -> bool:
    return first < middle < last and middle - first <= _NEAR and last - middle <= _NEAR


def _order(first: int, pivot: int, second: int) -> int:
    """1: first argument, pivot, second; -1: the other way round; 0: they do not stand close around the pivot."""
    if _around(first, pivot, second):
        return 1
    return -1 if _around(second, pivot, first) else 0


def _passive(sentence: Sentence, pivot: int, last: int) -> bool:
    """Whether the pivot is passive: a form of *be* before it and *by* (*von*) between it and the argument behind it."""
    verb, agent = sentence.content[pivot], sentence.content[last]
    between = [w for w in sentence.words if verb.span[1] <= w.span[0] < agent.span[0]]
    return any(w.text.lower() in ("by", "von", "vom", "durch") for w in between)


def exchanged_slots(found: Comparison) -> Contrast | None:
    """Two names each behind the other's preposition: "from Bern to Basel" against "from Basel to Bern"."""
    names = [pair for pair in found.pairs if is_argument(found, pair)]
    for first, second in combinations(names, 2):
        one, two = found.claim_word(first), found.claim_word(second)
        there, other = found.source_word(first), found.source_word(second)
        if one.slot and two.slot and one.slot != two.slot and (one.slot, two.slot) == (other.slot, there.slot):
            if found.covered < LEAST_COVERED or not {one.slot, two.slot} <= _DIRECTIONS:
                continue
            return Contrast(RulingCode.EXCHANGED_ROLES, one, there, f"{one.text!r} and {two.text!r} are exchanged")
    return None
