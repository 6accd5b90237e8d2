"""The lanes of several configurations in this process, sharing the models that they have in common."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from scoring.audit.moves import Outcome
from serving.api.errors import ApiError, InternalError
from serving.api.lane_types import LaneAnswer
from serving.api.schemas import CodeRequest, RagRequest, parse_body
from serving.audit.requests import ReplayRow
from serving.config.load import Config
from serving.evals.graders.types import Services

_AT_A_TIME: Final = 8
_DEADLINE_S: Final = 600.0
_TENANT: Final = "replay"


class LocalSystems:
    """Configurations by name. Models are loaded when a name is first asked, each once."""

    def __init__(self, configs: Mapping[str, Config]) -> None:
        self._configs = configs
        self._aligners: dict[str, Any] = {}
        self._verifiers: dict[str, Any] = {}
        self._lanes: dict[str, tuple[Any, Any]] = {}

    async def outcomes(self, name: str, rows: Sequence[ReplayRow]) -> list[Outcome]:
        """What the system decides about every row, in order; a row that it refuses has its error."""
        await self._load(name)
        found: list[Outcome] = []
        for first in range(0, len(rows), _AT_A_TIME):
            found += await asyncio.gather(*(self._outcome(name, row) for row in rows[first : first + _AT_A_TIME]))
        return found

    def services(self, name: str) -> Services:
        """What graders may call, on the system's lanes."""

        async def score(lane: str, request: dict[str, Any]) -> dict[str, Any]:
            await self._load(name)
            document: dict[str, Any] = orjson.loads(
                (await self._answer(name, lane, orjson.dumps(request), "gate")).body
            )
            return document

        async def embed(texts: list[str]) -> Sequence[Sequence[float]]:
            await self._load(name)
            config = self._configs[name]
            aligner = self._aligners[_key(config.encoder())]
            vectors = await aligner.embed(texts, "document")
            return [[float(value) for value in row] for row in vectors]

        return Services(score, embed, None)

    def close(self) -> None:
        """End the lanes' and the models' threads."""
        for rag, code in self._lanes.values():
            code.close()
            rag.close()

    async def _outcome(self, name: str, row: ReplayRow) -> Outcome:
        try:
            answer = await self._answer(name, row.lane, row.body, row.request)
        except ApiError as error:
            return Outcome(None, error=error.code)
        facts = answer.audit
        if facts is None:
            raise InternalError("a lane said nothing for the audit log")
        return Outcome(answer.band, facts.score, facts.reason_codes, facts.hashes.versions())

    async def _answer(self, name: str, lane: str, body: bytes, request_id: str) -> LaneAnswer:
        rag, code = self._lanes[name]
        chosen, schema = (code, CodeRequest) if lane == "code" else (rag, RagRequest)
        parsed = parse_body(schema, body)
        answer: LaneAnswer = await chosen.score(parsed.lane_input(request_id, _TENANT, _DEADLINE_S))
        return answer

    async def _load(self, name: str) -> None:
        if name in self._lanes:
            return
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is imported below
        from serving.lanes.factory import alignment_service, code_lane, rag_lane, verification_service

        config = self._configs[name]
        aligners = {}
        for one in config.encoders:
            key = _key(one)
            if key not in self._aligners:
                self._aligners[key] = alignment_service(config, one.name)
            aligners[one.name] = self._aligners[key]
        judge = None
        if config.verifier is not None:
            key = _key(config.verifier)
            if key not in self._verifiers:
                self._verifiers[key] = verification_service(config)
            judge = self._verifiers[key]
        rag = rag_lane(config, aligners, judge)
        self._lanes[name] = (rag, code_lane(config, rag))


def _key(settings: Any) -> str:
    return str(settings.model_dump_json())
