"""The decisions of the last days for a page: of one tenant, bounded, kept for half a minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from scoring.audit.clusters import Clusters, Thresholds, cluster_json
from scoring.audit.summary import Groups, Summary
from serving.audit.files import SUFFIX
from serving.audit.line import pseudonym
from serving.audit.reading import Reader, normal, read_decisions
from serving.audit.summaries import EXAMPLE_FIELDS

MOST_BYTES: Final = 64 * 1024 * 1024
_KEPT_S: Final = 30.0
_MOST_KEPT: Final = 32
_EXAMPLES: Final = 3


class RecentDecisions:
    """Reads the log of this gateway's folder. ``folder`` None: no log is written."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._kept: dict[tuple[str, int], tuple[float, Mapping[str, Any]]] = {}
        self._reading = asyncio.Lock()

    async def of(self, tenant: str, days: int) -> Mapping[str, Any] | None:
        """Summary and clusters of the tenant's last ``days`` days that have a log; None where none is written.

        At most 64 MiB are read, the newest files first; ``left_out`` says how many files were not.
        """
        if self._folder is None:
            return None
        async with self._reading:
            known = self._kept.get((tenant, days))
            if known is None or known[0] < time.monotonic():
                found = await asyncio.to_thread(_read, self._folder, tenant, days)
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                known = self._kept[tenant, days] = (time.monotonic() + _KEPT_S, found)
        return known[1]


def _read(folder: Path, tenant: str, days: int) -> dict[str, Any]:
    files, left_out = _files(folder, days)
    reader = Reader(Groups())
    summary, clusters = Summary(reader.groups), Clusters(_EXAMPLES, Thresholds(), {}, normal)
    for group, at, request, numbers, raw in read_decisions(files, reader, tenant=pseudonym(tenant)):
        summary.add(group, at, numbers)
        clusters.add(group, at, request, numbers, raw)
    ranked = clusters.ranked()
    return {
        **summary.document(),
        "left_out": left_out,
        "candidates": clusters.decisions,
        "clusters": [cluster_json(cluster, EXAMPLE_FIELDS) for cluster in ranked],
    }


def _files(folder: Path, days: int) -> tuple[list[Path], int]:
    """The files of the last days, the newest first, as far as they may be read, and how many may not."""
    if not folder.is_dir():
        return [], 0
    chosen = sorted((path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()), reverse=True)[:days]
    sized = [(path.stat().st_mtime, path.stat().st_size, path) for day in chosen for path in day.glob(f"*{SUFFIX}")]
    found: list[Path] = []
    total = 0
    for _, size, path in sorted(sized, reverse=True):
        if total + size > MOST_BYTES and found:
            break
        total += size
        found.append(path)
    return found, len(sized) - len(found)
