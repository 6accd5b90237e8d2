"""A thing that is mentioned is not yet what the claim says it is: "the capital is Quillby" where no capital is spoken of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from parsers.words.lexicon import lexicon, meaning
from scoring.rag.sentences.grounds import proper
from scoring.rag.sentences.words import Kind, Sentence, Word

_BE = frozenset("is was are were ist war sind waren".split())
_ARTICLES = frozenset("the der die das".split())
_OF = frozenset("of von des der".split())
_VAGUE = frozenset(
    "name part kind type sort way thing place purpose aim goal reason result cause example idea point number amount "
    "total list title "
    "subject topic answer main most first last best one city country town person man woman company people group "
    "member version "
    "effect role use benefit advantage author writer".split()
)
"""Nouns that a source need not use to say what they say."""
_LEAST_LETTERS = 4
_NO_NAMES = frozenset(
    "fahrenheit celsius kelvin passage document source context section table figure english german".split()
)


@dataclass(frozen=True)
class Vocabulary:
    """What a source's content words are: base forms, their first letters, and the senses they can have."""

    bases: frozenset[str]
    beginnings: frozenset[str]
    senses: frozenset[int]


def vocabulary(sentences: Iterable[Sentence]) -> Vocabulary:
    """The words of all sentences, gathered once, so that a claim costs a look-up."""
    meanings = {word.text: meaning(word.text) for sentence in sentences for word in sentence.content}
    bases = frozenset(base for found in meanings.values() for base in found.bases)
    beginnings = frozenset(base[:_LEAST_LETTERS] for base in bases)
    return Vocabulary(bases, beginnings, frozenset(sense for found in meanings.values() for sense in found.senses))


def absent_attribute(claim: Sentence, source: Vocabulary) -> Word | None:
    """The noun N of "the N of X is Y" or "Y is the N of X" that the source has in no form; None where it has one."""
    if any(word.kind is Kind.NEGATION for word in claim.words):
        return None
    names = [word for word in claim.content if word.kind is Kind.NAME]
    if len(names) < 2 or not any(word.text.lower() in _BE for word in claim.words):
        return None
    noun = _attribute(claim)
    if noun is None or noun.text.lower() in _VAGUE or noun.text.lower() not in lexicon().nouns:
        return None
    return None if len(noun.text) < _LEAST_LETTERS or _says(noun, source) else noun


def absent_name(claim: Sentence, source: Vocabulary) -> Word | None:
    """A name inside the claim that no word of the source begins like; units, months and weekdays are no names.

    "Lyon lies on the Seine" against a source that speaks of the Rhône and the Saône only.
    """
    for word in claim.content[1:]:
        bare = word.text.lower().removesuffix("'s").removesuffix("’s")
        if not proper(word) or len(bare) < _LEAST_LETTERS or bare in _NO_NAMES or lexicon().classes.get(bare):
            continue
        if bare[:_LEAST_LETTERS] not in source.beginnings:
            return word
    return None


def _says(noun: Word, source: Vocabulary) -> bool:
    """Whether a word of the source begins like ``noun``, is a form or a synonym of it, or is derived from it."""
    known = noun.meaning
    if noun.text.lower()[:_LEAST_LETTERS] in source.beginnings:
        return True
    return not ((known.bases | known.kin).isdisjoint(source.bases) and known.senses.isdisjoint(source.senses))


def _attribute(claim: Sentence) -> Word | None:
    """The content word between an article that opens the claim, or follows *is*, and *of*."""
    words = claim.words
    for at, word in enumerate(words):
        if word.text.lower() not in _ARTICLES:
            continue
        if at and words[at - 1].text.lower() not in _BE:
            continue
        for step in (1, 2):
            behind = words[at + 1 : at + step + 2]
            if len(behind) == step + 1 and behind[step].text.lower() in _OF and behind[step - 1].kind is Kind.CONTENT:
                return behind[step - 1]
    return None
