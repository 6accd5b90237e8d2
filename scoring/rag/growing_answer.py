"""An answer that is still being written: its claims, each as soon as its sentence is whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from scoring.rag.citation_marks import citation_marks, without_marks
from scoring.rag.outcome import telling_claims
from scoring.segmentation import SentenceReader, claims_of
from scoring.types import Claim, Span

_MARK_CHARACTERS = 160
_OPEN_MARK = re.compile(
    # What may still become a citation marker: " [1, 2", "(Source ", "【4†li".
    r"[ \t]?(?:[\[(]\^?\w{0,12}\.?\s{0,2}#?[0-9,;\s–-]{0,110}|【[^】]{0,60})$"
)


class GrowingAnswer:
    """Collects pieces of an answer. Its claims, taken together, are those of the whole answer scored at once.

    ``plain`` is the text without citation markers, which keep their places as blanks; ``atomic``: claims are clauses.
    """

    def __init__(self, atomic: bool = False) -> None:
        self._reader = SentenceReader()
        self._pending = ""
        self._atomic = atomic
        self._count = 0
        self._sentences: list[Span] = []
        self.text = ""

    @property
    def plain(self) -> str:
        """The text so far that holds no open marker, with blanks for markers."""
        return self._reader.text

    @property
    def settled_to(self) -> int:
        """Every sentence before this character is whole."""
        return self._reader.settled_to

    def add(self, piece: str) -> tuple[Claim, ...]:
        """The claims of the sentences that ``piece`` makes whole; indices and offsets are the answer's."""
        self.text += piece
        self._pending += piece
        tail_start = max(0, len(self._pending) - _MARK_CHARACTERS)
        mark = _OPEN_MARK.search(self._pending, tail_start)
        known = self._pending if mark is None else self._pending[: mark.start()]
        self._pending = self._pending[len(known) :]
        return self._claims(self._reader.feed(without_marks(known, citation_marks(known))))

    def end(self) -> tuple[Claim, ...]:
        """The claims that were still open."""
        rest, self._pending = self._pending, ""
        spans = self._reader.feed(without_marks(rest, citation_marks(rest)))
        return self._claims([*spans, *self._reader.end()])

    def window_start(self, claim: Claim, characters: int) -> int:
        """Where the sentences begin that stand before ``claim`` within some ``characters``; the claim's own at the latest."""
        inside = [start for start, _ in self._sentences if claim.char_start - characters <= start <= claim.char_start]
        return inside[0] if inside else claim.char_start

    def _claims(self, sentences: Sequence[Span]) -> tuple[Claim, ...]:
        self._sentences.extend(sentences)
        told = telling_claims(claims_of(self.plain, sentences, self._atomic))
        claims = tuple(replace(claim, index=self._count + at) for at, claim in enumerate(told))
        self._count += len(claims)
        return claims
