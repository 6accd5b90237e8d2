"""Cutting text into sentences, units and claims, with exact character offsets.

Every function returns half-open character spans of the text as given; spans are in order, do not overlap, and
together hold every character that is not whitespace. All passes are linear in the length of the text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from scoring.types import Claim, Span, SupportUnit

_ABBREVIATIONS = frozenset(
    # English
    "mr mrs ms dr prof st sr jr vs etc inc ltd co corp vol approx dept est gov "
    "gen col capt lt sgt rev hon jan feb mar apr jun jul aug sep sept oct nov dec e.g i.e cf al "
    "u.s u.k u.n a.m p.m ph.d d.c b.c a.d "
    # German
    "bzw ca usw z.b d.h u.a o.ä vgl evtl ggf inkl zzgl str aufl bd hrsg jh mio mrd tsd geb gest "
    "jän mär mai okt dez s.o s.u i.d.r u.u bspw sog tel".split()
)
_BEFORE_NUMBERS = frozenset("no nos nr art abs fig figs eq sec ch p pp".split())
_BOUNDARY = re.compile(r"[.!?…]+[\"'”’»)\]]{0,3}|[。！？]+[」』”]?|\n")
_BLOCK_START = re.compile(r"[ \t]*(?:[-*•‣–]\s|\d{1,3}[.)]\s|#{1,6}\s|\||>|```|$)", re.MULTILINE)
_PARAGRAPH = re.compile(r"\n[ \t\r\f\v]*\n\s*")
_LAST_WORD = re.compile(r"(?<![\w.])[\w.]++$")
_CLAUSE = re.compile(
    r";\s+|,\s++(?:and|but|while|whereas|although|though|which|who|und|aber|während|wobei|sowie|obwohl)\s+"
    r"|(?<!\s)\s++(?:whereas|although|während|obwohl)\s+"
)
_WORD = re.compile(r"\w+")
_SHORT_LINE_CHARACTERS = 60
_LOOKAHEAD = 8
"""Characters behind a mark that can decide whether it ends a sentence: the most that a rule below looks at."""
_OPENING = " \t\"'“‘«(["
_MIN_CLAUSE_WORDS = 4


class SegmentationMode(StrEnum):
    """How ``raw_context`` becomes units."""

    SENTENCE = "sentence"
    SENTENCE_PACKED = "sentence_packed"
    PARAGRAPH = "paragraph"


def sentence_spans(text: str) -> list[Span]:
    """Sentences of English or German prose, list items and table lines, trimmed of outer whitespace."""
    spans: list[Span] = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        end = match.end()
        if _ends_sentence(text, start, match):
            _append_trimmed(spans, text, start, end)
            start = end
    _append_trimmed(spans, text, start, len(text))
    return spans


class SentenceReader:
    """Sentences of a text that is still being written: each as soon as nothing that may follow can change it.

    The spans are those of :func:`sentence_spans` on the whole text. "The price is 3." is held back, since "5 euros." may
    follow; with " It" behind it, it is whole. All pieces together cost time linear in the text.
    """

    def __init__(self) -> None:
        self.text = ""
        self._start = 0
        self._scanned = 0

    @property
    def settled_to(self) -> int:
        """Where the sentence that is still open begins: everything before is final."""
        return self._start

    def feed(self, piece: str) -> list[Span]:
        """The sentences that this piece makes whole, in order."""
        self.text += piece
        return self._read(to_the_end=False)

    def end(self) -> list[Span]:
        """What is left, now that nothing follows."""
        spans = self._read(to_the_end=True)
        _append_trimmed(spans, self.text, self._start, len(self.text))
        self._start = len(self.text)
        return spans

    def _read(self, to_the_end: bool) -> list[Span]:
        spans: list[Span] = []
        for match in _BOUNDARY.finditer(self.text, self._scanned):
            if not to_the_end and not _is_settled(self.text, self._start, match):
                self._scanned = match.start()
                return spans
            if _ends_sentence(self.text, self._start, match):
                _append_trimmed(spans, self.text, self._start, match.end())
                self._start = match.end()
        self._scanned = len(self.text)
        return spans


def _is_settled(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether :func:`_ends_sentence` says the same whatever follows ``text``."""
    mark, after = match.group(), match.end()
    if mark == "\n":
        following = text[after:].lstrip(" \t")[:_LOOKAHEAD]
        return _line_is_closed(text, start, match.start()) or "\n" in following or len(following) >= _LOOKAHEAD
    if after == len(text):
        return False  # "?" may become "?!", and a letter may follow a dot
    if mark[0] in "。！？" or not text[after].isspace():
        return True
    following = text[after : after + _LOOKAHEAD]
    if len(following) < _LOOKAHEAD and not following.strip().strip(_OPENING).strip():
        return False  # a small letter may follow an opening quote: 'Really? "a'
    word = _word_before(text, start, match.start())
    day = word.isdigit() and len(word) <= 2  # German "5. März"
    return not day or len(following) >= _LOOKAHEAD or len(text[after : after + 6].lstrip()) >= 3


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    mark = match.group()
    if mark == "\n":
        return _line_break_ends(text, start, match.start(), match.end())
    if mark[0] not in "。！？" and not text[match.end() : match.end() + 1].isspace():
        return False
    if mark[0] in "。！？!?…" or len(mark.rstrip("\"'”’»)]")) > 1:
        return not _next_is_lowercase(text, match.end()) or mark[0] in "。！？"
    word = _word_before(text, start, match.start())
    if mark == "." and word.lower() in _BEFORE_NUMBERS and text[match.end() : match.end() + 3].strip()[:1].isdigit():
        return False
    if (mark == "." and word.lower() in _ABBREVIATIONS) or (len(word) == 1 and word.isalpha() and word.isupper()):
        return False
    if word.isdigit() and not text[start : match.start() - len(word)].strip():
        return False  # "1." opens a list item
    if word.isdigit() and len(word) <= 2 and _next_is_month(text, match.end()):
        return False  # German "5. März"
    return not _next_is_lowercase(text, match.end())


