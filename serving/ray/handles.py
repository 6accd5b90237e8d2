"""Calls between replicas: typed errors out, one retry when a replica died, the plain protocols around Ray's handles."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayActorError, RayTaskError, WorkerCrashedError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle

from models.types import ModelInfo, TextRole
from serving.api.errors import ApiError, InternalError, OverloadedError
from serving.api.lane_types import (
    AlignReply,
    AlignRequest,
    ClaimsAnswer,
    ClaimsInput,
    LaneAnswer,
    LaneInput,
    UnitVectors,
    VerifyReply,
)
from serving.lanes.rag import RagLane
from serving.lanes.rollup import RollupInput

_ATTEMPTS = 3
_AWAY_RETRY_AFTER_S = 2.0
_FULL_RETRY_AFTER_S = 1.0
_DEAD_REPLICA = (
    ActorDiedError,
    ActorUnavailableError,
    RayActorError,
    ReplicaUnavailableError,
    WorkerCrashedError,
)


async def call(handle: DeploymentHandle, method: str, *arguments: Any) -> Any:
    """The result of a replica's method.

    Scoring is idempotent, so a call whose replica died is sent again, to another one. Raises the :class:`ApiError`
    that the replica raised, :class:`OverloadedError` when queues are full or no replica is left. Cancelling the task that
    waits cancels the call.
    """
    for attempt in range(_ATTEMPTS):
        response = getattr(handle, method).remote(*arguments)
        try:
            return await response
        except asyncio.CancelledError:
            response.cancel()  # Serve forwards the end of a request, not the end of a task that waits for a call
            raise
        except BackPressureError:
            raise OverloadedError("the lane's queue is full", retry_after_s=_FULL_RETRY_AFTER_S) from None
        except DeploymentUnavailableError:
            raise OverloadedError("the lane is being deployed", retry_after_s=_AWAY_RETRY_AFTER_S) from None
        except RayTaskError as error:
            raise _cause(error) from None
        except _DEAD_REPLICA:
            if attempt == _ATTEMPTS - 1:
                raise OverloadedError("replicas are restarting", retry_after_s=_AWAY_RETRY_AFTER_S) from None
    raise InternalError("unreachable: the loop above returns or raises")


def _cause(error: RayTaskError) -> Exception:
    cause = error.cause
    return (
        cause
        if isinstance(cause, ApiError | TimeoutError)
        else InternalError(f"a replica failed: {type(cause).__name__}")
    )


class HandleAligner:
    """An :class:`~serving.api.lane_types.Aligner` behind a deployment handle.

    ``at_once``: alignments that are under way at a time, None for as many as there are; the others wait here, where they
    hold up nobody else. ``background``: the encoder serves others first, whatever a request says.
    """

    def __init__(self, handle: DeploymentHandle, at_once: int | None = None, background: bool = False) -> None:
        self._handle = handle
        self._turn = nullcontext() if at_once is None else asyncio.Semaphore(at_once)
        self._background = background

    async def align(self, request: AlignRequest) -> AlignReply:
        """The alignment of one request, from an encoder replica."""
        if self._background:
            request = replace(request, background=True)
        async with self._turn:
            reply: AlignReply = await call(self._handle, "align", request)
        return reply

    async def info(self) -> ModelInfo:
        """The model of the replicas."""
        found: ModelInfo = await call(self._handle, "info")
        return found

    async def encode(self, texts: list[str]) -> list[UnitVectors]:
        """Vectors of units, to be stored."""
        encoded: list[UnitVectors] = await call(self._handle, "encode", texts)
        return encoded

    async def embed(self, texts: list[str], role: TextRole) -> NDArray[np.float32]:
        """One vector a text: (texts, dim)."""
        embedded: NDArray[np.float32] = await call(self._handle, "embed", texts, role)
        return embedded

    async def ready(self) -> None:
        """Returns once an encoder replica answers."""
        await call(self._handle, "ready")

    def close(self) -> None:
        """Nothing is held here; the replica goes on."""


class HandleVerifier:
    """A :class:`~serving.api.lane_types.PairVerifier` behind a deployment handle; ``background`` as of the aligner."""

    def __init__(self, handle: DeploymentHandle, background: bool = False) -> None:
        self._handle = handle
        self._background = background

    async def verify(self, pairs: Sequence[tuple[str, str]], tenant: str, background: bool = False) -> VerifyReply:
        """One verdict per pair, from a verifier replica."""
        reply: VerifyReply = await call(self._handle, "verify", pairs, tenant, background or self._background)
        return reply

    async def ready(self) -> None:
        """Returns once a verifier replica answers."""
        await call(self._handle, "ready")

    def close(self) -> None:
        """Nothing is held here; the replica goes on."""


class HandleLane:
    """A lane behind a deployment handle."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._handle = handle

    async def score(self, request: LaneInput | RollupInput) -> LaneAnswer:
        """The rendered answer of one request."""
        answer: LaneAnswer = await call(self._handle, "score", request)
        return answer

    async def judge(self, asked: ClaimsInput) -> ClaimsAnswer:
        """Verdicts on claims of an answer that is still being written; the rag lane's alone."""
        answer: ClaimsAnswer = await call(self._handle, "judge", asked)
        return answer

    async def ready(self) -> None:
        """Returns once the lane and what stands behind it answer."""
        await call(self._handle, "ready")


class LocalLane:
    """A lane in this process, on models that may be elsewhere; ``models_ready`` returns once they answer."""

    def __init__(self, lane: RagLane, models_ready: Callable[[], Awaitable[None]]) -> None:
        self._lane = lane
        self._models_ready = models_ready

    async def score(self, request: LaneInput) -> LaneAnswer:
        """The rendered answer of one request."""
        return await self._lane.score(request)

    async def judge(self, asked: ClaimsInput) -> ClaimsAnswer:
        """Verdicts on claims of an answer that is still being written."""
        return await self._lane.judge(asked)

    async def ready(self) -> None:
        """Returns once what stands behind the lane answers."""
        await self._models_ready()
