"""Verdicts on pairs judged before, bounded in bytes, apart for each tenant."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from models.types import ModelInfo, NliScores

_ENTRY_BYTES = 400
_TOKEN_BYTES = 200
"""What CPython holds for a token's support: a tuple, a float, two whole numbers."""


def size_bytes(verdict: NliScores) -> int:
    """About what one entry holds, its key included."""
    return _ENTRY_BYTES + _TOKEN_BYTES * len(verdict.token_support)


class VerdictCache:
    """Least recently used goes first. The key is a hash of tenant, model, premise and claim, so that neither an answer nor its
    time tells whether another tenant asked the same. Not safe across threads.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, NliScores] = OrderedDict()
        self._bytes = 0

    @property
    def held_bytes(self) -> int:
        """Bytes held at present, never above the bound."""
        return self._bytes

    @staticmethod
    def key(tenant: str, model: ModelInfo, pair: tuple[str, str]) -> bytes:
        """The lengths stand in the hash too: no two lists of parts run together to the same text."""
        digest = hashlib.sha256()
        for part in (tenant, model.name, model.revision, model.dtype, *pair):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8) + data)
        return digest.digest()

    def get(self, key: bytes) -> NliScores | None:
        """The verdict, if it is still held."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: bytes, verdict: NliScores) -> None:
        """Keep a verdict; one larger than the bound is not kept."""
        size = size_bytes(verdict)
        if size > self._max_bytes or key in self._entries:
            return
        self._entries[key] = verdict
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, dropped = self._entries.popitem(last=False)
            self._bytes -= size_bytes(dropped)
