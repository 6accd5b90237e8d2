"""A gateway in process with a store and an audit log, on the bundled encoder, and what it wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
from numpy.typing import NDArray

from models.types import ModelInfo, TextRole
from serving.api.lane_types import AlignReply, AlignRequest, UnitVectors
from serving.audit.shadow import candidate_config
from serving.config.load import load_config
from serving.http.gateway import create_app
from serving.inference.encoding import AlignmentService
from serving.lanes.dispatch import Lanes
from serving.lanes.factory import code_lane, rag_lane
from serving.lanes.provenance import config_sha256
from serving.lanes.rollup import RollupLane


class LocalEncoder:
    """The bundled encoder as the gateway sees it."""

    def __init__(self, service: AlignmentService) -> None:
        self.service = service

    async def align(self, request: AlignRequest) -> AlignReply:
        return await self.service.align(request)

    async def info(self) -> ModelInfo:
        return self.service.info

    async def encode(self, texts: list[str]) -> list[UnitVectors]:
        return await self.service.encode(texts)

    async def embed(self, texts: list[str], role: TextRole) -> NDArray[Any]:
        return await self.service.embed(texts, role)

    def close(self) -> None:
        self.service.close()


class Ready:
    """A lane in this process."""

    def __init__(self, lane: Any) -> None:
        self.score = lane.score

    async def ready(self) -> None:
        """At once."""


@asynccontextmanager
async def gateway(encoder: LocalEncoder, folder: Path, settings: Mapping[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway of its own; ``settings`` by dotted key. What it logged is whole once this has ended."""
    values = {"data_dir": str(folder), "observability.log_level": "error", "limits.burst": 600, "verifier": None}
    config = load_config(None, values | dict(settings), environment={})
    rag = rag_lane(config, {"minilm": encoder}, None)
    code = code_lane(config, rag)
    candidate = candidate_config(config)
    lanes = Lanes(rag=Ready(rag), code=Ready(code), rollup=Ready(RollupLane(config_sha256(config))))
    shadow = None if candidate is None else rag_lane(candidate, {"minilm": encoder}, None)
    app = create_app(config, lanes, {"minilm": encoder}, candidate=shadow)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1), raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as found:
        yield found
    code.close()


def logged(folder: Path) -> list[dict[str, Any]]:
    """The lines of the audit log."""
    files = sorted((folder / "audit").rglob("*.jsonl"))
    return [orjson.loads(line) for path in files for line in path.read_bytes().splitlines()]
