"""The Ray Serve deployments. Each is a shell: it builds a plain class from the configuration and forwards calls."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray import serve
from ray.serve.handle import DeploymentHandle

from models.types import ModelInfo, TextRole
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
from serving.audit.shadow import candidate_config
from serving.config.load import Config
from serving.http.gateway import create_app
from serving.lanes.dispatch import Lanes
from serving.lanes.factory import alignment_service, code_lane, rag_lane, verification_service
from serving.lanes.provenance import config_sha256
from serving.lanes.rag import RagLane
from serving.lanes.rollup import RollupInput, RollupLane
from serving.ray.ending import watch_for_the_end
from serving.ray.front import front_installed
from serving.ray.handles import HandleAligner, HandleLane, HandleVerifier, LocalLane

_BEHIND_MODELS = 10


@serve.deployment
class EncoderReplica:
    """Encoder and reverse MaxSim, on a GPU if the replica has one."""

    def __init__(self, config: Config, name: str) -> None:
        self._service = alignment_service(config, name)

    async def align(self, request: AlignRequest) -> AlignReply:
        """The alignment of one request."""
        return await self._service.align(request)

    async def encode(self, texts: list[str]) -> list[UnitVectors]:
        """Vectors of units, to be stored."""
        return await self._service.encode(texts)

    async def embed(self, texts: list[str], role: TextRole) -> NDArray[np.float32]:
        """One vector a text."""
        return await self._service.embed(texts, role)

    async def info(self) -> ModelInfo:
        """The model."""
        return self._service.info

    async def ready(self) -> int:
        """Answers once the model is loaded and warm; the process id."""
        return os.getpid()


@serve.deployment
class VerifierReplica:
    """The verifier, on a GPU if the replica has one."""

    def __init__(self, config: Config) -> None:
        service = verification_service(config)
        if service is None:
            raise ValueError("verifier: none is configured")
        self._service = service

    async def verify(self, pairs: Sequence[tuple[str, str]], tenant: str, background: bool = False) -> VerifyReply:
        """One verdict per pair."""
        return await self._service.verify(pairs, tenant, background)

    async def ready(self) -> int:
        """Answers once the model is loaded and warm; the process id."""
        return os.getpid()


class _ModelHandles:
    """The models behind a lane, as handles; ``at_once``: its alignments under way at a time; ``background``: others go first."""

    def __init__(
        self,
        encoders: Mapping[str, DeploymentHandle],
        verifier: DeploymentHandle | None,
        at_once: int | None = None,
        background: bool = False,
    ) -> None:
        self.aligners = {name: HandleAligner(handle, at_once, background) for name, handle in encoders.items()}
        self.verifier = None if verifier is None else HandleVerifier(verifier, background)

    async def ready(self) -> None:
        """Returns once every model is loaded and warm."""
        for aligner in self.aligners.values():
            await aligner.ready()
        if self.verifier is not None:
            await self.verifier.ready()


@serve.deployment
class RagLaneReplica:
    """The RAG lane, on CPU."""

    def __init__(self, config: Config, encoders: Mapping[str, DeploymentHandle], verifier: Any = None) -> None:
        self._models = _ModelHandles(encoders, verifier)
        self._lane = rag_lane(config, self._models.aligners, self._models.verifier)

    async def score(self, request: LaneInput) -> LaneAnswer:
        """The rendered answer of one request."""
        return await self._lane.score(request)

    async def judge(self, asked: ClaimsInput) -> ClaimsAnswer:
        """Verdicts on claims of an answer that is still being written."""
        return await self._lane.judge(asked)

    async def ready(self) -> int:
        """Answers once every model behind the lane is loaded and warm; the process id."""
        await self._models.ready()
        return os.getpid()


@serve.deployment
class CodeLaneReplica:
    """The code lane, on CPU.

    Its analysis computes for tens of milliseconds in threads; where cores are shared, models and gateway go first.
    """

    def __init__(self, config: Config, encoders: Mapping[str, DeploymentHandle], verifier: Any = None) -> None:
        os.nice(_BEHIND_MODELS)
        self._models = _ModelHandles(encoders, verifier, config.lanes.code.encoder_requests, background=True)
        self._lane = code_lane(config, rag_lane(config, self._models.aligners, self._models.verifier))

    async def score(self, request: LaneInput) -> LaneAnswer:
        """The rendered answer of one request."""
        return await self._lane.score(request)

    async def ready(self) -> int:
        """Answers once every model behind the lane is loaded and warm; the process id."""
        await self._models.ready()
        return os.getpid()


@serve.deployment
class RollupLaneReplica:
    """The rollup lane, on CPU."""

    def __init__(self, config: Config) -> None:
        self._lane = RollupLane(config_sha256(config))

    async def score(self, request: RollupInput) -> LaneAnswer:
        """The rendered scoreboard of one request."""
        return await self._lane.score(request)

    async def ready(self) -> int:
        """Answers at once; the process id."""
        return os.getpid()


@serve.deployment
@serve.ingress()
class GatewayReplica:
    """The HTTP ingress, with the rag lane inside where it has no replicas of its own (``rag`` None)."""

    def __init__(
        self,
        config: Config,
        encoders: Mapping[str, DeploymentHandle],
        verifier: DeploymentHandle | None,
        rag: DeploymentHandle | None,
        code: DeploymentHandle,
        rollup: DeploymentHandle,
        shadow_verifier: DeploymentHandle | None = None,
    ) -> None:
        models = _ModelHandles(encoders, verifier)
        near = None if rag else LocalLane(rag_lane(config, models.aligners, models.verifier), models.ready)
        lanes = Lanes(rag=near or HandleLane(rag), code=HandleLane(code), rollup=HandleLane(rollup))
        behind_serve = not front_installed()
        self._app = create_app(
            config,
            lanes,
            models.aligners,
            behind_serve=behind_serve,
            replica=_replica_name(),
            candidate=_candidate_lane(config, models, shadow_verifier),
        )
        watch_for_the_end(self._app.state.admission, _replica_name())

    def __serve_build_asgi_app__(self) -> Any:
        return self._app


def _candidate_lane(config: Config, models: _ModelHandles, verifier: DeploymentHandle | None) -> RagLane | None:
    """The lane of ``audit.shadow``, on the server's own encoders; ``verifier``: the candidate's, None for the server's."""
    candidate = candidate_config(config)
    if candidate is None:
        return None
    judge = models.verifier if verifier is None else HandleVerifier(verifier, background=True)
    return rag_lane(candidate, models.aligners, judge)


def _replica_name() -> str:
    """This replica's name, which tells its metrics from those of other gateways."""
    name: str = serve.get_replica_context().replica_id.unique_id
    return name
