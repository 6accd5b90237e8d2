"""Who said it: words of one speaker that the claim gives to another."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence

from parsers.words.lexicon import base_forms, same_word
from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.grounds import Contrast
from scoring.rag.sentences.words import Kind, Sentence, Word

_LINE = re.compile(r"^[ \t]*(?:\*\*)?([A-ZÄÖÜ][\w.'’-]*(?: [\w.'’()-]+){0,3})(?:\*\*)?:(?:\*\*)?[ \t]+\S", re.MULTILINE)
_LEAST_SHARE = 0.7
_MOST_OWN_SHARE = 0.5
_LEAST_WORDS = 2
_SAYING = frozenset(
    "say says said saying tell tells told state states stated claim claims claimed argue argues argued think thinks "
    "thought believe "
    "believes believed want wants wanted prefer prefers preferred according note noted add added explain "
    "explained sagt sagte meint".split()
)


def line_speakers(text: str) -> tuple[list[int], list[str]]:
    """Where each line of a transcript begins and who speaks it; empty unless two or more speak."""
    found = [(match.start(1), match.group(1)) for match in _LINE.finditer(text)]
    if len({name for _, name in found}) < _LEAST_WORDS:
        return [], []
    return [start for start, _ in found], [name for _, name in found]


def speaker_at(starts: list[int], names: list[str], position: int) -> str:
    """Who speaks at ``position``; '' before the first line."""
    at = bisect_right(starts, position) - 1
    return names[at] if at >= 0 else ""


def other_speaker(
    claim: Sentence,
    sentences: Sequence[Sentence],
    speakers: Sequence[str],
    holding: Mapping[str, Sequence[int]],
) -> tuple[Contrast, int] | None:
    """The claim names one speaker and says what another one said; with the number of that one's sentence.

    ``speakers``: of each sentence, '' for none; ``holding``: by base form, which sentences hold a word.
    """
    named = _named(claim, speakers)
    rest = [word for word in claim.content if named and not _of(word, named) and word.text.lower() not in _SAYING]
    if len(rest) < _LEAST_WORDS:
        return None
    hits: Counter[int] = Counter()
    for word in rest:
        hits.update({number for base in base_forms(word.text) for number in holding.get(base, ())})
    best: dict[str, tuple[int, int]] = {}
    for number, count in hits.items():
        if speakers[number] and count > best.get(speakers[number], (0, 0))[0]:
            best[speakers[number]] = count, number
    if not best:
        return None
    other = max(best, key=lambda name: best[name][0])
    own, (most, number) = best.get(named, (0, 0))[0], best[other]
    if other == named or most < _LEAST_SHARE * len(rest) or own >= _MOST_OWN_SHARE * len(rest):
        return None
    said = next(one for one in claim.content if _of(one, named))
    stands = next(one for one in sentences[number].content if any(same_word(one.text, word.text) for word in rest))
    return Contrast(RulingCode.OTHER_SPEAKER, said, stands, f"{other!r} says so, not {named!r}"), number


def _named(claim: Sentence, speakers: Sequence[str]) -> str:
    """The one speaker all of whose words the claim holds; '' for none or several."""
    found = [
        name
        for name in dict.fromkeys(one for one in speakers if one)
        if all(any(same_word(part, word.text) for word in claim.words) for part in _parts(name))
    ]
    return found[0] if len(found) == 1 else ""


def _parts(name: str) -> list[str]:
    return [part for part in re.findall(r"[^\W_]+", name) if len(part) > 1 or part.isupper()]


def _of(word: Word, name: str) -> bool:
    return word.kind is not Kind.NUMBER and any(same_word(part, word.text) for part in _parts(name))
