"""Who said it: words of one speaker that the claim gives to another."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from parsers.words.lexicon import same_word
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


def other_speaker(claim: Sentence, sentences: Sequence[Sentence], speakers: Sequence[str]) -> Contrast | None:
    """The claim names one speaker and says what another one said."""
    named = _named(claim, speakers)
    if not named:
        return None
    rest = [word for word in claim.content if not _of(word, named) and word.text.lower() not in _SAYING]
    if len(rest) < _LEAST_WORDS:
        return None
    shares: dict[str, tuple[float, Word | None]] = {}
    for sentence, speaker in zip(sentences, speakers, strict=True):
        if not speaker:
            continue
        hits = [word for word in sentence.content if any(same_word(word.text, one.text) for one in rest)]
        share = sum(any(same_word(one.text, word.text) for word in sentence.content) for one in rest) / len(rest)
        if share > shares.get(speaker, (0.0, None))[0]:
            shares[speaker] = (share, hits[0])
    own = shares.get(named, (0.0, None))[0]
    other, (best, word) = max(shares.items(), key=lambda entry: entry[1][0], default=("", (0.0, None)))
    if other == named or best < _LEAST_SHARE or own >= _MOST_OWN_SHARE or word is None:
        return None
    said = next(one for one in claim.content if _of(one, named))
    return Contrast(RulingCode.OTHER_SPEAKER, said, word, f"{other!r} says so, not {named!r}")


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
