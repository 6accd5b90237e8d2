"""Texts that make a backtracking pattern work: built from the pattern's own parts, repeated, with an end that does not fit."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import re._constants as codes  # type: ignore[import-not-found]
    import re._parser as parser  # type: ignore[import-not-found]

_WORDS = {
    codes.CATEGORY_DIGIT: "1",
    codes.CATEGORY_SPACE: " ",
    codes.CATEGORY_WORD: "a",
    codes.CATEGORY_NOT_DIGIT: "a",
    codes.CATEGORY_NOT_SPACE: "a",
    codes.CATEGORY_NOT_WORD: "-",
}
_CANDIDATES = "a1 A\n-_.,;:!?'\"/\\()[]{}<>|=*#`~@$%&+é\x00"
"""What stands for a set with a negation: the first of these that it holds."""
_ENDS = ("\x00", "\n\x00")
"""Nothing fits a NUL but a set with a negation; patterns that know lines are given two."""


def attacks(pattern: re.Pattern[str]) -> list[tuple[str, str, str]]:
    """(start, what is repeated, end): for each repetition in the pattern its samples, and the whole."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    pieces = {piece: None for piece in _pieces(tree, "")}
    ends = _ENDS if set("$.^") & set(pattern.pattern) else _ENDS[:1]
    return [(start, body, end) for start, body in pieces if body for end in ends]


def _pieces(tree: Any, before: str) -> Iterator[tuple[str, str]]:
    """Each repetition's body with what the pattern wants before it; two neighbours that may share characters are one."""
    whole = _sample(tree)
    yield "", whole
    yield "", whole[:-1]
    previous = ""
    for code, argument in tree:
        if code in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
            for sample in _samples(argument[2]):
                yield before, sample
                yield before + previous, sample
                yield "", before + sample
                yield before, sample + " "
            yield from _pieces(argument[2], before)
        for inner in _inside(code, argument):
            yield from _pieces(inner, before)
        previous = _sample([(code, argument)])
        before += previous


def _inside(code: Any, argument: Any) -> Sequence[Any]:
    if code is codes.SUBPATTERN:
        return [argument[3]]
    if code is codes.BRANCH:
        return list(argument[1])
    if code in {codes.ASSERT, codes.ASSERT_NOT}:
        return [argument[1]]
    if code is codes.ATOMIC_GROUP:
        return [argument]
    return []


def _samples(tree: Any) -> list[str]:
    """Some texts that fit: one for each branch at the top, and of a set one for each of its kinds."""
    found = [""]
    for code, argument in tree:
        if code is codes.BRANCH:
            options = [_sample(branch) for branch in argument[1][:12]]
        elif code is codes.SUBPATTERN:
            options = _samples(argument[3])
        elif code is codes.IN:
            options = _of_set(argument)
        else:
            options = [_sample([(code, argument)])]
        found = [text + option for text in found[:6] for option in options or [""]][:24]
    return list(dict.fromkeys(found))


def _sample(tree: Any) -> str:
    text = ""
    for code, argument in tree:
        if code is codes.LITERAL:
            text += chr(argument)
        elif code is codes.NOT_LITERAL:
            text += next(letter for letter in _CANDIDATES if ord(letter) != argument)
        elif code is codes.ANY:
            text += "a"
        elif code is codes.IN:
            text += _of_set(argument)[0]
        elif code is codes.BRANCH:
            text += _sample(argument[1][0])
        elif code is codes.SUBPATTERN:
            text += _sample(argument[3])
        elif code is codes.ATOMIC_GROUP:
            text += _sample(argument)
        elif code in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
            text += _sample(argument[2]) * max(argument[0], min(1, argument[1]))
    return text


def _of_set(items: Any) -> list[str]:
    negated = items[0][0] is codes.NEGATE
    if negated:
        return [letter for letter in _CANDIDATES if not any(_holds(item, letter) for item in items[1:])][:3]
    letters = []
    for code, argument in items:
        if code is codes.LITERAL:
            letters.append(chr(argument))
        elif code is codes.RANGE:
            letters.append(chr(argument[0]))
        else:
            letters.append(_WORDS.get(argument, "a"))
    return letters[:4]


def _holds(item: Any, letter: str) -> bool:
    code, argument = item
    if code is codes.LITERAL:
        return ord(letter) == argument
    if code is codes.RANGE:
        return bool(argument[0] <= ord(letter) <= argument[1])
    kind = str(argument).rpartition("_")[2].lower()
    held = {"digit": letter.isdigit(), "space": letter.isspace(), "word": letter.isalnum() or letter == "_"}[kind]
    return held != ("NOT" in str(argument))
