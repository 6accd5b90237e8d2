"""One way to a lane for every caller in the gateway: routes, sessions and jobs."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray

from models.types import ModelInfo, TextRole
from serving.api.errors import ApiError, DeadlineExceededError, InternalError, ValidationFailedError
from serving.api.lane_types import ChunkInput, ClaimsAnswer, ClaimsInput, LaneAnswer, LaneInput, UnitVectors
from serving.api.schemas import CodeRequest, LaneRequest, RagRequest, RollupRequest
from serving.api.scored import CANCELLED, ScoredListener, ScoredRequest
from serving.chunks.chunks import ChunkService, ChunkVectors
from serving.lanes.answer_stream import AnswerStream
from serving.lanes.rollup import RollupInput
from serving.lanes.traffic import Traffic

_GRACE_S = 1.0
_SCHEMAS: Mapping[str, type[LaneRequest]] = {"rag": RagRequest, "code": CodeRequest}


class ScoringLane(Protocol):
    """The rag or the code lane, in this process or behind a handle."""

    async def score(self, request: LaneInput) -> LaneAnswer:
        """The rendered answer."""
        ...

    async def ready(self) -> None:
        """Returns once the lane can score."""
        ...


class JudgingLane(ScoringLane, Protocol):
    """The rag lane: it also judges claims of an answer that is still being written."""

    async def judge(self, asked: ClaimsInput) -> ClaimsAnswer:
        """A verdict on every claim."""
        ...


class SummingLane(Protocol):
    """The rollup lane, in this process or behind a handle."""

    async def score(self, request: RollupInput) -> LaneAnswer:
        """The rendered scoreboard."""
        ...

    async def ready(self) -> None:
        """Returns once the lane can score."""
        ...


class RemoteEncoder(Protocol):
    """An encoder that gives its vectors away, to be stored."""

    async def info(self) -> ModelInfo:
        """The model."""
        ...

    async def encode(self, texts: list[str]) -> list[UnitVectors]:
        """Vectors of the texts, in order."""
        ...

    async def embed(self, texts: list[str], role: TextRole) -> NDArray[np.float32]:
        """One L2-normalised vector a text: (texts, dim)."""
        ...


@dataclass(frozen=True)
class Lanes:
    """Every lane that the gateway forwards to."""

    rag: JudgingLane
    code: ScoringLane
    rollup: SummingLane

    async def ready(self) -> None:
        """Returns once every lane, and every model behind it, answers."""
        await asyncio.gather(self.rag.ready(), self.code.ready(), self.rollup.ready())


class ConfiguredEncoders:
    """The configured encoders as the chunk store sees them, by name.

    A replica's model is that of the configuration, which does not change while the gateway lives, so it is asked for once.
    """

    def __init__(self, encoders: Mapping[str, RemoteEncoder], default: str) -> None:
        self._encoders = encoders
        self._default = default
        self._infos: dict[str, ModelInfo] = {}

    def _named(self, model: str | None) -> RemoteEncoder:
        encoder = self._encoders.get(model or self._default)
        if encoder is None:
            known = ", ".join(sorted(self._encoders))
            raise ValidationFailedError(f"model: no encoder is called {model!r}; this server has {known}")
        return encoder

    async def info(self, model: str | None) -> ModelInfo:
        """The model that ``model`` (None: the default) names."""
        name = model or self._default
        if name not in self._infos:
            self._infos[name] = await self._named(model).info()
        return self._infos[name]

    async def encode(self, texts: Any, model: str | None) -> list[ChunkVectors]:
        """Vectors of the texts, in order."""
        encoded = await self._named(model).encode(list(texts))
        return [ChunkVectors(one.vectors, one.char_spans, one.content) for one in encoded]

    async def embed(self, texts: list[str], role: TextRole) -> NDArray[np.float32]:
        """One L2-normalised vector of the default model a text: (texts, dim)."""
        return await self._named(None).embed(texts, role)


@dataclass(frozen=True)
class _Call:
    """Who asks for what. ``audit_id``: the request's name in the audit log where it came without an id of its own."""

    lane: str
    request_id: str
    tenant: str
    background: bool = False
    audit_id: str | None = None


