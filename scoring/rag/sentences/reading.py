"""Looks a claim up in the sentences of a context and says what the nearest of them makes of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from parsers.words.lexicon import base_forms
from scoring.rag.sentences.align import Comparison, compare
from scoring.rag.sentences.attributes import Vocabulary, absent_attribute, absent_name, vocabulary
from scoring.rag.sentences.contrasts import CONTRASTS, FREE_ORDER_CONTRASTS, ContrastRule
from scoring.rag.sentences.grounds import LEAST_COVERED, Contrast
from scoring.rag.sentences.links import mixed_clauses, source_clauses
from scoring.rag.sentences.order import ORDER_CUES, exchanged_order
from scoring.rag.sentences.restated import restates
from scoring.rag.sentences.rows import other_row
from scoring.rag.sentences.speakers import line_speakers, other_speaker, speaker_at
from scoring.rag.sentences.statements import as_statement
from scoring.rag.sentences.words import MOST_WORDS, VERB_SIGNS, Kind, Sentence, Word, clauses, read_sentence
from scoring.segmentation import sentence_spans
from scoring.types import Span

_RULES_BY_LANGUAGE: dict[str, tuple[ContrastRule, ...]] = {
    "en": CONTRASTS,
    "und": CONTRASTS,
    "de": FREE_ORDER_CONTRASTS,
}
_CLAUSES_READ = frozenset({"en", "und"})
"""Languages in which the order of words says what belongs to what; German's does not, and its nouns look like names."""
_MOST_SENTENCES = 3_000
_MOST_CHARACTERS = 1_000
"""Of a sentence that is read; a longer stretch without a full stop is a list or a log, and names nobody."""
_NEAREST = 4
"""Sentences with the most words of the claim that are looked at closely."""
_SUBJECT_WORDS = 4
_MOST_NAMES = 12
_LOOK_BACK = 3
_PART_END = re.compile(
    r";\s+(?=\w)|,\s+(?:while|whereas|während)\s+|"
    r"(?<=\b[ap]\.m\.)\s+(?=(?:It|The|He|She|They|We|You|This|These|There|In|On|At|An?|All|No|Please)\b)"
)
"""Where one sentence says two things: "Dogs need consent; cats need none", "Sales rose, while costs fell", and a full stop
that may be an abbreviation's: "until 4 p.m. It is closed on Sundays"."""
_LEAST_PART_WORDS = 3
_CAPITAL = re.compile(r"(?<=[a-z0-9,] )[A-ZÄÖÜ][\w-]+")


@dataclass(frozen=True)
class SourceSentences:
    """The sentences of a context, what each one's text spoke of before it, and by base form which of them hold a word.

    ``complete``: whether every sentence was read, so that a word that is in none is nowhere in the context.
    """

    sentences: tuple[Sentence, ...]
    before: tuple[frozenset[str], ...]
    units: tuple[int, ...]
    holding: dict[str, tuple[int, ...]]
    names: frozenset[str]
    entities: frozenset[tuple[str, str]]
    speakers: tuple[str, ...]
    vocabulary: Vocabulary
    complete: bool


@dataclass(frozen=True, slots=True)
class SentenceReading:
    """``contrast``: what the claim has otherwise, None when nothing certain; ``restated``: a sentence says all of it;
    ``absent``: what the claim says something is, a word that the source has in no form; ``unknown``: a name that it lacks.
    """

    contrast: Contrast | None
    restated: bool
    comparison: Comparison | None = None
    absent: Word | None = None
    unknown: Word | None = None


