"""Which version of each indexed package a request is judged with: the one it names, else the newest."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from parsers.project.libraries import LibrarySet
from serving.inference.kept import Kept
from serving.libraries.store import IndexedPackage, LibraryStore, same_name

__all__ = ["NO_CHOICE", "LibraryChoice", "LibraryChooser"]

_KEPT_SETS = 8
_LOGGER = logging.getLogger("groundlane.libraries")


@dataclass(frozen=True, eq=False)
class LibraryChoice:
    """Packages by language family. ``key`` tells choices apart; ``not_indexed``: versions asked for that are not there.

    ``not_indexed`` holds (name, version asked for, versions that are indexed); calls into such a package are not judged.
    """

    key: str
    sets: Mapping[str, LibrarySet]
    not_indexed: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


NO_CHOICE = LibraryChoice("", {})


class LibraryChooser:
    """Chooses, and keeps the modules of the last choices: they are the same for all tenants, as the operator indexed them."""

    def __init__(self, store: LibraryStore) -> None:
        self._store = store
        self._kept: Kept[tuple[object, ...], LibraryChoice] = Kept(_KEPT_SETS, _KEPT_SETS, lambda _: 1)

    def choose(self, wanted: Mapping[str, str] | None = None) -> LibraryChoice:
        """The packages for a request. ``wanted``: versions by name of package; names that are not indexed change nothing."""
        try:
            rows = self._store.packages()
        except (OSError, ValueError) as error:
            _LOGGER.warning("the indexed libraries cannot be read", extra={"fields": {"reason": str(error)}})
            return NO_CHOICE
        if not rows:
            return NO_CHOICE
        named = {
            name: version for name, version in (wanted or {}).items() if any(same_name(name, row.name) for row in rows)
        }
        key = (self._store.stamp(), *sorted(named.items()))
        return self._kept.get_or_make(key, lambda: self._chosen(rows, named))

    def _chosen(self, rows: tuple[IndexedPackage, ...], named: Mapping[str, str]) -> LibraryChoice:
        chosen: dict[tuple[str, str], IndexedPackage] = {}
        missing: list[tuple[str, str, tuple[str, ...]]] = []
        for row in rows:  # the newest of each comes first
            asked = next((version for name, version in named.items() if same_name(name, row.name)), None)
            if asked is None or asked.lstrip("v=^~") == row.version:
                chosen.setdefault((row.family, row.name), row)
        for name, version in named.items():
            there = [row for row in rows if same_name(row.name, name)]
            if not any((row.family, row.name) in chosen for row in there):
                missing.append((name, version, tuple(row.version for row in there)))
        families = {row.family for row in chosen.values()}
        sets = {
            family: LibrarySet(family, [self._store.open(row) for row in chosen.values() if row.family == family])
            for family in families
        }
        key = ",".join(sorted(f"{row.file}:{row.digest[:16]}:{row.indexed_at}" for row in chosen.values()))
        return LibraryChoice(key, sets, tuple(missing))
