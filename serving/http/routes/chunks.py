"""Chunks over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field, RootModel, ValidationError, field_validator
from starlette.responses import Response

from serving.api.errors import ValidationFailedError
from serving.api.schemas import Strict, describe_validation
from serving.chunks.chunks import ChunkDraft, ChunkService
from serving.http.routes.answers import json_answer
from serving.http.routes.principal import CurrentTenant

_PRINTABLE = r"^[^\x00-\x1f\x7f]{1,256}$"
_LONGEST_ID = 256
ChunkId = Annotated[str, Path(pattern=_PRINTABLE, description="As it was given when the chunk was stored.")]


class ChunkBody(Strict):
    """One chunk. A whole number as ``chunk_id`` is the same as its decimal digits."""

    chunk_id: Annotated[str, Field(pattern=_PRINTABLE)] | int
    text: str = Field(min_length=1)
    source_id: str | None = Field(None, max_length=1024, description="Stable name of the source, such as a path.")
    metadata: dict[str, Any] | None = None
    privacy_mode: bool = Field(False, description="Redact personal data too, not only secrets.")

    @field_validator("chunk_id")
    @classmethod
    def _reachable(cls, chunk_id: str | int) -> str | int:
        """Clients and proxies resolve the segments ``.`` and ``..`` of a URL, so such an id could not be read."""
        if {".", ".."} & set(str(chunk_id).split("/")):
            raise ValueError("has a segment '.' or '..', which no URL can carry")
        if len(str(chunk_id)) > _LONGEST_ID:
            raise ValueError(f"has more than {_LONGEST_ID} digits, and could not be named in a URL")
        return chunk_id

    def draft(self) -> ChunkDraft:
        """The plain value that the service takes."""
        return ChunkDraft(str(self.chunk_id), self.text, self.source_id, self.metadata, self.privacy_mode)


class PutChunks(RootModel[Annotated[list[ChunkBody], Field(fail_fast=True)]]):
    """Body of ``PUT /trace/chunks``: a list of chunks."""


def read_chunks(body: bytes) -> list[ChunkDraft]:
    """The chunks of a body. Raises ValidationFailedError naming the field."""
    try:
        return [chunk.draft() for chunk in PutChunks.model_validate_json(body).root]
    except ValidationError as error:
        raise ValidationFailedError(describe_validation(PutChunks, error)) from None


def build_router(service: ChunkService) -> APIRouter:
    """Routes of chunks."""
    router = APIRouter(prefix="/api/v1/trace/chunks", tags=["chunks"])

    @router.put("", summary="Store chunks", operation_id="put_chunks")
    async def put(request: Request, tenant: CurrentTenant) -> Response:
        """Stored or replaced, all or none, and encoded once; a chunk whose text is the same is not encoded again."""
        return json_answer(await service.upsert(tenant, read_chunks(await request.body())))

    @router.get("/{chunk_id:path}", summary="Read a chunk", operation_id="get_chunk")
    async def get(chunk_id: ChunkId, tenant: CurrentTenant) -> Response:
        """The chunk as it is kept."""
        return json_answer(await service.get(tenant, chunk_id))

    @router.delete("/{chunk_id:path}", summary="Delete a chunk", operation_id="delete_chunk")
    async def delete(chunk_id: ChunkId, tenant: CurrentTenant) -> Response:
        """Gone with its vectors."""
        return json_answer(await service.delete(tenant, chunk_id))

    return router