def source_sentences(texts: Sequence[str], speakers: Sequence[str | None] = ()) -> SourceSentences:
    """Index the sentences of a context's texts. ``speakers``: who says each text, where that is known."""
    names = frozenset(word.lower() for text in texts for word in _CAPITAL.findall(text[:200_000]))
    sentences: list[Sentence] = []
    before: list[frozenset[str]] = []
    units: list[int] = []
    spoken_by: list[str] = []
    asked: list[Sentence] = []
    complete = True
    for at, text in enumerate(texts):
        if _is_record(text):
            complete = False  # its keys and values are no sentences; cells are compared elsewhere
            continue
        spoken: list[frozenset[str]] = []
        starts, lines = line_speakers(text)
        speaker = (speakers[at] if speakers else None) or ""
        for start, end in _parted(text):
            if len(sentences) >= _MOST_SENTENCES or end - start > _MOST_CHARACTERS:
                complete = False
                continue
            sentence = read_sentence(text[start:end], start, names)
            if len(sentence.words) > MOST_WORDS:
                complete = False
                continue
            asked.extend([sentence] if text[start:end].rstrip().endswith(("?", "？")) else [])
            if not sentence.content or asked[-1:] == [sentence]:
                continue  # a question says nothing, though its words are of the source
            sentences.append(sentence)
            before.append(frozenset().union(*spoken[-_LOOK_BACK:], *spoken[:1]))
            units.append(at)
            spoken_by.append(speaker or speaker_at(starts, lines, start))
            spoken.append(_spoken_of(sentence))
    holding: dict[str, list[int]] = defaultdict(list)
    for number, sentence in enumerate(sentences):
        for base in {base for word in sentence.content for base in base_forms(word.text)}:
            holding[base].append(number)
    return SourceSentences(
        tuple(sentences),
        tuple(before),
        tuple(units),
        {key: tuple(found) for key, found in holding.items()},
        names,
        frozenset(pair for sentence in sentences for pair in _side_by_side(sentence)),
        tuple(spoken_by) if any(spoken_by) else (),
        vocabulary([*sentences, *asked]),
        complete,
    )


def _parted(text: str) -> Iterator[Span]:
    """Sentences, those that say two things in their parts; what is too short for a statement stays with what is before it."""
    for start, end in sentence_spans(text):
        first = start
        for match in _PART_END.finditer(text, start, end):
            if len(text[match.end() : end].split(maxsplit=_LEAST_PART_WORDS - 1)) < _LEAST_PART_WORDS:
                continue  # "editors cannot" denies what the part before it says
            yield first, match.start()
            first = match.end()
        if first < end:
            yield first, end


