"""Exact excerpts of original texts for terms that a turn needs and the hot context lacks, within a token budget.

Documents are searched for the terms themselves and, where a term occurs nowhere as written, for its words. A window's
worth is that of BM25 over terms (Robertson and Zaragoza 2009): rarity of a term among the documents, saturating in how
often it occurs; windows are then picked greedily for the terms still missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from scoring.memory.terms import missing_identifiers
from scoring.memory.types import CountTokens

__all__ = [
    "MAX_MISSING_TERMS",
    "Document",
    "Excerpt",
    "RepairError",
    "RepairPacket",
    "build_repair",
    "missing_identifiers",
]

MAX_MISSING_TERMS: Final = 64
MAX_TERM_CHARS: Final = 400
DEFAULT_EXCERPTS: Final = 8
DEFAULT_TOKENS: Final = 1_000
WINDOW_CHARS: Final = (600, 240, 80, 0)
"""Widths of context around a hit, tried from wide to narrow until the excerpt fits its part of the budget."""

_SATURATION: Final = 1.2
_WORD_WORTH: Final = 0.3
_MAX_HITS_PER_DOCUMENT: Final = 16
_MAX_DOCUMENTS_PER_TERM: Final = 64
_WORD: Final = re.compile(r"\w{3,}")
_DIGITS: Final = re.compile(r"\d{4,}(?:\.\d+)?")


class RepairError(ValueError):
    """A repair request out of its limits; ``field`` names the argument."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.args[1]}"


@dataclass(frozen=True)
class Document:
    """One original text of the vault, in order of time."""

    source_id: str
    text: str


@dataclass(frozen=True)
class Excerpt:
    """``text`` is exactly the document's ``[start, end)``; ``terms`` are the missing terms it holds.

    An excerpt without terms was chosen for the words of a term that stands nowhere as a whole, or for its meaning: then
    ``nearest`` names the term and ``similarity`` is the cosine of their vectors.
    """

    source_id: str
    start: int
    end: int
    text: str
    terms: tuple[str, ...]
    tokens: int
    nearest: tuple[str, ...] = ()
    similarity: float | None = None


@dataclass(frozen=True)
class RepairPacket:
    """Excerpts, most useful first. ``found`` and ``not_found`` partition the terms asked for.

    ``tokens`` counts the excerpts joined by newlines, as :attr:`text` gives them, and is within the budget.
    """

    excerpts: tuple[Excerpt, ...]
    found: tuple[str, ...]
    not_found: tuple[str, ...]
    tokens: int

    @property
    def text(self) -> str:
        """The excerpts, one after the other."""
        return "\n".join(excerpt.text for excerpt in self.excerpts)


@dataclass(frozen=True)
class _Hit:
    document: int
    start: int
    end: int
    term: str
    worth: float
    exact: bool


def build_repair(
    missing_terms: Iterable[str],
    documents: Sequence[Document],
    *,
    count_tokens: CountTokens,
    max_excerpts: int = DEFAULT_EXCERPTS,
    max_tokens: int = DEFAULT_TOKENS,
) -> RepairPacket:
    """The packet for 1 to 64 terms. Later documents win ties: the last word on a thing is the likelier one.

    Raises :class:`RepairError` for no term, too many or too long ones, or limits below 1.
    """
    terms = tuple(dict.fromkeys(term.strip() for term in missing_terms if term.strip()))
    if not 1 <= len(terms) <= MAX_MISSING_TERMS:
        raise RepairError("missing_terms", f"must hold 1 to {MAX_MISSING_TERMS} distinct terms, got {len(terms)}")
    if max(map(len, terms)) > MAX_TERM_CHARS:
        raise RepairError("missing_terms", f"a term has over {MAX_TERM_CHARS} characters")
    for name, limit in (("max_excerpts", max_excerpts), ("max_tokens", max_tokens)):
        if limit < 1:
            raise RepairError(name, f"must be at least 1, got {limit}")
    hits = _find_hits(terms, documents)
    excerpts = _pick(hits, documents, count_tokens, max_excerpts, max_tokens)
    tokens = count_tokens("\n".join(excerpt.text for excerpt in excerpts))
    while excerpts and tokens > max_tokens:
        excerpts.pop()
        tokens = count_tokens("\n".join(excerpt.text for excerpt in excerpts))
    found = {term for excerpt in excerpts for term in excerpt.terms}
    return RepairPacket(
        tuple(excerpts),
        tuple(term for term in terms if term in found),
        tuple(term for term in terms if term not in found),
        tokens,
    )


def _find_hits(terms: Sequence[str], documents: Sequence[Document]) -> list[_Hit]:
    """Where the terms stand as written, else in another case; for a term that stands nowhere, where its words stand."""
    texts = [document.text for document in documents]
    lowered: list[str] = []
    hits: list[_Hit] = []
    for term in terms:
        exact = [hit for form in _written_forms(term) for hit in _hits_of(term, form, texts, texts)]
        if not exact:
            lowered = lowered or [text.lower() for text in texts]
            exact = _hits_of(term, term.lower(), lowered, texts)
        hits += exact
        if not exact:
            for word in dict.fromkeys(_WORD.findall(term.replace("_", " ").lower())):
                hits += _hits_of(term, word, lowered, texts, exact=False)
    return hits