def _word_before(text: str, start: int, at: int) -> str:
    match = _LAST_WORD.search(text[max(start, at - 20) : at])
    return match.group() if match else ""


def _line_break_ends(text: str, start: int, at: int, after: int) -> bool:
    return _line_is_closed(text, start, at) or _BLOCK_START.match(text, after) is not None


def _line_is_closed(text: str, start: int, at: int) -> bool:
    """Whether the line that ends at ``at`` ends its sentence, whatever the next one holds."""
    line_start = max(start, text.rfind("\n", start, at) + 1)
    line = text[line_start:at].rstrip()
    return not line or line[-1] in ".:!?;|。！？" or len(line) < _SHORT_LINE_CHARACTERS


def _next_is_lowercase(text: str, position: int) -> bool:
    following = text[position : position + _LOOKAHEAD].lstrip(_OPENING)
    return bool(following) and following[0].islower()


def _next_is_month(text: str, position: int) -> bool:
    following = text[position : position + 6].lstrip().lower()
    months = ("jan", "feb", "mär", "mae", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "dez")
    return following.startswith(months)


def _append_trimmed(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        lead = len(piece) - len(piece.lstrip())
        spans.append((start + lead, start + lead + len(stripped)))


def paragraph_spans(text: str) -> list[Span]:
    """Paragraphs: blocks between blank lines."""
    spans: list[Span] = []
    start = 0
    for match in _PARAGRAPH.finditer(text):
        _append_trimmed(spans, text, start, match.start())
        start = match.end()
    _append_trimmed(spans, text, start, len(text))
    return spans


def unit_spans(text: str, mode: SegmentationMode, max_tokens: int, token_starts: NDArray[np.int64]) -> list[Span]:
    """Spans of the support units of a raw context.

    ``token_starts``: (tokens,) first character of every token of ``text``, ascending. No unit holds more than
    ``max_tokens`` tokens: a longer sentence or paragraph is split at sentence, then at token boundaries.
    """
    base = paragraph_spans(text) if mode is SegmentationMode.PARAGRAPH else sentence_spans(text)
    if not base:
        return []
    counts = _token_counts(base, token_starts)
    if mode is SegmentationMode.SENTENCE_PACKED:
        return _pack(text, base, counts, max_tokens, token_starts)
    spans: list[Span] = []
    for span, count in zip(base, counts, strict=True):
        if count <= max_tokens:
            spans.append(span)
        elif mode is SegmentationMode.PARAGRAPH:
            inner = [(span[0] + a, span[0] + b) for a, b in sentence_spans(text[span[0] : span[1]])]
            spans.extend(_pack(text, inner, _token_counts(inner, token_starts), max_tokens, token_starts))
        else:
            spans.extend(_split_long(text, span, max_tokens, token_starts))
    return spans


def _token_counts(spans: Sequence[Span], token_starts: NDArray[np.int64]) -> list[int]:
    edges = np.asarray(spans, dtype=np.int64).reshape(-1, 2)
    first = np.searchsorted(token_starts, edges[:, 0], side="left")
    last = np.searchsorted(token_starts, edges[:, 1], side="left")
    return [int(n) for n in last - first]


def _pack(
    text: str, spans: Sequence[Span], counts: Sequence[int], max_tokens: int, token_starts: NDArray[np.int64]
) -> list[Span]:
    """Greedy packing of consecutive spans up to ``max_tokens``."""
    packed: list[Span] = []
    open_span: Span | None = None
    open_tokens = 0
    for span, count in zip(spans, counts, strict=True):
        if open_span is not None and open_tokens + count <= max_tokens:
            open_span = (open_span[0], span[1])
            open_tokens += count
            continue
        if open_span is not None:
            packed.append(open_span)
        if count > max_tokens:
            packed.extend(_split_long(text, span, max_tokens, token_starts))
            open_span, open_tokens = None, 0
        else:
            open_span, open_tokens = span, count
    if open_span is not None:
        packed.append(open_span)
    return packed


def _split_long(text: str, span: Span, max_tokens: int, token_starts: NDArray[np.int64]) -> list[Span]:
    """Pieces of at most ``max_tokens`` tokens, cut after whitespace where the last quarter of a piece has one."""
    starts = token_starts[(token_starts >= span[0]) & (token_starts < span[1])]
    spans: list[Span] = []
    first = 0
    begin = span[0]
    while first + max_tokens < len(starts):
        cut = first + max_tokens
        for candidate in range(cut, first + (3 * max_tokens) // 4, -1):
            at = int(starts[candidate])
            if at > begin and text[at - 1].isspace():
                cut = candidate
                break
        _append_trimmed(spans, text, begin, int(starts[cut]))
        begin, first = int(starts[cut]), cut
    _append_trimmed(spans, text, begin, span[1])
    return spans


def make_units(
    text: str, spans: Iterable[Span], first_index: int = 0, source_id: str | None = None
) -> tuple[SupportUnit, ...]:
    """Units of a raw context from spans of :func:`unit_spans`."""
    return tuple(
        SupportUnit(first_index + i, text[start:end], source_id, start, end) for i, (start, end) in enumerate(spans)
    )


def split_claims(text: str, atomic: bool = False) -> tuple[Claim, ...]:
    """Statements of a response: its sentences, or with ``atomic`` their clauses, that hold at least one word."""
    return claims_of(text, sentence_spans(text), atomic)


def claims_of(text: str, sentences: Sequence[Span], atomic: bool = False) -> tuple[Claim, ...]:
    """As :func:`split_claims`, of these sentences of ``text``."""
    spans = [clause for span in sentences for clause in _clauses(text, span)] if atomic else sentences
    spans = [span for span in spans if _WORD.search(text, span[0], span[1])]
    return tuple(Claim(i, text[start:end], start, end) for i, (start, end) in enumerate(spans))


def _clauses(text: str, span: Span) -> list[Span]:
    """Clauses of a sentence; a piece too short to state something stays with the one before it."""
    words = [match.start() for match in _WORD.finditer(text, span[0], span[1])]
    cuts = [span[0]]
    for match in _CLAUSE.finditer(text, span[0], span[1]):
        before = bisect_left(words, match.start()) - bisect_left(words, cuts[-1])
        after = len(words) - bisect_left(words, match.end())
        if before >= _MIN_CLAUSE_WORDS and after >= _MIN_CLAUSE_WORDS:
            cuts.append(match.end())
    clauses: list[Span] = []
    for start, end in zip(cuts, [*cuts[1:], span[1]], strict=True):
        _append_trimmed(clauses, text, start, end)
    return clauses
