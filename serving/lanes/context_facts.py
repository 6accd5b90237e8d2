"""What can be read off a context without a model, kept for the next request on the same context."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from parsers.structured import StructuredSource, parse_structured
from scoring.lexical import ContextWords, context_words
from scoring.literals import LiteralIndex, extract_literals

__all__ = ["ContextFacts", "ContextReader"]

_CACHED_CONTEXTS = 64
_CACHED_CHARACTERS = 8_000_000


@dataclass(frozen=True)
class ContextFacts:
    """Vocabulary, literals and structured sources of a context."""

    words: ContextWords
    literals: LiteralIndex
    sources: tuple[StructuredSource, ...]


class ContextReader:
    """Reads contexts; keeps them by tenant and content, so that no time tells of another tenant's."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, bytes], tuple[ContextFacts, int]] = OrderedDict()
        self._characters = 0
        self._lock = threading.Lock()

    def read(
        self, tenant: str, texts: Sequence[str], structured: Sequence[str], content_type: str | None
    ) -> ContextFacts:
        """Facts about ``texts``; ``structured`` are the texts that may hold tables or records."""
        key = (tenant, _digest([content_type or "", str(len(texts)), *texts, *structured]))
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key][0]
        parsed = [parse_structured(text, content_type) for text in structured if text]
        facts = ContextFacts(
            context_words(texts),
            LiteralIndex([extract_literals(text) for text in texts]),
            tuple(source for source in parsed if source is not None),
        )
        size = sum(map(len, texts))
        with self._lock:
            if key not in self._known:
                self._known[key] = (facts, size)
                self._characters += size
            while len(self._known) > 1 and (
                len(self._known) > _CACHED_CONTEXTS or self._characters > _CACHED_CHARACTERS
            ):
                _, (_, dropped) = self._known.popitem(last=False)
                self._characters -= dropped
        return facts


def _digest(texts: Sequence[str]) -> bytes:
    found = hashlib.sha256()
    for text in texts:
        found.update(f"{len(text)}\0".encode())
        found.update(text.encode("utf-8", "surrogatepass"))
    return found.digest()
