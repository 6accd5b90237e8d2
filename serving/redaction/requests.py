"""A lane's request as it is kept: every text redacted, and the ids of stored chunks as they are.

An id is a reference: one that redaction alters names another chunk, or none. Ids of chunks are in the store as they were given,
so one that names a stored chunk puts nothing there that is not there already. Any other is text like the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any, Final

from serving.redaction.patterns import merge_counts, redact, redact_json
from serving.store.chunk_records import existing_chunks
from serving.store.store import TenantStore

_IDS: Final = "chunk_ids"


def altered_ids(requests: Iterable[Mapping[str, Any]], privacy_mode: bool) -> frozenset[str]:
    """The chunk ids of the requests that redaction would change: hardly ever any."""
    named = {name for request in requests for name in request.get(_IDS) or () if isinstance(name, str)}
    return frozenset(name for name in named if redact(name, privacy_mode=privacy_mode).text != name)


async def stored_ids(ours: TenantStore, names: Collection[str]) -> frozenset[str]:
    """Those of the names that are the tenant's stored chunks."""
    return await ours.read(partial(_existing, names)) if names else frozenset()


def redacted_request(
    request: Mapping[str, Any], privacy_mode: bool, kept_ids: Collection[str]
) -> tuple[dict[str, Any], dict[str, int]]:
    """The request without secrets but for the chunk ids in ``kept_ids``, and how many it had of each kind.

    Raises ValueError as ``redact_json`` does.
    """
    body, counts = redact_json({k: v for k, v in request.items() if k != _IDS}, privacy_mode=privacy_mode)
    if _IDS not in request:
        return body, counts
    names = [
        (name, {}) if name in kept_ids else redact_json(name, privacy_mode=privacy_mode) for name in request[_IDS] or ()
    ]
    return {**body, _IDS: [name for name, _ in names]}, merge_counts([counts, *(found for _, found in names)])


def _existing(names: Collection[str], connection: Any) -> frozenset[str]:
    return existing_chunks(connection, names)
