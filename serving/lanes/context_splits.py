"""The files of contexts that were split before: reading a context's headings costs as much as judging a response."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

from parsers.context_files import ContextFile, split_context
from parsers.isolation import is_hostile

__all__ = ["ContextSplits", "Split"]

_CACHED_SPLITS = 64
_CACHED_CHARACTERS = 32_000_000


@dataclass(frozen=True)
class Split:
    """The files of one context; ``hostile`` when one of them is to be parsed in a process of its own."""

    files: tuple[ContextFile, ...]
    hostile: bool


class ContextSplits:
    """Keeps splits by tenant and content, so that no time tells of another tenant's. Safe to call from several threads."""

    def __init__(self) -> None:
        self._splits: OrderedDict[tuple[str, bytes], tuple[Split, int]] = OrderedDict()
        self._characters = 0
        self._lock = threading.Lock()

    def split(self, tenant: str, raw: str) -> Split:
        """The files of ``raw``."""
        key = (tenant, hashlib.sha256(raw.encode("utf-8", "surrogatepass")).digest())
        with self._lock:
            if key in self._splits:
                self._splits.move_to_end(key)
                return self._splits[key][0]
        files = tuple(split_context(raw))
        made = Split(files, any(is_hostile(file.text) for file in files))
        with self._lock:
            if key not in self._splits:
                self._splits[key] = (made, len(raw))
                self._characters += len(raw)
            while len(self._splits) > 1 and (
                len(self._splits) > _CACHED_SPLITS or self._characters > _CACHED_CHARACTERS
            ):
                _, (_, characters) = self._splits.popitem(last=False)
                self._characters -= characters
        return made
