"""The words that say what a value is the value of: its anchors.

In "the median latency fell by 35% and 12 regions got it" the anchors of ``35%`` are *median, latency, fell*, those of ``12``
are *regions, got*. Of two values of one kind, the one whose anchors a claim repeats is the one it is about.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from parsers.values.literals import Literal, LiteralKind
from parsers.values.types import Quantity
from scoring.lexical import stem
from scoring.rag.literal_index import LiteralIndex
from scoring.segmentation import sentence_spans
from scoring.types import Span

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\W\d_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
_SEPARATOR = re.compile(
    r"[,;:(){}\[\]\n]|\s[-–—]\s|\b(?:and|but|while|whereas|und|aber|während|sowie)\b", re.IGNORECASE
)
_MAX_SENTENCE_CHARACTERS = 600
"""A longer stretch without a full stop is a table or a log: what is far away is not an anchor."""

# Words that say nothing about what a value belongs to. "this", "previous", "first", "last" do, and are not here.
_EMPTY = frozenset(
    "the a an and or of to in on at by for with from as is are was were be been has have had it its his her their "
    "they he she that which who there than then also about around roughly approximately nearly almost only just "
    "over under up down some any each per der die das den dem des ein eine einen einer eines und oder von zu im in "
    "am an auf bei für mit aus als ist sind war waren hat haben es er sie ihr sein auch nur etwa rund circa ca über "
    "unter je le la les un une des de du et ou à au aux en est sont el los las y o del con por para que".split()
)


@dataclass(frozen=True, slots=True, eq=False)
class AnchoredValue:
    """A literal with its anchors. ``unit_index``: the unit it stands in; ``sentence``: its sentence there.

    ``near``: stems of its own part of the sentence, ``around``: of all the sentence; ``matcher`` says what has its value.
    """

    literal: Literal
    unit_index: int
    sentence: Span
    near: frozenset[str]
    around: frozenset[str]
    matcher: LiteralIndex

    @property
    def species(self) -> str:
        """Only values of one species can stand for each other: kind, and of a quantity its dimension."""
        return species(self.literal)


def species(literal: Literal) -> str:
    """``quantity:length`` of "3 km", ``date`` of "5 March", ``number`` of "12"; a year counts as a date."""
    first = literal.values[0]
    if isinstance(first, Quantity) and literal.kind is LiteralKind.QUANTITY:
        return f"quantity:{first.dimension}"
    return str(literal.kind)


def content_stems(text: str) -> frozenset[str]:
    """Stems of the words of ``text`` that say something."""
    return frozenset(stem(word) for word in _WORD.findall(text) if word.lower() not in _EMPTY)


def anchored_values(text: str, literals: Sequence[Literal], unit_index: int = 0) -> tuple[AnchoredValue, ...]:
    """Every literal of ``text`` with its anchors. ``near``: of its own part of the sentence; ``around``: of all the sentence."""
    if not literals:
        return ()
    sentences = sentence_spans(text)
    starts = [start for start, _ in sentences]
    grouped: dict[int, list[Literal]] = {}
    for literal in literals:
        at = bisect_right(starts, literal.span[0]) - 1
        grouped.setdefault(max(at, 0), []).append(literal)
    found: list[AnchoredValue] = []
    for at, members in grouped.items():
        sentence = sentences[at] if sentences else (0, len(text))
        found.extend(_anchored(text, sentence, members, unit_index))
    return tuple(found)


def _anchored(text: str, sentence: Span, members: Sequence[Literal], unit_index: int) -> list[AnchoredValue]:
    masked = _without(text, sentence, [one.span for one in members])
    words = [
        (m.start() + sentence[0], stem(m.group())) for m in _WORD.finditer(masked) if m.group().lower() not in _EMPTY
    ]
    around = frozenset(word for _, word in words)
    result = []
    for index, literal in enumerate(members):
        left = members[index - 1].span[1] if index else sentence[0]
        right = members[index + 1].span[0] if index + 1 < len(members) else sentence[1]
        if index:
            left = _border(text, left, literal.span[0], default=left)
        if index + 1 < len(members):
            right = _border(text, literal.span[1], right, default=right)
        left = max(left, literal.span[0] - _MAX_SENTENCE_CHARACTERS)
        right = min(right, literal.span[1] + _MAX_SENTENCE_CHARACTERS)
        near = frozenset(word for start, word in words if left <= start < right)
        far = around if sentence[1] - sentence[0] <= _MAX_SENTENCE_CHARACTERS else near
        result.append(AnchoredValue(literal, unit_index, sentence, near, far, LiteralIndex(((literal,),))))
    return result


def _border(text: str, start: int, end: int, default: int) -> int:
    """Where the words between two values divide: at the first separator, else they belong to both."""
    found = _SEPARATOR.search(text, start, end)
    return found.start() if found else default


def _without(text: str, sentence: Span, spans: Sequence[Span]) -> str:
    """The sentence with its literals blanked, so that a unit or a month is no anchor."""
    start, end = sentence
    pieces, last = [], start
    for first, stop in spans:
        pieces.append(text[last:first])
        pieces.append(" " * (stop - first))
        last = stop
    pieces.append(text[last:end])
    return "".join(pieces)
