"""The files of contexts that were split before: reading a context's headings costs as much as judging a response."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from parsers.blocks.context_files import ContextFile, split_context
from parsers.syntax.isolation import is_hostile
from serving.inference.kept import Kept

__all__ = ["ContextSplits", "Split"]

_CACHED_SPLITS = 64
_CACHED_CHARACTERS = 32_000_000


@dataclass(frozen=True)
class Split:
    """The files of one context; ``hostile`` when one of them is to be parsed in a process of its own."""

    files: tuple[ContextFile, ...]
    hostile: bool
    characters: int


class ContextSplits:
    """Keeps splits by tenant and content. Safe to call from several threads."""

    def __init__(self) -> None:
        self._kept: Kept[tuple[str, bytes], Split] = Kept(
            _CACHED_SPLITS, _CACHED_CHARACTERS, lambda one: one.characters
        )

    def split(self, tenant: str, raw: str) -> Split:
        """The files of ``raw``."""
        key = (tenant, hashlib.sha256(raw.encode("utf-8", "surrogatepass")).digest())
        return self._kept.get_or_make(key, lambda: _split(raw))


def _split(raw: str) -> Split:
    files = tuple(split_context(raw))
    return Split(files, any(is_hostile(file.text) for file in files), len(raw))
