"""The Serve applications of :mod:`benchmarks.overhead`: the same request through ever more of the server.

Models are replaced by recorded replies, so that what remains is the cost of serving.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray.serve.config import RequestRouterConfig
from ray.serve.handle import DeploymentHandle

from benchmarks.requests import rag_request
from models.types import ModelInfo, NliScores
from serving.api.lane_types import AlignReply, AlignRequest, LaneAnswer, LaneInput, VerifyReply
from serving.api.schemas import RagRequest
from serving.config.load import Config, parse_config
from serving.http.edge import AsgiApp, Receive, Scope, Send
from serving.http.gateway import create_app
from serving.lanes.dispatch import Lanes
from serving.lanes.factory import rag_lane
from serving.lanes.rag import RagLane
from serving.ray.front import front_installed
from serving.ray.handles import HandleAligner, HandleLane, HandleVerifier, LocalLane
from serving.ray.router import ROUTER

STAGES = ("route", "handle", "gateway", "lane", "graph", "merged")
REQUEST_SEED = 1
_VERDICT = NliScores(0.6, 0.3, 0.1)
_JSON = (b"content-type", b"application/json")
_NO_CORES = {"num_cpus": 0}


def benchmark_config(data_dir: Path) -> Config:
    """Defaults without limits that a benchmark would meet."""
    limits = {"requests_per_minute": 10_000_000, "burst": 10_000_000}
    values = {"data_dir": str(data_dir), "limits": limits, "observability": {"log_level": "info"}}
    return parse_config(values, environment={})


class RecordedAligner:
    """Answers every request with the same reply."""

    def __init__(self, reply: AlignReply) -> None:
        self._reply = reply

    async def align(self, request: AlignRequest) -> AlignReply:
        """The recorded reply."""
        return self._reply

    def close(self) -> None:
        """Nothing is held."""


class ConstantVerifier:
    """The same verdict on every pair."""

    async def verify(self, pairs: Sequence[tuple[str, str]], tenant: str, background: bool = False) -> VerifyReply:
        """One verdict per pair."""
        return VerifyReply((_VERDICT,) * len(pairs), ModelInfo("constant", "0", "none", "none"))

    def close(self) -> None:
        """Nothing is held."""


def free_lane(config: Config, reply: AlignReply) -> RagLane:
    """The rag lane on models that cost nothing."""
    return rag_lane(config, {config.default_encoder_name: RecordedAligner(reply)}, ConstantVerifier())


async def recorded(config: Config) -> tuple[AlignReply, LaneAnswer]:
    """The alignment of the benchmark's request by the fake encoder, and the answer that follows from it.

    The fake and torch behind it are loaded here alone: replicas that would load them too start ten times slower.
    """
    from models.fake import FakeEncoder
    from serving.inference.encoding import AlignmentService

    service = AlignmentService(FakeEncoder(), ("something else", "another matter"))
    request = RagRequest.model_validate(rag_request(REQUEST_SEED)).lane_input("r", "benchmark", 600.0)
    gathered = await rag_lane(config, {config.default_encoder_name: service}, None).gather(request, verify=False)
    service.close()
    return gathered.reply, await free_lane(config, gathered.reply).score(request)


class FixedLane:
    """A lane in the gateway's process that answers at once."""

    def __init__(self, answer: LaneAnswer) -> None:
        self._answer = answer

    async def score(self, request: Any) -> LaneAnswer:
        """The recorded answer."""
        return self._answer

    async def ready(self) -> None:
        """At once."""


