"""Which words of a claim stand for which words of one sentence of the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from parsers.words.lexicon import exclusive, siblings, synonymous
from scoring.rag.sentences.words import Kind, Sentence, Word

_WHERE = frozenset("in of".split())
_PRONOUNS = frozenset("it they he she this these es sie er dies diese".split())


class Relation(StrEnum):
    """How a word of the claim stands to its word of the source."""

    SAME = "same"
    SYNONYM = "synonym"
    OPPOSITE = "opposite"


@dataclass(frozen=True, slots=True)
class Pair:
    """``claim`` and ``source``: numbers in the contents of the two sentences."""

    claim: int
    source: int
    relation: Relation


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claim beside one sentence. ``entities``: pairs of lowered names that stand side by side somewhere in the source.

    ``carried``: words of the claim that the text before the sentence has as its subject.

    ``extra``: words of the claim that neither has; ``left``: words of the source sentence that the claim does not take up.
    """

    claim: Sentence
    source: Sentence
    pairs: tuple[Pair, ...]
    carried: tuple[int, ...]
    extra: tuple[int, ...]
    left: tuple[int, ...]
    unit_index: int = 0
    entities: frozenset[tuple[str, str]] = frozenset()

    @property
    def covered(self) -> float:
        """Share of the claim's content words that stand in the sentence or before it, in [0, 1]."""
        total = len(self.claim.content)
        return (len(self.pairs) + len(self.carried)) / total if total else 0.0

    def claim_word(self, pair: Pair) -> Word:
        """The claim's side of ``pair``."""
        return self.claim.content[pair.claim]

    def source_word(self, pair: Pair) -> Word:
        """The source's side of ``pair``."""
        return self.source.content[pair.source]


def compare(
    claim: Sentence,
    source: Sentence,
    before: frozenset[str],
    unit_index: int = 0,
    entities: frozenset[tuple[str, str]] = frozenset(),
) -> Comparison:
    """Align two sentences. ``before``: lowered words of what the source spoke of before this sentence.

    Each word is used once: first the same words, then synonyms, then opposites; of several, the one nearest to the words
    around it.
    """
    taken_claim: dict[int, Pair] = {}
    free = dict(enumerate(source.content))
    for relation, related in _RELATED.items():
        for at, word in enumerate(claim.content):
            if at in taken_claim:
                continue
            found = [i for i, other in free.items() if related(word, other)]
            if found:
                expected = taken_claim[at - 1].source + 1 if at - 1 in taken_claim else at
                best = min(found, key=lambda i: (abs(i - expected), i))
                taken_claim[at] = Pair(at, best, relation)
                del free[best]
    rest = [at for at in range(len(claim.content)) if at not in taken_claim]
    opened = bool(source.words) and source.words[0].text.lower() in _PRONOUNS
    carried = (
        ()
        if _own_subject(source)
        else tuple(at for at in rest if _carries(claim, at, min(taken_claim, default=0), before, opened))
    )
    return Comparison(
        claim,
        source,
        tuple(taken_claim[at] for at in sorted(taken_claim)),
        carried,
        tuple(at for at in rest if at not in carried),
        tuple(free),
        unit_index,
        entities,
    )


def _own_subject(sentence: Sentence) -> bool:
    """Whether a sentence opens with a name: then nothing said before it is its subject."""
    opens = sentence.words[0] if sentence.words else None
    return opens is not None and opens.kind is Kind.NAME


def _carries(claim: Sentence, at: int, first: int, before: frozenset[str], pronoun: bool) -> bool:
    """A word of which the text before speaks: one that the claim opens with, a name, any where a pronoun may stand for it,
    or one that the claim ends with behind *in* or *of* ("is included in the rent").
    """
    word = claim.content[at]
    closes = at == len(claim.content) - 1 and word.slot in _WHERE and word.kind is Kind.CONTENT
    return _lowered(word) in before and (at < first or word.kind is Kind.NAME or pronoun or closes)


def _lowered(word: Word) -> str:
    return word.text.lower().removesuffix("'s").removesuffix("’s")


def _same(word: Word, other: Word) -> bool:
    return not word.meaning.bases.isdisjoint(other.meaning.bases)


def _synonymous(word: Word, other: Word) -> bool:
    one, two = word.meaning, other.meaning
    if one.kin.isdisjoint(two.bases) and one.senses.isdisjoint(two.senses):
        return False
    return not word.kind is other.kind is Kind.NAME and synonymous(one, two)


def _opposite(word: Word, other: Word) -> bool:
    return not word.meaning.against.isdisjoint(other.meaning.bases) and not word.kind is other.kind is Kind.NAME


_RELATED: Final[Mapping[Relation, Callable[[Word, Word], bool]]] = {
    Relation.SAME: _same,
    Relation.SYNONYM: _synonymous,
    Relation.OPPOSITE: _opposite,
}


def mean_the_same(first: Word, second: Word) -> bool:
    """Whether two words are forms of one word, or synonyms; numbers when they have the same value."""
    return _same(first, second) or synonymous(first.meaning, second.meaning)


def excludes(first: Word, second: Word) -> bool:
    """Whether two words in one slot cannot both be true: members of one class, or nouns of one kind."""
    return exclusive(first.text, second.text) or siblings(first.text, second.text)
