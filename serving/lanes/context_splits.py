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

    raw: str
    files: tuple[ContextFile, ...]
    hostile: bool

    @property
    def characters(self) -> int:
        """What keeping it costs."""
        return len(self.raw)


class ContextSplits:
    """Keeps splits by tenant and content. Safe to call from several threads."""

    def __init__(self) -> None:
        self._kept: Kept[tuple[str, str], Split] = Kept(_CACHED_SPLITS, _CACHED_CHARACTERS, lambda one: one.characters)

    def split(self, tenant: str, raw: str) -> tuple[Split, str]:
        """The files of ``raw``, and the reference by which :meth:`known` finds them again."""
        reference = hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()
        return self._kept.get_or_make((tenant, reference), lambda: _split(raw)), reference

    def known(self, tenant: str, reference: str) -> Split | None:
        """A context that this tenant sent before, None when it is not kept (any more)."""
        return self._kept.get((tenant, reference))


def _split(raw: str) -> Split:
    files = tuple(split_context(raw))
    return Split(raw, files, any(is_hostile(file.text) for file in files))