class Mounted:
    """``app`` below the prefix that Serve routes by, as if it stood at the root."""

    def __init__(self, app: AsgiApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            scope = {**scope, "path": scope["path"].removeprefix(self._prefix), "root_path": ""}
        await self._app(scope, receive, send)


class Echo:
    """Reads the body, lets ``answer`` make another, sends that."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        answer = await self._answer(body)
        headers = [_JSON, (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


@serve.deployment(max_ongoing_requests=256, ray_actor_options=_NO_CORES)
class Pong:
    """A deployment behind a handle that does nothing."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def answer(self, body: bytes) -> bytes:
        """As many bytes as a real answer has."""
        return self._body


@serve.deployment(max_ongoing_requests=256, ray_actor_options=_NO_CORES)
class FreeEncoder:
    """An encoder replica that computes nothing; it is occupied for ``hold_s`` by each request, one after the other."""

    def __init__(self, reply: AlignReply, hold_s: float = 0.0) -> None:
        self._aligner = RecordedAligner(reply)
        self._hold_s = hold_s
        self._turn = asyncio.Lock()

    async def align(self, request: AlignRequest) -> AlignReply:
        """The recorded reply."""
        if self._hold_s:
            async with self._turn:
                await asyncio.sleep(self._hold_s)
        return await self._aligner.align(request)


@serve.deployment(max_ongoing_requests=256, ray_actor_options=_NO_CORES)
class FreeVerifier:
    """A verifier replica that computes nothing."""

    def __init__(self) -> None:
        self._verifier = ConstantVerifier()

    async def verify(self, pairs: Sequence[tuple[str, str]], tenant: str, background: bool = False) -> VerifyReply:
        """Constant verdicts."""
        return await self._verifier.verify(pairs, tenant, background)


def lane_on(config: Config, encoder: DeploymentHandle, verifier: DeploymentHandle) -> RagLane:
    """The rag lane on encoder and verifier replicas."""
    return rag_lane(config, {config.default_encoder_name: HandleAligner(encoder)}, HandleVerifier(verifier))


@serve.deployment(max_ongoing_requests=256, ray_actor_options=_NO_CORES)
class FreeLane:
    """A lane replica on free models: its own, which give ``reply``, or those in replicas."""

    def __init__(self, config: Config, reply: AlignReply | None, *models: DeploymentHandle) -> None:
        self._lane = lane_on(config, *models) if reply is None else free_lane(config, reply)

    async def score(self, request: LaneInput) -> LaneAnswer:
        """The rendered answer."""
        return await self._lane.score(request)


@serve.deployment(max_ongoing_requests=512, ray_actor_options=_NO_CORES)
@serve.ingress()
class Ingress:
    """What stands behind one stage's route; ``onward``: the deployments that it calls."""

    def __init__(self, config: Config, stage: str, answer: LaneAnswer, *onward: DeploymentHandle) -> None:
        async def at_once(body: bytes) -> bytes:
            return answer.body

        async def by_handle(body: bytes) -> bytes:
            reply: bytes = await onward[0].answer.remote(body)
            return reply

        if stage in {"route", "handle"}:
            self._app: AsgiApp = Echo(at_once if stage == "route" else by_handle)
            return
        fixed = FixedLane(answer)
        lane: Any = fixed
        if stage == "merged":
            lane = LocalLane(lane_on(config, *onward), fixed.ready)
        elif onward:
            lane = HandleLane(onward[0])
        app = create_app(config, Lanes(lane, lane, lane), behind_serve=not front_installed())
        self._app = Mounted(app, f"/{stage}")

    def __serve_build_asgi_app__(self) -> Any:
        return self._app


def deploy(config: Config) -> None:
    """Every stage as an application of its own."""
    reply, answer = asyncio.run(recorded(config))
    onward: dict[str, tuple[Any, ...]] = {
        "route": (),
        "handle": (Pong.bind(answer.body),),
        "gateway": (),
        "lane": (FreeLane.bind(config, reply),),
        "graph": (FreeLane.bind(config, None, FreeEncoder.bind(reply), FreeVerifier.bind()),),
        "merged": (FreeEncoder.bind(reply), FreeVerifier.bind()),
    }
    ingresses = {stage: Ingress.options(name=f"{stage}-ingress") for stage in STAGES}
    serve.run_many(
        [
            serve.RunTarget(ingress.bind(config, stage, answer, *onward[stage]), name=stage, route_prefix=f"/{stage}")
            for stage, ingress in ingresses.items()
        ]
    )


def deploy_occupied(config: Config, replicas: int, hold_s: float) -> None:
    """The stage ``merged`` alone, on ``replicas`` encoder replicas that are occupied for ``hold_s`` by each request."""
    reply, answer = asyncio.run(recorded(config))
    router = RequestRouterConfig(request_router_class=ROUTER)
    encoder = FreeEncoder.options(num_replicas=replicas, request_router_config=router).bind(reply, hold_s)
    serve.run(
        Ingress.bind(config, "merged", answer, encoder, FreeVerifier.bind()), name="merged", route_prefix="/merged"
    )


def serve_stages(port: int, replicas: int = 0, hold_s: float = 0.0) -> None:
    """Serve every stage, or with ``replicas`` the occupied one; say ``ready``, end when standard input closes."""
    ray.init(address="local", include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    with tempfile.TemporaryDirectory(prefix="groundlane-bench-") as folder:
        config = benchmark_config(Path(folder))
        if replicas:
            deploy_occupied(config, replicas, hold_s)
        else:
            deploy(config)
        os.write(1, b"ready\n")
        sys.stdin.read()
        serve.shutdown()
        ray.shutdown()
