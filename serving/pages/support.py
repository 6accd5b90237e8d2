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
_QUOTE_CHARACTERS: Final = 12
"""A citation shorter than this ("1932") is not marked in a document: it would be found in many places."""


@dataclass(frozen=True)
class Piece:
    """Characters of a text with one state. ``numbers``: the claims, from 1, that the piece is part of or is quoted by."""

    text: str
    state: str = ""
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A statement of the answer with what was found about it."""

    number: int
    text: str
    verdict: str
    score: float | None
    reasons: tuple[str, ...]
    quotes: tuple[str, ...]


def claims_of(score: Mapping[str, Any] | None) -> tuple[Claim, ...]:
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
            tuple(str(citation["text"]) for citation in given.get("citations") or () if citation.get("text")),
        )
        for number, given in enumerate(found, 1)
        if isinstance(given, Mapping)
    )


def pieces(answer: str, score: Mapping[str, Any] | None) -> tuple[Piece, ...]:
    """The whole answer in order. Without a score, or with one of another text, it is one piece without a state."""
    spans = _claim_spans(answer, score) or _heat_spans(answer, score)
    out: list[Piece] = []
    at = 0
    for start, end, state, numbers in sorted(spans):
        if start < at:
            continue
        if start > at:
            out.append(Piece(answer[at:start]))
        out.append(Piece(answer[start:end], state, numbers))
        at = end
    if at < len(answer):
        out.append(Piece(answer[at:]))
    return tuple(out)


def quoted(content: str, claims: Sequence[Claim]) -> tuple[Piece, ...]:
    """A document with the passages marked that claims cite."""
    places: dict[tuple[int, int], set[int]] = {}
    for claim in claims:
        for quote in claim.quotes:
            start = content.find(quote) if len(quote) >= _QUOTE_CHARACTERS else -1
            if start >= 0:
                places.setdefault((start, start + len(quote)), set()).add(claim.number)
    spans = [(start, end, "quoted", tuple(sorted(numbers))) for (start, end), numbers in places.items()]
    out: list[Piece] = []
    at = 0
    for start, end, state, numbers in sorted(spans):
        if start < at:
            continue
        out += [Piece(content[at:start]), Piece(content[start:end], state, numbers)]
        at = end
    out.append(Piece(content[at:]))
    return tuple(piece for piece in out if piece.text)


Spans = list[tuple[int, int, str, tuple[int, ...]]]


def _claim_spans(answer: str, score: Mapping[str, Any] | None) -> Spans:
    found: Spans = []
    for number, claim in enumerate((score or {}).get("claims") or (), 1):
        start, end = claim.get("char_start"), claim.get("char_end")
        if not _within(answer, start, end) or answer[start:end] != claim.get("text"):
            continue
        found.append((start, end, STATES.get(str(claim.get("verdict")), ""), (number,)))
    return found


def _heat_spans(answer: str, score: Mapping[str, Any] | None) -> Spans:
    heat = (score or {}).get("heatmap")
    spans = heat.get("spans") if isinstance(heat, Mapping) else None
    return [
        (span["start"], span["end"], STATES.get(str(span.get("state")), ""), ())
        for span in spans or ()
        if _within(answer, span.get("start"), span.get("end"))
    ]


def _within(answer: str, start: Any, end: Any) -> bool:
    return isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(answer)
