"""What was worked out before, kept for the next request: least recently used goes first. Safe across threads."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


def digest_of(texts: Iterable[str]) -> bytes:
    """What stands for ``texts`` in a key: no two lists of texts have the same."""
    found = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        found.update(f"{len(data)}\0".encode())
        found.update(data)
    return found.digest()


class Kept(Generic[Key, Value]):
    """At most ``max_entries`` values of at most ``max_size`` in sum; the one kept last stays, whatever its size.

    Keys hold the tenant, so that no time tells of another tenant's.
    """

    def __init__(self, max_entries: int, max_size: int, size_of: Callable[[Value], int]) -> None:
        self._max_entries = max_entries
        self._max_size = max_size
        self._size_of = size_of
        self._entries: OrderedDict[Key, Value] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    @property
    def keys(self) -> tuple[Key, ...]:
        """What is held, least recent first."""
        with self._lock:
            return tuple(self._entries)

    def get(self, key: Key) -> Value | None:
        """The value kept under ``key``, None when there is none."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def get_or_make(self, key: Key, make: Callable[[], Value], lasting: Callable[[Value], bool] | None = None) -> Value:
        """The value kept under ``key``, or a new one; threads that miss at once each make their own.

        A new value that is not ``lasting`` is for this caller only.
        """
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        made = make()
        if lasting is not None and not lasting(made):
            return made
        with self._lock:
            if key not in self._entries:
                self._entries[key] = made
                self._size += self._size_of(made)
            while len(self._entries) > 1 and (len(self._entries) > self._max_entries or self._size > self._max_size):
                _, dropped = self._entries.popitem(last=False)
                self._size -= self._size_of(dropped)
        return made
