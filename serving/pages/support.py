"""An answer cut into pieces that are supported or not, from the score that is kept of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

STATES: Final = {
    "supported": "supported",
    "weak": "weak",
    "unsupported": "unsupported",
    "contradicted": "contradicted",
    "neutral": "",
}
"""What lanes call a piece (``state`` of the heatmap, ``verdict`` of a claim), and what the page calls it."""
Spans = list[tuple[int, int, str, tuple[int, ...]]]
"""(start, end, state, numbers of claims)"""
Documents = Sequence[tuple[str, str]]
"""(document id, content), in the order in which they were the answer's premises."""


@dataclass(frozen=True)
class Piece:
    """Characters of a text with one state. ``numbers``: the claims, from 1, that the piece is part of or is quoted by."""

    text: str
    state: str = ""
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Quote:
    """Characters of a document, by its place among the documents, that a claim rests on."""

    document: int
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Claim:
    """A statement of the answer with what was found about it."""

    number: int
    text: str
    verdict: str
    score: float | None
    reasons: tuple[str, ...]
    quotes: tuple[Quote, ...]


def claims_of(score: Mapping[str, Any] | None, documents: Documents = ()) -> tuple[Claim, ...]:
    """The claims of a lane's answer, numbered as they stand in the text."""
    found = (score or {}).get("claims")
    if not isinstance(found, list):
        return ()
    return tuple(
        Claim(
            number,
            str(given.get("text", "")),
            STATES.get(str(given.get("verdict")), "") or "weak",
            given.get("score"),
            tuple(map(str, given.get("reasons") or ())),
            tuple(filter(None, (_quote(citation, documents) for citation in given.get("citations") or ()))),
        )
        for number, given in enumerate(found, 1)
        if isinstance(given, Mapping)
    )


def pieces(answer: str, score: Mapping[str, Any] | None) -> tuple[Piece, ...]:
    """The whole answer in order. Without a score, or with one of another text, it is one piece without a state."""
    return _cut(answer, _claim_spans(answer, score) or _unsupported_spans(answer, score))


def quoted(content: str, place: int, claims: Sequence[Claim]) -> tuple[Piece, ...]:
    """The document at a place with the passages marked that claims rest on; ``content`` may be its beginning only."""
    places: dict[tuple[int, int], set[int]] = {}
    for claim in claims:
        for quote in claim.quotes:
            if quote.document == place and quote.start < len(content):
                places.setdefault((quote.start, min(quote.end, len(content))), set()).add(claim.number)
    return _cut(content, [(start, end, "quoted", tuple(sorted(numbers))) for (start, end), numbers in places.items()])


def _quote(citation: Mapping[str, Any], documents: Documents) -> Quote | None:
    """Where a citation stands; None where no document of its name is that long, as after a change of the conversation."""
    start, end, source = citation.get("char_start"), citation.get("char_end"), citation.get("source_id")
    index = citation.get("unit_index")
    order = [index] if isinstance(index, int) and 0 <= index < len(documents) else []
    for place in (*order, *range(len(documents))):
        name, content = documents[place]
        if _within(content, start, end) and source in (None, name[:1024]):
            return Quote(place, start, end, content[start:end])  # type: ignore[arg-type]
    return None


def _cut(text: str, spans: Spans) -> tuple[Piece, ...]:
    """The whole text in pieces; of two spans that overlap the first."""
    out: list[Piece] = []
    at = 0
    for start, end, state, numbers in sorted(spans):
        if start < at:
            continue
        out += [Piece(text[at:start]), Piece(text[start:end], state, numbers)]
        at = end
    out.append(Piece(text[at:]))
    return tuple(piece for piece in out if piece.text)


def _claim_spans(answer: str, score: Mapping[str, Any] | None) -> Spans:
    found: Spans = []
    for number, claim in enumerate((score or {}).get("claims") or (), 1):
        start, end = claim.get("char_start"), claim.get("char_end")
        if not _within(answer, start, end) or answer[start:end] != claim.get("text"):
            continue
        found.append((start, end, STATES.get(str(claim.get("verdict")), ""), (number,)))
    return found


def _unsupported_spans(answer: str, score: Mapping[str, Any] | None) -> Spans:
    """Where a lane names no claims: what it found no support for."""
    return [
        (span["start"], span["end"], "unsupported", ())
        for span in (score or {}).get("unsupported_spans") or ()
        if _within(answer, span.get("start"), span.get("end"))
    ]


def _within(answer: str, start: Any, end: Any) -> bool:
    return isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(answer)
