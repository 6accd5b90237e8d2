"""What can be read off a context without a model, kept for the next request on the same context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parsers.values.structured import StructuredSource, parse_structured
from scoring.lexical import ContextWords, context_words
from scoring.rag.careful_reading import SourceFacts, source_facts
from scoring.rag.literals import LiteralIndex, extract_literals
from serving.inference.kept import Kept, digest_of

__all__ = ["ContextFacts", "ContextReader"]

_CACHED_CONTEXTS = 64
CACHED_CHARACTERS = 3_000_000
"""The words of every sentence are kept as well, some 60 bytes a character."""


@dataclass(frozen=True)
class ContextFacts:
    """Vocabulary, literals, structured sources and anchored values of a context."""

    words: ContextWords
    literals: LiteralIndex
    sources: tuple[StructuredSource, ...]
    source: SourceFacts
    characters: int


class ContextReader:
    """Reads contexts; keeps those last read, of so many characters together, by tenant and content."""

    def __init__(self, kept_characters: int = CACHED_CHARACTERS) -> None:
        self._kept: Kept[tuple[str, bytes], ContextFacts] = Kept(
            _CACHED_CONTEXTS, kept_characters, lambda facts: facts.characters
        )

    def read(
        self,
        tenant: str,
        texts: Sequence[str],
        structured: Sequence[str],
        content_type: str | None,
        speakers: Sequence[str | None] = (),
    ) -> ContextFacts:
        """Facts about ``texts``; ``structured`` are the texts that may hold tables or records. ``speakers``: of each text."""
        said_by = [speaker or "" for speaker in speakers]
        key = (tenant, digest_of([content_type or "", str(len(texts)), *texts, *structured, *said_by]))
        return self._kept.get_or_make(key, lambda: _facts(texts, structured, content_type, speakers))


def _facts(
    texts: Sequence[str], structured: Sequence[str], content_type: str | None, speakers: Sequence[str | None]
) -> ContextFacts:
    parsed = [parse_structured(text, content_type) for text in structured if text]
    words, literals = context_words(texts), [extract_literals(text) for text in texts]
    return ContextFacts(
        words,
        LiteralIndex(literals),
        tuple(source for source in parsed if source is not None),
        source_facts(texts, literals, words, speakers),
        sum(map(len, texts)),
    )