def _is_record(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def _side_by_side(sentence: Sentence) -> Iterator[tuple[str, str]]:
    """Names that follow one another: "Maria Lopez" makes *Lopez* and *Maria* one person."""
    for first, second in pairwise(sentence.words):
        if first.kind is second.kind is Kind.NAME and first.segment == second.segment:
            yield first.text.lower(), second.text.lower()
            yield second.text.lower(), first.text.lower()


def _spoken_of(sentence: Sentence) -> frozenset[str]:
    """Names of a sentence and the words before its verb: what the next one can be about without saying so."""
    opening: list[Word] = []
    for word in sentence.words:
        if word.text.lower() in VERB_SIGNS and opening:
            break
        if word.kind is not Kind.FUNCTION:
            opening.append(word)
    names = [word for word in sentence.content if word.kind is Kind.NAME][:_MOST_NAMES]
    return frozenset(
        word.text.lower().removesuffix("'s").removesuffix("’s") for word in (*opening[:_SUBJECT_WORDS], *names)
    )


def read_claim(
    text: str, start: int, source: SourceSentences, question: str | None = None, language: str = "en"
) -> SentenceReading:
    """What the nearest sentences say of one claim.

    ``start``: where it stands in the response. ``question``: set when the claim is all of the answer, so that "Anna." or
    "No." is read as what it answers. ``language``: ISO 639-1; others than English and German are left alone.
    """
    if language not in _RULES_BY_LANGUAGE:
        return _NOTHING
    claim = as_statement(text, start, question, source.names) or read_sentence(text, start, source.names)
    if not claim.content or len(claim.words) > MOST_WORDS:
        return _NOTHING
    rules, reads_clauses = _RULES_BY_LANGUAGE[language], language in _CLAUSES_READ
    numbers = _nearest(claim, source)
    parts = [(part, numbers if part is claim else _nearest(part, source)) for part in clauses(claim)]
    wider = _of_many(claim, numbers, source) or (_mixed(parts, source) if reads_clauses else None)
    if wider is not None:
        return wider
    near = [_compared(claim, source, number) for number in numbers]
    for one in near:
        if restates(one):
            return SentenceReading(None, True, one)
    found = _against(near, rules) or (_of_another_row(claim, source) if reads_clauses else None)
    for part, own in parts if found is None else ():
        if part is not claim:
            found = found or _against([_compared(part, source, number) for number in own], rules)
    if found is None and source.complete:
        absent = absent_attribute(claim, source.vocabulary)
        unknown = absent_name(claim, source.vocabulary) if reads_clauses and absent is None else None
        return SentenceReading(None, False, None, absent, unknown)
    return found or _NOTHING


def _mixed(parts: Sequence[tuple[Sentence, Sequence[int]]], source: SourceSentences) -> SentenceReading | None:
    """A part of the claim that joins what the source keeps apart. ``parts``: each with the sentences nearest to it."""
    for part, numbers in parts:
        mixed = mixed_clauses(part, source_clauses(source.sentences, numbers))
        if mixed is not None:
            contrast, number = mixed
            return SentenceReading(contrast, False, _compared(part, source, number))
    return None


def _against(near: Sequence[Comparison], rules: Sequence[ContrastRule]) -> SentenceReading | None:
    """The contrast with the sentence that has most of the claim; None when another sentence says it."""
    for one in sorted(near, key=lambda found: -found.covered):
        contrast = _contrast(one, rules)
        if contrast is not None:
            silent = any(_says_otherwise(other, one, contrast, rules) for other in near)
            return None if silent else SentenceReading(contrast, False, one)
    return None


def _of_many(claim: Sentence, numbers: Sequence[int], source: SourceSentences) -> SentenceReading | None:
    """What more than one sentence of the source says against a claim: another speaker, another order."""
    found = other_speaker(claim, source.sentences, source.speakers, source.holding) if source.speakers else None
    if found is None and claim.cues & ORDER_CUES:
        around = sorted(
            {n for number in numbers for n in (number - 1, number, number + 1)} & set(range(len(source.sentences)))
        )
        found = exchanged_order(claim, [(number, source.sentences[number]) for number in around])
    if found is None:
        return None
    contrast, number = found
    return SentenceReading(contrast, False, _compared(claim, source, number))


def _of_another_row(claim: Sentence, source: SourceSentences) -> SentenceReading | None:
    """A value of the claim that the source gives of another thing."""
    found = other_row(claim, source.sentences, source.holding)
    if found is None:
        return None
    contrast, number = found
    return SentenceReading(contrast, False, _compared(claim, source, number))


_NOTHING = SentenceReading(None, False)


def _contrast(found: Comparison, rules: Sequence[ContrastRule]) -> Contrast | None:
    return next((contrast for rule in rules if (contrast := rule(found)) is not None), None)


def _says_otherwise(other: Comparison, one: Comparison, contrast: Contrast, rules: Sequence[ContrastRule]) -> bool:
    """Whether another sentence fits the claim as well, speaks of what ``contrast`` is about, and has nothing against it."""
    fits = other.covered >= max(one.covered, LEAST_COVERED) and len(other.pairs) >= len(one.pairs)
    if other is one or not fits or _contrast(other, rules) is not None:
        return False
    return any(other.claim_word(pair).span == contrast.said.span for pair in other.pairs)


def _compared(claim: Sentence, source: SourceSentences, number: int) -> Comparison:
    return compare(claim, source.sentences[number], source.before[number], source.units[number], source.entities)


def _nearest(claim: Sentence, source: SourceSentences) -> list[int]:
    votes: dict[int, int] = defaultdict(int)
    for word in claim.content:
        for number in {n for base in base_forms(word.text) for n in source.holding.get(base, ())}:
            votes[number] += 1
    ranked = sorted(votes, key=lambda number: (-votes[number], number))
    return ranked[:_NEAREST]
