"""Evidence: which characters of which unit stand behind which characters of the response."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.segmentation import sentence_spans
from scoring.types import Alignment, Claim, Span, SupportUnit

_CITATION_SHARE = 0.25
_MAX_CITATIONS = 3
_MIN_SPAN_TOKENS = 2


@dataclass(frozen=True)
class EvidenceLink:
    """A run of response tokens and the unit they match. ``similarity``: mean cosine; ``support``: mean calibrated."""

    response_span: Span
    unit_index: int
    unit_span: Span
    similarity: float
    support: float
    tokens: int


@dataclass(frozen=True)
class Citation:
    """The characters of a unit that a claim rests on."""

    unit_index: int
    char_start: int
    char_end: int


def evidence_links(alignment: Alignment, support: NDArray[np.float64], limit: int) -> tuple[EvidenceLink, ...]:
    """The ``limit`` strongest links, strongest first: runs of tokens with one best unit, by summed support."""
    if not len(alignment.best_unit):
        return ()
    owners = alignment.best_unit
    cuts = np.flatnonzero(np.diff(owners)) + 1
    links = []
    for run in np.split(np.arange(len(owners)), cuts):
        counted = run[alignment.content[run]]
        if owners[run[0]] < 0 or len(counted) < _MIN_SPAN_TOKENS:
            continue
        first, last = counted[0], counted[-1]
        spans = alignment.best_span[counted]
        link = EvidenceLink(
            response_span=(int(alignment.token_spans[first, 0]), int(alignment.token_spans[last, 1])),
            unit_index=int(owners[first]),
            unit_span=_dense_span(spans),
            similarity=float(alignment.best[counted].mean()),
            support=float(support[counted].mean()),
            tokens=len(counted),
        )
        links.append(link)
    links.sort(key=lambda link: (-link.support * link.tokens, link.response_span))
    return tuple(links[:limit])


def _dense_span(spans: NDArray[np.int32]) -> Span:
    """Hull of the middle half of the matched characters, so that one stray match does not stretch it."""
    order = spans[np.argsort(spans[:, 0], kind="stable")]
    trim = len(order) // 4 if len(order) >= 4 else 0
    kept = order[trim : len(order) - trim]
    return int(kept[:, 0].min()), int(kept[:, 1].max())


def claim_tokens(alignment: Alignment, claim: Claim) -> NDArray[np.int64]:
    """Numbers of the claim's content tokens; of all its tokens when none is content."""
    inside = (alignment.token_spans[:, 0] >= claim.char_start) & (alignment.token_spans[:, 0] < claim.char_end)
    content = np.flatnonzero(inside & alignment.content)
    return content if len(content) else np.flatnonzero(inside)


def premise_units(alignment: Alignment, claim: Claim, limit: int) -> tuple[int, ...]:
    """Units nearest to the claim, best first, by mean m[t,u] over its content tokens."""
    row = alignment.claim_unit[claim.index]
    order = np.argsort(-row, kind="stable")[:limit]
    return tuple(int(unit) for unit in order if row[unit] > -1.0)


def citations(alignment: Alignment, claim: Claim, units: Sequence[SupportUnit]) -> tuple[Citation, ...]:
    """At most three citations: the nearest unit, and units that match at least a quarter of the claim's tokens."""
    tokens = claim_tokens(alignment, claim)
    nearest = premise_units(alignment, claim, 1)
    counts = Counter(int(unit) for unit in alignment.best_unit[tokens] if unit >= 0)
    chosen = list(nearest)
    for unit, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if unit not in chosen and count >= _CITATION_SHARE * len(tokens):
            chosen.append(unit)
    return tuple(
        Citation(unit, *_cited_sentence(units[unit].text, alignment, tokens, unit)) for unit in chosen[:_MAX_CITATIONS]
    )


def _cited_sentence(text: str, alignment: Alignment, tokens: NDArray[np.int64], unit: int) -> Span:
    """The sentence of the unit that most of the claim's tokens match; the whole unit when none matches there."""
    spans = alignment.best_span[tokens[alignment.best_unit[tokens] == unit]]
    sentences = sentence_spans(text)
    if not len(spans) or not sentences:
        return 0, len(text)
    starts = np.array([start for start, _ in sentences])
    owners = np.maximum(np.searchsorted(starts, spans[:, 0], side="right") - 1, 0)
    return sentences[int(np.bincount(owners).argmax())]
