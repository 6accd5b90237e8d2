"""A thing that is mentioned is not yet what the claim says it is: "the capital is Quillby" where no capital is spoken of."""

from __future__ import annotations

from collections.abc import Collection

from parsers.words.lexicon import lexicon, same_meaning
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


def absent_attribute(claim: Sentence, holding: Collection[str]) -> Word | None:
    """The noun N of "the N of X is Y" or "Y is the N of X" that the source has in no form; None where it has one.

    ``holding``: base forms of all the source's content words.
    """
    if any(word.kind is Kind.NEGATION for word in claim.words):
        return None
    names = [word for word in claim.content if word.kind is Kind.NAME]
    if len(names) < 2 or not any(word.text.lower() in _BE for word in claim.words):
        return None
    noun = _attribute(claim)
    if noun is None or noun.text.lower() in _VAGUE or noun.text.lower() not in lexicon().nouns:
        return None
    if len(noun.text) < _LEAST_LETTERS or any(_says(noun.text, base) for base in holding):
        return None
    return noun


def _says(noun: str, word: str) -> bool:
    return word[:_LEAST_LETTERS] == noun.lower()[:_LEAST_LETTERS] or same_meaning(noun, word)


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
