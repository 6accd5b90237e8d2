"""Token vectors of texts seen before, bounded in bytes, apart for each tenant."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from models.types import TokenVectors

_Key = tuple[str, bytes]


def _key(tenant: str, text: str) -> _Key:
    return tenant, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def size_bytes(vectors: TokenVectors) -> int:
    """What one entry holds."""
    tensor = vectors.vectors
    return tensor.numel() * tensor.element_size() + vectors.char_spans.nbytes + vectors.content.nbytes


class VectorCache:
    """Least recently used goes first. One encoder's, so the model is not part of the key; not safe across threads.

    The tenant is part of the key: neither an answer nor its time tells whether another tenant sent the same text.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[_Key, TokenVectors] = OrderedDict()
        self._bytes = 0

    @property
    def held_bytes(self) -> int:
        """Bytes held at present, never above the bound."""
        return self._bytes

    def get(self, tenant: str, text: str) -> TokenVectors | None:
        """The vectors of a text that this tenant sent before, if they are still held."""
        key = _key(tenant, text)
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, tenant: str, text: str, vectors: TokenVectors) -> None:
        """Keep vectors; a single entry larger than the bound is not kept."""
        key, size = _key(tenant, text), size_bytes(vectors)
        if size > self._max_bytes or key in self._entries:
            return
        self._entries[key] = vectors
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, dropped = self._entries.popitem(last=False)
            self._bytes -= size_bytes(dropped)