class Dispatcher:
    """Loads what a request names, bounds its time, hands it to its lane, and tells ``listener`` how it went.

    What is not a job's counts as interactive ``traffic``.
    """

    def __init__(
        self,
        lanes: Lanes,
        chunks: ChunkService | None,
        deadline_s: float,
        traffic: Traffic | None = None,
        listener: ScoredListener | None = None,
    ) -> None:
        self._lanes: Mapping[str, ScoringLane] = {"rag": lanes.rag, "code": lanes.code}
        self._rag = lanes.rag
        self._rollup = lanes.rollup
        self._chunks = chunks
        self._deadline_s = deadline_s
        self._traffic = traffic or Traffic(time.monotonic)
        self._listener = listener

    async def score(self, lane: str, body: LaneRequest, request_id: str, tenant: str) -> LaneAnswer:
        """The answer of the rag or code lane."""
        with self._traffic.passing():
            return await self._score(_Call(lane, request_id, tenant), body)

    @asynccontextmanager
    async def answer_stream(self, body: RagRequest, request_id: str, tenant: str) -> AsyncIterator[AnswerStream]:
        """An answer that comes piece by piece; the ``response_text`` of ``body`` is not looked at."""
        call = _Call("rag", request_id, tenant)

        async def score(whole: LaneInput) -> LaneAnswer:
            return await self._told(call, body.session_id, self._bounded(self._rag.score(whole)), [whole])

        with self._traffic.passing():
            chunks = await self._stored(tenant, body)
            yield AnswerStream(self._rag.judge, score, body.lane_input(request_id, tenant, self._deadline_s, chunks))

    async def _score(self, call: _Call, body: LaneRequest) -> LaneAnswer:
        read: list[LaneInput] = []

        async def work() -> LaneAnswer:
            chunks = await self._stored(call.tenant, body)
            read.append(body.lane_input(call.request_id, call.tenant, self._deadline_s, chunks, call.background))
            return await self._bounded(self._lanes[call.lane].score(read[0]))

        return await self._told(call, body.session_id, work(), read)

    async def roll_up(self, body: RollupRequest, request_id: str, tenant: str) -> LaneAnswer:
        """The answer of the rollup lane."""
        return await self._roll_up(_Call("rollup", request_id, tenant), body)

    async def _roll_up(self, call: _Call, body: RollupRequest) -> LaneAnswer:
        turns = RollupInput(call.request_id, tuple(body.turns), body.session_id, body.heatmap_format)
        return await self._told(call, body.session_id, self._bounded(self._rollup.score(turns)), ())

    async def score_json(self, lane: str, request: dict[str, Any], tenant: str) -> dict[str, Any]:
        """The answer as JSON values to a request as JSON values, validated before by the lane's schema."""
        with self._traffic.passing():
            return await self._score_json(lane, request, tenant, background=False)

    async def score_job(self, lane: str, request: dict[str, Any], tenant: str) -> dict[str, Any]:
        """As :meth:`score_json`, in the background: it does not count as traffic, and the models serve others first."""
        return await self._score_json(lane, request, tenant, background=True)

    async def _score_json(self, lane: str, request: dict[str, Any], tenant: str, background: bool) -> dict[str, Any]:
        given = request.get("request_id")
        call = _Call(lane, str(given or f"{lane}-nested"), tenant, background, None if given else secrets.token_hex(16))
        if lane == "rollup":
            answer = await self._roll_up(call, RollupRequest.model_validate(request))
        else:
            answer = await self._score(call, _SCHEMAS[lane].model_validate(request))
        document: dict[str, Any] = orjson.loads(answer.body)
        return document

    async def _told(
        self, call: _Call, session_id: str | None, work: Awaitable[LaneAnswer], read: Sequence[LaneInput]
    ) -> LaneAnswer:
        """The answer of ``work``, or its error, once the listener has heard of it. ``read``: the request, once it is known."""
        started_s = time.perf_counter()
        try:
            answer = await work
        except BaseException as error:
            self._tell(call, session_id, started_s, error, read)
            raise
        self._tell(call, session_id, started_s, answer, read)
        return answer

    def _tell(
        self,
        call: _Call,
        session_id: str | None,
        started_s: float,
        outcome: LaneAnswer | BaseException,
        read: Sequence[LaneInput],
    ) -> None:
        if self._listener is None:
            return
        answer = outcome if isinstance(outcome, LaneAnswer) else None
        status, error = (200, None) if isinstance(outcome, LaneAnswer) else _status(outcome)
        scored = ScoredRequest(
            request_id=call.audit_id or call.request_id,
            tenant=call.tenant,
            lane=call.lane,
            origin="job" if call.background else "live",
            status=status,
            latency_ms=(time.perf_counter() - started_s) * 1000.0,
            session_id=session_id,
            error=error,
            band=answer.band if answer else None,
            phases_ms=answer.phases_ms if answer else {},
            tokens=answer.token_counts if answer else {},
            facts=answer.audit if answer else None,
        )
        self._listener.scored(scored, read[0] if read else None)

    async def _stored(self, tenant: str, body: LaneRequest) -> tuple[ChunkInput, ...]:
        if not body.chunk_ids or self._chunks is None:
            return ()
        ids = [str(chunk_id) for chunk_id in body.chunk_ids]
        return tuple(
            ChunkInput(
                chunk.text,
                chunk.source_id or chunk.chunk_id,
                chunk.metadata,
                None
                if chunk.vectors is None or chunk.char_spans is None or chunk.content is None
                else UnitVectors(chunk.vectors, chunk.char_spans, chunk.content),
            )
            for chunk in await self._chunks.load_encoded(tenant, ids, body.model)
        )

    async def _bounded(self, answer: Awaitable[LaneAnswer]) -> LaneAnswer:
        try:
            async with asyncio.timeout(self._deadline_s + _GRACE_S):
                return await answer
        except TimeoutError:
            raise DeadlineExceededError(f"no answer within {self._deadline_s:g} s") from None


def _status(error: BaseException) -> tuple[int, str]:
    """HTTP status and stable code of what a lane raised; 0 for a client that left."""
    if isinstance(error, asyncio.CancelledError):
        return 0, CANCELLED
    known = error if isinstance(error, ApiError) else InternalError("")
    return known.status, known.code