def _written_forms(term: str) -> Iterator[str]:
    """The term, and a large number with its thousands commas."""
    yield term
    if _DIGITS.fullmatch(term):
        whole, _, fraction = term.partition(".")
        yield f"{int(whole):,}" + (f".{fraction}" if fraction else "")


def _hits_of(
    term: str, written: str, searched: Sequence[str], texts: Sequence[str], *, exact: bool = True
) -> list[_Hit]:
    """Hits in the latest 64 texts that hold ``written`` as a word of its own, the last 16 places in each.

    ``searched`` are the texts, lower-cased where case is not to count; a text is only read where that contains the term.
    """
    before = r"(?<!\w)" if written[0].isalnum() or written[0] == "_" else ""
    after = r"(?!\w)" if written[-1].isalnum() or written[-1] == "_" else ""
    if written[0].isdigit():
        before += r"(?<!\d[-.,:/])"
    if written[-1].isdigit():
        after += r"(?![-.,:/]\d)"
    pattern = re.compile(before + re.escape(written) + after, 0 if searched is texts else re.IGNORECASE)
    holding = [at for at, text in enumerate(searched) if written in text]
    rarity = math.log(1.0 + (len(texts) - len(holding) + 0.5) / (len(holding) + 0.5))
    factor = rarity * (_SATURATION + 1.0) * (1.0 if exact else _WORD_WORTH)
    hits: list[_Hit] = []
    documents = 0
    for at in reversed(holding):
        spans = [match.span() for match in pattern.finditer(texts[at])][-_MAX_HITS_PER_DOCUMENT:]
        worth = factor * len(spans) / (len(spans) + _SATURATION)
        hits += [_Hit(at, start, end, term, worth, exact) for start, end in spans]
        documents += bool(spans)
        if documents == _MAX_DOCUMENTS_PER_TERM:
            break
    return hits


def _pick(
    hits: Sequence[_Hit], documents: Sequence[Document], count_tokens: CountTokens, max_excerpts: int, max_tokens: int
) -> list[Excerpt]:
    """Greedily the window with the most worth of terms not yet held, narrowed until it fits its part of the budget."""
    by_document: dict[int, list[_Hit]] = {}
    for hit in sorted(hits, key=lambda hit: (hit.document, hit.start, hit.end)):
        by_document.setdefault(hit.document, []).append(hit)
    missing = {hit.term for hit in hits}
    excerpts: list[Excerpt] = []
    left = max_tokens
    while missing and left > 0 and len(excerpts) < max_excerpts:
        best = _best_hit(by_document, missing)
        if best is None:
            break
        share = max(left // max(1, min(len(missing), max_excerpts - len(excerpts))), min(left, 24))
        excerpt = _excerpt(best, by_document[best.document], documents, count_tokens, share, left)
        if excerpt is not None:
            excerpts.append(excerpt)
            left -= excerpt.tokens + 1
            missing -= set(excerpt.terms)
        missing.discard(best.term)
    return excerpts


def _best_hit(by_document: dict[int, list[_Hit]], missing: set[str]) -> _Hit | None:
    """The hit around which a wide window holds most worth of missing terms; ties go to the later place."""
    best: tuple[float, int, int, _Hit] | None = None
    width = WINDOW_CHARS[0]
    for document, hits in by_document.items():
        wanted = [hit for hit in hits if hit.term in missing]
        for at, hit in enumerate(wanted):
            near: dict[str, float] = {}
            for other in wanted[at:]:
                if other.start - hit.start > width:
                    break
                near[other.term] = max(near.get(other.term, 0.0), other.worth)
            key = (math.fsum(near.values()), document, hit.start, hit)
            if best is None or key[:3] > best[:3]:
                best = key
    return None if best is None else best[3]


def _excerpt(
    hit: _Hit,
    hits: Sequence[_Hit],
    documents: Sequence[Document],
    count_tokens: CountTokens,
    share: int,
    left: int,
) -> Excerpt | None:
    """The widest window from the hit that fits ``share`` tokens; the bare hit may take all that is left."""
    document = documents[hit.document]
    for width in WINDOW_CHARS:
        start, end = _window(document.text, hit, width)
        text = document.text[start:end]
        tokens = count_tokens(text)
        if tokens <= (share if width else left):
            inside = [other for other in hits if other.exact and start <= other.start and other.end <= end]
            held = dict.fromkeys(other.term for other in inside)
            return Excerpt(document.source_id, start, end, text, tuple(held), tokens)
    return None


def _window(text: str, hit: _Hit, width: int) -> tuple[int, int]:
    """A sixth of the width before the hit and the rest after it, widened or narrowed to whole words or lines."""
    start = max(0, hit.start - width // 6)
    end = min(len(text), max(hit.end, hit.start + width))
    if 0 < start < hit.start:
        line = text.find("\n", start, hit.start)
        space = text.find(" ", start, hit.start)
        start = line + 1 if line >= 0 else space + 1 if space >= 0 else start
    if hit.end < end < len(text):
        line = text.rfind("\n", hit.end, end)
        space = text.rfind(" ", hit.end, end)
        end = line if line > hit.end + width // 3 else space if space >= 0 else end
    return start, end
