"""Token vectors of texts seen before, bounded in bytes, apart for each tenant: on the device first, then on the host."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import replace

import torch

from models.types import TokenVectors

_Key = tuple[str, bytes]


def _key(tenant: str, text: str) -> _Key:
    return tenant, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def size_bytes(vectors: TokenVectors) -> int:
    """What one entry holds."""
    tensor = vectors.vectors
    return tensor.numel() * tensor.element_size() + vectors.char_spans.nbytes + vectors.content.nbytes


class _Shelf:
    """Entries under a bound of bytes, the least recently used in front."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self.entries: OrderedDict[_Key, TokenVectors] = OrderedDict()

    def put(self, key: _Key, vectors: TokenVectors) -> list[tuple[_Key, TokenVectors]]:
        """Keep an entry; those that had to go for it, or itself where it is larger than the bound."""
        if size_bytes(vectors) > self.max_bytes:
            return [(key, vectors)]
        self.entries[key] = vectors
        self.held_bytes += size_bytes(vectors)
        dropped = []
        while self.held_bytes > self.max_bytes:
            old = self.entries.popitem(last=False)
            self.held_bytes -= size_bytes(old[1])
            dropped.append(old)
        return dropped

    def pop(self, key: _Key) -> TokenVectors | None:
        """Take an entry out."""
        found = self.entries.pop(key, None)
        if found is not None:
            self.held_bytes -= size_bytes(found)
        return found


class VectorCache:
    """Least recently used goes first: from the encoder's device to the host, from there for good. Safe across threads.

    One encoder's, so the model is not part of the key. The tenant is: neither an answer nor its time tells whether another
    tenant sent the same text. ``max_bytes`` bounds the device, ``host_bytes`` the host where the device is not the host itself.
    """

    def __init__(self, max_bytes: int, host_bytes: int = 0) -> None:
        self._device = _Shelf(max_bytes)
        self._host = _Shelf(host_bytes)
        self._home = torch.device("cpu")
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """Bytes held at present on device and host together, never above the sum of the bounds."""
        return self._device.held_bytes + self._host.held_bytes

    def get(self, tenant: str, text: str) -> TokenVectors | None:
        """The vectors of a text that this tenant sent before, if they are still held; on the encoder's device."""
        key = _key(tenant, text)
        with self._lock:
            found = self._device.entries.get(key)
            if found is not None:
                self._device.entries.move_to_end(key)
                return found
            parked = self._host.pop(key)
            if parked is None:
                return None
            found = replace(parked, vectors=parked.vectors.to(self._home))
            self._keep(key, found)
            return found

    def put(self, tenant: str, text: str, vectors: TokenVectors) -> None:
        """Keep vectors; a single entry larger than the bounds is not kept."""
        key = _key(tenant, text)
        with self._lock:
            self._home = vectors.vectors.device
            if key not in self._device.entries and key not in self._host.entries:
                self._keep(key, vectors)

    def _keep(self, key: _Key, vectors: TokenVectors) -> None:
        """Put an entry on the device, and on the host what has to leave it."""
        for old_key, old in self._device.put(key, vectors):
            if self._home.type != "cpu":
                self._host.put(old_key, replace(old, vectors=old.vectors.cpu()))
