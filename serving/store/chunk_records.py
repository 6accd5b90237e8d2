"""Stored chunks and their vectors: the statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select

from serving.store.schema import chunk_vectors, chunks
from serving.store.tenancy import TenantConnection
from serving.store.values import decode_json, encode_json

_IN_LIST: Final = 500


@dataclass(frozen=True)
class ChunkRecord:
    """One chunk, redacted. ``provenance``: ``source_id`` and ``metadata`` as given. ``digest`` is that of the text."""

    chunk_id: str
    text: str
    provenance: Mapping[str, Any]
    digest: str
    created_ms: int
    updated_ms: int


@dataclass(frozen=True, eq=False)
class VectorRecord:
    """A chunk's token vectors under one model.

    ``vectors``: (tokens, dim) float16, L2-normalised before rounding. ``char_spans``: (tokens, 2) int32.
    ``content``: (tokens,) bool. ``digest`` is that of the text they were made from.
    """

    chunk_id: str
    model: str
    revision: str
    digest: str
    vectors: NDArray[np.float16]
    char_spans: NDArray[np.int32]
    content: NDArray[np.bool_]


def upsert_chunk(connection: TenantConnection, record: ChunkRecord) -> None:
    """Keep a chunk; one with the same id is replaced, but for the time of its creation."""
    row = {
        "chunk_id": record.chunk_id,
        "text": record.text.encode("utf-8"),
        "provenance": encode_json(dict(record.provenance)),
        "digest": record.digest,
        "created_ms": record.created_ms,
        "updated_ms": record.updated_ms,
    }
    connection.upsert(chunks, row, keep=("created_ms",))


def upsert_vectors(connection: TenantConnection, record: VectorRecord) -> bool:
    """Keep vectors, unless the chunk has another text by now or is gone. Whether they were kept."""
    held = connection.first(
        select(chunks.c.digest).where(chunks.c.chunk_id == record.chunk_id).with_for_update(read=True)
    )
    if held is None or held.digest != record.digest:
        return False
    row = {
        "chunk_id": record.chunk_id,
        "model": record.model,
        "revision": record.revision,
        "digest": record.digest,
        "tokens": record.vectors.shape[0],
        "dimensions": record.vectors.shape[1],
        "vectors": record.vectors.astype("<f2", copy=False).tobytes(),
        "char_spans": record.char_spans.astype("<i4", copy=False).tobytes(),
        "content": np.packbits(record.content).tobytes(),
    }
    connection.upsert(chunk_vectors, row)
    return True


def read_chunks(connection: TenantConnection, chunk_ids: Sequence[str]) -> dict[str, ChunkRecord]:
    """The chunks that exist, by id."""
    found: dict[str, ChunkRecord] = {}
    for part in _parts(chunk_ids):
        for row in connection.rows(select(chunks).where(chunks.c.chunk_id.in_(part))):
            found[row.chunk_id] = ChunkRecord(
                row.chunk_id,
                row.text.decode("utf-8"),
                decode_json(row.provenance),
                row.digest,
                row.created_ms,
                row.updated_ms,
            )
    return found


def existing_chunks(connection: TenantConnection, chunk_ids: Collection[str]) -> frozenset[str]:
    """Those of the ids that name a chunk."""
    parts = (select(chunks.c.chunk_id).where(chunks.c.chunk_id.in_(part)) for part in _parts(chunk_ids))
    return frozenset(row.chunk_id for part in parts for row in connection.rows(part))


def read_vectors(connection: TenantConnection, chunk_ids: Sequence[str], model: str) -> dict[str, VectorRecord]:
    """The vectors of one model, of whatever revision and text, by chunk id."""
    found: dict[str, VectorRecord] = {}
    for part in _parts(chunk_ids):
        statement = select(chunk_vectors).where(chunk_vectors.c.chunk_id.in_(part), chunk_vectors.c.model == model)
        for row in connection.rows(statement):
            found[row.chunk_id] = VectorRecord(
                row.chunk_id,
                row.model,
                row.revision,
                row.digest,
                np.frombuffer(row.vectors, "<f2").reshape(row.tokens, row.dimensions),
                np.frombuffer(row.char_spans, "<i4").reshape(row.tokens, 2),
                np.unpackbits(np.frombuffer(row.content, np.uint8), count=row.tokens).astype(np.bool_),
            )
    return found


def delete_chunk(connection: TenantConnection, chunk_id: str) -> bool:
    """Delete a chunk and its vectors; whether there was one."""
    return connection.change(delete(chunks).where(chunks.c.chunk_id == chunk_id)) > 0


def _parts(chunk_ids: Collection[str]) -> list[list[str]]:
    unique = sorted(set(chunk_ids))
    return [unique[start : start + _IN_LIST] for start in range(0, len(unique), _IN_LIST)]
