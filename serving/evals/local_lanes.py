"""The lanes and the encoder in this process, for graders of the command line. Loaded when a grader first needs them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import orjson

from serving.api.lane_types import LaneAnswer
from serving.api.schemas import CodeRequest, RagRequest, parse_body
from serving.config.load import Config
from serving.evals.graders.types import Services

_DEADLINE_S = 600.0


class LocalLanes:
    """One set of models for a whole run."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._rag: Any = None
        self._code: Any = None
        self._aligner: Any = None
        self._loading = asyncio.Lock()

    def services(self, judge: Any = None) -> Services:
        """What graders may call."""
        return Services(self.score, self.embed, judge)

    async def score(self, lane: str, request: dict[str, Any]) -> dict[str, Any]:
        """The lane's answer. Raises an ApiError."""
        await self._load()
        body = orjson.dumps(request)
        answer: LaneAnswer
        if lane == "code":
            code = parse_body(CodeRequest, body)
            answer = await self._code.score(code.lane_input("gate", "local", _DEADLINE_S))
        else:
            rag = parse_body(RagRequest, body)
            answer = await self._rag.score(rag.lane_input("gate", "local", _DEADLINE_S))
        document: dict[str, Any] = orjson.loads(answer.body)
        return document

    async def embed(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """L2-normalised vectors of the default encoder."""
        await self._load()
        vectors = await self._aligner.embed(texts, "document")
        return [[float(value) for value in row] for row in vectors]

    async def _load(self) -> None:
        async with self._loading:
            if self._rag is not None:
                return
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is imported below
            from serving.lanes.factory import alignment_service, code_lane, rag_lane, verification_service

            config = self._config
            aligners = {settings.name: alignment_service(config, settings.name) for settings in config.encoders}
            self._aligner = aligners[config.default_encoder_name]
            self._rag = rag_lane(config, aligners, verification_service(config))
            self._code = code_lane(config, self._rag)

    def close(self) -> None:
        """End the lanes' threads."""
        if self._rag is not None:
            self._rag.close()
