"""The whole application in this process: real lanes, the bundled encoder, a real SQLite file; no Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray

from models.types import ModelInfo, TextRole
from serving.api.errors import ApiError
from serving.api.lane_types import AlignReply, AlignRequest, PairVerifier, UnitVectors
from serving.config.load import Config, load_config
from serving.http.gateway import create_app
from serving.inference.encoding import AlignmentService
from serving.lanes.code import CodeLane
from serving.lanes.dispatch import Lanes
from serving.lanes.factory import code_lane, rag_lane
from serving.lanes.rollup import RollupLane


class LocalEncoder:
    """The bundled encoder as the gateway sees it, counting what it aligns."""

    def __init__(self, service: AlignmentService) -> None:
        self.service = service
        self.replies: list[AlignReply] = []
        self.away: ApiError | None = None

    async def align(self, request: AlignRequest) -> AlignReply:
        reply = await self.service.align(request)
        self.replies.append(reply)
        return reply

    async def info(self) -> ModelInfo:
        return self.service.info

    async def encode(self, texts: list[str]) -> list[UnitVectors]:
        return await self.service.encode(texts)

    async def embed(self, texts: list[str], role: TextRole) -> NDArray[np.float32]:
        if self.away is not None:
            raise self.away
        return await self.service.embed(texts, role)

    def close(self) -> None:
        self.service.close()


class Ready:
    """A lane in this process."""

    def __init__(self, lane: Any) -> None:
        self.score = lane.score

    async def ready(self) -> None:
        """At once."""


def local_config(folder: Path, **settings: Any) -> Config:
    """A configuration that keeps its data in ``folder``; ``settings`` by dotted key."""
    values = {"data_dir": str(folder), "observability.log_level": "error", "limits.burst": 600}
    return load_config(None, values | settings, environment={})


def local_app(config: Config, encoder: LocalEncoder, verifier: PairVerifier | None = None) -> tuple[FastAPI, CodeLane]:
    """The application, and the lane to close after it."""
    rag = rag_lane(config, {"minilm": encoder}, verifier)
    code = code_lane(config, rag)
    lanes = Lanes(rag=Ready(rag), code=Ready(code), rollup=Ready(RollupLane()))
    return create_app(config, lanes, {"minilm": encoder}), code
