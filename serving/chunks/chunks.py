"""Stored chunks: texts whose token vectors are encoded once and reused by every score that names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.types import ModelInfo
from serving.api.errors import NotFoundError, PayloadTooLargeError, ValidationFailedError
from serving.api.times import timestamp
from serving.redaction.patterns import redact, redact_json
from serving.store.chunk_records import (
    ChunkRecord,
    VectorRecord,
    delete_chunk,
    read_chunks,
    read_vectors,
    upsert_chunk,
    upsert_vectors,
)
from serving.store.store import Store, TenantStore
from serving.store.tenancy import TenantConnection
from serving.store.values import encode_json, source_id_of

_MAX_METADATA_BYTES: Final = 16_384


@dataclass(frozen=True, eq=False)
class ChunkVectors:
    """Token vectors of one text: ``vectors`` (tokens, dim) of any float type, L2-normalised; ``char_spans``
    (tokens, 2) characters of the text; ``content`` (tokens,) bool.
    """

    vectors: NDArray[Any]
    char_spans: NDArray[np.int32]
    content: NDArray[np.bool_]


class ChunkEncoder(Protocol):
    """The encoder, in this process or behind a handle."""

    async def info(self, model: str | None) -> ModelInfo:
        """The model that ``model`` (None: the default) names. Raises ValidationFailedError for an unknown one."""
        ...

    async def encode(self, texts: Sequence[str], model: str | None) -> Sequence[ChunkVectors]:
        """Vectors of the texts, in order."""
        ...


@dataclass(frozen=True)
class ChunkDraft:
    """A chunk as it was sent. ``privacy_mode`` redacts personal data too."""

    chunk_id: str
    text: str
    source_id: str | None = None
    metadata: Mapping[str, Any] | None = None
    privacy_mode: bool = False


@dataclass(frozen=True, eq=False)
class StoredChunk:
    """A chunk for scoring. ``vectors`` (tokens, dim) float16 of the asked model's revision, or None if there are none
    yet; then ``char_spans`` and ``content`` are None too.
    """

    chunk_id: str
    text: str
    source_id: str | None
    metadata: Mapping[str, Any] | None
    vectors: NDArray[np.float16] | None = None
    char_spans: NDArray[np.int32] | None = None
    content: NDArray[np.bool_] | None = None


class ChunkService:
    """Every call names its tenant; a chunk of another tenant does not exist.

    ``max_chunks`` and ``max_characters`` bound one upsert.
    """

    def __init__(
        self, store: Store, encoder: ChunkEncoder, max_chunks: int = 256, max_characters: int = 400_000
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._max_chunks = max_chunks
        self._max_characters = max_characters

    async def upsert(self, tenant: str, drafts: Sequence[ChunkDraft]) -> dict[str, Any]:
        """Keep chunks, all or none, with their vectors under the default model; only texts that changed are encoded."""
        self._check(drafts)
        ours = self._store.tenant(tenant)
        prepared = [_prepare(draft, self._store.now_ms()) for draft in drafts]
        records = [record for record, _ in prepared]
        model = await self._encoder.info(None)
        held = await ours.read(partial(_read_vectors, [record.chunk_id for record in records], model.name))
        stale = [record for record in records if not _is_current(held.get(record.chunk_id), record.digest, model)]
        encoded = await self._encode(stale, model)
        await ours.write(partial(_write, records, encoded))
        tokens = {name: len(vectors.content) for name, vectors in held.items()}
        tokens |= {vectors.chunk_id: len(vectors.content) for vectors in encoded}
        names = {record.chunk_id for record in stale}
        return {
            "success": True,
            "model": model.name,
            "chunks": [
                {"chunk_id": record.chunk_id, "tokens": tokens[record.chunk_id], "encoded": record.chunk_id in names}
                | ({"redactions": counts} if counts else {})
                for record, counts in prepared
            ],
        }

    async def get(self, tenant: str, chunk_id: str) -> dict[str, Any]:
        """The chunk as it is kept. Raises NotFoundError."""
        found = await self._store.tenant(tenant).read(lambda c: read_chunks(c, [chunk_id]))
        if chunk_id not in found:
            raise NotFoundError(f"chunk {chunk_id!r} does not exist")
        record = found[chunk_id]
        return {
            "success": True,
            "chunk_id": record.chunk_id,
            "text": record.text,
            **record.provenance,
            "created_at": timestamp(record.created_ms),
            "updated_at": timestamp(record.updated_ms),
        }

    async def delete(self, tenant: str, chunk_id: str) -> dict[str, Any]:
        """Delete a chunk and its vectors. Raises NotFoundError."""
        if not await self._store.tenant(tenant).write(lambda c: delete_chunk(c, chunk_id)):
            raise NotFoundError(f"chunk {chunk_id!r} does not exist")
        return {"success": True, "chunk_id": chunk_id, "deleted": True}

    async def load(self, tenant: str, chunk_ids: Sequence[str], model: ModelInfo) -> list[StoredChunk]:
        """The chunks in the order asked for, with those vectors that are of this model and revision.

        Raises NotFoundError naming every id that does not exist.
        """
        chunks, vectors = await self._store.tenant(tenant).read(partial(_load, chunk_ids, model.name))
        unknown = [name for name in dict.fromkeys(chunk_ids) if name not in chunks]
        if unknown:
            raise NotFoundError(
                f"unknown chunk_ids: {', '.join(map(repr, unknown))}", "Store them first with PUT /api/v1/trace/chunks."
            )
        return [_stored(chunks[name], vectors.get(name), model) for name in chunk_ids]

    async def load_encoded(self, tenant: str, chunk_ids: Sequence[str], model: str | None = None) -> list[StoredChunk]:
        """As :meth:`load`, but vectors that are missing or of an older revision are encoded now, and kept."""
        info = await self._encoder.info(model)
        loaded = await self.load(tenant, chunk_ids, info)
        missing = {chunk.chunk_id: chunk.text for chunk in loaded if chunk.vectors is None}
        if not missing:
            return loaded
        ours = self._store.tenant(tenant)
        records = [ChunkRecord(name, text, {}, source_id_of(text), 0, 0) for name, text in missing.items()]
        encoded = await self._encode(records, info, model)
        await self._keep(ours, encoded)
        fresh = {vectors.chunk_id: vectors for vectors in encoded}
        return [_with_vectors(chunk, fresh[chunk.chunk_id]) if chunk.vectors is None else chunk for chunk in loaded]

    async def _encode(
        self, records: Sequence[ChunkRecord], info: ModelInfo, model: str | None = None
    ) -> list[VectorRecord]:
        if not records:
            return []
        encoded = await self._encoder.encode([record.text for record in records], model)
        return [
            VectorRecord(
                record.chunk_id,
                info.name,
                info.revision,
                record.digest,
                np.ascontiguousarray(one.vectors, dtype=np.float16),
                np.ascontiguousarray(one.char_spans, dtype=np.int32),
                np.ascontiguousarray(one.content, dtype=np.bool_),
            )
            for record, one in zip(records, encoded, strict=True)
        ]

    async def _keep(self, ours: TenantStore, encoded: Sequence[VectorRecord]) -> None:
        await ours.write(partial(_write, (), encoded))

    def _check(self, drafts: Sequence[ChunkDraft]) -> None:
        if not drafts:
            raise ValidationFailedError("send at least one chunk")
        characters = sum(len(draft.text) for draft in drafts)
        for size, limit, unit in (
            (len(drafts), self._max_chunks, "chunks"),
            (characters, self._max_characters, "characters"),
        ):
            if size > limit:
                raise PayloadTooLargeError(f"chunks: {size} {unit}, the limit of one call is {limit}")
        names = [draft.chunk_id for draft in drafts]
        twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
        if twice is not None:
            raise ValidationFailedError(f"chunk_id {twice!r} occurs twice; send each chunk once")


def _prepare(draft: ChunkDraft, now_ms: int) -> tuple[ChunkRecord, dict[str, int]]:
    text = redact(draft.text, privacy_mode=draft.privacy_mode)
    try:
        given = {"source_id": draft.source_id, "metadata": draft.metadata}
        provenance, counts = redact_json(given, privacy_mode=draft.privacy_mode)
    except ValueError as error:
        raise ValidationFailedError(f"metadata of chunk {draft.chunk_id!r}: {error}") from None
    kept = {key: value for key, value in provenance.items() if value is not None}
    if len(encode_json(kept)) > _MAX_METADATA_BYTES:
        raise PayloadTooLargeError(f"metadata of chunk {draft.chunk_id!r} is over {_MAX_METADATA_BYTES} bytes")
    found = dict(text.counts)
    for kind, count in counts.items():
        found[kind] = found.get(kind, 0) + count
    return ChunkRecord(draft.chunk_id, text.text, kept, source_id_of(text.text), now_ms, now_ms), found


def _is_current(vectors: VectorRecord | None, digest: str, model: ModelInfo) -> bool:
    return vectors is not None and vectors.digest == digest and vectors.revision == model.revision


def _stored(record: ChunkRecord, vectors: VectorRecord | None, model: ModelInfo) -> StoredChunk:
    chunk = StoredChunk(
        record.chunk_id, record.text, record.provenance.get("source_id"), record.provenance.get("metadata")
    )
    return _with_vectors(chunk, vectors) if vectors and _is_current(vectors, record.digest, model) else chunk


def _with_vectors(chunk: StoredChunk, made: VectorRecord) -> StoredChunk:
    return StoredChunk(
        chunk.chunk_id, chunk.text, chunk.source_id, chunk.metadata, made.vectors, made.char_spans, made.content
    )


def _read_vectors(chunk_ids: Sequence[str], model: str, connection: TenantConnection) -> dict[str, VectorRecord]:
    return read_vectors(connection, chunk_ids, model)


def _load(
    chunk_ids: Sequence[str], model: str, connection: TenantConnection
) -> tuple[dict[str, ChunkRecord], dict[str, VectorRecord]]:
    return read_chunks(connection, chunk_ids), read_vectors(connection, chunk_ids, model)


def _write(records: Sequence[ChunkRecord], encoded: Sequence[VectorRecord], connection: TenantConnection) -> None:
    """Chunks and vectors in the order of their names, so that two upserts cannot wait for each other."""
    for record in sorted(records, key=lambda record: record.chunk_id):
        upsert_chunk(connection, record)
    for vectors in sorted(encoded, key=lambda vectors: vectors.chunk_id):
        upsert_vectors(connection, vectors)
