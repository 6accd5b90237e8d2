"""What happened before what: "the line went back into service before the test" against "the test followed, and only then …"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.align import Comparison, mean_the_same
from scoring.rag.sentences.grounds import Contrast
from scoring.rag.sentences.words import Kind, Sentence, Word

_BEFORE = frozenset("before until till bevor ehe".split())
_AFTER = frozenset("after once following nachdem".split())
ORDER_CUES = _BEFORE | _AFTER
_THEN = frozenset(
    "then afterwards afterward later next subsequently finally eventually thereafter followed follows dann "
    "danach anschließend später".split()
)
_EVENT_LIGHT = frozenset(
    "take took takes taken place happen happened occur occurred go went gone come came put start started begin "
    "began".split()
)
_PLAIN_CUES = frozenset("before after bevor nachdem".split())
_MOST_EVENT_WORDS = 14
_LEAST_SHARE = 0.5
_LEAST_WORDS = 2


@dataclass(frozen=True, slots=True)
class _Event:
    """Content words of one event, and the word that shows it."""

    words: tuple[Word, ...]


def exchanged_order(claim: Sentence, numbered: Sequence[tuple[int, Sentence]]) -> tuple[Contrast, int] | None:
    """The claim puts two events in the other order than the source does; None when either order cannot be told.

    ``numbered``: sentences that follow one another, with their numbers. The contrast comes with its sentence's number.
    """
    source = [sentence for _, sentence in numbered]
    said = _stated_order(claim)
    for first, second in said:
        stands = _source_order(first, second, source)
        if stands is not None:
            at, shown = stands
            reason = f"the source has it in the other order: {shown.text!r} comes first"
            return Contrast(RulingCode.EXCHANGED_ORDER, first.words[0], shown, reason), numbered[at][0]
    return None


def exchanged_sides(found: Comparison) -> Contrast | None:
    """Both sentences say what comes before what, and one the other way round: "cut it before it cools" against
    "let it cool before you cut it".
    """
    if not (found.claim.cues & _PLAIN_CUES and found.source.cues & _PLAIN_CUES) or found.extra:
        return None
    if max(len(found.claim.content), len(found.source.content)) > _MOST_EVENT_WORDS:
        return None
    said, stands = _stated_order(found.claim, 1), _stated_order(found.source, 1)
    if len(said) != 1 or len(stands) != 1:
        return None
    (early, late), (first, second) = said[0], stands[0]
    stands_first = _shown(late, first)
    if _shown(late, second) or stands_first is None or _shown(early, second) is None:
        return None
    reason = f"the source has it in the other order: {stands_first.text!r} comes first"
    return Contrast(RulingCode.EXCHANGED_ORDER, early.words[-1], stands_first, reason)


def _shown(event: _Event, other: _Event) -> Word | None:
    """The first word of ``other`` that ``event`` has as well."""
    return next((word for word in other.words if any(mean_the_same(word, one) for one in event.words)), None)


def _stated_order(sentence: Sentence, least: int = _LEAST_WORDS) -> list[tuple[_Event, _Event]]:
    """Pairs (earlier, later) that a sentence states with *before* or *after*, each of at least ``least`` words."""
    parts: list[list[Word]] = [[]]
    cues: list[str] = []
    opening = ""
    for word in sentence.words:
        lowered = word.text.lower()
        if lowered in _BEFORE | _AFTER:
            cue = "before" if lowered in _BEFORE else "after"
            if not parts[-1]:
                opening = opening or cue
                continue
            parts.append([])
            cues.append(cue)
        elif word.kind in (Kind.CONTENT, Kind.NAME, Kind.NUMBER) and lowered not in _EVENT_LIGHT:
            parts[-1].append(word)
    if opening and len(parts) == 1:
        main = [word for word in parts[0] if word.segment > parts[0][0].segment]
        sub = [word for word in parts[0] if word.segment == parts[0][0].segment]
        pair = (_Event(tuple(sub)), _Event(tuple(main)))
        found = [pair if opening == "after" else (pair[1], pair[0])]
    elif opening:
        return []
    else:
        events = [_Event(tuple(part)) for part in parts]
        # "A after B and before C": both cues are about A
        found = []
        for at, cue in enumerate(cues):
            head = events[0] if at and _shares_head(sentence, events, at) else events[at]
            other = events[at + 1]
            found.append((head, other) if cue == "before" else (other, head))
    return [pair for pair in found if all(len(event.words) >= least for event in pair)]


def _shares_head(sentence: Sentence, events: Sequence[_Event], at: int) -> bool:
    """Whether a second cue comes after *and*, and so speaks of the first event again."""
    last = events[at].words[-1] if events[at].words else None
    if last is None:
        return True
    after = [word.text.lower() for word in sentence.words if word.span[0] >= last.span[1]][:1]
    return after == ["and"]


def _source_order(first: _Event, second: _Event, source: Sequence[Sentence]) -> tuple[int, Word] | None:
    """(sentence, word) that shows the claim's later event first in the source; None when the order is the claim's, or unknown."""
    one, two = _place(first, source), _place(second, source)
    if one is None or two is None:
        return None
    (number_one, word_one), (number_two, word_two) = one, two
    if number_one == number_two:
        sentence = source[number_one]
        stated = _stated_order(sentence)
        for early, late in stated:
            if _holds(early, word_two) and _holds(late, word_one):
                return two
            if _holds(early, word_one) and _holds(late, word_two):
                return None
        if stated:
            return None
        return two if word_two.span < word_one.span and _then(sentence, word_one) else None
    if number_two < number_one <= number_two + 2 and _then(source[number_one], word_one):
        return two
    return None


def _holds(event: _Event, word: Word) -> bool:
    return any(one.span == word.span for one in event.words)


def _then(sentence: Sentence, word: Word) -> bool:
    """Whether the part of ``word`` says that it comes next."""
    return any(
        other.text.lower() in _THEN and other.segment in (word.segment, word.segment - 1) for other in sentence.words
    )


def _place(event: _Event, source: Sequence[Sentence]) -> tuple[int, Word] | None:
    """(sentence, last word) of the part of the source that has most of the event's words; None when two fit alike."""
    found: list[tuple[float, int, Word]] = []
    for number, sentence in enumerate(source):
        by_segment: dict[int, list[Word]] = {}
        for word in sentence.content:
            by_segment.setdefault(word.segment, []).append(word)
        for words in by_segment.values():
            hits = [word for one in event.words for word in words if mean_the_same(one, word)]
            if hits:
                found.append((len(hits) / len(event.words), number, hits[-1]))
    found.sort(key=lambda entry: -entry[0])
    if not found or found[0][0] < _LEAST_SHARE or (len(found) > 1 and found[1][0] == found[0][0]):
        return None
    return found[0][1], found[0][2]
